/* test_origin.c - test the origin grammar, csrc/cf_origin.c: every prefix,
 * every byte and every limit. naive_origin.h is the oracle.
 */
#include "check.h"

#include "cf_internal.h"
#include "guard.h"
#include "naive_origin.h"

#if GUARD_PAGES
#    include <arpa/inet.h>
#endif

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* -- validating ---------------------------------------------------------- */

/* Validate a text twice, with a guard page before it and with one after it.
 */
static bool
valid(const char *text, size_t length)
{
    bool back = cf_valid_origin(guard_back(text, length), length);
    bool front = cf_valid_origin(guard_front(text, length), length);
    CHECK_FOR(text, length, back == front);
    return back;
}

static void
check_valid(const char *text, bool wanted)
{
    size_t length = strlen(text);
    CHECK_FOR(text, length, valid(text, length) == wanted);
    CHECK_FOR(text, length, naive_valid_origin(text, length) == wanted);
}

static void
check_oracle(const char *text, size_t length)
{
    CHECK_FOR(text, length,
              valid(text, length) == naive_valid_origin(text, length));
}

/* -- tables -------------------------------------------------------------- */

static const char *const good[] = {
    "https://example.com",
    "https://example.com.",
    "http://a",
    "https://a.b.c.d.e.f",
    "https://xn--bcher-kva.example",
    "https://a--b.example",
    "https://_dmarc.example_",
    "https://_",
    "https://1password.com",
    "https://1.2.3.4.5a",
    "https://123a",
    "https://0xg",
    "https://a.0x1g",
    "https://3com.0abc",
    "https://1e3",
    "https://a.b0",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost:1",
    "http://localhost:65535",
    "http://localhost:443",
    "https://localhost:80",
    "http://0.0.0.0",
    "http://127.0.0.1:8080",
    "http://255.255.255.255",
    "http://[::]",
    "http://[::1]:3000",
    "https://[2001:db8::1]",
    "https://[2001:db8::1:0:0:1]",
    "https://[1:2:3:4:5:6:7:8]:8443",
    "https://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://0a1b2c3d-4e5f-6789-abcd-ef0123456789",
    "capacitor://localhost",
    "files://a",
    "fil://a",
    "a+b-c.d1://h",
    "ws://a:443",
    "wss://a:80",
    "ftp://a:22",
    "z://a:80",
    "app://.",
    "app://-",
    "app://..:80",
    "app://A.b~-_",
    "app://1.2.3.999",
    "app://0x",
    "app://a%2fb%E2%82%AC",
    "x://[::1]:80",
    "safari-web-extension://E8A1B2C3-D4E5-4F60-8123-456789ABCDEF",
};

