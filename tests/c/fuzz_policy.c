/* fuzz_policy.c - build policies from random tables, and compare their results
 * with a linear search. A policy is built exactly if its tables are valid and
 * there is enough memory, and it leaks nothing.
 *
 * The input is a byte of flags, the number of the allocation that fails (0:
 * none), and lines. The first letter of a line is its kind:
 *     e exact origin      h one byte for the ranges, then the host of a rule
 *     m method            n header name
 *     a the automaton (see read_automaton); the last one counts
 *     E origin to match   M method to match  N list to match
 */
#include "fuzz.h"

#include "counting.h"
#include "naive_names.h"
#include "naive_origin.h"

enum { MAX_LINES = 96, MAX_LEAVES = 6, MAX_ENTRIES = 512 };

typedef struct line {
    char kind;
    cf_slice text;
} line;

typedef struct fuzz_case {
    line lines[MAX_LINES];
    size_t n_lines;
    cf_slice exact[MAX_LINES];
    cf_slice methods[MAX_LINES];
    cf_slice headers[MAX_LINES];
    cf_rule rules[MAX_LINES];
    cf_port_range ranges[MAX_LINES][MAX_LEAVES];
    uint8_t class_of[256];
    uint32_t *entries; /* exactly the automaton's entries, or NULL */
    cf_tables tables;
} fuzz_case;

/* Add a rule. The first byte has one bit for each range, and may be 0. */
static void
add_rule(fuzz_case *c, cf_slice text)
{
    static const cf_port_range kinds[MAX_LEAVES] = {
        {true, 0, 0},       {false, 0, 0},       {false, 0, 65535},
        {true, 8000, 8099}, {false, 3000, 3000}, {true, 65535, 65535}};
    size_t i = c->tables.n_rules++;
    unsigned bits = text.length == 0 ? 0 : (unsigned char)text.data[0];
    size_t n = 0;
    for (size_t range = 0; range < MAX_LEAVES; range++) {
        if ((bits >> range & 1) != 0) {
            c->ranges[i][n++] = kinds[range];
        }
    }
    size_t skip = text.length == 0 ? 0 : 1;
    cf_slice host = {text.data + skip, text.length - skip};
    c->rules[i] = (cf_rule){host, c->ranges[i], n};
}

/* Read an automaton. The bytes are the width, the start rows, and the entries
 * of the table. Most entries are row numbers, but a byte of 128 or more is
 * used unchanged. The first bytes also determine the column of each byte. The
 * result is often a valid automaton, and often a nearly valid one. */
static void
read_automaton(fuzz_case *c, cf_slice text)
{
    const uint8_t *bytes = (const uint8_t *)text.data;
    free(c->entries);
    c->entries = NULL;
    c->tables.automaton = (cf_automaton){0};
    if (text.length < 4) {
        return;
    }
    uint32_t width = bytes[0] % 20;
    size_t n = text.length - 3;
    n = n < MAX_ENTRIES ? n : MAX_ENTRIES;
    if (width != 0 && n > width) {
        n -= bytes[0] < 200 ? n % width : 0;
    }
    c->entries = malloc(n * sizeof *c->entries);
    MUST(c->entries != NULL);
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = bytes[3 + i];
        bool own = byte < 128 && width != 0;
        bool fixed = own && (i < width || i % width == 0);
        c->entries[i] = fixed            ? 0
                        : !own           ? byte
                        : i % width == 1 ? byte % 2
                                         : byte % (n / width) * width;
    }
    for (size_t i = 0; i < 256; i++) {
        uint8_t column = width == 0 ? 0 : (uint8_t)(i % width);
        bool wild = bytes[0] >= 240 && i == bytes[1];
        c->class_of[i] = wild || column != 1 ? column : 0;
    }
    if (bytes[0] >= 250) {
        c->class_of[bytes[2]] = bytes[1];
    }
    c->tables.automaton = (cf_automaton){.class_of = c->class_of,
                                         .table = c->entries,
                                         .n_table = n,
                                         .width = width,
                                         .start = bytes[0] % 8 * width,
                                         .http = bytes[1] * width,
                                         .https = bytes[2] * width};
}

static void
add_line(fuzz_case *c, cf_slice text)
{
    line *added = &c->lines[c->n_lines++];
    *added = (line){text.data[0], {text.data + 1, text.length - 1}};
    switch (added->kind) {
    case 'e':
        c->exact[c->tables.n_exact++] = added->text;
        break;
    case 'h':
        add_rule(c, added->text);
        break;
    case 'a':
        read_automaton(c, added->text);
        break;
    case 'm':
        c->methods[c->tables.n_methods++] = added->text;
        break;
    case 'n':
        c->headers[c->tables.n_headers++] = added->text;
        break;
    default:
        break;
    }
}

