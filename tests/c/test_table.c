/* test_table.c - test hash tables, csrc/cf_table.c and cf_perfect_hash.c: they
 * find all keys, and nothing else. The tests try keys until some share a
 * bucket, so most of them do not depend on the hash.
 */
#include "check.h"

#include "cf_hash.h"
#include "counting.h"
#include "guard.h"

enum { KEY_ROOM = 48 };

static const uint64_t SEEDS[] = {0, 1, UINT64_MAX, 0x9e3779b97f4a7c15u,
                                 0x0123456789abcdefu};

enum { N_SEEDS = sizeof SEEDS / sizeof *SEEDS };

/* -- similar keys -------------------------------------------------------- */

typedef struct key_list {
    char (*text)[KEY_ROOM];
    cf_slice *keys;
    size_t count;
} key_list;

static key_list
make_keys(size_t count)
{
    key_list list = {calloc(count, KEY_ROOM), calloc(count, sizeof(cf_slice)),
                     count};
    MUST(list.text != NULL && list.keys != NULL);
    for (size_t i = 0; i < count; i++) {
        int length = snprintf(list.text[i], KEY_ROOM, "%s%zu%s",
                              i % 3 == 0 ? "https://a" : "", i,
                              i % 2 == 0 ? ".example.com" : "");
        list.keys[i] = (cf_slice){list.text[i], (size_t)length};
    }
    return list;
}

/* https://0.net, https://1.net, ... */
static key_list
make_origins(size_t count)
{
    key_list list = make_keys(count);
    for (size_t i = 0; i < count; i++) {
        int length = snprintf(list.text[i], KEY_ROOM, "https://%zu.net", i);
        list.keys[i].length = (size_t)length;
    }
    return list;
}

static void
free_keys(key_list *list)
{
    free(list->keys);
    free(list->text);
}

static bool
is_under(const cf_table *table, uint64_t seed)
{
    return table->seed.words[0] == cf_make_seed(seed).words[0];
}

static uint32_t
find(const cf_table *table, const char *key, size_t length)
{
    uint32_t back = cf_table_find(table, guard_back(key, length), length);
    uint32_t front = cf_table_find(table, guard_front(key, length), length);
    CHECK_FOR(key, length, back == front);
    return back;
}

static uint32_t
naive_find(const key_list *list, const char *key, size_t length)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->keys[i].length == length
            && memcmp(list->keys[i].data, key, length) == 0) {
            return (uint32_t)i;
        }
    }
    return CF_NO_KEY;
}

/* A text with one byte changed, removed or added is found only if it is also a
 * key. */
static void
check_near(const cf_table *table, const key_list *list, size_t index)
{
    char text[KEY_ROOM + 2];
    size_t length = list->keys[index].length;
    for (size_t n = 0; n < length; n++) { /* every prefix */
        CHECK(find(table, list->text[index], n)
              == naive_find(list, list->text[index], n));
    }
    memcpy(text, list->text[index], length);
    for (size_t at = 0; at < length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            text[at] = (char)(text[at] ^ (1 << bit));
            CHECK_FOR(text, length,
                      find(table, text, length)
                          == naive_find(list, text, length));
            text[at] = (char)(text[at] ^ (1 << bit));
        }
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        text[length] = (char)byte;
        CHECK_FOR(text, length + 1,
                  find(table, text, length + 1)
                      == naive_find(list, text, length + 1));
    }
}

static void
test_size(size_t count, uint64_t seed, size_t near)
{
    key_list list = make_keys(count);
    cf_table table = {0};
    CHECK(cf_table_fill(&table, list.keys, count, KEY_ROOM, true, seed)
          == CF_OK);
    CHECK(table.count == count);
    for (size_t i = 0; i < count; i++) {
        CHECK_FOR(list.text[i], list.keys[i].length,
                  find(&table, list.text[i], list.keys[i].length) == i);
    }
    for (size_t i = 0; i < near; i++) {
        check_near(&table, &list, i * (count / near));
    }
    char absent[KEY_ROOM];
    for (size_t i = count; i < 2 * count + 1000; i++) {
        int length = snprintf(absent, sizeof absent, "%s%zu%s",
                              i % 3 == 0 ? "https://a" : "", i,
                              i % 2 == 0 ? ".example.com" : "");
        CHECK_FOR(absent, (size_t)length,
                  find(&table, absent, (size_t)length) == CF_NO_KEY);
    }
    CHECK(find(&table, NULL, 0) == CF_NO_KEY);
    cf_table_clear(&table);
    free_keys(&list);
}