static const char *const bad[] = {
    "",
    "null",
    "*",
    ":",
    "://",
    "https",
    "https:",
    "https:/",
    "https://",
    "https:///",
    "https:example.com",
    "https:/example.com",
    "//example.com",
    "://example.com",
    "example.com",
    "1http://a",
    "+a://b",
    "-a://b",
    ".a://b",
    "Https://a",
    "HTTPS://a",
    "ht_tp://a",
    "ht tp://a",
    "file://a",
    "x://",
    "x://:80",
    "x://a:",
    "x://a:0",
    "x://a/",
    "x://a,x://b",
    "x://a b",
    "x://a\"",
    "x://a'",
    "x://<a>",
    "x://*",
    "x://a!",
    "x://a$",
    "x://a&",
    "x://(a)",
    "x://a+",
    "x://a;",
    "x://a=",
    "x://a`",
    "x://{a}",
    "x://a|b",
    "x://a^",
    "x://a\\",
    "x://a@b",
    "x://a?",
    "x://a#",
    "x://a\x7f",
    "x://a\xe9",
    "x://%",
    "x://%2",
    "x://%2g",
    "x://%g2",
    "x://a%",
    "x://a%2:80",
    "x://a%%41",
    "x://[::1",
    "x://[A::]",
    "x://[::1]a",
    "X://a",
    "ws://.",
    "wss://A",
    "ftp://a..b",
    "http://.",
    "http://A",
    "http://a~b",
    "file://",
    "https://A.com",
    "https://a.com/",
    "https://a.com?",
    "https://a.com#",
    "https://a.com\\",
    "https://a.com/.example.com",
    "https://u@a.com",
    "https://u:p@a.com",
    "https://a.com https://b.com",
    "https://a.com,https://b.com",
    "https://a.com, https://a.com",
    " https://a.com",
    "https://a.com ",
    "https://a.com\t",
    "https://a.com\r\nX: y",
    "https://a..b",
    "https://.a",
    "https://a..",
    "https://.",
    "https://..",
    "https://-a",
    "https://a-",
    "https://a-.b",
    "https://a.-b",
    "https://a.b-",
    "https://a.b-.",
    "https://-",
    "https://*.a",
    "https://a*b",
    "https://a%2eb",
    "https://a.b:",
    "https://a.b:0",
    "https://a.b:01",
    "https://a.b:+1",
    "https://a.b:-1",
    "https://a.b: 1",
    "https://a.b:1 ",
    "https://a.b:1a",
    "https://a.b:a1",
    "https://a.b:0x50",
    "https://a.b:*",
    "https://a.b:80:80",
    "https://a.b::80",
    "https://:80",
    "https://a.b.:",
    "https://a.b.:443",
    /* default ports */
    "http://a:80",
    "https://a:443",
    "ws://a:80",
    "wss://a:443",
    "ftp://a:21",
    /* ports that overflow to a valid port */
    "https://a:65536",
    "https://a:65979", /* 443 + 2^16 */
    "https://a:99999",
    "https://a:131072",
    "https://a:4294967739", /* 443 + 2^32 */
    "https://a:4294967297",
    "https://a:18446744073709552059", /* 443 + 2^64 */
    "https://a:18446744073709551617",
    "https://a:340282366920938463463374607431768211457",
    "https://a:000000000000000000001",
    /* numbers that are not an IPv4 address as browsers write it */
    "https://1",
    "https://0",
    "https://1.2",
    "https://1.2.3",
    "https://1.2.3.4.5",
    "https://1.2.3.4.",
    "https://1.2.3.",
    "https://1..2.3",
    "https://a.1",
    "https://a.1.",
    "https://a.b.c.1",
    "https://1.2.3.256",
    "https://256.1.1.1",
    "https://1.300.1.1",
    "https://1.2.3.999",
    "https://1.2.3.260",
    "https://1.2.3.1000",
    "https://1.2.3.4294967297",
    "https://4294967297.2.3.4",
    "https://1.2.3.18446744073709551617",
    "https://01.2.3.4",
    "https://1.2.3.04",
    "https://1.2.3.00",
    "https://1.2.3.0x4",
    "https://0x7f.0.0.1",
    "https://0x7f000001",
    "https://0x",
    "https://0x.",
    "https://a.0x",
    "https://a.0x.",
    "https://a.0xabcdef0123456789",
    "https://2130706433",
    "https://1.2.3.-4",
    "https://1.2.3.4a.5",
    /* IPv6 in forms that browsers do not write */
    "https://[]",
    "https://[",
    "https://]",
    "https://[:]",
    "https://[:::]",
    "https://[::::]",
    "https://[1]",
    "https://[::1",
    "https://::1]",
    "https://::1",
    "https://[::1]x",
    "https://[::1].",
    "https://[::1]]",
    "https://[[::1]]",
    "https://[::1]:",
    "https://[::1]:443",
    "https://[::1]:65979",
    "https://[::1]80",
    "https://a[::1]",
    "https://[::1]a:80",
    "https://[0::1]",
    "https://[::0]",
    "https://[0::]",
    "https://[::0:1]",
    "https://[1::0]",
    "https://[1:0::2]",
    "https://[1::0:2]",
    "https://[0:0:0:0:0:0:0:0]",
    "https://[0:0:0:0:0:0:0:1]",
    "https://[1:2:3:4:5:6:7]",
    "https://[1:2:3:4:5:6:7:]",
    "https://[:1:2:3:4:5:6:7]",
    "https://[1:2:3:4:5:6:7:8:9]",
    "https://[1:2:3:4:5:6:7:8:]",
    "https://[1:2:3:4:5:6:7::]",
    "https://[::2:3:4:5:6:7:8]",
    "https://[1:2:3::5:6:7:8]",
    "https://[1:2:3:4::5:6:7:8]",
    "https://[1:2:3:4:5:6:7:8::]",
    "https://[::1:2:3:4:5:6:7:8]",
    "https://[1::2::3]",
    "https://[1:::2]",
    "https://[1:0:0:2:0:0:0:3]",
    "https://[1:0:0:0:2::3]",
    "https://[1:0:0:2::3:4]",
    "https://[1:2:0:0:3:4::]",
    "https://[::01]",
    "https://[::0001]",
    "https://[::12345]",
    "https://[::10000]",
    "https://[::g]",
    "https://[::A]",
    "https://[::FFFF]",
    "https://[::ffff:1.2.3.4]",
    "https://[::1.2.3.4]",
    "https://[fe80::1%25eth0]",
    "https://[fe80::1%eth0]",
    "https://[v1.a]",
    "https://[::1 ]",
    "https://[-1::]",
    "https://[::1:]",
    "https://[:1]",
    "https://[2001:db8::1::]",
};

