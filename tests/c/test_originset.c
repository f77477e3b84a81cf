/* test_originset.c - test which origins a set allows, csrc/cf_originset.c,
 * with naive_origin.h as the oracle. test_origin.c tests the grammar.
 */
#include "check.h"

#include "cf_internal.h"
#include "counting.h"
#include "guard.h"
#include "naive_origin.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT(literal) {literal, sizeof(literal) - 1}

enum { UNTOUCHED = 0x5a5a5a5a };

static const cf_port_range https_plain[] = {{true, 0, 0}};
static const cf_port_range http_plain[] = {{false, 0, 0}};
static const cf_port_range http_any[] = {{false, 0, 65535}};
static const cf_port_range many[] = {
    {true, 0, 0}, {true, 8000, 8099}, {false, 3000, 3000}, {true, 9000, 9001}};

/* -- matching ------------------------------------------------------------ */

/* Match an origin with both guards, and three times, because the third
 * result comes from the cache. Compare all results with the oracle's. */
static cf_outcome
match(const cf_originset *set, const cf_tables *tables, const char *origin,
      size_t length, uint32_t *exact)
{
    uint32_t back = UNTOUCHED, front = UNTOUCHED, third = UNTOUCHED;
    uint32_t wanted_exact;
    cf_outcome outcome =
        cf_originset_match(set, guard_back(origin, length), length, &back);
    CHECK_FOR(
        origin, length,
        cf_originset_match(set, guard_front(origin, length), length, &front)
            == outcome);
    CHECK_FOR(
        origin, length,
        cf_originset_match(set, guard_back(origin, length), length, &third)
            == outcome);
    CHECK_FOR(origin, length, back == front && back == third);
    cf_outcome wanted =
        naive_match_origin(tables, origin, length, &wanted_exact);
    CHECK_FOR(origin, length, outcome == wanted);
    CHECK_FOR(origin, length,
              back == (wanted == CF_ALLOWED ? wanted_exact : UNTOUCHED));
    *exact = back;
    return outcome;
}

typedef struct expectation {
    const char *origin;
    cf_outcome outcome;
} expectation;

static void
check_all(const cf_tables *tables, const expectation *cases, size_t count)
{
    cf_originset set = {0};
    uint32_t exact;
    CHECK(cf_originset_fill(&set, tables) == CF_OK);
    for (size_t i = 0; i < count; i++) {
        const char *origin = cases[i].origin;
        size_t length = strlen(origin);
        CHECK_FOR(origin, length,
                  match(&set, tables, origin, length, &exact)
                      == cases[i].outcome);
        for (size_t n = 0; n < length; n++) { /* every prefix */
            (void)match(&set, tables, origin, n, &exact);
        }
    }
    CHECK(cf_originset_match(&set, NULL, 0, &exact) == CF_ORIGIN_MALFORMED);
    cf_originset_clear(&set);
}

#define YES CF_ALLOWED
#define NO CF_ORIGIN_NOT_ALLOWED
#define BAD CF_ORIGIN_MALFORMED
#define ASK CF_ASK_CALLER

/* -- security holes of similar libraries --------------------------------- */