static void
test_sizes(void)
{
    static const size_t counts[] = {1,  2,  3,   4,   5,   7,   8,    9,
                                    15, 16, 17,  31,  32,  33,  63,   64,
                                    65, 66, 127, 128, 129, 256, 1000, 1024};
    for (size_t i = 0; i < N_SEEDS; i++) {
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            test_size(counts[j], SEEDS[i], 1);
        }
    }
    test_size(1000, 1, 10);
    test_size(100000, 1, 2);
}

/* -- keys of every length ------------------------------------------------ */

/* The hash reads words that overlap, so test every length, and a change in
 * every byte. */
static void
test_lengths(void)
{
    char text[400];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i % 23);
    }
    for (size_t length = 1; length <= CF_MAX_ORIGIN; length++) {
        cf_slice key = {text, length};
        cf_table table = {0};
        CHECK(cf_table_fill(&table, &key, 1, CF_MAX_ORIGIN, true, length)
              == CF_OK);
        CHECK(table.shortest_key == length && table.longest_key == length);
        CHECK(find(&table, text, length) == 0);
        CHECK(find(&table, text, length - 1) == CF_NO_KEY);
        CHECK(find(&table, text, length + 1) == CF_NO_KEY);
        for (size_t at = 0; at < length; at++) {
            text[at] ^= 0x20;
            CHECK_FOR(text, length, find(&table, text, length) == CF_NO_KEY);
            text[at] ^= 0x20;
        }
        cf_table_clear(&table);
    }
}

/* All prefixes of a text in one table. Only their lengths differ. */
static void
test_prefixes(void)
{
    cf_slice keys[64];
    static const char text[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaa";
    for (size_t i = 0; i < 64; i++) {
        keys[i] = (cf_slice){text, i + 1};
    }
    for (size_t i = 0; i < N_SEEDS; i++) {
        cf_table table = {0};
        CHECK(cf_table_fill(&table, keys, 64, 64, true, SEEDS[i]) == CF_OK);
        for (size_t n = 0; n <= 65; n++) {
            uint32_t wanted = n == 0 || n == 65 ? CF_NO_KEY : (uint32_t)n - 1;
            CHECK(find(&table, text, n) == wanted);
        }
        cf_table_clear(&table);
    }
}

/* -- comparing bytes ----------------------------------------------------- */

/* Two keys with the same tag and slot differ only in their bytes. Keys that
 * collide in 64 bits cannot be found, so the test changes the table. */
static void
test_compares_bytes(void)
{
    cf_slice key = {"https://foo.com", 15};
    cf_table table = {0};
    CHECK(cf_table_fill(&table, &key, 1, 64, false, 5) == CF_OK);
    uint32_t place = 0;
    while (cf_slot_at(&table, place)->key == 0) {
        place++;
    }
    cf_slot *slot = cf_slot_at(&table, place);
    slot->text[8] = 'b';
    CHECK(find(&table, "https://foo.com", 15) == CF_NO_KEY);
    slot->text[8] = 'f';
    CHECK(find(&table, "https://foo.com", 15) == 0);
    slot->text[14] = 'n';
    CHECK(find(&table, "https://foo.com", 15) == CF_NO_KEY);
    slot->text[14] = 'm';
    /* A key that is shorter than the text to find. */
    slot->mark = (slot->mark & 0xffff0000u) | 14;
    CHECK(find(&table, "https://foo.com", 15) == CF_NO_KEY);
    cf_table_clear(&table);
}

/* The compared words overlap, so test every length with a difference in every
 * byte. */
static void
test_every_byte_is_compared(void)
{
    char text[100], other[100];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = other[i] = (char)('a' + i % 23);
    }
    for (size_t length = 0; length <= sizeof text; length++) {
        CHECK_FOR(text, length,
                  cf_same(guard_back(text, length), guard_front(text, length),
                          length));
        for (size_t at = 0; at < length; at++) {
            other[at] ^= 0x20;
            CHECK_FOR(other, length, !cf_same(text, other, length));
            CHECK_FOR(other, length, !cf_same(other, text, length));
            other[at] ^= 0x20;
        }
    }
}

/* -- the hash ------------------------------------------------------------ */