static void
test_tables(void)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        check_valid(good[i], true);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        check_valid(bad[i], false);
    }
}

static void
test_every_prefix(void)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        for (size_t n = 0; n <= strlen(good[i]); n++) {
            check_oracle(good[i], n);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (size_t n = 0; n <= strlen(bad[i]); n++) {
            check_oracle(bad[i], n);
        }
    }
    CHECK(!cf_valid_origin(NULL, 0));
}

/* Put every byte, also NUL and bytes from 0x80 on, at every place of every
 * valid origin: instead of the byte there, and before it. */
static void
test_every_byte(void)
{
    char text[512];
    for (size_t i = 0; i < COUNT(good); i++) {
        size_t length = strlen(good[i]);
        for (size_t at = 0; at <= length; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                memcpy(text, good[i], at);
                text[at] = (char)byte;
                memcpy(text + at + 1, good[i] + at, length - at);
                check_oracle(text, length + 1);
                bool printable = byte > 0x20 && byte < 0x7f;
                CHECK_FOR(text, length + 1,
                          printable || !cf_valid_origin(text, length + 1));
                if (at < length) {
                    memcpy(text + at + 1, good[i] + at + 1, length - at - 1);
                    check_oracle(text, length);
                }
            }
        }
    }
}

/* -- limits -------------------------------------------------------------- */

/* Append a host of `length` bytes: labels of `label` bytes, the last one may
 * be shorter. */
static void
append_host(char *text, size_t length, size_t label)
{
    char *out = text + strlen(text);
    for (size_t i = 0; i < length; i++) {
        bool dot = i % (label + 1) == label && i + 1 != length;
        out[i] = dot ? '.' : 'a';
    }
    out[length] = '\0';
}

static void
append(char *text, char c, size_t count)
{
    size_t length = strlen(text);
    memset(text + length, c, count);
    text[length + count] = '\0';
}

static void
test_limits(void)
{
    char text[2048];
    for (size_t n = 1; n <= CF_MAX_SCHEME + 2; n++) {
        text[0] = '\0';
        append(text, 's', n);
        strcat(text, "://a");
        check_valid(text, n <= CF_MAX_SCHEME);
    }
    for (size_t n = 1; n <= CF_MAX_LABEL + 2; n++) {
        /* as the only, the first, the middle and the last label */
        strcpy(text, "http://");
        append(text, 'a', n);
        check_valid(text, n <= CF_MAX_LABEL);
        strcat(text, ".b");
        check_valid(text, n <= CF_MAX_LABEL);
        strcpy(text, "http://b.");
        append(text, 'a', n);
        check_valid(text, n <= CF_MAX_LABEL);
        strcat(text, ".:8080");
        check_valid(text, n <= CF_MAX_LABEL);
        strcpy(text, "http://b.");
        append(text, 'a', n);
        strcat(text, ".c:8080");
        check_valid(text, n <= CF_MAX_LABEL);
    }
    for (size_t label = 1; label <= CF_MAX_LABEL; label++) {
        for (size_t n = CF_MAX_HOST - 3; n <= CF_MAX_HOST + 3; n++) {
            strcpy(text, "http://");
            append_host(text, n, label);
            check_oracle(text, strlen(text));
            strcat(text, ".");
            check_oracle(text, strlen(text));
            strcat(text, ":8080");
            check_oracle(text, strlen(text));
        }
    }
    strcpy(text, "http://");
    append_host(text, CF_MAX_HOST, 1);
    check_valid(text, true);
    strcat(text, ".");
    check_valid(text, true);
    strcpy(text, "http://");
    append_host(text, CF_MAX_HOST + 1, CF_MAX_LABEL);
    check_valid(text, false);
    /* Far over the limit: only dots, digits, brackets or labels. */
    static const char *const fillers[] = {".", "a", "1", "a.", "0.", "[", ":"};
    for (size_t i = 0; i < COUNT(fillers); i++) {
        for (size_t n = 200; n < 700; n += 7) {
            strcpy(text, "http://");
            while (strlen(text) < n) {
                strcat(text, fillers[i]);
            }
            check_oracle(text, strlen(text));
        }
    }
}

