/* test_headers.c - test field names and Vary values, csrc/cf_headers.c, with
 * naive_names.h as the oracle.
 */
#include "check.h"

#include "corsfast.h"
#include "guard.h"
#include "naive_names.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
    const char *name;
    cf_field request;
    cf_field response;
} fields[] = {
    {"origin", CF_FIELD_ORIGIN, CF_FIELD_OTHER},
    {"access-control-request-method", CF_FIELD_REQUEST_METHOD, CF_FIELD_OTHER},
    {"access-control-request-headers", CF_FIELD_REQUEST_HEADERS,
     CF_FIELD_OTHER},
    {"access-control-request-private-network",
     CF_FIELD_REQUEST_PRIVATE_NETWORK, CF_FIELD_OTHER},
    {"vary", CF_FIELD_OTHER, CF_FIELD_VARY},
    {"access-control-allow-origin", CF_FIELD_OTHER, CF_FIELD_ALLOW_ORIGIN},
    {"access-control-allow-credentials", CF_FIELD_OTHER,
     CF_FIELD_ALLOW_CREDENTIALS},
    {"access-control-allow-methods", CF_FIELD_OTHER, CF_FIELD_ALLOW_METHODS},
    {"access-control-allow-headers", CF_FIELD_OTHER, CF_FIELD_ALLOW_HEADERS},
    {"access-control-max-age", CF_FIELD_OTHER, CF_FIELD_MAX_AGE},
    {"access-control-expose-headers", CF_FIELD_OTHER, CF_FIELD_EXPOSE_HEADERS},
    {"", CF_FIELD_OTHER, CF_FIELD_OTHER},
    {"host", CF_FIELD_OTHER, CF_FIELD_OTHER},
    {"cookie", CF_FIELD_OTHER, CF_FIELD_OTHER},
    {"vary\n", CF_FIELD_OTHER, CF_FIELD_OTHER},
};

static cf_field
request(const char *name, size_t length)
{
    cf_field back = cf_request_field(guard_back(name, length), length);
    cf_field front = cf_request_field(guard_front(name, length), length);
    CHECK_FOR(name, length, back == front);
    return back;
}

static cf_field
response(const char *name, size_t length)
{
    cf_field back = cf_response_field(guard_back(name, length), length);
    cf_field front = cf_response_field(guard_front(name, length), length);
    CHECK_FOR(name, length, back == front);
    return back;
}

static void
check_oracle(const char *name, size_t length)
{
    CHECK_FOR(name, length,
              request(name, length) == naive_request_field(name, length));
    CHECK_FOR(name, length,
              response(name, length) == naive_response_field(name, length));
}

static void
test_names(void)
{
    for (size_t i = 0; i < COUNT(fields); i++) {
        size_t length = strlen(fields[i].name);
        CHECK(request(fields[i].name, length) == fields[i].request);
        CHECK(response(fields[i].name, length) == fields[i].response);
    }
    CHECK(cf_named_request_field("cookie-2", 8) == CF_FIELD_OTHER);
    CHECK(cf_named_response_field("server", 6) == CF_FIELD_OTHER);
    CHECK(cf_request_field(NULL, 0) == CF_FIELD_OTHER);
    CHECK(cf_response_field(NULL, 0) == CF_FIELD_OTHER);
}

static void
test_case(void)
{
    char text[64];
    for (size_t i = 0; i < COUNT(fields); i++) {
        size_t length = strlen(fields[i].name);
        for (size_t j = 0; j < length; j++) {
            text[j] = fields[i].name[j];
            if (text[j] >= 'a' && text[j] <= 'z') {
                text[j] = (char)(text[j] - 'a' + 'A');
            }
        }
        CHECK(response(text, length) == fields[i].response);
        CHECK(length == 0 || request(text, length) == CF_FIELD_OTHER);
    }
}

/* Every prefix of a name, the name with one more byte, and every byte at every
 * place. */
static void
test_near(void)
{
    char text[64];
    for (size_t i = 0; i < COUNT(fields); i++) {
        size_t length = strlen(fields[i].name);
        for (size_t n = 0; n <= length; n++) {
            check_oracle(fields[i].name, n);
        }
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(text, fields[i].name, length);
            text[length] = (char)byte;
            check_oracle(text, length + 1);
            for (size_t at = 0; at < length; at++) {
                text[at] = (char)byte;
                check_oracle(text, length);
                text[at] = fields[i].name[at];
            }
        }
    }
}

