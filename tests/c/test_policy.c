/* test_policy.c - test csrc/cf_policy.c: building, running out of memory, bad
 * tables, freeing. test_originset.c and test_nameset.c test matching.
 */
#include "check.h"

#include "cf_internal.h"
#include "counting.h"
#include "guard.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT(literal) {literal, sizeof(literal) - 1}

static const cf_port_range ranges[] = {
    {true, 0, 0}, {false, 0, 65535}, {true, 8000, 8099}};
static const cf_slice exact[] = {TEXT("https://a.com"), TEXT("null"),
                                 TEXT("http://localhost:3000")};
static const cf_rule rules[] = {{TEXT(".a.com"), ranges, 1},
                                {TEXT("localhost"), ranges + 1, 1},
                                {TEXT(".b.com"), ranges, 3},
                                {TEXT("silent.test"), NULL, 0}};
static const cf_slice methods[] = {TEXT("GET"), TEXT("HEAD"), TEXT("POST")};
static const cf_slice headers[] = {TEXT("accept"), TEXT("x-token")};

/* The automaton of https://[a-y]*z: one column for a to y, one for z. */
enum { WIDTH = 4, ROWS = 3 };
static uint8_t class_of[256];
static const uint32_t entries[ROWS * WIDTH] = {0, 0, 0, 0, 0, 0,
                                               4, 8, 0, 1, 0, 0};

static const cf_tables full = {.exact = exact,
                               .n_exact = COUNT(exact),
                               .rules = rules,
                               .n_rules = COUNT(rules),
                               .methods = methods,
                               .n_methods = COUNT(methods),
                               .headers = headers,
                               .n_headers = COUNT(headers),
                               .automaton = {.class_of = class_of,
                                             .table = entries,
                                             .n_table = COUNT(entries),
                                             .width = WIDTH,
                                             .https = WIDTH},
                               .seed = 77};

/* -- out of memory ------------------------------------------------------- */

/* Make every allocation fail in turn, until building succeeds. */
static void
check_no_memory(const cf_tables *tables)
{
    cf_policy *const untouched = (cf_policy *)(void *)&check_totals;
    size_t fail_at = 1;
    for (bool done = false; !done; fail_at++) {
        cf_policy *policy = untouched;
        counting_start(fail_at);
        cf_status status = cf_policy_new(tables, &policy);
        if (counting.requests >= fail_at) {
            CHECK(status == CF_NO_MEMORY);
            CHECK(policy == untouched);
        }
        else {
            done = true;
            CHECK(status == CF_OK);
            MUST(policy != untouched && policy != NULL);
            cf_policy_free(policy);
        }
        CHECK(counting.alive == 0 && counting.bytes == 0);
        counting_stop();
    }
    CHECK(fail_at > 10);
}

static void
test_no_memory(void)
{
    cf_tables tables = {0};
    check_no_memory(&tables);
    tables.star = true;
    check_no_memory(&tables);
    check_no_memory(&full);
    tables = full;
    tables.n_exact = 0;
    check_no_memory(&tables);
    tables = full;
    tables.n_rules = 0;
    check_no_memory(&tables);
    tables = full;
    tables.automaton.n_table = 0;
    check_no_memory(&tables);
    tables = full;
    tables.n_methods = 0;
    tables.n_headers = 0;
    tables.any_method = true;
    tables.any_header = true;
    check_no_memory(&tables);
    tables = full;
    tables.n_rules = 4;
    tables.rules = rules + 3; /* rules without ranges */
    tables.n_rules = 1;
    check_no_memory(&tables);

    enum { MANY = 2000 };
    static char text[MANY][24];
    static cf_slice slices[MANY];
    for (size_t i = 0; i < MANY; i++) {
        int n = snprintf(text[i], sizeof text[i], "https://h%zu.net", i);
        slices[i] = (cf_slice){text[i], (size_t)n};
    }
    tables = full;
    tables.exact = slices;
    tables.n_exact = MANY;
    check_no_memory(&tables);
}

/* -- bad tables ---------------------------------------------------------- */