static void
test_foo_and_bar(void)
{
    static const cf_rule rules[] = {{TEXT("foo.com"), http_any, 1},
                                    {TEXT("bar.com"), http_any, 1},
                                    {TEXT(".foo.com"), https_plain, 1},
                                    {TEXT(".bar.com"), https_plain, 1}};
    static const cf_slice exact[] = {TEXT("https://foo.com"),
                                     TEXT("https://bar.com")};
    static const cf_tables tables = {
        .exact = exact, .n_exact = 2, .rules = rules, .n_rules = 4, .seed = 9};
    static const expectation cases[] = {
        {"https://foo.com", YES},
        {"https://bar.com", YES},
        {"https://a.foo.com", YES},
        {"https://a.b.c.bar.com", YES},
        {"https://bar.foo.com", YES},
        {"https://foo.com.bar.com", YES},
        {"http://foo.com:1", YES},
        {"https://barfoo.com", NO},
        {"https://foobar.com", NO},
        {"https://bar.comfoo.com", NO},
        {"https://xfoo.com", NO},
        {"https://oo.com", NO},
        {"https://com", NO},
        {"https://foo.co", NO},
        {"https://foo.comm", NO},
        {"https://foo.com.evil.com", NO},
        {"https://a.foo.com.evil.com", NO},
        {"https://afoo.com.foo.co", NO},
        {"https://foo-com.bar.co", NO},
        {"https://fooxcom", NO},
        {"https://a.fooxcom", NO},
        {"https://foo.com.", NO},
        {"https://a.foo.com.", NO},
        {"https://foo.com:8443", NO},
        {"https://a.foo.com:8443", NO},
        {"http://a.foo.com", NO},
        {"http://barfoo.com", NO},
        {"ws://foo.com", NO},
        {"httpss://a.foo.com", NO},
        {"httpt://a.foo.com", NO},
        {"xttps://a.foo.com", NO},
        {"httpx://foo.com", NO},
        {"httq://foo.com", NO},
        {"xttp://foo.com", NO},
        {"http+x://foo.com", NO},
        {"http+s://a.foo.com", NO},
        {"https://evil.com/.foo.com", BAD},
        {"https://evil.com#.foo.com", BAD},
        {"https://evil.com\\.foo.com", BAD},
        {"https://u@.foo.com", BAD},
        {"https://.foo.com", BAD},
        {"https://..foo.com", BAD},
        {"https://-.foo.com", BAD},
        {"https://a..foo.com", BAD},
        {"https://A.foo.com", BAD},
        {"https://foo.com,https://bar.com", BAD},
        {"https://foo.com ", BAD},
        {"https://foo.com/", BAD},
        {"https://a.foo.com:", BAD},
        {"foo.com", BAD},
        {"null", NO},
        {"nul", BAD},
        {"nulll", BAD},
        {"", BAD},
    };
    check_all(&tables, cases, COUNT(cases));
}

static void
test_ranges(void)
{
    static const cf_rule rules[] = {
        {TEXT(".example.com"), many, COUNT(many)},
        {TEXT("localhost"), http_any, 1},
        {TEXT("[::1]"), http_any, 1},
        {TEXT("127.0.0.1"), http_any, 1},
        {TEXT("plain.test"), http_plain, 1},
        {TEXT("silent.test"), NULL, 0},
        {TEXT(".example.org."), https_plain, 1},
        {TEXT("example.net."), https_plain, 1},
        {TEXT(".last.test"), https_plain, 1},
    };
    static const cf_tables tables = {
        .rules = rules, .n_rules = COUNT(rules), .seed = 1};
    static const expectation cases[] = {
        /* scheme and port must match the same range */
        {"https://a.example.com", YES},
        {"https://a.example.com:7999", NO},
        {"https://a.example.com:8000", YES},
        {"https://a.example.com:8050", YES},
        {"https://a.example.com:8099", YES},
        {"https://a.example.com:8100", NO},
        {"https://a.example.com:3000", NO},
        {"http://a.example.com:3000", YES},
        {"http://a.example.com:2999", NO},
        {"http://a.example.com:3001", NO},
        {"http://a.example.com", NO},
        {"http://a.example.com:8000", NO},
        {"https://a.example.com:9001", YES},
        {"https://a.example.com:9002", NO},
        /* never the apex */
        {"https://example.com", NO},
        {"https://example.com:8000", NO},
        /* any port or no port, but only this host */
        {"http://localhost", YES},
        {"http://localhost:1", YES},
        {"http://localhost:65535", YES},
        {"http://localhost:65536", BAD},
        {"https://localhost", NO},
        {"https://localhost:1", NO},
        {"http://a.localhost", NO},
        {"http://localhost.", NO},
        {"http://xlocalhost", NO},
        {"http://localhostx", NO},
        {"http://localhost.evil.com", NO},
        {"http://[::1]", YES},
        {"http://[::1]:3000", YES},
        {"http://[::2]", NO},
        {"http://[1::1]", NO},
        {"http://127.0.0.1", YES},
        {"http://127.0.0.1:3000", YES},
        {"http://127.0.0.10", NO},
        {"http://1.127.0.0", NO},
        {"http://plain.test", YES},
        {"http://plain.test:1", NO},
        {"http://silent.test", NO},
        {"https://silent.test", NO},
        /* the root's dot makes a different host */
        {"https://a.example.org.", YES},
        {"https://a.example.org", NO},
        {"https://example.net.", YES},
        {"https://example.net", NO},
        {"https://a.last.test", YES},
        {"https://last.test", NO},
    };
    check_all(&tables, cases, COUNT(cases));
}

/* -- the flags ----------------------------------------------------------- */