/* Take two texts of the same length that differ in one byte. The difference of
 * their hashes must depend on the seed. Otherwise an attacker could search for
 * texts that collide under all seeds. */
static void
test_differences_are_of_the_seed(void)
{
    static const uint64_t unlike[] = {0x2545f4914f6cdd1du,
                                      0x4cf5ad432745937fu};
    char text[100], other[100];
    memset(text, 'a', sizeof text);
    memset(other, 'a', sizeof other);
    for (size_t length = 1; length <= sizeof text; length++) {
        for (size_t at = 0; at < length; at++) {
            uint64_t by[2];
            other[at] = 'b';
            for (size_t i = 0; i < 2; i++) {
                cf_seed seed = cf_make_seed(unlike[i]);
                by[i] = cf_hash(&seed, text, length)
                        ^ cf_hash(&seed, other, length);
                CHECK_FOR(other, length, by[i] != 0);
            }
            CHECK_FOR(other, length, by[0] != by[1]);
            other[at] = 'a';
        }
    }
}

/* Texts of one repeated letter are read as the same words, so their hashes
 * must differ by length. */
static void
test_lengths_are_hashed(void)
{
    char text[100];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < N_SEEDS; i++) {
        for (size_t length = 1; length <= sizeof text; length++) {
            cf_seed seed = cf_make_seed(SEEDS[i]);
            uint64_t hashed = cf_hash(&seed, text, length);
            for (size_t n = 0; n < length; n++) {
                CHECK_FOR(text, length, cf_hash(&seed, text, n) != hashed);
            }
        }
    }
}

/* Words overlap. So a text with one more byte may be read as words that differ
 * in one byte, by as much as the lengths differ. The two changes must not
 * cancel out. */
static void
test_a_length_undoes_no_byte(void)
{
    static const char *const texts[][2] = {
        {"2333", "23333"},                           /* '2' ^ '3' == 4 ^ 5 */
        {"23333333", "233333333"},                   /* and 8 ^ 9 */
        {"xx01111111", "xx011111111"},               /* '0' ^ '1' == 10 ^ 11 */
        {"baaaaaaaaabbbbbbb", "baaaaaaaaabbbbbbbb"}, /* 'a' ^ 'b' == 17 ^ 18 */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cf_slice keys[2];
        for (size_t j = 0; j < 2; j++) {
            keys[j] = (cf_slice){texts[i][j], strlen(texts[i][j])};
        }
        for (size_t j = 0; j < N_SEEDS; j++) {
            cf_table table = {0};
            cf_seed seed = cf_make_seed(SEEDS[j]);
            CHECK(cf_hash(&seed, keys[0].data, keys[0].length)
                  != cf_hash(&seed, keys[1].data, keys[1].length));
            CHECK(cf_table_fill(&table, keys, 2, KEY_ROOM, true, SEEDS[j])
                  == CF_OK);
            cf_table_clear(&table);
        }
    }
}

/* Take two texts of the same length that differ in a byte near the end. Their
 * hashes must not be nearly the same under most seeds, or no pilot would
 * separate them. These pairs break a hash with a factor that is known: they
 * make that factor nearly all ones, and the difference is shifted out. */
static void
test_nearly_the_same_under_no_seed(void)
{
    enum { TRIES = 256, PAIRS = 8 };
    static const char *const pairs[PAIRS][2] = {
        {"https://newco.local:8080", "https://newco.local:8088"},
        {"https://shop.wcorp.com:8080", "https://shop.wcorp.com:8088"},
        {"https://shop.wcorp.com:3001", "https://shop.wcorp.com:3009"},
        {"https://a9wco.example.dev0", "https://a9wco.example.devp"},
        {"x-a-wco-tenant-10", "x-a-wco-tenant-18"},
        {"x-api-wcorp-tenant-0", "x-api-wcorp-tenant-8"},
        {"xxx9wcoxxxxxxxxxx0", "xxx9wcoxxxxxxxxxx8"},
        {"xxxx9wcoxxxxxxxxxx0", "xxxx9wcoxxxxxxxxxxp"},
    };
    for (size_t i = 0; i < PAIRS; i++) {
        cf_slice keys[3] = {{pairs[i][0], strlen(pairs[i][0])},
                            {pairs[i][1], strlen(pairs[i][1])},
                            {"another", 7}};
        size_t reseeded = 0;
        for (uint64_t seed = 0; seed < TRIES; seed++) {
            cf_table table = {0};
            CHECK(cf_table_fill(&table, keys, 3, KEY_ROOM, true, seed)
                  == CF_OK);
            reseeded += !is_under(&table, seed);
            cf_table_clear(&table);
        }
        CHECK_FOR(keys[0].data, keys[0].length, reseeded < TRIES / 16);
    }
}