static void
test_longest_origin(void)
{
    char text[512] = "";
    append(text, 's', CF_MAX_SCHEME);
    strcat(text, "://");
    append_host(text, CF_MAX_HOST, CF_MAX_LABEL);
    strcat(text, ":65535");
    CHECK(strlen(text) == CF_MAX_ORIGIN);
    check_valid(text, true);
    for (size_t n = 0; n <= CF_MAX_ORIGIN; n++) {
        check_oracle(text, n);
    }
    /* Valid except for the limit: the root's dot makes it 327 bytes. */
    text[strlen(text) - strlen(":65535")] = '\0';
    strcat(text, ".:65535");
    CHECK(strlen(text) == CF_MAX_ORIGIN + 1);
    check_valid(text, false);
    text[CF_MAX_ORIGIN] = '\0'; /* valid again with one digit less */
    check_valid(text, true);
}

/* -- numbers ------------------------------------------------------------- */

static long
default_port(const char *scheme)
{
    if (strcmp(scheme, "http") == 0 || strcmp(scheme, "ws") == 0) {
        return 80;
    }
    if (strcmp(scheme, "https") == 0 || strcmp(scheme, "wss") == 0) {
        return 443;
    }
    return strcmp(scheme, "ftp") == 0 ? 21 : 0;
}

static void
test_ports(void)
{
    static const char *const schemes[] = {"http", "https", "ws", "wss",
                                          "ftp",  "foo",   "h",  "xhttps"};
    char text[64];
    for (size_t i = 0; i < COUNT(schemes); i++) {
        for (long port = 0; port <= 70000; port++) {
            int length =
                snprintf(text, sizeof text, "%s://a:%ld", schemes[i], port);
            cf_origin parts;
            bool wanted =
                port >= 1 && port <= 65535 && port != default_port(schemes[i]);
            bool got = cf_parse_origin(text, (size_t)length, &parts);
            CHECK_FOR(text, (size_t)length, got == wanted);
            CHECK_FOR(text, (size_t)length, !got || (long)parts.port == port);
        }
    }
    for (int port = 0; port <= 9999; port++) {
        snprintf(text, sizeof text, "foo://a:0%d", port);
        check_valid(text, false);
    }
}

static void
test_octets(void)
{
    char text[64];
    for (int at = 0; at < 4; at++) {
        for (int octet = 0; octet <= 1100; octet++) {
            int octets[4] = {10, 0, 255, 1};
            octets[at] = octet;
            snprintf(text, sizeof text, "http://%d.%d.%d.%d", octets[0],
                     octets[1], octets[2], octets[3]);
            check_valid(text, octet <= 255);
            strcat(text, ":81");
            check_valid(text, octet <= 255);
        }
    }
}

/* -- IPv6 ---------------------------------------------------------------- */

/* Check that a spelling of an address is valid only if it is canonical. */
static void
check_spelling(const char *address, const unsigned groups[8],
               const char *canonical)
{
    char text[96];
#if GUARD_PAGES
    unsigned char packed[16];
    MUST(inet_pton(AF_INET6, address, packed) == 1);
    for (size_t i = 0; i < 8; i++) {
        MUST(packed[2 * i] == groups[i] >> 8
             && packed[2 * i + 1] == (groups[i] & 0xff));
    }
#else
    (void)groups;
#endif
    snprintf(text, sizeof text, "http://[%s]", address);
    check_valid(text, strcmp(address, canonical) == 0);
}

/* Check every spelling that writes "::" for a run of zeros, even of one. */
static void
check_gaps(const unsigned groups[8], const char *canonical)
{
    for (size_t start = 0; start < 8; start++) {
        for (size_t end = start; end < 8 && groups[end] == 0; end++) {
            char address[64];
            address[0] = '\0';
            naive_write_groups(address, groups, start);
            strcat(address, "::");
            naive_write_groups(address + strlen(address), groups + end + 1,
                               7 - end);
            check_spelling(address, groups, canonical);
        }
    }
}

static void
check_other_digits(const unsigned groups[8], const char *canonical)
{
    char address[64] = "";
    for (size_t i = 0; i < 8; i++) {
        snprintf(address + strlen(address), 8, i == 0 ? "%04x" : ":%04x",
                 groups[i] & 0xffff);
    }
    check_spelling(address, groups, canonical);
    strcpy(address, canonical);
    for (char *c = address; *c != '\0'; c++) {
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    }
    check_spelling(address, groups, canonical);
    /* Write the last two groups as an IPv4 address. */
    address[0] = '\0';
    naive_write_groups(address, groups, 6);
    snprintf(address + strlen(address), 20, ":%u.%u.%u.%u",
             groups[6] >> 8 & 0xff, groups[6] & 0xff, groups[7] >> 8 & 0xff,
             groups[7] & 0xff);
    check_spelling(address, groups, canonical);
}

