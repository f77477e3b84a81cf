/* test_cache.c - test the cache of outcomes, csrc/cf_cache.c.
 *
 * The tests do not depend on the hash. To see new texts replace old ones, they
 * store more texts than there are slots.
 */
#include "check.h"

#include "cf_hash.h"
#include "guard.h"

#if !defined(_WIN32)
#    include <pthread.h>
#endif

static uint64_t
hash_of(const char *text, size_t length)
{
    cf_seed seed = cf_make_seed(0x0123456789abcdefu);
    return cf_hash(&seed, text, length);
}

static cf_cache_slot slots[CF_CACHE_SLOTS];
static const cf_cache cache = {slots};

static void
forget(void)
{
    memset(slots, 0, sizeof slots);
}

/* Look up a text that ends at a guard page. Return whether it was cached. */
static bool
found(const char *text, size_t length, uint32_t *note)
{
    uint64_t hashed = hash_of(text, length);
    return cf_cache_find(&cache, hashed, guard_back(text, length), length,
                         note);
}

static void
come(const char *text, size_t length, uint32_t note)
{
    cf_cache_keep(&cache, hash_of(text, length), text, length, note);
}

static void
come_twice(const char *text, size_t length, uint32_t note)
{
    come(text, length, note);
    come(text, length, note);
}

/* Write a list of this length that differs for each `kind`. */
static void
make_text(char *list, size_t length, size_t kind)
{
    for (size_t i = 0; i < length; i++) {
        list[i] = (char)('a' + (kind + i * 7) % 26);
    }
    if (length > 4) {
        snprintf(list, length, "%zu,", kind);
        list[strlen(list)] = 'z';
    }
}

static void
test_every_length(void)
{
    char text[CF_CACHE_TEXT + 2];
    for (size_t length = 0; length <= CF_CACHE_TEXT + 1; length++) {
        forget();
        make_text(text, sizeof text, length);
        uint32_t note = 0xffff - (uint32_t)length;
        uint32_t said;
        CHECK(!found(text, length, &said));
        come(text, length, note);
        CHECK(!found(text, length, &said));
        come(text, length, note);
        bool keeps = length > 0 && length <= CF_CACHE_TEXT;
        CHECK_FOR(text, length, found(text, length, &said) == keeps);
        CHECK_FOR(text, length, !keeps || said == note);
    }
}

/* Only the same text is found: not a text that differs in a byte, and not a
 * prefix. The lookup passes the hash of the stored text, because hashes may
 * collide. */
static void
test_nothing_else(void)
{
    char text[64];
    make_text(text, sizeof text, 5);
    for (size_t length = 1; length <= sizeof text; length++) {
        forget();
        come_twice(text, length, 1);
        uint64_t hashed = hash_of(text, length);
        uint32_t note;
        for (size_t i = 0; i < length; i++) {
            text[i] ^= 1;
            CHECK_FOR(text, length,
                      !cf_cache_find(&cache, hashed, text, length, &note));
            text[i] ^= 1;
            CHECK_FOR(text, i, !cf_cache_find(&cache, hashed, text, i, &note));
        }
        CHECK_FOR(text, length, found(text, length, &note) && note == 1);
    }
}

static size_t
count_found(size_t kinds)
{
    char text[32];
    size_t kept = 0;
    uint32_t note;
    for (size_t kind = 0; kind < kinds; kind++) {
        make_text(text, sizeof text, kind);
        kept += found(text, sizeof text, &note);
    }
    return kept;
}

static void
test_newer_texts_take_the_place_of_older_ones(void)
{
    forget();
    char text[32];
    uint32_t note;
    for (size_t kind = 0; kind < 20 * CF_CACHE_SLOTS; kind++) {
        make_text(text, sizeof text, kind);
        come_twice(text, sizeof text, 1);
        CHECK(found(text, sizeof text, &note));
    }
    size_t kept = count_found(20 * CF_CACHE_SLOTS);
    CHECK(kept > CF_CACHE_SLOTS / 2 && kept <= CF_CACHE_SLOTS);
}