/* A key that is much longer than the others is stored outside its slot. */
static void
test_outside_of_slots(void)
{
    enum { LONG = 200, SHORT = 60 };
    static char texts[SHORT][12];
    static char long_texts[2][LONG];
    static cf_slice keys[SHORT + 2];
    for (size_t i = 0; i < SHORT; i++) {
        int length = snprintf(texts[i], sizeof texts[i], "key-%zu", i);
        keys[i] = (cf_slice){texts[i], (size_t)length};
    }
    for (size_t i = 0; i < 2; i++) {
        memset(long_texts[i], 'a', LONG);
        long_texts[i][LONG - 1] = (char)('b' + i);
        keys[SHORT + i] = (cf_slice){long_texts[i], LONG};
    }
    cf_table table = {0};
    counting_start(0);
    CHECK(cf_table_fill(&table, keys, SHORT + 2, LONG, true, 7) == CF_OK);
    CHECK(table.room < LONG && table.n_text == 2 * LONG);
    CHECK(cf_table_memory(&table) == counting.bytes);
    for (uint32_t i = 0; i < SHORT + 2; i++) {
        CHECK(find(&table, keys[i].data, keys[i].length) == i);
    }
    table.text[LONG - 1] = 'c'; /* only the other key has 'c' here */
    CHECK(find(&table, long_texts[0], LONG) == CF_NO_KEY);
    CHECK(find(&table, long_texts[1], LONG) == SHORT + 1);
    cf_table_clear(&table);
    counting_stop();
}

/* -- keys of mixed lengths ----------------------------------------------- */

/* Return reproducible random numbers, the same on every machine. */
static uint64_t
next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Return a length near one where the hash and the comparison change the words
 * that they read, and sometimes a much larger one. */
static size_t
mixed_length(uint64_t *state)
{
    static const size_t lengths[] = {1,  2,  3,  4,  7,  8,  9,  15,
                                     16, 17, 24, 31, 32, 33, 40, 48};
    return lengths[next_number(state) % (sizeof lengths / sizeof *lengths)];
}

/* Compare random sets of keys, with few letters and common prefixes, with a
 * linear search. */
static void
test_mixtures(void)
{
    enum { MOST = 60, ROUNDS = 300 };
    static char texts[MOST + 1][KEY_ROOM];
    uint64_t state = 0x2545f4914f6cdd1du;
    for (int round = 0; round < ROUNDS; round++) {
        cf_slice keys[MOST];
        key_list list = {texts, keys, 0};
        size_t wanted = (size_t)next_number(&state) % MOST;
        uint64_t letters = round % 3 == 0 ? 256 : 2;
        while (wanted-- != 0) {
            char *text = texts[list.count];
            size_t length = mixed_length(&state);
            memset(text, 'a', KEY_ROOM);
            size_t at = (size_t)next_number(&state) % length;
            while (at < length) {
                text[at++] = (char)('a' + next_number(&state) % letters);
            }
            if (naive_find(&list, text, length) == CF_NO_KEY) {
                keys[list.count++] = (cf_slice){text, length};
            }
        }
        cf_table table = {0};
        CHECK(cf_table_fill(&table, keys, list.count, KEY_ROOM, true,
                            next_number(&state))
              == CF_OK);
        for (size_t i = 0; i < list.count; i++) {
            CHECK(find(&table, keys[i].data, keys[i].length) == i);
        }
        if (list.count != 0) {
            check_near(&table, &list,
                       (size_t)next_number(&state) % list.count);
        }
        cf_table_clear(&table);
    }
}

/* A large table takes little memory: slots of 24 bytes, a quarter more slots
 * than keys, and one pilot for two or three keys. */