/* Test all addresses of groups 0, 1 and ffff, in all their spellings. */
static void
test_ipv6(void)
{
    static const unsigned values[] = {0, 1, 0xffff};
    for (unsigned pattern = 0; pattern < 6561; pattern++) { /* 3^8 */
        unsigned groups[8];
        unsigned left = pattern;
        for (size_t i = 0; i < 8; i++) {
            groups[i] = values[left % 3];
            left /= 3;
        }
        char canonical[40], plain[40];
        naive_write_ipv6(canonical, groups);
        check_spelling(canonical, groups, canonical);
        plain[0] = '\0';
        naive_write_groups(plain, groups, 8);
        check_spelling(plain, groups, canonical);
        check_gaps(groups, canonical);
        check_other_digits(groups, canonical);
    }
}

/* Test texts that are nearly addresses. */
static void
test_ipv6_noise(void)
{
    static const char *const pieces[] = {"0", "1",  "ab", "ffff", "00", "01",
                                         ":", "::", ":",  ":0",   "0:", "1:",
                                         ":", "]",  "10", "10000"};
    uint64_t random = 7;
    for (int round = 0; round < 200000; round++) {
        char text[128] = "http://[";
        size_t n = check_below(&random, 18);
        for (size_t i = 0; i < n; i++) {
            strcat(text, pieces[check_below(&random, COUNT(pieces))]);
        }
        strcat(text, "]");
        size_t length = strlen(text);
        CHECK_FOR(text, length,
                  cf_valid_origin(text, length)
                      == naive_valid_origin(text, length));
    }
}

/* -- noise and parts ----------------------------------------------------- */

static void
test_noise(void)
{
    static const char *const pieces[] = {
        "http", "https", "://",  "a",   "b-",  "-c", ".",   "..", "1",
        "0",    "0x",    "255",  "256", ":",   "80", "443", "_",  "[",
        "]",    "::1",   "file", "ftp", "ws",  "+",  "/",   "@",  "A",
        "\x80", "xn--",  ".",    "~",   "%2F", "%",  "x",   ";",  "*"};
    uint64_t random = 11;
    for (int round = 0; round < 200000; round++) {
        char text[128] = "";
        if (check_below(&random, 4) != 0) {
            strcpy(text, round % 3 == 0 ? "x://" : "https://");
        }
        size_t n = check_below(&random, 10);
        for (size_t i = 0; i < n; i++) {
            strcat(text, pieces[check_below(&random, COUNT(pieces))]);
        }
        size_t length = strlen(text);
        CHECK_FOR(text, length,
                  cf_valid_origin(text, length)
                      == naive_valid_origin(text, length));
    }
}

/* Compare the parts with the oracle's, and every dot with the host itself. */
static void
check_parts(const char *text)
{
    cf_origin parts;
    naive_origin wanted;
    size_t length = strlen(text);
    MUST(naive_parse(text, length, &wanted));
    if (!check_that(cf_parse_origin(guard_back(text, length), length, &parts),
                    text, __FILE__, __LINE__)) {
        return;
    }
    size_t host = strlen(wanted.host);
    CHECK_FOR(text, length, parts.scheme_end == strlen(wanted.scheme));
    CHECK_FOR(text, length, parts.host_start == parts.scheme_end + 3);
    CHECK_FOR(text, length, parts.host_end == parts.host_start + host);
    CHECK_FOR(text, length, (long)parts.port == wanted.port);
    uint32_t dots = 0;
    for (size_t i = 0; i < host; i++) {
        if (wanted.host[i] == '.' && naive_special(wanted.scheme)) {
            CHECK_FOR(text, length, dots < parts.n_dots);
            CHECK_FOR(text, length, parts.dots[dots] == parts.host_start + i);
            dots++;
        }
    }
    CHECK_FOR(text, length, dots == parts.n_dots);
}

static void
test_parts(void)
{
    char text[512] = "http://";
    for (size_t i = 0; i < COUNT(good); i++) {
        check_parts(good[i]);
    }
    append_host(text, CF_MAX_HOST, 1); /* the largest number of dots */
    check_parts(text);
    strcat(text, ".");
    check_parts(text);
    strcat(text, ":65535");
    check_parts(text);
}

int
main(void)
{
    test_tables();
    test_every_prefix();
    test_every_byte();
    test_limits();
    test_longest_origin();
    test_ports();
    test_octets();
    test_ipv6();
    test_ipv6_noise();
    test_noise();
    test_parts();
    return check_end("test_origin");
}
