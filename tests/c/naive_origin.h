/* naive_origin.h - a slow second implementation of the origin grammar and of
 * matching: the oracle of tests and fuzz targets.
 *
 * It follows the grammar in src/corsfast/_options/origin.py. It uses the C
 * library's string functions, and writes values out to compare them, while
 * csrc/cf_origin.c scans bytes. It must not call the core, because it would
 * then share its bugs.
 */
#ifndef NAIVE_ORIGIN_H
#define NAIVE_ORIGIN_H

#include "check.h"

#include "corsfast.h"

#define NAIVE_LOWER "abcdefghijklmnopqrstuvwxyz"
#define NAIVE_DIGITS "0123456789"

typedef struct naive_origin {
    char scheme[65];
    char host[327]; /* with brackets, and with the root's dot */
    long port;      /* 0: no port */
} naive_origin;

/* -- addresses ----------------------------------------------------------- */

/* Write groups joined by colons. */
static inline void
naive_write_groups(char *out, const unsigned *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out += snprintf(out, sizeof ":ffff", i == 0 ? "%x" : ":%x",
                        groups[i] & 0xffff);
    }
}

/* Write the canonical text of an IPv6 address: "::" replaces the longest run
 * of two or more zero groups, or the first of several equally long ones. */
static inline void
naive_write_ipv6(char out[40], const unsigned groups[8])
{
    out[0] = '\0';
    for (size_t length = 8; length >= 2; length--) {
        for (size_t start = 0; start + length <= 8; start++) {
            unsigned any = 0;
            for (size_t i = start; i < start + length; i++) {
                any |= groups[i];
            }
            if (any == 0) {
                naive_write_groups(out, groups, start);
                strcat(out, "::");
                naive_write_groups(out + strlen(out), groups + start + length,
                                   8 - start - length);
                return;
            }
        }
    }
    naive_write_groups(out, groups, 8);
}

/* Split a text at its colons. Return the number of groups, or 9 if the text
 * is not valid. An empty text has no groups. */
static inline size_t
naive_read_groups(char *text, unsigned groups[9])
{
    size_t count = 0;
    char *at = text;
    while (*text != '\0') {
        size_t length = strspn(at, NAIVE_DIGITS "abcdef");
        if (length == 0 || length > 4 || count == 8) {
            return 9;
        }
        groups[count++] = (unsigned)strtoul(at, NULL, 16);
        at += length;
        if (*at == '\0') {
            break;
        }
        if (*at++ != ':') {
            return 9;
        }
    }
    return count;
}

/* Return whether the text is the canonical text of its address. */
static inline bool
naive_ipv6(const char *text)
{
    char head[64], again[40];
    unsigned groups[8] = {0}, front[9], behind[9];
    if (strlen(text) > 39) {
        return false;
    }
    strcpy(head, text);
    char *gap = strstr(head, "::");
    size_t n_behind = 0;
    if (gap != NULL) {
        *gap = '\0';
        n_behind = naive_read_groups(gap + 2, behind);
    }
    size_t n_front = naive_read_groups(head, front);
    if (gap == NULL ? n_front != 8 : n_front + n_behind > 7) {
        return false;
    }
    for (size_t i = 0; i < n_front; i++) {
        groups[i] = front[i];
    }
    for (size_t i = 0; i < n_behind; i++) {
        groups[8 - n_behind + i] = behind[i];
    }
    naive_write_ipv6(again, groups);
    return strcmp(text, again) == 0;
}

static inline bool
naive_ipv4(const char *text)
{
    unsigned octets[4];
    char again[20];
    if (strlen(text) > 15 || strspn(text, NAIVE_DIGITS ".") != strlen(text)
        || sscanf(text, "%4u.%4u.%4u.%4u", &octets[0], &octets[1], &octets[2],
                  &octets[3])
               != 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        if (octets[i] > 255) {
            return false;
        }
    }
    snprintf(again, sizeof again, "%u.%u.%u.%u", octets[0], octets[1],
             octets[2], octets[3]);
    return strcmp(text, again) == 0;
}

/* -- host ---------------------------------------------------------------- */

static inline bool
naive_label(const char *label)
{
    size_t length = strlen(label);
    return length >= 1 && length <= 63
           && strspn(label, NAIVE_LOWER NAIVE_DIGITS "_-") == length
           && label[0] != '-' && label[length - 1] != '-';
}

