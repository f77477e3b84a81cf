/* cf_origin.c - parse and validate serialized origins.
 *
 *     serialized-origin = scheme "://" host [ ":" port ]
 *     scheme = lower-alpha *( lower-alpha / DIGIT / "+" / "-" / "." )
 *     host   = "[" IPv6 "]" / IPv4 / domain ; http, https, ws, wss, ftp
 *            / "[" IPv6 "]" / opaque        ; all other schemes
 *     domain = label *( "." label ) [ "." ]
 *     label  = ldu [ *( ldu / "-" ) ldu ]            ; at most 63
 *     ldu    = lower-alpha / DIGIT / "_"
 *     opaque = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "%" 2HEXDIG )
 *     port   = 1*5DIGIT    ; 1-65535, no leading zero, not the default
 *
 * The full grammar and its reasons are in src/corsfast/_options/origin.py.
 */
#include "cf_internal.h"

/* -- bytes --------------------------------------------------------------- */

static inline bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static inline bool
is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool
is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static inline bool
is_any_hex(char c)
{
    return is_hex(c) || (c >= 'A' && c <= 'F');
}

/* The bytes that a label may contain: ldu and "-". */
/* clang-format off */
static const bool label_byte[256] = {
    ['-'] = true, ['_'] = true,
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true,
    ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true,
    ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true,
    ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true,
    ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true, ['o'] = true,
    ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true,
    ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true, ['y'] = true,
    ['z'] = true,
};
/* clang-format on */

/* -- scheme -------------------------------------------------------------- */

/* https://url.spec.whatwg.org/#default-port */
static uint32_t
default_port(const char *scheme, size_t n)
{
    switch (n) {
    case 2:
        return cf_equal(scheme, "ws", 2) ? 80 : 0;
    case 3:
        if (cf_equal(scheme, "wss", 3)) {
            return 443;
        }
        return cf_equal(scheme, "ftp", 3) ? 21 : 0;
    case 4:
        return cf_equal(scheme, "http", 4) ? 80 : 0;
    case 5:
        return cf_equal(scheme, "https", 5) ? 443 : 0;
    default:
        return 0;
    }
}

/* Write the end of the scheme and its default port. The port is 0 for a
 * scheme without a default port; the hosts of such a scheme are opaque. */
static bool
parse_scheme(const char *s, size_t n, size_t *end, uint32_t *port)
{
    if (n > 8 && cf_equal(s, "https://", 8)) {
        *end = 5;
        *port = 443;
        return true;
    }
    size_t i = 0;
    if (n == 0 || !is_lower(s[0])) {
        return false;
    }
    while (i < n
           && (is_lower(s[i]) || is_digit(s[i]) || s[i] == '+' || s[i] == '-'
               || s[i] == '.')) {
        i++;
    }
    if (i > CF_MAX_SCHEME || n - i < 3 || !cf_equal(s + i, "://", 3)) {
        return false;
    }
    if (i == 4 && cf_equal(s, "file", 4)) {
        return false; /* browsers send "null" for file pages */
    }
    *end = i;
    *port = default_port(s, i);
    return true;
}

/* -- addresses ----------------------------------------------------------- */

/* Check for four decimal numbers up to 255 without leading zeros. */
static bool
valid_ipv4(const char *s, size_t n)
{
    size_t i = 0;
    for (int octet = 0; octet < 4; octet++) {
        size_t start = i;
        unsigned value = 0;
        while (i < n && i - start < 3 && is_digit(s[i])) {
            value = value * 10 + (unsigned)(s[i] - '0');
            i++;
        }
        if (i == start || value > 255 || (s[start] == '0' && i - start > 1)) {
            return false;
        }
        if (octet < 3) {
            if (i == n || s[i] != '.') {
                return false;
            }
            i++;
        }
    }
    return i == n;
}

/* Read a group of 1 to 4 hex digits without leading zeros. */
static bool
parse_group(const char *s, size_t n, size_t *at, unsigned *value)
{
    size_t start = *at;
    size_t i = start;
    *value = 0;
    while (i < n && i - start < 4 && is_hex(s[i])) {
        unsigned digit =
            (unsigned)(is_digit(s[i]) ? s[i] - '0' : s[i] - 'a' + 10);
        *value = *value * 16 + digit;
        i++;
    }
    *at = i;
    return i > start && (s[start] != '0' || i - start == 1);
}

/* Check the text between the brackets: eight groups in canonical form, where
 * "::" replaces the first longest run of two or more zero groups.
 * https://url.spec.whatwg.org/#concept-ipv6-serializer */
