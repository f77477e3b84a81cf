/* cf_headers.c - recognize header fields by name, and scan Vary values. */
#include "cf_internal.h"

/* Return whether `text` equals `lower`, ignoring case. `lower` is lower case,
 * and both have `length` bytes. */
static bool
equal_ignoring_case(const char *text, const char *lower, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (cf_tchar_lower[(uint8_t)text[i]] != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

cf_field
cf_named_request_field(const char *name, size_t length)
{
    switch (length) {
    case 6:
        return cf_equal(name, "origin", 6) ? CF_FIELD_ORIGIN : CF_FIELD_OTHER;
    case 29:
        return cf_equal(name, "access-control-request-method", 29)
                   ? CF_FIELD_REQUEST_METHOD
                   : CF_FIELD_OTHER;
    case 30:
        return cf_equal(name, "access-control-request-headers", 30)
                   ? CF_FIELD_REQUEST_HEADERS
                   : CF_FIELD_OTHER;
    case 38:
        return cf_equal(name, "access-control-request-private-network", 38)
                   ? CF_FIELD_REQUEST_PRIVATE_NETWORK
                   : CF_FIELD_OTHER;
    default:
        return CF_FIELD_OTHER;
    }
}

cf_field
cf_named_response_field(const char *name, size_t length)
{
    const char *field;
    cf_field answer;
    switch (length) {
    case 4:
        field = "vary";
        answer = CF_FIELD_VARY;
        break;
    case 22:
        field = "access-control-max-age";
        answer = CF_FIELD_MAX_AGE;
        break;
    case 27:
        field = "access-control-allow-origin";
        answer = CF_FIELD_ALLOW_ORIGIN;
        break;
    case 28: /* two names, which differ at the 22nd byte */
        if (name[21] == 'm' || name[21] == 'M') {
            field = "access-control-allow-methods";
            answer = CF_FIELD_ALLOW_METHODS;
        }
        else {
            field = "access-control-allow-headers";
            answer = CF_FIELD_ALLOW_HEADERS;
        }
        break;
    case 29:
        field = "access-control-expose-headers";
        answer = CF_FIELD_EXPOSE_HEADERS;
        break;
    case 32:
        field = "access-control-allow-credentials";
        answer = CF_FIELD_ALLOW_CREDENTIALS;
        break;
    default:
        return CF_FIELD_OTHER;
    }
    return equal_ignoring_case(name, field, length) ? answer : CF_FIELD_OTHER;
}

static unsigned
vary_bit(const char *name, size_t length)
{
    if (length == 1) {
        return name[0] == '*' ? CF_VARY_STAR : 0;
    }
    if (length == 6) {
        return equal_ignoring_case(name, "origin", 6) ? CF_VARY_ORIGIN : 0;
    }
    if (length == 29) {
        return equal_ignoring_case(name, "access-control-request-method", 29)
                   ? CF_VARY_REQUEST_METHOD
                   : 0;
    }
    if (length == 30) {
        return equal_ignoring_case(name, "access-control-request-headers", 30)
                   ? CF_VARY_REQUEST_HEADERS
                   : 0;
    }
    return 0;
}

unsigned
cf_scan_vary(const char *value, size_t length)
{
    unsigned bits = 0;
    size_t i = 0;
    while (i < length) {
        size_t start = i;
        while (i < length && value[i] != ',') {
            i++;
        }
        size_t end = i;
        while (start < end && (value[start] == ' ' || value[start] == '\t')) {
            start++;
        }
        while (end > start
               && (value[end - 1] == ' ' || value[end - 1] == '\t')) {
            end--;
        }
        bits |= vary_bit(value + start, end - start);
        i++; /* the comma */
    }
    return bits;
}