static void
test_large(void)
{
    enum { MANY = 300000 };
    key_list list = make_origins(MANY);
    cf_table table = {0};
    MUST(cf_table_fill(&table, list.keys, MANY, 24, true, 11) == CF_OK);
    CHECK(cf_table_memory(&table) < (size_t)MANY * 31);
    for (uint32_t i = 0; i < MANY; i += 7) {
        cf_slice key = list.keys[i];
        CHECK(cf_table_find(&table, key.data, key.length) == i);
    }
    CHECK(cf_table_find(&table, "https://300000.net", 18) == CF_NO_KEY);
    cf_table_clear(&table);
    free_keys(&list);
}

/* The common prefix of all keys is compared although no slot contains it.
 * There is no common prefix if a key starts differently or is too short. */
static void
test_common_start(void)
{
    enum { MANY = 300 };
    key_list list = make_origins(MANY);
    cf_table whole = {0};
    MUST(cf_table_fill(&whole, list.keys, MANY, 24, false, 3) == CF_OK);
    CHECK(whole.skip == 0);
    cf_table_clear(&whole);
    for (int like = 0; like < 3; like++) {
        /* all alike | one starts differently | one is too short */
        if (like == 1) {
            memcpy(list.text[MANY - 1], "http://z", 8);
        }
        if (like == 2) {
            list.keys[MANY - 1] = (cf_slice){list.text[0], 7};
        }
        cf_table table = {0};
        counting_start(0);
        MUST(cf_table_fill(&table, list.keys, MANY, 24, true, 3) == CF_OK);
        CHECK(table.skip == (like == 0 ? 8 : 0));
        CHECK(cf_table_memory(&table) == counting.bytes);
        CHECK((uintptr_t)table.slots % 64 == 0);
        for (uint32_t i = 0; i < MANY; i++) {
            char other[24];
            const char *key = list.keys[i].data;
            size_t length = list.keys[i].length;
            CHECK(find(&table, key, length) == i);
            memcpy(other, key, length);
            for (size_t at = 0; at < length; at++) {
                other[at] ^= 0x40;
                CHECK_FOR(other, length,
                          find(&table, other, length) == CF_NO_KEY);
                other[at] ^= 0x40;
            }
        }
        /* the same slot, but another prefix: only the bytes differ */
        uint64_t common = table.common;
        table.common ^= 1;
        CHECK(find(&table, list.text[0], list.keys[0].length)
              == (like == 0 ? CF_NO_KEY : 0));
        table.common = common;
        cf_table_clear(&table);
        counting_stop();
    }
    free_keys(&list);
}

/* Look up an empty text: before a guard page, before a common prefix, and as
 * a NULL pointer. */
static void
check_empty_text(const cf_table *table, const key_list *list, uint64_t hashed)
{
    const char *const texts[] = {guard_back("", 0), list->text[0], NULL};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CHECK(cf_table_find_hashed(table, hashed, texts[i], 0, table->skip)
              == CF_NO_KEY);
    }
}

/* The mark of a free slot is 0. Under one seed in 65,536, the mark of an empty
 * text is also 0. Requests may contain an empty origin, or an empty name in a
 * list. */
static void
test_empty_text(void)
{
    enum { MANY = 300 };
    key_list list = make_origins(MANY);
    int met = 0;
    for (uint64_t seed = 0; met < 4; seed++) {
        cf_seed under = cf_make_seed(seed);
        uint64_t hashed = cf_hash(&under, "", 0);
        if (cf_mark_of(hashed, 0) != 0) {
            continue;
        }
        for (int may_skip = 0; may_skip < 2; may_skip++) {
            cf_table table = {0};
            MUST(cf_table_fill(&table, list.keys, MANY, 24, may_skip, seed)
                 == CF_OK);
            CHECK(table.skip == (may_skip ? 8 : 0));
            hashed = cf_hash(&table.seed, "", 0); /* may be another seed */
            uint32_t place = cf_place_of(&table, hashed);
            met +=
                is_under(&table, seed) && cf_slot_at(&table, place)->key == 0;
            check_empty_text(&table, &list, hashed);
            cf_table_clear(&table);
        }
    }
    free_keys(&list);
}

/* -- buckets ------------------------------------------------------------- */

/* For every number of keys, each key has its own slot and is found there. */
static void
test_slots_of_their_own(void)
{
    enum { MOST = 700 };
    key_list list = make_keys(MOST);
    for (size_t count = 1; count <= MOST; count += count < 200 ? 1 : 13) {
        cf_table table = {0};
        MUST(cf_table_fill(&table, list.keys, count, KEY_ROOM, true, count)
             == CF_OK);
        size_t used = 0;
        for (uint32_t place = 0; place < table.n_slots; place++) {
            used += cf_slot_at(&table, place)->key != 0;
        }
        CHECK(used == count);
        for (size_t i = 0; i < count; i++) {
            CHECK(find(&table, list.text[i], list.keys[i].length) == i);
        }
        cf_table_clear(&table);
    }
    free_keys(&list);
}