static bool
valid_ipv6(const char *s, size_t n)
{
    unsigned groups = 0;          /* groups written */
    unsigned zeros = 0;           /* length of the current run of zeros */
    unsigned longest[2] = {0, 0}; /* longest run before and after "::" */
    bool compressed = false;
    size_t i = 0;
    if (n >= 2 && s[0] == ':' && s[1] == ':') {
        compressed = true;
        i = 2;
    }
    while (i < n) {
        bool behind_run = compressed && s[i - 1] == ':' && s[i - 2] == ':';
        unsigned value;
        if (groups == 8 || !parse_group(s, n, &i, &value)
            || (value == 0 && behind_run)) {
            return false; /* the last case: "::" must cover this zero */
        }
        groups++;
        zeros = value == 0 ? zeros + 1 : 0;
        if (zeros > longest[compressed]) {
            longest[compressed] = zeros;
        }
        if (i == n) {
            break;
        }
        if (s[i] != ':') {
            return false;
        }
        i++;
        if (i == n) {
            return false;
        }
        if (s[i] == ':') {
            if (compressed || value == 0) {
                return false; /* a second "::"; "::" must cover this zero */
            }
            compressed = true;
            zeros = 0;
            i++;
        }
    }
    if (!compressed) {
        return groups == 8 && longest[0] < 2;
    }
    /* "::" replaces at least two groups. It is longer than any run of zeros
     * before it, and not shorter than any run after it. */
    return groups <= 6 && longest[0] < 8 - groups && longest[1] <= 8 - groups;
}

/* Return whether a host with this last label ends in a number.
 * https://url.spec.whatwg.org/#ends-in-a-number-checker */
static bool
is_number(const char *s, size_t n)
{
    size_t i = 0;
    if (n >= 2 && s[0] == '0' && s[1] == 'x') {
        for (i = 2; i < n && is_hex(s[i]); i++) {
        }
        return i == n;
    }
    while (i < n && is_digit(s[i])) {
        i++;
    }
    return i == n;
}

/* -- host ---------------------------------------------------------------- */

static bool
parse_domain(const char *s, size_t n, size_t start, cf_origin *parts)
{
    size_t label = start; /* start of the current label */
    size_t last = start;  /* start of the last label that is not empty */
    size_t i = start;
    uint32_t dots = 0;
    for (;;) {
        while (i < n && label_byte[(uint8_t)s[i]]) {
            i++;
        }
        size_t length = i - label;
        if (length > CF_MAX_LABEL) {
            return false;
        }
        if (length == 0) {
            /* Only the root label after the last dot may be empty. */
            if (dots == 0 || (i < n && s[i] != ':')) {
                return false;
            }
            break;
        }
        if (s[label] == '-' || s[i - 1] == '-') {
            return false;
        }
        last = label;
        if (i == n || s[i] != '.') {
            break;
        }
        if (i - start > CF_MAX_HOST) {
            return false;
        }
        parts->dots[dots++] = (uint16_t)i;
        i++;
        label = i;
    }
    bool root = label == i; /* "example.com." */
    size_t domain = i - start - (root ? 1 : 0);
    if (domain > CF_MAX_HOST) {
        return false;
    }
    size_t last_end = start + domain;
    if (is_digit(s[last]) && is_number(s + last, last_end - last)
        && (root || !valid_ipv4(s + start, domain))) {
        return false;
    }
    parts->host_end = (uint32_t)i;
    parts->n_dots = dots;
    return true;
}

/* Dots are not recorded, because rules exist only for domains. */
static bool
parse_opaque(const char *s, size_t n, size_t start, cf_origin *parts)
{
    size_t i = start;
    while (i < n && s[i] != ':') {
        size_t size = s[i] == '%' ? 3 : 1;
        bool good = size == 1 ? label_byte[(uint8_t)s[i]] || is_upper(s[i])
                                    || s[i] == '.' || s[i] == '~'
                              : n - i >= size && is_any_hex(s[i + 1])
                                    && is_any_hex(s[i + 2]);
        if (!good) {
            return false;
        }
        i += size;
    }
    parts->host_end = (uint32_t)i;
    parts->n_dots = 0;
    return i > start;
}

static bool
parse_ipv6(const char *s, size_t n, size_t start, cf_origin *parts)
{
    size_t i = start + 1;
    while (i < n && (is_hex(s[i]) || s[i] == ':')) {
        i++;
    }
    if (i == n || s[i] != ']' || !valid_ipv6(s + start + 1, i - start - 1)) {
        return false;
    }
    parts->host_end = (uint32_t)(i + 1);
    parts->n_dots = 0;
    return true;
}

static bool
parse_port(const char *s, size_t n, uint32_t *port)
{
    uint32_t value = 0;
    if (n == 0 || n > 5 || s[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s[i])) {
            return false;
        }
        value = value * 10 + (uint32_t)(s[i] - '0');
    }
    *port = value;
    return value <= CF_MAX_PORT;
}

bool
cf_parse_origin(const char *origin, size_t length, cf_origin *parts)
{
    size_t scheme_end;
    uint32_t default_port;
    if (length > CF_MAX_ORIGIN
        || !parse_scheme(origin, length, &scheme_end, &default_port)) {
        return false;
    }
    size_t start = scheme_end + 3;
    parts->scheme_end = (uint32_t)scheme_end;
    parts->host_start = (uint32_t)start;
    parts->port = 0;
    if (start == length) {
        return false;
    }
    bool host = origin[start] == '[' ? parse_ipv6(origin, length, start, parts)
                : default_port == 0
                    ? parse_opaque(origin, length, start, parts)
                    : parse_domain(origin, length, start, parts);
    if (!host) {
        return false;
    }
    size_t end = parts->host_end;
    if (end == length) {
        return true;
    }
    return origin[end] == ':'
           && parse_port(origin + end + 1, length - end - 1, &parts->port)
           && parts->port != default_port;
}

bool
cf_valid_origin(const char *origin, size_t length)
{
    cf_origin parts;
    return cf_parse_origin(origin, length, &parts);
}
