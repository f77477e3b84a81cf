/* test_memo.c - lists of header names that were allowed before.
 *
 * Place: over csrc/cf_memo.c. Never: know the hash; that a newer list takes
 * an older one's place is seen by keeping more lists than there are slots.
 */
#include "check.h"

#include "cf_internal.h"
#include "guard.h"

#if !defined(_WIN32)
#    include <pthread.h>
#endif

static const uint64_t SEED = 0x0123456789abcdefu;

static cf_memo_slot slots[CF_MEMO_SLOTS];
static const cf_memo memo = {slots};

static void
forget(void)
{
    memset(slots, 0, sizeof slots);
}

/* Looks with nothing readable behind the list; true if it was kept. */
static bool
found(const char *list, size_t length, bool *joined)
{
    return cf_memo_find(&memo, SEED, guard_back(list, length), length, joined);
}

/* A list of this length, different for each `kind`. */
static void
make_list(char *list, size_t length, size_t kind)
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
    char list[CF_MEMO_LIST + 2];
    for (size_t length = 0; length <= CF_MEMO_LIST + 1; length++) {
        forget();
        make_list(list, sizeof list, length);
        bool joined = false;
        CHECK(!found(list, length, &joined));
        cf_memo_keep(&memo, SEED, list, length, length % 2 == 0);
        bool keeps = length > 0 && length <= CF_MEMO_LIST;
        CHECK_FOR(list, length, found(list, length, &joined) == keeps);
        CHECK_FOR(list, length, !keeps || joined == (length % 2 == 0));
    }
}

/* Only the very same list is found: not one that differs in a byte, and none
 * of its beginnings. */
static void
test_nothing_else(void)
{
    char list[64];
    make_list(list, sizeof list, 5);
    for (size_t length = 1; length <= sizeof list; length++) {
        forget();
        cf_memo_keep(&memo, SEED, list, length, true);
        bool joined;
        for (size_t i = 0; i < length; i++) {
            list[i] ^= 1;
            CHECK_FOR(list, length, !found(list, length, &joined));
            list[i] ^= 1;
            CHECK_FOR(list, i, !found(list, i, &joined));
        }
        CHECK_FOR(list, length, found(list, length, &joined) && joined);
    }
}

static void
test_newer_lists_take_the_place_of_older_ones(void)
{
    forget();
    char list[32];
    size_t kept = 0;
    bool joined;
    for (size_t kind = 0; kind < 20 * CF_MEMO_SLOTS; kind++) {
        make_list(list, sizeof list, kind);
        cf_memo_keep(&memo, SEED, list, sizeof list, true);
        CHECK(found(list, sizeof list, &joined));
    }
    for (size_t kind = 0; kind < 20 * CF_MEMO_SLOTS; kind++) {
        make_list(list, sizeof list, kind);
        kept += found(list, sizeof list, &joined);
    }
    CHECK(kept > CF_MEMO_SLOTS / 2 && kept <= CF_MEMO_SLOTS);
}

/* While a list is being written nobody reads it, and nobody writes over it. */
static void
test_a_slot_in_the_making_is_left_alone(void)
{
    forget();
    const char *list = "x-token,x-request-id";
    size_t length = strlen(list);
    bool joined;
    cf_memo_keep(&memo, SEED, list, length, true);
    for (size_t i = 0; i < CF_MEMO_SLOTS; i++) {
        slots[i].version |= 1;
    }
    CHECK(!found(list, length, &joined));
    cf_memo_slot before[CF_MEMO_SLOTS];
    memcpy(before, slots, sizeof slots);
    cf_memo_keep(&memo, SEED, list, length, false);
    CHECK(memcmp(before, slots, sizeof slots) == 0);
}

#if !defined(_WIN32)

enum { N_THREADS = 4, N_ROUNDS = 1000000 };

/* Two lists of one slot and one length, and each its own answer: the first is
 * joined. Who read half of one and half of the other would mix them up. */
static char rivals[2][CF_MEMO_LIST];

static void
find_rivals(void)
{
    bool joined;
    make_list(rivals[0], CF_MEMO_LIST, 0);
    for (size_t kind = 1; kind < 100 * CF_MEMO_SLOTS; kind++) {
        forget();
        make_list(rivals[1], CF_MEMO_LIST, kind);
        cf_memo_keep(&memo, SEED, rivals[0], CF_MEMO_LIST, true);
        cf_memo_keep(&memo, SEED, rivals[1], CF_MEMO_LIST, false);
        if (!found(rivals[0], CF_MEMO_LIST, &joined)) {
            return;
        }
    }
    MUST(false);
}

static void *
keep_and_find(void *argument)
{
    size_t *wrong = argument;
    size_t state = *wrong;
    *wrong = 0;
    for (size_t i = 0; i < N_ROUNDS; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        size_t which = state >> 63;
        const char *list = rivals[which];
        bool joined;
        if (cf_memo_find(&memo, SEED, list, CF_MEMO_LIST, &joined)) {
            *wrong += joined != (which == 0);
        }
        else {
            cf_memo_keep(&memo, SEED, list, CF_MEMO_LIST, which == 0);
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
        wrong[i] = i + 1; /* goes in as the seed */
        MUST(pthread_create(&threads[i], NULL, keep_and_find, &wrong[i]) == 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        MUST(pthread_join(threads[i], NULL) == 0);
        CHECK(wrong[i] == 0);
    }
    size_t used = 0;
    for (size_t i = 0; i < CF_MEMO_SLOTS; i++) {
        CHECK((slots[i].version & 1) == 0);
        used += slots[i].length != 0;
    }
    CHECK(used == 1);
}

#endif

int
main(void)
{
    test_every_length();
    test_nothing_else();
    test_newer_lists_take_the_place_of_older_ones();
    test_a_slot_in_the_making_is_left_alone();
#if !defined(_WIN32)
    test_threads();
#endif
    return check_end("test_memo");
}