enum {
    CROWD = 60,
    CROWD_BUCKETS = 32,
    CROWDED = 5, /* any bucket */
};

/* Return keys that are all in one bucket under `seed`. */
static key_list
make_crowd(uint64_t seed)
{
    const cf_table table = {.seed = cf_make_seed(seed),
                            .n_buckets = CROWD_BUCKETS};
    key_list list = make_keys(CROWD);
    size_t tried = 0;
    for (size_t i = 0; i < CROWD;) {
        int length =
            snprintf(list.text[i], KEY_ROOM, "https://%zu.net", tried++);
        list.keys[i].length = (size_t)length;
        i +=
            cf_bucket_of(&table, cf_hash_key(&table, list.keys[i])) == CROWDED;
    }
    return list;
}

static void
check_crowd(const key_list *list, uint64_t seed, bool reseeded)
{
    cf_table table = {0};
    CHECK(cf_table_fill(&table, list->keys, CROWD, KEY_ROOM, true, seed)
          == CF_OK);
    CHECK(table.n_buckets == CROWD_BUCKETS);
    CHECK(is_under(&table, seed) != reseeded);
    for (size_t i = 0; i < CROWD; i++) {
        CHECK(find(&table, list->text[i], list->keys[i].length) == i);
    }
    CHECK(find(&table, "https://nobody.net", 18) == CF_NO_KEY);
    cf_table_clear(&table);
}

/* No pilot gives sixty keys of one bucket different slots among 76 (the chance
 * is about 10^-15), so another seed is chosen. Under it they are ordinary
 * keys. */
static void
test_crowd(void)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        key_list list = make_crowd(seed);
        check_crowd(&list, seed, true);
        check_crowd(&list, seed + 1000, false);
        free_keys(&list);
    }
}

/* -- bad tables ---------------------------------------------------------- */

static cf_status
fill(const cf_slice *keys, size_t count, uint16_t limit, uint64_t seed)
{
    cf_table table = {0};
    counting_start(0);
    cf_status status = cf_table_fill(&table, keys, count, limit, true, seed);
    cf_table_clear(&table);
    CHECK(counting.alive == 0);
    counting_stop();
    return status;
}

static void
test_duplicates(void)
{
    for (size_t count = 2; count <= 130; count++) {
        key_list list = make_keys(count);
        for (size_t i = 0; i < N_SEEDS; i++) {
            CHECK(fill(list.keys, count, KEY_ROOM, SEEDS[i]) == CF_OK);
            /* repeat the last key as the first, and the first in the middle */
            cf_slice kept = list.keys[0];
            list.keys[0] = list.keys[count - 1];
            CHECK(fill(list.keys, count, KEY_ROOM, SEEDS[i]) == CF_BAD_TABLES);
            list.keys[0] = kept;
            kept = list.keys[1 + (count - 1) / 2];
            list.keys[1 + (count - 1) / 2] = list.keys[0];
            CHECK(fill(list.keys, count, KEY_ROOM, SEEDS[i]) == CF_BAD_TABLES);
            list.keys[1 + (count - 1) / 2] = kept;
        }
        free_keys(&list);
    }
    /* only equal keys */
    cf_slice same[200];
    for (size_t i = 0; i < 200; i++) {
        same[i] = (cf_slice){"same", 4};
    }
    for (size_t count = 2; count <= 200; count++) {
        CHECK(fill(same, count, 8, 1) == CF_BAD_TABLES);
    }
}

static void
test_key_lengths(void)
{
    char text[64] = {0};
    memset(text, 'k', sizeof text);
    for (uint16_t limit = 1; limit < 20; limit++) {
        for (size_t length = 0; length <= limit + 1u; length++) {
            cf_slice keys[3] = {{"a", 1}, {text, length}, {"b", 1}};
            bool good = length != 0 && length <= limit;
            CHECK(fill(keys, 3, limit, 1) == (good ? CF_OK : CF_BAD_TABLES));
        }
    }
    cf_slice nothing = {NULL, 0};
    CHECK(fill(&nothing, 1, 8, 1) == CF_BAD_TABLES);
    cf_slice endless = {text, SIZE_MAX};
    CHECK(fill(&endless, 1, 8, 1) == CF_BAD_TABLES);
}