static inline bool
naive_number(const char *label)
{
    size_t length = strlen(label);
    if (strncmp(label, "0x", 2) == 0) {
        return strspn(label + 2, NAIVE_DIGITS "abcdef") == length - 2;
    }
    return strspn(label, NAIVE_DIGITS) == length;
}

static inline bool
naive_domain(const char *host)
{
    char copy[256];
    size_t length = strlen(host);
    if (length == 0 || length > 254) {
        return false;
    }
    strcpy(copy, host);
    bool root = copy[length - 1] == '.';
    if (root) {
        copy[length - 1] = '\0';
    }
    if (strlen(copy) > 253) {
        return false;
    }
    char *last = strrchr(copy, '.');
    last = last == NULL ? copy : last + 1;
    if (*last != '\0' && naive_number(last)) {
        return !root && naive_ipv4(host);
    }
    for (char *label = copy;;) {
        char *dot = strchr(label, '.');
        if (dot != NULL) {
            *dot = '\0';
        }
        if (!naive_label(label)) {
            return false;
        }
        if (dot == NULL) {
            return true;
        }
        label = dot + 1;
    }
}

/* Remove the percent triplets, and return whether all other characters are
 * permitted. */
static inline bool
naive_opaque(const char *host)
{
    static const char hex[] = NAIVE_DIGITS "abcdefABCDEF";
    char rest[327];
    size_t n = 0;
    for (const char *at = host; *at != '\0'; at++) {
        if (*at == '%' && strspn(at + 1, hex) >= 2) {
            at += 2;
        }
        else {
            rest[n++] = *at;
        }
    }
    rest[n] = '\0';
    return *host != '\0'
           && strspn(rest,
                     NAIVE_LOWER NAIVE_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~")
                  == n;
}

static inline bool
naive_special(const char *scheme)
{
    char word[70];
    snprintf(word, sizeof word, " %s ", scheme);
    return strstr(" ftp http https ws wss ", word) != NULL;
}

static inline bool
naive_host(const char *scheme, const char *host)
{
    char inside[256];
    size_t length = strlen(host);
    if (host[0] != '[') {
        return naive_special(scheme) ? length <= 254 && naive_domain(host)
                                     : naive_opaque(host);
    }
    if (length > 60) {
        return false;
    }
    if (length < 2 || host[length - 1] != ']') {
        return false;
    }
    memcpy(inside, host + 1, length - 2);
    inside[length - 2] = '\0';
    return naive_ipv6(inside);
}

/* -- origin -------------------------------------------------------------- */

static inline bool
naive_port(const char *scheme, const char *text, long *port)
{
    static const struct {
        const char *scheme;
        long port;
    } defaults[] = {
        {"ftp", 21}, {"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}};
    char again[24];
    if (strlen(text) > 5) {
        return false;
    }
    *port = strtol(text, NULL, 10);
    snprintf(again, sizeof again, "%ld", *port);
    if (strcmp(text, again) != 0 || *port < 1 || *port > 65535) {
        return false;
    }
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (strcmp(scheme, defaults[i].scheme) == 0
            && *port == defaults[i].port) {
            return false;
        }
    }
    return true;
}

static inline bool
naive_parse(const char *data, size_t length, naive_origin *parts)
{
    char text[327];
    if (length == 0 || length > 326 || memchr(data, 0, length) != NULL) {
        return false;
    }
    memcpy(text, data, length);
    text[length] = '\0';
    char *rest = strstr(text, "://");
    if (rest == NULL) {
        return false;
    }
    *rest = '\0';
    rest += 3;
    size_t scheme = strlen(text);
    if (scheme < 1 || scheme > 64 || strchr(NAIVE_LOWER, text[0]) == NULL
        || strspn(text, NAIVE_LOWER NAIVE_DIGITS "+-.") != scheme
        || strcmp(text, "file") == 0) {
        return false;
    }
    strcpy(parts->scheme, text);
    char *bracket = strrchr(rest, ']');
    char *colon = strchr(bracket == NULL ? rest : bracket, ':');
    parts->port = 0;
    if (colon != NULL) {
        *colon = '\0';
        if (!naive_port(text, colon + 1, &parts->port)) {
            return false;
        }
    }
    if (!naive_host(text, rest)) {
        return false;
    }
    strcpy(parts->host, rest);
    return true;
}

static inline bool
naive_valid_origin(const char *data, size_t length)
{
    naive_origin parts;
    return naive_parse(data, length, &parts);
}

/* -- matching ------------------------------------------------------------ */

static inline bool
naive_is(cf_slice slice, const char *text, size_t length)
{
    return slice.length == length && memcmp(slice.data, text, length) == 0;
}

static inline bool
naive_follows(const cf_rule *rule, const naive_origin *parts)
{
    const char *host = parts->host;
    size_t length = strlen(host);
    size_t wanted = rule->host.length;
    if (rule->host.data[0] == '.' && length > wanted) {
        host += length - wanted; /* its end */
        length = wanted;
    }
    if (!naive_is(rule->host, host, length)) {
        return false;
    }
    for (size_t i = 0; i < rule->n_ranges; i++) {
        const cf_port_range *range = &rule->ranges[i];
        if (strcmp(parts->scheme, range->https ? "https" : "http") == 0
            && (long)range->first_port <= parts->port
            && parts->port <= (long)range->last_port) {
            return true;
        }
    }
    return false;
}

/* Run the automaton as corsfast.h describes it, one step per byte. */
static inline bool
naive_runs(const cf_automaton *automaton, uint32_t state, const char *text,
           size_t length)
{
    if (automaton->n_table == 0) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        state = automaton->table[state + automaton->class_of[byte]];
    }
    return automaton->table[state + 1] == 1;
}

/* Return whether the automaton follows the rules of corsfast.h. */
static inline bool
naive_good_automaton(const cf_automaton *automaton)
{
    size_t width = automaton->width;
    if (automaton->n_table == 0) {
        return true;
    }
    if (width < 2 || automaton->n_table % width != 0) {
        return false;
    }
    size_t rows = automaton->n_table / width;
    for (size_t row = 0; row < rows; row++) {
        const uint32_t *entries = automaton->table + row * width;
        for (size_t column = 0; column < width; column++) {
            bool may_lead = row != 0 && column != 0;
            uint32_t entry = entries[column];
            if (!may_lead     ? entry != 0
                : column == 1 ? entry > 1
                              : entry % width != 0 || entry / width >= rows) {
                return false;
            }
        }
    }
    for (size_t byte = 0; byte < 256; byte++) {
        size_t column = automaton->class_of[byte];
        if (column != 0 && (column < 2 || column >= width)) {
            return false;
        }
    }
    return automaton->start % width == 0 && automaton->start / width < rows
           && automaton->http % width == 0 && automaton->http / width < rows
           && automaton->https % width == 0 && automaton->https / width < rows;
}

/* Return the result that cf_match_origin must return, by checking all
 * entries in turn. */
static inline cf_outcome
naive_match_origin(const cf_tables *tables, const char *data, size_t length,
                   uint32_t *exact)
{
    naive_origin parts;
    *exact = CF_NOT_EXACT;
    if (tables->star) {
        *exact = 0;
        return CF_ALLOWED;
    }
    if (length > 326) {
        return CF_ORIGIN_TOO_LONG;
    }
    for (size_t i = 0; i < tables->n_exact; i++) {
        if (naive_is(tables->exact[i], data, length)) {
            *exact = (uint32_t)i;
            return CF_ALLOWED;
        }
    }
    if (length == 4 && memcmp(data, "null", 4) == 0) {
        return CF_ORIGIN_NOT_ALLOWED;
    }
    if (!naive_parse(data, length, &parts)) {
        return CF_ORIGIN_MALFORMED;
    }
    const cf_automaton *automaton = &tables->automaton;
    bool allowed = tables->any_origin;
    if (strcmp(parts.scheme, "https") == 0) {
        allowed =
            allowed || tables->any_web_origin
            || naive_runs(automaton, automaton->https, data + 8, length - 8);
    }
    else if (strcmp(parts.scheme, "http") == 0) {
        allowed =
            allowed || tables->any_web_origin
            || naive_runs(automaton, automaton->http, data + 7, length - 7);
    }
    else {
        allowed =
            allowed || naive_runs(automaton, automaton->start, data, length);
    }
    for (size_t i = 0; i < tables->n_rules; i++) {
        allowed = allowed || naive_follows(&tables->rules[i], &parts);
    }
    if (allowed) {
        return CF_ALLOWED;
    }
    return tables->ask_caller ? CF_ASK_CALLER : CF_ORIGIN_NOT_ALLOWED;
}

#endif /* NAIVE_ORIGIN_H */