/* -- Vary ---------------------------------------------------------------- */

static unsigned
scan(const char *value, size_t length)
{
    unsigned back = cf_scan_vary(guard_back(value, length), length);
    unsigned front = cf_scan_vary(guard_front(value, length), length);
    CHECK_FOR(value, length, back == front);
    return back;
}

enum {
    O = CF_VARY_ORIGIN,
    M = CF_VARY_REQUEST_METHOD,
    H = CF_VARY_REQUEST_HEADERS,
    S = CF_VARY_STAR
};

static const struct {
    const char *value;
    unsigned bits;
} varies[] = {
    {"", 0},
    {" ", 0},
    {",", 0},
    {",,,", 0},
    {" , ,\t", 0},
    {"Origin", O},
    {"origin", O},
    {"oRIGIN", O},
    {" \tOrigin\t ", O},
    {",Origin", O},
    {"Origin,", O},
    {"Origin ,", O},
    {"Origin\t", O},
    {"\tOrigin", O},
    {"Origin,Origin", O},
    {"Origins", 0},
    {"xOrigin", 0},
    {"Origin;q=1", 0},
    {"Origin Origin", 0},
    {"\"Origin\"", 0},
    {"Origin\n", 0},
    {"\rOrigin", 0},
    {"X-Origin, Cookie", 0},
    {"*", S},
    {" * ", S},
    {"**", 0},
    {"*,*", S},
    {"*,Origin", S | O},
    {"Accept-Encoding", 0},
    {"Accept-Encoding, Origin", O},
    {"Accept-Encoding,Origin , Cookie", O},
    {"Access-Control-Request-Method", M},
    {"Access-Control-Request-Headers", H},
    {"Access-Control-Request-Header", 0},
    {"Access-Control-Request-Methods", 0},
    {"ACCESS-CONTROL-REQUEST-METHOD", M},
    {"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
     O | M | H},
    {"access-control-request-headers\t,\torigin,access-control-request-method",
     O | M | H},
    {"Origin, Access-Control-Request-Method, Access-Control-Request-Headers,*",
     O | M | H | S},
};

static void
test_vary(void)
{
    for (size_t i = 0; i < COUNT(varies); i++) {
        size_t length = strlen(varies[i].value);
        CHECK_FOR(varies[i].value, length,
                  scan(varies[i].value, length) == varies[i].bits);
        for (size_t n = 0; n <= length; n++) {
            CHECK_FOR(varies[i].value, n,
                      scan(varies[i].value, n)
                          == naive_scan_vary(varies[i].value, n));
        }
    }
    CHECK(cf_scan_vary(NULL, 0) == 0);
}

/* Every byte at every place. NUL and bytes from 0x80 on are ordinary bytes,
 * and only space and tab are white space. */
static void
test_vary_bytes(void)
{
    static const char value[] = "*, Origin ,access-control-request-method,"
                                "\tAccess-Control-Request-Headers\t";
    char text[sizeof value];
    size_t length = sizeof value - 1;
    memcpy(text, value, length);
    for (size_t at = 0; at < length; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            text[at] = (char)byte;
            CHECK_FOR(text, length,
                      scan(text, length) == naive_scan_vary(text, length));
        }
        text[at] = value[at];
    }
}

static void
test_vary_noise(void)
{
    static const char *const pieces[] = {"Origin",
                                         "origin",
                                         ",",
                                         ",",
                                         " ",
                                         "\t",
                                         ", ",
                                         "*",
                                         "cookie",
                                         "\r",
                                         "O",
                                         "ORIGIN,",
                                         "origin\t,",
                                         "Access-Control-Request-Method",
                                         "access-control-request-headers"};
    uint64_t random = 3;
    for (int round = 0; round < 100000; round++) {
        char text[512] = "";
        size_t n = check_below(&random, 12);
        for (size_t i = 0; i < n; i++) {
            strcat(text, pieces[check_below(&random, COUNT(pieces))]);
        }
        size_t length = strlen(text);
        CHECK_FOR(text, length,
                  scan(text, length) == naive_scan_vary(text, length));
    }
}

int
main(void)
{
    test_names();
    test_case();
    test_near();
    test_vary();
    test_vary_bytes();
    test_vary_noise();
    return check_end("test_fields");
}
