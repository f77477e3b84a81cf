/* test_nameset.c - test methods, header names and the limits of lists,
 * csrc/cf_nameset.c, with naive_names.h as the oracle.
 */
#include "check.h"

#include "corsfast.h"
#include "guard.h"
#include "naive_names.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEXT(literal) {literal, sizeof(literal) - 1}

enum { LIST_ROOM = CF_MAX_HEADER_LIST + 2 };

static char longest_name[CF_MAX_HEADER_NAME];
static char longest_method[CF_MAX_METHOD];
static cf_slice header_names[] = {
    TEXT("a"),        TEXT("x-token"),        TEXT("content-type"),
    TEXT("!#$%&'*+"), TEXT("-.^_`|~09"),      {longest_name, 128},
    TEXT("x-to"),     TEXT("accept-language")};
static cf_slice method_names[] = {
    TEXT("GET"), TEXT("PUT"), TEXT("patch"), {longest_method, 64}};

static cf_tables listed = {.methods = method_names,
                           .n_methods = COUNT(method_names),
                           .headers = header_names,
                           .n_headers = COUNT(header_names),
                           .seed = 21};
static cf_tables any = {.methods = method_names,
                        .n_methods = 1,
                        .headers = header_names,
                        .n_headers = 1,
                        .any_method = true,
                        .any_header = true};
static cf_slice authorization[] = {TEXT("authorization")};
static cf_tables any_and_authorization = {
    .headers = authorization, .n_headers = 1, .any_header = true};
static cf_tables none;

static cf_policy *
make(const cf_tables *tables)
{
    cf_policy *policy = NULL;
    MUST(cf_policy_new(tables, &policy) == CF_OK);
    return policy;
}

/* -- methods ------------------------------------------------------------- */

static cf_outcome
method(const cf_policy *policy, const cf_tables *tables, const char *text,
       size_t length)
{
    cf_outcome back =
        cf_match_method(policy, guard_back(text, length), length);
    cf_outcome front =
        cf_match_method(policy, guard_front(text, length), length);
    CHECK_FOR(text, length, back == front);
    CHECK_FOR(text, length, back == naive_match_method(tables, text, length));
    return back;
}