static cf_status
build(const cf_tables *tables)
{
    cf_policy *const untouched = (cf_policy *)(void *)&check_totals;
    cf_policy *policy = untouched;
    counting_start(0);
    cf_status status = cf_policy_new(tables, &policy);
    CHECK((policy == untouched) == (status != CF_OK));
    if (status == CF_OK) {
        cf_policy_free(policy);
    }
    CHECK(counting.alive == 0);
    counting_stop();
    return status;
}

/* Build a policy from the full tables, with these keys in one of the four. */
typedef enum table { EXACT, HOSTS, METHODS, HEADERS, TABLES } table;

static cf_status
build_with(table which, const cf_slice *keys, size_t count)
{
    enum { MOST = 8 };
    cf_rule hosts[MOST];
    cf_tables tables = full;
    MUST(count <= MOST);
    for (size_t i = 0; i < count; i++) {
        hosts[i] = (cf_rule){keys[i], ranges, 1};
    }
    switch (which) {
    case EXACT:
        tables.exact = keys;
        tables.n_exact = count;
        break;
    case HOSTS:
        tables.rules = hosts;
        tables.n_rules = count;
        break;
    case METHODS:
        tables.methods = keys;
        tables.n_methods = count;
        break;
    default:
        tables.headers = keys;
        tables.n_headers = count;
        break;
    }
    return build(&tables);
}

static cf_status
build_with_text(table which, const char *text)
{
    cf_slice key = {text, strlen(text)};
    return build_with(which, &key, 1);
}

/* Make the last key of each table too short, exactly at its limit, and too
 * long. */
static void
test_key_limits(void)
{
    static const size_t limits[TABLES] = {[HOSTS] = CF_MAX_HOST + 2,
                                          [METHODS] = CF_MAX_METHOD,
                                          [HEADERS] = CF_MAX_HEADER_NAME};
    static char text[400];
    memset(text, 'k', sizeof text);
    for (table which = HOSTS; which < TABLES; which++) {
        for (size_t n = 0; n <= limits[which] + 2; n++) {
            cf_slice keys[] = {TEXT("first"), {text, n}};
            bool good = n >= 1 && n <= limits[which];
            CHECK(build_with(which, keys, 2)
                  == (good ? CF_OK : CF_BAD_TABLES));
        }
    }
    /* and the longest scheme, host and port */
    for (size_t host = CF_MAX_HOST - 9; host <= CF_MAX_HOST + 2; host++) {
        memset(text, 'k', sizeof text);
        memcpy(text + CF_MAX_SCHEME, "://", 3);
        for (size_t i = 50; i < 250; i += 50) {
            text[CF_MAX_SCHEME + 3 + i] = '.';
        }
        memcpy(text + CF_MAX_SCHEME + 3 + host, ":65535", 6);
        cf_slice key = {text, CF_MAX_SCHEME + 3 + host + 6};
        bool good = key.length <= CF_MAX_ORIGIN;
        CHECK(build_with(EXACT, &key, 1) == (good ? CF_OK : CF_BAD_TABLES));
    }
    CHECK(build_with_text(EXACT, "") == CF_BAD_TABLES);
}

static void
test_duplicates(void)
{
    static const cf_slice twice[TABLES][4] = {
        [EXACT] = {TEXT("a://b"), TEXT("null"), TEXT("b://a"), TEXT("null")},
        [HOSTS] = {TEXT("a"), TEXT(".a"), TEXT("b"), TEXT(".a")},
        [METHODS] = {TEXT("a"), TEXT("A"), TEXT("c"), TEXT("A")},
        [HEADERS] = {TEXT("a"), TEXT("b"), TEXT("c"), TEXT("b")}};
    for (table which = EXACT; which < TABLES; which++) {
        for (size_t n = 0; n <= 4; n++) {
            cf_status wanted = n == 4 ? CF_BAD_TABLES : CF_OK;
            CHECK(build_with(which, twice[which], n) == wanted);
        }
    }
}

