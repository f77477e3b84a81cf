/* naive_names.h - a slow second implementation of methods, lists of names and
 * fields: the oracle of tests and fuzz targets.
 *
 * It splits a list at its commas and then checks each element, while
 * csrc/cf_nameset.c scans the list once. It compares a name with all names in
 * turn. It must not call the core, because it would then share its bugs.
 */
#ifndef NAIVE_NAMES_H
#define NAIVE_NAMES_H

#include "check.h"

#include "corsfast.h"

static inline bool
naive_tchar(char c)
{
    return c != '\0'
           && strchr("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                     "abcdefghijklmnopqrstuvwxyz",
                     c)
                  != NULL;
}

static inline bool
naive_ows(char c)
{
    return c == ' ' || c == '\t';
}

static inline char
naive_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Compare ignoring the case of ASCII letters. `text` ends with a NUL. */
static inline bool
naive_same(const char *data, size_t length, const char *text)
{
    if (strlen(text) != length) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (naive_lower(data[i]) != naive_lower(text[i])) {
            return false;
        }
    }
    return true;
}

/* Return whether the whole text is 1*tchar. */
static inline bool
naive_token(const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!naive_tchar(data[i])) {
            return false;
        }
    }
    return length != 0;
}

/* -- methods ------------------------------------------------------------- */

static inline cf_outcome
naive_match_method(const cf_tables *tables, const char *data, size_t length)
{
    if (length > 64) {
        return CF_METHOD_TOO_LONG;
    }
    for (size_t i = 0; i < tables->n_methods; i++) {
        if (tables->methods[i].length == length
            && memcmp(tables->methods[i].data, data, length) == 0) {
            return CF_ALLOWED;
        }
    }
    if (!naive_token(data, length)) {
        return CF_METHOD_MALFORMED;
    }
    char text[65] = {0};
    memcpy(text, data, length);
    bool forbidden = strcmp(text, "CONNECT") == 0 || strcmp(text, "TRACE") == 0
                     || strcmp(text, "TRACK") == 0;
    return tables->any_method && !forbidden ? CF_ALLOWED
                                            : CF_METHOD_NOT_ALLOWED;
}

/* -- lists --------------------------------------------------------------- */

static inline bool
naive_allows_header(const cf_tables *tables, const char *data, size_t length)
{
    for (size_t i = 0; i < tables->n_headers; i++) {
        const cf_slice *name = &tables->headers[i];
        bool same = name->length == length;
        for (size_t j = 0; same && j < length; j++) {
            same = name->data[j] == naive_lower(data[j]);
        }
        if (same) {
            return true;
        }
    }
    return tables->any_header && !naive_same(data, length, "authorization");
}

/* Return the problem of one element, or CF_ALLOWED. Its name is
 * data[*start..*end). */
static inline cf_outcome
naive_element(const char *data, size_t length, size_t *start, size_t *end)
{
    size_t from = 0;
    while (from < length && naive_ows(data[from])) {
        from++;
    }
    size_t to = from;
    while (to < length && naive_tchar(data[to])) {
        to++;
    }
    size_t after = to;
    while (after < length && naive_ows(data[after])) {
        after++;
    }
    *start = from;
    *end = to;
    if (from > 16) {
        return CF_HEADER_LIST_TOO_SPACED;
    }
    if (to - from > 128) {
        return CF_HEADER_TOO_LONG;
    }
    if (from + (after - to) > 16) {
        return CF_HEADER_LIST_TOO_SPACED;
    }
    return after == length ? CF_ALLOWED : CF_HEADER_MALFORMED;
}

/* Return the result that cf_match_headers must return. For CF_ALLOWED, also
 * write *joined, and the names joined by commas to `out`, which has room for
 * `length` bytes. */
static inline cf_outcome
naive_match_headers(const cf_tables *tables, const char *list, size_t length,
                    bool *joined, char *out, size_t *written)
{
    if (length > 8192) {
        return CF_HEADER_LIST_TOO_LONG;
    }
    size_t empty = 0;
    *written = 0;
    for (size_t at = 0; at <= length;) {
        const char *element = list + at;
        size_t size = 0, start, end;
        while (at + size < length && element[size] != ',') {
            size++;
        }
        cf_outcome outcome = naive_element(element, size, &start, &end);
        if (outcome != CF_ALLOWED) {
            return outcome;
        }
        if (start == end) {
            empty++;
            if (empty > 16) {
                return CF_HEADER_LIST_TOO_SPARSE;
            }
        }
        else if (!naive_allows_header(tables, element + start, end - start)) {
            return CF_HEADER_NOT_ALLOWED;
        }
        else {
            if (*written != 0) {
                out[(*written)++] = ',';
            }
            memcpy(out + *written, element + start, end - start);
            *written += end - start;
        }
        at += size + 1;
    }
    *joined =
        *written == length && (length == 0 || memcmp(out, list, length) == 0);
    return CF_ALLOWED;
}

/* -- fields -------------------------------------------------------------- */

static inline cf_field
naive_request_field(const char *data, size_t length)
{
    static const char *const names[] = {
        "origin", "access-control-request-method",
        "access-control-request-headers",
        "access-control-request-private-network"};
    static const cf_field fields[] = {CF_FIELD_ORIGIN, CF_FIELD_REQUEST_METHOD,
                                      CF_FIELD_REQUEST_HEADERS,
                                      CF_FIELD_REQUEST_PRIVATE_NETWORK};
    for (size_t i = 0; i < 4; i++) {
        if (strlen(names[i]) == length
            && memcmp(names[i], data, length) == 0) {
            return fields[i];
        }
    }
    return CF_FIELD_OTHER;
}

static inline cf_field
naive_response_field(const char *data, size_t length)
{
    static const char *const names[] = {"Vary",
                                        "Access-Control-Allow-Origin",
                                        "Access-Control-Allow-Credentials",
                                        "Access-Control-Allow-Methods",
                                        "Access-Control-Allow-Headers",
                                        "Access-Control-Max-Age",
                                        "Access-Control-Expose-Headers"};
    static const cf_field fields[] = {CF_FIELD_VARY,
                                      CF_FIELD_ALLOW_ORIGIN,
                                      CF_FIELD_ALLOW_CREDENTIALS,
                                      CF_FIELD_ALLOW_METHODS,
                                      CF_FIELD_ALLOW_HEADERS,
                                      CF_FIELD_MAX_AGE,
                                      CF_FIELD_EXPOSE_HEADERS};
    for (size_t i = 0; i < 7; i++) {
        if (naive_same(data, length, names[i])) {
            return fields[i];
        }
    }
    return CF_FIELD_OTHER;
}

static inline unsigned
naive_scan_vary(const char *value, size_t length)
{
    static const char *const names[] = {"Origin",
                                        "Access-Control-Request-Method",
                                        "Access-Control-Request-Headers", "*"};
    static const unsigned bits[] = {CF_VARY_ORIGIN, CF_VARY_REQUEST_METHOD,
                                    CF_VARY_REQUEST_HEADERS, CF_VARY_STAR};
    unsigned found = 0;
    for (size_t at = 0; at < length;) {
        const char *name = value + at;
        size_t size = 0;
        while (at + size < length && name[size] != ',') {
            size++;
        }
        at += size + 1;
        while (size != 0 && naive_ows(name[0])) {
            name++;
            size--;
        }
        while (size != 0 && naive_ows(name[size - 1])) {
            size--;
        }
        for (size_t i = 0; i < 4; i++) {
            found |= naive_same(name, size, names[i]) ? bits[i] : 0;
        }
    }
    return found;
}

#endif /* NAIVE_NAMES_H */