static void
test_exact(void)
{
    static const cf_slice exact[] = {
        TEXT("https://a.com"), TEXT("null"), TEXT("chrome-extension://abc"),
        TEXT("http://b.com:8080"), TEXT("not an origin\n")};
    cf_tables tables = {.exact = exact, .n_exact = COUNT(exact), .seed = 3};
    static const expectation cases[] = {
        {"https://a.com", YES},
        {"null", YES},
        {"chrome-extension://abc", YES},
        {"http://b.com:8080", YES},
        {"not an origin\n", YES}, /* tables are not validated here */
        {"http://a.com", NO},
        {"https://a.com:444", NO},
        {"https://A.com", BAD},
        {"NULL", BAD},
        {"chrome-extension://abd", NO},
        {"chrome-extension://", BAD},
        {"http://b.com", NO},
        {"not an origin", BAD},
    };
    check_all(&tables, cases, COUNT(cases));
    /* and the index of the origin */
    cf_originset set = {0};
    uint32_t index;
    CHECK(cf_originset_fill(&set, &tables) == CF_OK);
    for (size_t i = 0; i < COUNT(exact); i++) {
        CHECK(match(&set, &tables, exact[i].data, exact[i].length, &index)
              == CF_ALLOWED);
        CHECK(index == i);
    }
    cf_originset_clear(&set);
}

/* A few origins are compared, more are hashed. Both ways find each origin, and
 * no text that is only similar. */
static void
test_few(void)
{
    static const cf_slice all[] = {
        TEXT("https://a.com"), TEXT("https://b.com"),      TEXT("null"),
        TEXT("http://a.com"),  TEXT("https://a.com:8443"), TEXT("app://x")};
    for (size_t n = 0; n <= COUNT(all); n++) {
        cf_tables tables = {.exact = all, .n_exact = n, .seed = 7};
        cf_originset set = {0};
        uint32_t index;
        CHECK(cf_originset_fill(&set, &tables) == CF_OK);
        CHECK(set.n_few == (n <= CF_FEW_ORIGINS ? n : 0));
        for (size_t i = 0; i < COUNT(all); i++) {
            cf_outcome outcome =
                match(&set, &tables, all[i].data, all[i].length, &index);
            CHECK((outcome == CF_ALLOWED) == (i < n));
            CHECK(outcome != CF_ALLOWED || index == i);
        }
        CHECK(match(&set, &tables, "https://a.con", 13, &index) != CF_ALLOWED);
        CHECK(match(&set, &tables, "https://a.co", 12, &index) != CF_ALLOWED);
        CHECK(match(&set, &tables, "", 0, &index) != CF_ALLOWED);
        cf_originset_clear(&set);
    }
}

static void
test_flags(void)
{
    static const cf_slice exact[] = {TEXT("app://x")};
    static const cf_rule rules[] = {{TEXT(".a.com"), https_plain, 1}};
    static const expectation any[] = {
        {"https://x.a.com", YES},
        {"http://anything.test:1", YES},
        {"https://[::1]", YES},
        {"app://x", YES},
        {"null", NO},
        {"https://a.com/", BAD},
        {"https://a.com:443", BAD},
    };
    static const expectation ask[] = {
        {"https://x.a.com", YES},
        {"http://anything.test:1", ASK},
        {"https://a.com", ASK},
        {"app://x", YES},
        {"null", NO},
        {"https://a.com/", BAD},
        {"https://a.com:443", BAD},
    };
    static const expectation others[] = {{"app://y", NO}, {"ws://a", NO}};
    static const expectation ask_others[] = {{"app://y", ASK},
                                             {"ws://a", ASK}};
    cf_tables tables = {.exact = exact,
                        .n_exact = 1,
                        .rules = rules,
                        .n_rules = 1,
                        .any_web_origin = true};
    check_all(&tables, any, COUNT(any));
    check_all(&tables, others, COUNT(others));
    tables.ask_caller = true;
    check_all(&tables, any, COUNT(any));
    check_all(&tables, ask_others, COUNT(ask_others));
    tables.any_web_origin = false;
    check_all(&tables, ask, COUNT(ask));
    /* a policy that allows nothing */
    cf_tables none = {0};
    static const expectation nobody[] = {
        {"https://a.com", NO}, {"null", NO}, {"x", BAD}};
    check_all(&none, nobody, COUNT(nobody));
}

/* -- limits -------------------------------------------------------------- */