static void
read_case(fuzz_case *c, uint8_t flags, const char *text, size_t length)
{
    memset(c, 0, sizeof *c);
    c->tables = (cf_tables){.exact = c->exact,
                            .rules = c->rules,
                            .methods = c->methods,
                            .headers = c->headers,
                            .star = (flags & 31) == 31,
                            .any_web_origin = (flags & 1) != 0,
                            .any_method = (flags & 2) != 0,
                            .any_header = (flags & 4) != 0,
                            .ask_caller = (flags & 8) != 0,
                            .seed = flags};
    for (size_t at = 0; at < length && c->n_lines < MAX_LINES;) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t size = end == NULL ? length - at : (size_t)(end - text) - at;
        if (size != 0) {
            add_line(c, (cf_slice){text + at, size});
        }
        at += size + 1;
    }
}

/* -- the rules of tables ------------------------------------------------- */

static bool
good_keys(const cf_slice *keys, size_t count, size_t limit)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].length == 0 || keys[i].length > limit) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (naive_is(keys[i], keys[j].data, keys[j].length)) {
                return false;
            }
        }
    }
    return true;
}

/* Return whether every entry is a valid origin, method or header name. */
static bool
good_spelling(const cf_tables *tables)
{
    for (size_t i = 0; i < tables->n_exact; i++) {
        cf_slice text = tables->exact[i];
        if (!naive_is(text, "null", 4)
            && !naive_valid_origin(text.data, text.length)) {
            return false;
        }
    }
    for (size_t i = 0; i < tables->n_methods; i++) {
        cf_slice method = tables->methods[i];
        if (!naive_token(method.data, method.length)) {
            return false;
        }
    }
    for (size_t i = 0; i < tables->n_headers; i++) {
        cf_slice name = tables->headers[i];
        if (!naive_token(name.data, name.length)) {
            return false;
        }
        for (size_t j = 0; j < name.length; j++) {
            if (naive_lower(name.data[j]) != name.data[j]) {
                return false;
            }
        }
    }
    return true;
}

static bool
good_tables(const cf_tables *tables)
{
    cf_slice hosts[MAX_LINES];
    for (size_t i = 0; i < tables->n_rules; i++) {
        hosts[i] = tables->rules[i].host;
    }
    return good_keys(tables->exact, tables->n_exact, 326)
           && good_keys(hosts, tables->n_rules, 255)
           && good_keys(tables->methods, tables->n_methods, 64)
           && good_keys(tables->headers, tables->n_headers, 128)
           && good_spelling(tables)
           && naive_good_automaton(&tables->automaton);
}

/* -- matching ------------------------------------------------------------ */

/* A text that is matched twice is cached, so the third result comes from the
 * cache. */
enum { TIMES = 3 };

static void
ask_origin(const cf_policy *policy, const cf_tables *tables, const char *text,
           size_t length)
{
    const uint32_t untouched = 0x5a5a5a5a;
    uint32_t exact = untouched, wanted_exact;
    cf_outcome wanted =
        naive_match_origin(tables, text, length, &wanted_exact);
    for (int i = 0; i < TIMES; i++) {
        MUST(cf_match_origin(policy, text, length, &exact) == wanted);
        MUST(exact == (wanted == CF_ALLOWED ? wanted_exact : untouched));
        exact = untouched;
    }
}

static void
ask_list(const cf_policy *policy, const cf_tables *tables, const char *text,
         size_t length)
{
    static char names[CF_MAX_HEADER_LIST];
    bool joined = false, wanted_joined = false;
    size_t written;
    cf_outcome wanted = naive_match_headers(tables, text, length,
                                            &wanted_joined, names, &written);
    for (int i = 0; i < TIMES; i++) {
        MUST(cf_match_headers(policy, text, length, &joined) == wanted);
        MUST(joined == wanted_joined);
        joined = false;
    }
}

static void
ask(const cf_policy *policy, const fuzz_case *c)
{
    for (size_t i = 0; i < c->n_lines; i++) {
        cf_slice text = c->lines[i].text;
        char *copy = fuzz_copy((const uint8_t *)text.data, text.length);
        switch (c->lines[i].kind) {
        case 'E':
        case 'e':
            ask_origin(policy, &c->tables, copy, text.length);
            break;
        case 'M':
        case 'm':
            MUST(cf_match_method(policy, copy, text.length)
                 == naive_match_method(&c->tables, copy, text.length));
            break;
        case 'N':
        case 'n':
            ask_list(policy, &c->tables, copy, text.length);
            break;
        default:
            break;
        }
        free(copy);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static fuzz_case c;
    if (size < 2) {
        return 0;
    }
    char *text = fuzz_copy(data + 2, size - 2);
    read_case(&c, data[0], text, size - 2);
    counting_start(data[1]);
    cf_policy *const untouched = (cf_policy *)(void *)&c;
    cf_policy *policy = untouched;
    cf_status status = cf_policy_new(&c.tables, &policy);
    if (status == CF_OK) {
        MUST(good_tables(&c.tables));
        ask(policy, &c);
        cf_policy_free(policy);
    }
    else {
        bool failed = data[1] != 0 && counting.requests >= data[1];
        MUST(policy == untouched);
        MUST(status == CF_NO_MEMORY ? failed : !good_tables(&c.tables));
    }
    counting_stop();
    free(c.entries);
    c.entries = NULL;
    free(text);
    return 0;
}