/* Put each byte in a method and in a header name: first, last and between. */
static void
test_tokens(void)
{
    static const char good[] = "!#$%&'*+-.^_`|~0123456789"
                               "abcdefghijklmnopqrstuvwxyz";
    for (unsigned byte = 0; byte < 256; byte++) {
        bool upper = byte >= 'A' && byte <= 'Z';
        bool lower = memchr(good, (int)byte, sizeof good - 1) != NULL;
        for (size_t at = 0; at < 3; at++) {
            char text[] = "xyz";
            text[at] = (char)byte;
            cf_slice keys[] = {TEXT("first"), {text, 3}};
            CHECK_FOR(text, 3,
                      build_with(METHODS, keys, 2)
                          == (lower || upper ? CF_OK : CF_BAD_TABLES));
            CHECK_FOR(text, 3,
                      build_with(HEADERS, keys, 2)
                          == (lower ? CF_OK : CF_BAD_TABLES));
        }
    }
}

/* An origin of a table is sent in responses, so it must be valid. */
static void
test_origins(void)
{
    static const char *const good[] = {
        "null", "https://a.com", "http://[::1]:3000", "chrome-extension://a"};
    static const char *const bad[] = {
        "*",         "nul",     "NULL",    "nulls",     "a.com",
        "https://",  "a://b c", "a://b/",  "https://A", "a://b,",
        "a://b\r\n", "://a",    "a://u@b", "a://b:",    "https://a:443"};
    for (size_t i = 0; i < COUNT(good); i++) {
        CHECK_FOR(good[i], strlen(good[i]),
                  build_with_text(EXACT, good[i]) == CF_OK);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_FOR(bad[i], strlen(bad[i]),
                  build_with_text(EXACT, bad[i]) == CF_BAD_TABLES);
    }
}

/* -- memory -------------------------------------------------------------- */

/* cf_policy_memory is the number of allocated bytes. Empty tables may allocate
 * a few more. */
static void
test_memory(void)
{
    cf_policy *policy = NULL;
    counting_start(0);
    MUST(cf_policy_new(&full, &policy) == CF_OK);
    CHECK(cf_policy_memory(policy) == counting.bytes);
    cf_policy_free(policy);
    cf_tables nothing = {0};
    MUST(cf_policy_new(&nothing, &policy) == CF_OK);
    CHECK(cf_policy_memory(policy) >= sizeof *policy);
    CHECK(cf_policy_memory(policy) <= counting.bytes);
    CHECK(counting.bytes - cf_policy_memory(policy) <= 128);
    cf_policy_free(policy);
    cf_policy_free(NULL);
    counting_stop();
}

/* Matching works although every allocation would fail. */
static void
check_answers(const cf_policy *policy)
{
    static const struct {
        const char *origin;
        cf_outcome outcome;
        uint32_t exact;
    } origins[] = {{"https://a.com", CF_ALLOWED, 0},
                   {"null", CF_ALLOWED, 1},
                   {"http://localhost:3000", CF_ALLOWED, 2},
                   {"https://x.a.com", CF_ALLOWED, CF_NOT_EXACT},
                   {"http://localhost:3001", CF_ALLOWED, CF_NOT_EXACT},
                   {"https://y.b.com:8050", CF_ALLOWED, CF_NOT_EXACT},
                   {"http://y.b.com:8050", CF_ALLOWED, CF_NOT_EXACT},
                   {"https://y.b.com:7999", CF_ORIGIN_NOT_ALLOWED, 5},
                   {"https://b.com", CF_ORIGIN_NOT_ALLOWED, 5},
                   {"https://aaz", CF_ALLOWED, CF_NOT_EXACT},
                   {"https://aaza", CF_ORIGIN_NOT_ALLOWED, 5},
                   {"http://aaz", CF_ORIGIN_NOT_ALLOWED, 5},
                   {"https://silent.test", CF_ORIGIN_NOT_ALLOWED, 5},
                   {"https://", CF_ORIGIN_MALFORMED, 5}};
    size_t requests = counting.requests;
    for (size_t i = 0; i < COUNT(origins); i++) {
        uint32_t index = 5;
        size_t length = strlen(origins[i].origin);
        CHECK_FOR(origins[i].origin, length,
                  cf_match_origin(policy, origins[i].origin, length, &index)
                      == origins[i].outcome);
        CHECK_FOR(origins[i].origin, length, index == origins[i].exact);
    }
    bool joined = false;
    CHECK(cf_match_method(policy, "POST", 4) == CF_ALLOWED);
    CHECK(cf_match_method(policy, "PUT", 3) == CF_METHOD_NOT_ALLOWED);
    CHECK(cf_match_headers(policy, "X-Token,accept", 14, &joined)
          == CF_ALLOWED);
    CHECK(joined);
    CHECK(cf_match_headers(policy, "x-tokem", 7, &joined)
          == CF_HEADER_NOT_ALLOWED);
    CHECK(counting.requests == requests);
}