static void
test_too_long(void)
{
    char text[CF_MAX_ORIGIN + 1];
    cf_tables tables = {.any_web_origin = true};
    cf_originset set = {0};
    uint32_t exact;
    memset(text, 'a', sizeof text);
    memcpy(text, "https://", 8);
    CHECK(cf_originset_fill(&set, &tables) == CF_OK);
    CHECK(match(&set, &tables, text, CF_MAX_ORIGIN, &exact) == BAD);
    CHECK(match(&set, &tables, text, CF_MAX_ORIGIN + 1, &exact)
          == CF_ORIGIN_TOO_LONG);
    /* reading a byte would end the program */
    const char *nothing = guard_back(NULL, 0);
    exact = UNTOUCHED;
    CHECK(cf_originset_match(&set, nothing, CF_MAX_ORIGIN + 1, &exact)
          == CF_ORIGIN_TOO_LONG);
    CHECK(cf_originset_match(&set, nothing, SIZE_MAX, &exact)
          == CF_ORIGIN_TOO_LONG);
    CHECK(exact == UNTOUCHED);
    cf_originset_clear(&set);
}

/* Write a host of `length` bytes: labels of one letter, or with a long label
 * at the end. */
static void
make_host(char *host, size_t length, char letter)
{
    for (size_t i = 0; i < length; i++) {
        host[i] = i % 2 == 1 && i + 1 != length ? '.' : letter;
    }
}

/* Match hosts of every length against rules of every length. */
static void
test_host_lengths(void)
{
    char rule_host[CF_MAX_HOST + 2], origin[CF_MAX_ORIGIN + 1];
    memcpy(origin, "https://", 8);
    for (size_t length = 1; length <= CF_MAX_HOST; length++) {
        make_host(rule_host, length, 'a');
        cf_rule rule = {{rule_host, length}, https_plain, 1};
        cf_tables tables = {.rules = &rule, .n_rules = 1, .seed = length};
        cf_originset set = {0};
        uint32_t exact;
        CHECK(cf_originset_fill(&set, &tables) == CF_OK);
        make_host(origin + 8, length, 'a');
        CHECK_FOR(origin, 8 + length,
                  match(&set, &tables, origin, 8 + length, &exact) == YES);
        for (size_t n = 1; n <= CF_MAX_HOST; n += n < 60 ? 1 : 31) {
            make_host(origin + 8, n, 'a');
            (void)match(&set, &tables, origin, 8 + n, &exact);
            make_host(origin + 8, n, 'b');
            (void)match(&set, &tables, origin, 8 + n, &exact);
        }
        cf_originset_clear(&set);
    }
}

/* Match every suffix of the host with the largest number of labels. */
static void
test_deepest(void)
{
    char host[CF_MAX_HOST], origin[CF_MAX_ORIGIN];
    make_host(host, CF_MAX_HOST, 'a');
    memcpy(origin, "https://", 8);
    memcpy(origin + 8, host, CF_MAX_HOST);
    origin[8 + CF_MAX_HOST] = '.';
    for (size_t at = 1; at < CF_MAX_HOST; at++) {
        cf_rule rule = {{host + at, CF_MAX_HOST - at}, https_plain, 1};
        cf_tables tables = {.rules = &rule, .n_rules = 1, .seed = at};
        cf_originset set = {0};
        uint32_t exact;
        CHECK(cf_originset_fill(&set, &tables) == CF_OK);
        CHECK(match(&set, &tables, origin, 8 + CF_MAX_HOST, &exact)
              == (host[at] == '.' ? YES : NO));
        CHECK(match(&set, &tables, origin, 9 + CF_MAX_HOST, &exact) == NO);
        cf_originset_clear(&set);
    }
}

/* -- the oracle ---------------------------------------------------------- */

static void
append_random_host(char *text, uint64_t *random)
{
    static const char *const labels[] = {"a",  "b",   "ab", "ba",
                                         "aa", "a-b", "1"};
    size_t n = 1 + check_below(random, 4);
    for (size_t i = 0; i < n; i++) {
        strcat(text, labels[check_below(random, COUNT(labels))]);
        strcat(text, i + 1 < n ? "." : "");
    }
    strcat(text, check_below(random, 12) == 0 ? "." : "");
}