/* Sizes that do not fit 32 bits are rejected before a key is read. */
static void
test_too_much(void)
{
    enum { MANY = 65538 }; /* keys of 65535 bytes: 65537 just fit */
    cf_slice *keys = calloc(MANY, sizeof *keys);
    MUST(keys != NULL);
    for (size_t i = 0; i < MANY; i++) {
        keys[i] = (cf_slice){"a", UINT16_MAX};
    }
    CHECK(fill(keys, MANY, UINT16_MAX, 1) == CF_BAD_TABLES);
    CHECK(counting.requests == 0);
    free(keys);
    /* More keys than slots can count: one key, with a guard page after it. */
    cf_slice one = {"a", 1};
    cf_slice *alone =
        (cf_slice *)(void *)guard_back((const char *)&one, sizeof one);
    CHECK(fill(alone, 1, 8, 1) == CF_OK);
    CHECK(fill(alone, (size_t)UINT32_MAX / 4 + 1, 8, 1) == CF_BAD_TABLES);
    CHECK(fill(alone, UINT32_MAX, 8, 1) == CF_BAD_TABLES);
#if SIZE_MAX > UINT32_MAX
    CHECK(fill(alone, ((size_t)1 << 32) + 1, 8, 1) == CF_BAD_TABLES);
#endif
}

static void
test_no_memory(void)
{
    static char long_text[200]; /* is stored outside of its slot */
    key_list list = make_keys(100);
    memset(long_text, 'a', sizeof long_text);
    list.keys[0] = (cf_slice){long_text, sizeof long_text};
    size_t fail_at = 1;
    for (;; fail_at++) {
        cf_table table = {0};
        counting_start(fail_at);
        cf_status status =
            cf_table_fill(&table, list.keys, list.count, 200, true, 1);
        bool reached = counting.requests >= fail_at;
        CHECK(status == (reached ? CF_NO_MEMORY : CF_OK));
        cf_table_clear(&table);
        cf_table_clear(&table); /* calling it again is allowed */
        CHECK(counting.alive == 0);
        counting_stop();
        if (!reached) {
            break;
        }
    }
    CHECK(fail_at > 1);
    free_keys(&list);
}

/* -- the rest ------------------------------------------------------------ */

static void
test_empty(void)
{
    cf_table table = {0};
    CHECK(cf_table_fill(&table, NULL, 0, 8, true, 1) == CF_OK);
    CHECK(find(&table, NULL, 0) == CF_NO_KEY);
    CHECK(find(&table, "a", 1) == CF_NO_KEY);
    CHECK(table.shortest_key > table.longest_key);
    cf_table_clear(&table);
}

static void
test_new_array(void)
{
    counting_start(0);
    unsigned char *bytes = cf_new_array(7, 3);
    CHECK(bytes != NULL && counting.bytes == 21);
    for (size_t i = 0; bytes != NULL && i < 21; i++) {
        CHECK(bytes[i] == 0);
    }
    cf_memory.release(bytes);
    bytes = cf_new_array(0, 8);
    CHECK(bytes != NULL);
    cf_memory.release(bytes);
    CHECK(cf_new_array(SIZE_MAX / 2, 4) == NULL);
    CHECK(cf_new_array(SIZE_MAX / 8 + 2, 8) == NULL);
    CHECK(cf_new_array(SIZE_MAX, SIZE_MAX) == NULL);
    CHECK(counting.requests == 2); /* an overflow is not a request */
    counting_stop();
}

int
main(void)
{
    test_sizes();
    test_lengths();
    test_prefixes();
    test_compares_bytes();
    test_every_byte_is_compared();
    test_differences_are_of_the_seed();
    test_lengths_are_hashed();
    test_a_length_undoes_no_byte();
    test_nearly_the_same_under_no_seed();
    test_outside_of_slots();
    test_mixtures();
    test_large();
    test_common_start();
    test_empty_text();
    test_slots_of_their_own();
    test_crowd();
    test_duplicates();
    test_key_lengths();
    test_too_much();
    test_no_memory();
    test_empty();
    test_new_array();
    return check_end("test_table");
}