static char *
copy_text(cf_slice *slice)
{
    char *copy = malloc(slice->length);
    MUST(copy != NULL);
    memcpy(copy, slice->data, slice->length);
    slice->data = copy;
    return copy;
}

/* The tables are copied, so the policy outlives them. */
static void
test_copies(void)
{
    char *texts[16];
    size_t n_texts = 0;
    cf_slice own_exact[COUNT(exact)], own_methods[COUNT(methods)],
        own_headers[COUNT(headers)];
    cf_rule own_rules[COUNT(rules)];
    cf_port_range own_ranges[COUNT(ranges)];
    uint32_t own_entries[COUNT(entries)];
    uint8_t own_class_of[256];
    memcpy(own_exact, exact, sizeof exact);
    memcpy(own_methods, methods, sizeof methods);
    memcpy(own_headers, headers, sizeof headers);
    memcpy(own_rules, rules, sizeof rules);
    memcpy(own_ranges, ranges, sizeof ranges);
    memcpy(own_entries, entries, sizeof entries);
    memcpy(own_class_of, class_of, sizeof class_of);
    for (size_t i = 0; i < COUNT(exact); i++) {
        texts[n_texts++] = copy_text(&own_exact[i]);
    }
    for (size_t i = 0; i < COUNT(methods); i++) {
        texts[n_texts++] = copy_text(&own_methods[i]);
    }
    for (size_t i = 0; i < COUNT(headers); i++) {
        texts[n_texts++] = copy_text(&own_headers[i]);
    }
    for (size_t i = 0; i < COUNT(rules); i++) {
        texts[n_texts++] = copy_text(&own_rules[i].host);
        if (own_rules[i].ranges != NULL) {
            own_rules[i].ranges = own_ranges + (rules[i].ranges - ranges);
        }
    }
    cf_tables tables = full;
    tables.exact = own_exact;
    tables.methods = own_methods;
    tables.headers = own_headers;
    tables.rules = own_rules;
    tables.automaton.table = own_entries;
    tables.automaton.class_of = own_class_of;
    cf_policy *policy = NULL;
    counting_start(0);
    MUST(cf_policy_new(&tables, &policy) == CF_OK);
    for (size_t i = 0; i < n_texts; i++) {
        free(texts[i]);
    }
    memset(own_exact, 0xee, sizeof own_exact);
    memset(own_methods, 0xee, sizeof own_methods);
    memset(own_headers, 0xee, sizeof own_headers);
    memset(own_rules, 0xee, sizeof own_rules);
    memset(own_ranges, 0xee, sizeof own_ranges);
    memset(own_entries, 0xee, sizeof own_entries);
    memset(own_class_of, 0xee, sizeof own_class_of);
    memset(&tables, 0xee, sizeof tables);
    check_answers(policy);
    cf_policy_free(policy);
    counting_stop();
}

/* Make the policy remember that it allows an origin, which it refuses. */
static void
remember(const cf_policy *policy, const char *origin)
{
    for (int i = 0; i < 2; i++) { /* a cache stores what comes twice */
        cf_keep_origin(policy, origin, strlen(origin), CF_ALLOWED);
    }
}

static cf_outcome
match(const cf_policy *policy, const char *origin)
{
    uint32_t index;
    return cf_match_origin(policy, origin, strlen(origin), &index);
}