static void
test_random_rules(void)
{
    static const cf_port_range *const ranges[] = {https_plain, http_plain,
                                                  http_any, many};
    static const size_t n_ranges[] = {1, 1, 1, COUNT(many)};
    static const char *const schemes[] = {"https", "https", "https",
                                          "http",  "http",  "ftp",
                                          "httpx", "capac", "h+tp"};
    static const char *const ports[] = {"",      "",      ":3000",
                                        ":8000", ":8100", ":9001"};
    uint64_t random = 17;
    for (int round = 0; round < 2000; round++) {
        char hosts[8][32], origin[64];
        cf_rule rules[8];
        size_t n_rules = 0;
        while (n_rules < 1 + check_below(&random, 8)) {
            char *host = hosts[n_rules];
            strcpy(host, check_below(&random, 2) == 0 ? "." : "");
            append_random_host(host, &random);
            bool known = false;
            for (size_t i = 0; i < n_rules; i++) {
                known = known || strcmp(hosts[i], host) == 0;
            }
            if (!known) {
                size_t range = check_below(&random, COUNT(ranges));
                rules[n_rules++] = (cf_rule){
                    {host, strlen(host)}, ranges[range], n_ranges[range]};
            }
        }
        cf_tables tables = {
            .rules = rules, .n_rules = n_rules, .seed = check_random(&random)};
        cf_originset set = {0};
        uint32_t exact;
        CHECK(cf_originset_fill(&set, &tables) == CF_OK);
        for (int i = 0; i < 60; i++) {
            strcpy(origin, schemes[check_below(&random, COUNT(schemes))]);
            strcat(origin, "://");
            append_random_host(origin, &random);
            strcat(origin, ports[check_below(&random, COUNT(ports))]);
            (void)match(&set, &tables, origin, strlen(origin), &exact);
        }
        cf_originset_clear(&set);
    }
}

/* -- bad tables ---------------------------------------------------------- */

static cf_status
fill(const cf_tables *tables)
{
    cf_originset set = {0};
    counting_start(0);
    cf_status status = cf_originset_fill(&set, tables);
    cf_originset_clear(&set);
    CHECK(counting.alive == 0);
    counting_stop();
    return status;
}

static void
test_bad_tables(void)
{
    char text[CF_MAX_ORIGIN + 2];
    memset(text, 'a', sizeof text);
    for (size_t n = 0; n <= CF_MAX_ORIGIN + 1; n++) {
        cf_slice exact[2] = {TEXT("x"), {text, n}};
        cf_tables tables = {.exact = exact, .n_exact = 2};
        bool good = n >= 1 && n <= CF_MAX_ORIGIN;
        CHECK(fill(&tables) == (good ? CF_OK : CF_BAD_TABLES));
        cf_rule rules[2] = {{TEXT("x"), https_plain, 1},
                            {{text, n}, https_plain, 1}};
        tables = (cf_tables){.rules = rules, .n_rules = 2};
        good = n >= 1 && n <= CF_MAX_HOST + 2;
        CHECK(fill(&tables) == (good ? CF_OK : CF_BAD_TABLES));
    }
    cf_slice twice[] = {TEXT("https://a"), TEXT("https://b"),
                        TEXT("https://a")};
    cf_tables tables = {.exact = twice, .n_exact = 3};
    CHECK(fill(&tables) == CF_BAD_TABLES);
    tables.n_exact = 2;
    CHECK(fill(&tables) == CF_OK);
    cf_rule same[] = {{TEXT(".a"), https_plain, 1},
                      {TEXT("a"), https_plain, 1},
                      {TEXT(".a"), http_plain, 1}};
    tables = (cf_tables){.rules = same, .n_rules = 3};
    CHECK(fill(&tables) == CF_BAD_TABLES);
    tables.n_rules = 2;
    CHECK(fill(&tables) == CF_OK);
}

/* More port ranges than 32 bits can count are rejected before one is read. */
static void
test_too_many_ranges(void)
{
    cf_rule rules[2] = {{TEXT("a"), https_plain, UINT32_MAX},
                        {TEXT("b"), https_plain, 1}};
    cf_tables tables = {.rules = rules, .n_rules = 2};
    CHECK(fill(&tables) == CF_BAD_TABLES);
    /* one less is valid, but needs more memory than counting.h provides */
    tables.n_rules = 1;
    CHECK(fill(&tables) == CF_NO_MEMORY);
}

int
main(void)
{
    test_foo_and_bar();
    test_ranges();
    test_exact();
    test_few();
    test_flags();
    test_too_long();
    test_host_lengths();
    test_deepest();
    test_random_rules();
    test_bad_tables();
    test_too_many_ranges();
    return check_end("test_originset");
}