static void
test_what_comes_once_drives_nothing_out(void)
{
    forget();
    char text[32];
    for (size_t kind = 0; kind < CF_CACHE_SLOTS; kind++) {
        make_text(text, sizeof text, kind);
        come_twice(text, sizeof text, 1);
    }
    size_t kept = count_found(CF_CACHE_SLOTS);
    for (size_t kind = CF_CACHE_SLOTS; kind < 100 * CF_CACHE_SLOTS; kind++) {
        make_text(text, sizeof text, kind);
        come(text, sizeof text, 1);
    }
    CHECK(kept > 0 && count_found(CF_CACHE_SLOTS) == kept);
}

/* A slot that is being written is neither read nor written by others. */
static void
test_a_slot_in_the_making_is_left_alone(void)
{
    forget();
    const char *text = "x-token,x-request-id";
    size_t length = strlen(text);
    uint32_t note;
    come_twice(text, length, 1);
    for (size_t i = 0; i < CF_CACHE_SLOTS; i++) {
        slots[i].version |= 1;
    }
    CHECK(!found(text, length, &note));
    cf_cache_slot before[CF_CACHE_SLOTS];
    memcpy(before, slots, sizeof slots);
    come(text, length, 2);
    CHECK(memcmp(before, slots, sizeof slots) == 0);
}

#if !defined(_WIN32)

enum { N_THREADS = 4, N_ROUNDS = 1000000 };

/* Two texts with the same slot and length, and the notes 1 and 0. A reader
 * that saw a half of each could return the wrong note. */
static char rivals[2][CF_CACHE_TEXT];

static void
find_rivals(void)
{
    uint32_t note;
    make_text(rivals[0], CF_CACHE_TEXT, 0);
    for (size_t kind = 1; kind < 100 * CF_CACHE_SLOTS; kind++) {
        forget();
        make_text(rivals[1], CF_CACHE_TEXT, kind);
        come_twice(rivals[0], CF_CACHE_TEXT, 1);
        come_twice(rivals[1], CF_CACHE_TEXT, 0);
        if (!found(rivals[0], CF_CACHE_TEXT, &note)) {
            return;
        }
    }
    MUST(false);
}

static void *
keep_and_find(void *argument)
{
    size_t *wrong = argument;
    uint64_t state = *wrong;
    *wrong = 0;
    for (size_t i = 0; i < N_ROUNDS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t which = (size_t)(state >> 63);
        const char *text = rivals[which];
        uint64_t hashed = hash_of(text, CF_CACHE_TEXT);
        uint32_t note;
        if (cf_cache_find(&cache, hashed, text, CF_CACHE_TEXT, &note)) {
            *wrong += note != (which == 0);
        }
        else {
            cf_cache_keep(&cache, hashed, text, CF_CACHE_TEXT, which == 0);
        }
    }
    return NULL;
}

static void
test_threads(void)
{
    find_rivals();
    forget();
    pthread_t threads[N_THREADS];
    size_t wrong[N_THREADS];
    for (size_t i = 0; i < N_THREADS; i++) {
        wrong[i] = i + 1; /* the thread's seed */
        MUST(pthread_create(&threads[i], NULL, keep_and_find, &wrong[i]) == 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        MUST(pthread_join(threads[i], NULL) == 0);
        CHECK(wrong[i] == 0);
    }
    size_t used = 0;
    for (size_t i = 0; i < CF_CACHE_SLOTS; i++) {
        CHECK((slots[i].version & 1) == 0);
        used += slots[i].kept != 0;
    }
    CHECK(used == 1);
}

#endif

int
main(void)
{
    test_every_length();
    test_nothing_else();
    test_newer_texts_take_the_place_of_older_ones();
    test_what_comes_once_drives_nothing_out();
    test_a_slot_in_the_making_is_left_alone();
#if !defined(_WIN32)
    test_threads();
#endif
    return check_end("test_cache");
}