/* A policy that shares the tables of another has its own caches. */
static void
test_sharing(void)
{
    cf_policy *original = NULL;
    counting_start(0);
    MUST(cf_policy_new(&full, &original) == CF_OK);
    size_t alone = counting.bytes, allocations = counting.alive;
    cf_policy *shared = NULL;
    for (size_t fail_at = 1; fail_at <= 3; fail_at++) {
        counting.fail_at = counting.requests + fail_at;
        CHECK(cf_policy_share(original, &shared) == CF_NO_MEMORY);
        CHECK(shared == NULL && counting.alive == allocations);
    }
    counting.fail_at = 0;
    MUST(cf_policy_share(original, &shared) == CF_OK);
    CHECK(cf_policy_memory(shared) == counting.bytes - alone);
    check_answers(shared);
    remember(shared, "https://b.com");
    remember(original, "https://c.com");
    CHECK(match(shared, "https://b.com") == CF_ALLOWED);
    CHECK(match(shared, "https://c.com") == CF_ORIGIN_NOT_ALLOWED);
    CHECK(match(original, "https://b.com") == CF_ORIGIN_NOT_ALLOWED);
    CHECK(match(original, "https://c.com") == CF_ALLOWED);
    cf_policy_free(shared);
    CHECK(counting.bytes == alone);
    check_answers(original);
    cf_policy_free(original);
    counting_stop();
}

static void
test_seeds(void)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        cf_tables tables = full;
        tables.seed = seed * 0x9e3779b97f4a7c15u;
        cf_policy *policy = NULL;
        counting_start(0);
        MUST(cf_policy_new(&tables, &policy) == CF_OK);
        check_answers(policy);
        cf_policy_free(policy);
        counting_stop();
    }
}

/* -- flags --------------------------------------------------------------- */

/* With `star`, origins are not read at all. */
static void
test_star(void)
{
    cf_tables tables = full;
    tables.star = true;
    cf_policy *policy = NULL;
    MUST(cf_policy_new(&tables, &policy) == CF_OK);
    static const size_t lengths[] = {0, 1, CF_MAX_ORIGIN, CF_MAX_ORIGIN + 1,
                                     SIZE_MAX};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        uint32_t index = 5;
        CHECK(cf_match_origin(policy, guard_back(NULL, 0), lengths[i], &index)
              == CF_ALLOWED);
        CHECK(index == 0);
    }
    /* `star` does not change methods and headers */
    bool joined;
    CHECK(cf_match_method(policy, "PUT", 3) == CF_METHOD_NOT_ALLOWED);
    CHECK(cf_match_headers(policy, "b", 1, &joined) == CF_HEADER_NOT_ALLOWED);
    cf_policy_free(policy);
}

/* Each flag allows only the thing that it is named after. */
static void
test_flags(void)
{
    for (unsigned flags = 0; flags < 16; flags++) {
        cf_tables tables = full;
        tables.any_web_origin = (flags & 1) != 0;
        tables.ask_caller = (flags & 2) != 0;
        tables.any_method = (flags & 4) != 0;
        tables.any_header = (flags & 8) != 0;
        cf_policy *policy = NULL;
        uint32_t index;
        bool joined;
        MUST(cf_policy_new(&tables, &policy) == CF_OK);
        cf_outcome wanted = tables.any_web_origin ? CF_ALLOWED
                            : tables.ask_caller   ? CF_ASK_CALLER
                                                  : CF_ORIGIN_NOT_ALLOWED;
        CHECK(cf_match_origin(policy, "https://z.com", 13, &index) == wanted);
        CHECK(cf_match_method(policy, "PUT", 3)
              == (tables.any_method ? CF_ALLOWED : CF_METHOD_NOT_ALLOWED));
        CHECK(cf_match_headers(policy, "b", 1, &joined)
              == (tables.any_header ? CF_ALLOWED : CF_HEADER_NOT_ALLOWED));
        cf_policy_free(policy);
    }
}

int
main(void)
{
    for (int letter = 'a'; letter <= 'z'; letter++) {
        class_of[letter] = letter == 'z' ? 3 : 2;
    }
    test_no_memory();
    test_key_limits();
    test_duplicates();
    test_tokens();
    test_origins();
    test_memory();
    test_copies();
    test_sharing();
    test_seeds();
    test_star();
    test_flags();
    return check_end("test_policy");
}