static const struct {
    const char *text;
    cf_outcome listed;
    cf_outcome any;
} methods[] = {
    {"GET", CF_ALLOWED, CF_ALLOWED},
    {"PUT", CF_ALLOWED, CF_ALLOWED},
    {"patch", CF_ALLOWED, CF_ALLOWED},
    {"PATCH", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"get", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"Get", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"GE", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"GETT", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"*", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"CONNECT", CF_METHOD_NOT_ALLOWED, CF_METHOD_NOT_ALLOWED},
    {"TRACE", CF_METHOD_NOT_ALLOWED, CF_METHOD_NOT_ALLOWED},
    {"TRACK", CF_METHOD_NOT_ALLOWED, CF_METHOD_NOT_ALLOWED},
    {"trace", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"TRACEE", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"TRAC", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"TRACX", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"CONNECTS", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"CONNEKT", CF_METHOD_NOT_ALLOWED, CF_ALLOWED},
    {"", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
    {" GET", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
    {"GET ", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
    {"GET,PUT", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
    {"GET\r\n", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
    {"CONNECT\n", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
    {"\"GET\"", CF_METHOD_MALFORMED, CF_METHOD_MALFORMED},
};

static void
test_methods(void)
{
    cf_policy *strict = make(&listed);
    cf_policy *open = make(&any);
    cf_policy *closed = make(&none);
    for (size_t i = 0; i < COUNT(methods); i++) {
        const char *text = methods[i].text;
        size_t length = strlen(text);
        CHECK_FOR(text, length,
                  method(strict, &listed, text, length) == methods[i].listed);
        CHECK_FOR(text, length,
                  method(open, &any, text, length) == methods[i].any);
        for (size_t n = 0; n <= length; n++) {
            (void)method(strict, &listed, text, n);
            (void)method(open, &any, text, n);
            (void)method(closed, &none, text, n);
        }
    }
    CHECK(cf_match_method(open, NULL, 0) == CF_METHOD_MALFORMED);
    cf_policy_free(strict);
    cf_policy_free(open);
    cf_policy_free(closed);
}

/* The policy compares a few short methods as words, and looks up the others. */
static void
test_many_short_methods(void)
{
    char texts[16][8];
    cf_slice names[COUNT(texts)];
    cf_tables tables = {.methods = names, .n_methods = COUNT(texts)};
    for (size_t i = 0; i < COUNT(texts); i++) {
        int length = snprintf(texts[i], sizeof texts[i], "M%zu", i);
        names[i] = (cf_slice){texts[i], (size_t)length};
    }
    cf_policy *policy = make(&tables);
    for (size_t i = 0; i < COUNT(texts); i++) {
        CHECK(method(policy, &tables, texts[i], names[i].length)
              == CF_ALLOWED);
    }
    CHECK(method(policy, &tables, "M99", 3) == CF_METHOD_NOT_ALLOWED);
    cf_policy_free(policy);
}

static void
test_method_limits(void)
{
    char text[CF_MAX_METHOD + 1];
    cf_policy *strict = make(&listed);
    cf_policy *open = make(&any);
    memset(text, 'M', sizeof text);
    for (size_t n = 1; n <= CF_MAX_METHOD + 1; n++) {
        cf_outcome wanted =
            n <= CF_MAX_METHOD ? CF_ALLOWED : CF_METHOD_TOO_LONG;
        CHECK(method(open, &any, text, n) == wanted);
        if (n == CF_MAX_METHOD) {
            CHECK(method(strict, &listed, text, n) == CF_ALLOWED);
        }
    }
    /* reading a byte would end the program */
    const char *nothing = guard_back(NULL, 0);
    CHECK(cf_match_method(open, nothing, CF_MAX_METHOD + 1)
          == CF_METHOD_TOO_LONG);
    CHECK(cf_match_method(open, nothing, SIZE_MAX) == CF_METHOD_TOO_LONG);
    /* every byte, alone and at every place */
    for (unsigned byte = 0; byte < 256; byte++) {
        char one = (char)byte;
        cf_outcome wanted =
            naive_tchar(one) ? CF_ALLOWED : CF_METHOD_MALFORMED;
        CHECK(method(open, &any, &one, 1) == wanted);
        for (size_t at = 0; at < 8; at++) {
            memcpy(text, "CONNECTS", 8);
            text[at] = one;
            CHECK(method(open, &any, text, 8) == wanted);
            (void)method(strict, &listed, text, 8);
            (void)method(open, &any, text, 7);
        }
    }
    cf_policy_free(strict);
    cf_policy_free(open);
}

/* -- lists --------------------------------------------------------------- */

/* Join the allowed names of a list between both guards. The result has to be
 * a list of names that is allowed. Return its length. */
static size_t
join_allowed(const cf_policy *policy, const char *text, size_t length)
{
    bool joined = false;
    char *out = guard_back(text, length);
    size_t written =
        cf_join_allowed(policy, guard_front(text, length), length, out);
    CHECK_FOR(text, length, written <= length);
    CHECK_FOR(text, length,
              cf_match_headers(policy, out, written, &joined) == CF_ALLOWED);
    CHECK_FOR(text, length, joined);
    return written;
}

static const struct {
    const char *text;
    const char *allowed; /* by `any` */
} parts[] = {
    {"authorization", ""},
    {"a, Authorization,\t,B", "a,B"},
    {"authorization,b", "b"},
    {"*,authorization,a", "a"},
    {"a,authorization,*", "a"},
    {"a,**,authorization", "a,**"},
    {"a,authorization,b c", ""},
    {"a,authorization,\x80", ""},
    {"a,authorization,,,,,,,,,,,,,,,,,", ""},
};

static void
test_allowed_parts(void)
{
    cf_policy *open = make(&any);
    for (size_t i = 0; i < COUNT(parts); i++) {
        char out[LIST_ROOM];
        const char *text = parts[i].text, *allowed = parts[i].allowed;
        size_t length = strlen(text), wanted = strlen(allowed);
        CHECK(join_allowed(open, text, length) == wanted);
        CHECK(cf_join_allowed(open, text, length, out) == wanted);
        CHECK(memcmp(out, allowed, wanted) == 0);
    }
    CHECK(cf_join_allowed(open, NULL, 0, NULL) == 0);
    cf_policy_free(open);
}

/* Match a list with both guards, and compare the outcome, *joined and
 * cf_join_names with the oracle. */
static cf_outcome
list(const cf_policy *policy, const cf_tables *tables, const char *text,
     size_t length)
{
    static char names[LIST_ROOM];
    bool back_joined = false, front_joined = true, wanted_joined = false;
    size_t written = 0;
    cf_outcome wanted = naive_match_headers(tables, text, length,
                                            &wanted_joined, names, &written);
    cf_outcome back = cf_match_headers(policy, guard_back(text, length),
                                       length, &back_joined);
    const char *front_text = guard_front(text, length);
    cf_outcome front =
        cf_match_headers(policy, front_text, length, &front_joined);
    CHECK_FOR(text, length, back == front);
    CHECK_FOR(text, length, back == wanted);
    join_allowed(policy, text, length);
    front_text = guard_front(text, length);
    if (wanted != CF_ALLOWED) {
        CHECK_FOR(text, length, !back_joined && front_joined); /* untouched */
        return back;
    }
    CHECK_FOR(text, length, back_joined == wanted_joined);
    CHECK_FOR(text, length, front_joined == wanted_joined);
    /* The output buffer is as long as the list and ends at a guard page. */
    char *out = guard_back(text, length);
    memset(out, '?', length);
    size_t joined = cf_join_names(front_text, length, out);
    CHECK_FOR(text, length, joined <= length);
    CHECK_FOR(text, length, joined == written);
    CHECK_FOR(text, length, memcmp(out, names, joined) == 0);
    for (size_t i = joined; i < length; i++) {
        CHECK_FOR(text, length, out[i] == '?');
    }
    return back;
}

static const struct {
    const char *text;
    cf_outcome listed;
    cf_outcome any;
} lists[] = {
    {"", CF_ALLOWED, CF_ALLOWED},
    {" ", CF_ALLOWED, CF_ALLOWED},
    {",", CF_ALLOWED, CF_ALLOWED},
    {", ,\t,", CF_ALLOWED, CF_ALLOWED},
    {"a", CF_ALLOWED, CF_ALLOWED},
    {"A", CF_ALLOWED, CF_ALLOWED},
    {"a,x-token", CF_ALLOWED, CF_ALLOWED},
    {"X-Token,a", CF_ALLOWED, CF_ALLOWED},
    {"a, x-token", CF_ALLOWED, CF_ALLOWED},
    {" a\t,\tx-token ", CF_ALLOWED, CF_ALLOWED},
    {"a,,a", CF_ALLOWED, CF_ALLOWED},
    {"a,", CF_ALLOWED, CF_ALLOWED},
    {",a", CF_ALLOWED, CF_ALLOWED},
    {"a,a,a,a", CF_ALLOWED, CF_ALLOWED},
    {"CONTENT-type,-.^_`|~09,!#$%&'*+", CF_ALLOWED, CF_ALLOWED},
    {"x-toke", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"x-tokens", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"a,b", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"*", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"authorization", CF_HEADER_NOT_ALLOWED, CF_HEADER_NOT_ALLOWED},
    {"a, Authorization", CF_HEADER_NOT_ALLOWED, CF_HEADER_NOT_ALLOWED},
    {"AUTHORIZATION", CF_HEADER_NOT_ALLOWED, CF_HEADER_NOT_ALLOWED},
    {"authorizatio", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"authorizations", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"authorizatiom", CF_HEADER_NOT_ALLOWED, CF_ALLOWED},
    {"a b", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"a;b", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"a:", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"a\r\nx: y", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"a\n", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"\"a\"", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"a,\v", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"\x80", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"a\xc3\xa9", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    /* the first element with a problem decides */
    {"b,a b", CF_HEADER_NOT_ALLOWED, CF_HEADER_MALFORMED},
    {"a b,b", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
    {"b;", CF_HEADER_MALFORMED, CF_HEADER_MALFORMED},
};

static void
test_lists(void)
{
    cf_policy *strict = make(&listed);
    cf_policy *open = make(&any);
    cf_policy *closed = make(&none);
    for (size_t i = 0; i < COUNT(lists); i++) {
        const char *text = lists[i].text;
        size_t length = strlen(text);
        CHECK_FOR(text, length,
                  list(strict, &listed, text, length) == lists[i].listed);
        CHECK_FOR(text, length,
                  list(open, &any, text, length) == lists[i].any);
        for (size_t n = 0; n <= length; n++) {
            (void)list(strict, &listed, text, n);
            (void)list(open, &any, text, n);
            (void)list(closed, &none, text, n);
        }
    }
    bool joined = false;
    CHECK(cf_match_headers(closed, NULL, 0, &joined) == CF_ALLOWED && joined);
    CHECK(cf_join_names(NULL, 0, NULL) == 0);
    cf_policy *both = make(&any_and_authorization);
    CHECK(list(both, &any_and_authorization, "AUTHORIZATION,b", 15)
          == CF_ALLOWED);
    cf_policy_free(strict);
    cf_policy_free(open);
    cf_policy_free(closed);
    cf_policy_free(both);
}

/* Put every byte at every place of a list. */
static void
test_list_bytes(void)
{
    static const char value[] = " a,X-Token\t, ,content-type";
    char text[sizeof value];
    cf_policy *strict = make(&listed);
    cf_policy *open = make(&any);
    size_t length = sizeof value - 1;
    memcpy(text, value, length);
    for (size_t at = 0; at < length; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            (void)list(strict, &listed, text, length);
            (void)list(open, &any, text, length);
        }
        text[at] = value[at];
    }
    cf_policy_free(strict);
    cf_policy_free(open);
}

/* -- limits -------------------------------------------------------------- */

static char room[LIST_ROOM];
static size_t used;

static void
start(void)
{
    used = 0;
}

static void
add(const char *text)
{
    size_t length = strlen(text);
    MUST(used + length <= sizeof room);
    memcpy(room + used, text, length);
    used += length;
}

static void
repeat(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(text);
    }
}

/* Match the list in `room`, and every prefix of it. */
static void
check_budget(const cf_policy *policy, const cf_tables *tables,
             cf_outcome wanted)
{
    CHECK_FOR(room, used, list(policy, tables, room, used) == wanted);
    for (size_t n = 0; n < used; n += used > 600 ? 37 : 1) {
        (void)list(policy, tables, room, n);
    }
}

static void
test_white_space(const cf_policy *policy, const cf_tables *tables)
{
    static const char *const names[] = {"a", ""};
    static const char *const kinds[] = {" ", "\t", " \t"};
    for (size_t i = 0; i < COUNT(names); i++) {
        for (size_t before = 0; before <= CF_MAX_ELEMENT_OWS + 2; before++) {
            for (size_t after = 0; after <= CF_MAX_ELEMENT_OWS + 2; after++) {
                size_t kind = (before + after) % 2;
                bool fits = before + after <= CF_MAX_ELEMENT_OWS;
                cf_outcome wanted =
                    fits ? CF_ALLOWED : CF_HEADER_LIST_TOO_SPACED;
                start();
                repeat(kinds[kind], before);
                add(names[i]);
                repeat(kinds[1 - kind], after);
                check_budget(policy, tables, wanted);
                add(",a");
                check_budget(policy, tables, wanted);
                start();
                add("a,");
                repeat(kinds[kind], before);
                add(names[i]);
                repeat(kinds[kind], after);
                check_budget(policy, tables, wanted);
            }
        }
    }
    /* the limit is per element */
    start();
    for (int i = 0; i < 100; i++) {
        repeat(kinds[2], CF_MAX_ELEMENT_OWS / 2 / 2);
        add("a");
        repeat(kinds[2], CF_MAX_ELEMENT_OWS / 2 / 2);
        add(",");
    }
    check_budget(policy, tables, CF_ALLOWED);
}

static void
test_empty_elements(const cf_policy *policy, const cf_tables *tables)
{
    for (size_t empty = 1; empty <= CF_MAX_EMPTY_ELEMENTS + 2; empty++) {
        cf_outcome wanted = empty <= CF_MAX_EMPTY_ELEMENTS
                                ? CF_ALLOWED
                                : CF_HEADER_LIST_TOO_SPARSE;
        start();
        repeat(",", empty - 1);
        check_budget(policy, tables, wanted);
        start();
        repeat(",", empty);
        add("a");
        check_budget(policy, tables, wanted);
        start();
        add("a");
        repeat(" ,", empty);
        check_budget(policy, tables, wanted);
        start();
        repeat("a,\t,x-token,", empty);
        add("a");
        check_budget(policy, tables, wanted);
    }
    start();
    repeat(",", CF_MAX_EMPTY_ELEMENTS);
    check_budget(policy, tables, CF_HEADER_LIST_TOO_SPARSE);
}

static void
test_name_length(const cf_policy *policy, const cf_tables *tables,
                 cf_outcome shorter)
{
    for (size_t n = 100; n <= CF_MAX_HEADER_NAME + 2; n++) {
        cf_outcome wanted = n < CF_MAX_HEADER_NAME    ? shorter
                            : n == CF_MAX_HEADER_NAME ? CF_ALLOWED
                                                      : CF_HEADER_TOO_LONG;
        start();
        repeat("N", n);
        check_budget(policy, tables, wanted);
        add(",a");
        check_budget(policy, tables, wanted);
        start();
        add("a,\t");
        repeat("n", n);
        add(" ");
        check_budget(policy, tables, wanted);
        start();
        repeat("n", n);
        add("("); /* too long is reported before malformed */
        check_budget(policy, tables,
                     n > CF_MAX_HEADER_NAME ? CF_HEADER_TOO_LONG
                                            : CF_HEADER_MALFORMED);
    }
}

static void
test_list_length(const cf_policy *policy, const cf_tables *tables)
{
    start();
    repeat("a,", CF_MAX_HEADER_LIST / 2 - 1);
    add("a,");
    CHECK(used == CF_MAX_HEADER_LIST);
    check_budget(policy, tables, CF_ALLOWED);
    add("a"); /* one byte over the limit */
    check_budget(policy, tables, CF_HEADER_LIST_TOO_LONG);
    used = CF_MAX_HEADER_LIST - 1;
    check_budget(policy, tables, CF_ALLOWED);
    /* reading a byte would end the program */
    const char *nothing = guard_back(NULL, 0);
    bool joined = false;
    CHECK(cf_match_headers(policy, nothing, CF_MAX_HEADER_LIST + 1, &joined)
          == CF_HEADER_LIST_TOO_LONG);
    CHECK(cf_match_headers(policy, nothing, SIZE_MAX, &joined)
          == CF_HEADER_LIST_TOO_LONG);
    CHECK(!joined);
}

static void
test_budgets(void)
{
    cf_policy *strict = make(&listed);
    cf_policy *open = make(&any);
    test_white_space(strict, &listed);
    test_white_space(open, &any);
    test_empty_elements(strict, &listed);
    test_empty_elements(open, &any);
    test_name_length(strict, &listed, CF_HEADER_NOT_ALLOWED);
    test_name_length(open, &any, CF_ALLOWED);
    test_list_length(strict, &listed);
    test_list_length(open, &any);
    cf_policy_free(strict);
    cf_policy_free(open);
}

/* -- noise --------------------------------------------------------------- */

static void
test_noise(void)
{
    static const char *const pieces[] = {
        "a",        ",",     ",",       ", ",   " ",   "\t",
        "x-token",  "x-to",  "X-TOKEN", "b",    "a,a", "authorization",
        "        ", ",,,,,", "a\t,",    "\x80", ";",   "accept-language"};
    uint64_t random = 5;
    cf_policy *strict = make(&listed);
    cf_policy *open = make(&any);
    cf_policy *both = make(&any_and_authorization);
    for (int round = 0; round < 100000; round++) {
        /* mostly without the last pieces, or few lists would be allowed */
        size_t kinds = round % 4 == 0 ? COUNT(pieces) : 9;
        size_t n = check_below(&random, 24);
        start();
        for (size_t i = 0; i < n; i++) {
            add(pieces[check_below(&random, kinds)]);
            add(check_below(&random, 2) == 0 ? "," : "");
        }
        (void)list(strict, &listed, room, used);
        (void)list(open, &any, room, used);
        (void)list(both, &any_and_authorization, room, used);
    }
    cf_policy_free(strict);
    cf_policy_free(open);
    cf_policy_free(both);
}

/* Test tchar and lower case for all 256 bytes, as names of one byte. */
static void
test_every_name_byte(void)
{
    cf_policy *open = make(&any);
    for (unsigned byte = 0; byte < 256; byte++) {
        char one = (char)byte;
        (void)list(open, &any, &one, 1);
        if (!naive_tchar(one)) {
            continue;
        }
        char lower = naive_lower(one);
        cf_slice name = {&lower, 1};
        cf_tables tables = {.headers = &name, .n_headers = 1, .seed = byte};
        cf_policy *policy = make(&tables);
        for (unsigned other = 0; other < 256; other++) {
            char asked = (char)other;
            (void)list(policy, &tables, &asked, 1);
        }
        cf_policy_free(policy);
    }
    cf_policy_free(open);
}

int
main(void)
{
    memset(longest_name, 'n', sizeof longest_name);
    memset(longest_method, 'M', sizeof longest_method);
    test_methods();
    test_many_short_methods();
    test_method_limits();
    test_lists();
    test_allowed_parts();
    test_list_bytes();
    test_budgets();
    test_noise();
    test_every_name_byte();
    return check_end("test_nameset");
}
