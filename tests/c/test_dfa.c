/* test_dfa.c - compare csrc/cf_dfa.c with naive_runs of naive_origin.h, which
 * takes one step per byte. tests/proofs/test_automata.py tests how automata
 * are made from patterns.
 */
#include "check.h"

#include "cf_internal.h"
#include "counting.h"
#include "guard.h"
#include "naive_origin.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { MAX_ROWS = 80, MAX_WIDTH = 258, MAX_WORD = 160 };

/* An automaton under construction, with rows and columns as in corsfast.h. */
typedef struct drawing {
    uint32_t entries[MAX_ROWS * MAX_WIDTH];
    uint8_t class_of[256];
    cf_automaton automaton;
} drawing;

static drawing drawn;

static void
start(uint32_t width, uint32_t rows)
{
    memset(&drawn, 0, sizeof drawn);
    MUST(width <= MAX_WIDTH && rows <= MAX_ROWS);
    drawn.automaton = (cf_automaton){.class_of = drawn.class_of,
                                     .table = drawn.entries,
                                     .n_table = (size_t)width * rows,
                                     .width = width};
}

static void
edge(uint32_t row, uint32_t column, uint32_t target)
{
    uint32_t width = drawn.automaton.width;
    drawn.entries[row * width + column] = target * width;
}

static void
accept_at(uint32_t row)
{
    drawn.entries[row * drawn.automaton.width + 1] = 1;
}

/* -- running ------------------------------------------------------------- */

/* Fill a DFA from a copy of the table, which is freed before the DFA is
 * used. */
static cf_status
fill(cf_dfa *dfa)
{
    size_t n = drawn.automaton.n_table;
    uint32_t *copy = malloc(n * sizeof *copy);
    MUST(copy != NULL || n == 0);
    memcpy(copy, drawn.entries, n * sizeof *copy);
    cf_automaton given = drawn.automaton;
    given.table = copy;
    cf_status status = cf_dfa_fill(dfa, &given);
    free(copy);
    return status;
}

/* Run with both guards, compare with the oracle, and return its result. */
static bool
runs_from(const cf_dfa *dfa, uint32_t state, uint32_t drawn_state,
          const char *text, size_t length)
{
    bool wanted = naive_runs(&drawn.automaton, drawn_state, text, length);
    CHECK_FOR(text, length,
              cf_dfa_accepts(dfa, state, guard_back(text, length), length)
                  == wanted);
    CHECK_FOR(text, length,
              cf_dfa_accepts(dfa, state, guard_front(text, length), length)
                  == wanted);
    return wanted;
}

/* Run from `start` and from the state of a scheme. Return the latter's
 * result. */
static bool
runs(const cf_dfa *dfa, const char *text, size_t length, bool https)
{
    const cf_automaton *given = &drawn.automaton;
    (void)runs_from(dfa, dfa->start, given->start, text, length);
    return https ? runs_from(dfa, dfa->https, given->https, text, length)
                 : runs_from(dfa, dfa->http, given->http, text, length);
}

/* Run every prefix of a text, and texts that differ from it in one byte. */
static void
runs_around(const cf_dfa *dfa, const char *text, size_t length)
{
    char other[MAX_WORD + 1];
    MUST(length <= MAX_WORD);
    for (size_t n = 0; n <= length; n++) {
        (void)runs(dfa, text, n, true);
        (void)runs(dfa, text, n, false);
        memcpy(other, text, length);
        if (n < length) {
            other[n] ^= 1;
            (void)runs(dfa, other, length, true);
        }
        other[length] = text[n == length ? 0 : n];
        (void)runs(dfa, other, length + 1, true);
    }
}

/* -- runs ---------------------------------------------------------------- */

/* A chain of n different bytes forms one run, several runs, or no run. Each
 * place in turn gets an accepting state or a second way out. */
static void
test_chains(void)
{
    char text[MAX_WORD];
    for (uint32_t n = 1; n <= 62; n += n < 34 ? 1 : 7) {
        for (uint32_t at = 0; at <= n; at += n < 12 ? 1 : 5) {
            for (int kind = 0; kind < 4; kind++) {
                start(2 + 62, n + 3);
                for (uint32_t i = 0; i < 62; i++) {
                    drawn.class_of[i + 64] = (uint8_t)(i + 2);
                }
                for (uint32_t i = 0; i < n; i++) {
                    edge(1 + i, 2 + i, 2 + i);
                    text[i] = (char)(64 + i);
                }
                accept_at(n + 1);
                if (kind == 1) {
                    accept_at(1 + at);
                }
                else if (kind == 2) { /* another byte can follow */
                    edge(1 + at, 2 + (at + 1) % 62, n + 2);
                    accept_at(n + 2);
                }
                else if (kind == 3) { /* two bytes in one column */
                    drawn.class_of[200] = (uint8_t)(2 + at % 62);
                }
                drawn.automaton.https = drawn.automaton.width;
                drawn.automaton.start = drawn.automaton.width * (n + 1 - at);
                drawn.automaton.http = drawn.automaton.width * (1 + at);
                cf_dfa dfa = {0};
                CHECK(fill(&dfa) == CF_OK);
                CHECK(runs(&dfa, text, n, true));
                runs_around(&dfa, text, n);
                for (size_t i = 0; i < n && kind == 3; i++) {
                    char kept = text[i];
                    text[i] = (char)200;
                    (void)runs(&dfa, text, n, true);
                    text[i] = kept;
                }
                cf_dfa_clear(&dfa);
            }
        }
    }
}

/* A cycle of runs that never accepts, or accepts only after a whole lap. */
static void
test_circles(void)
{
    char text[MAX_WORD];
    for (uint32_t n = 1; n <= 40; n++) {
        start(2 + 3, n + 2);
        drawn.class_of['a'] = 2;
        drawn.class_of['b'] = 3;
        for (uint32_t i = 0; i < n; i++) {
            edge(1 + i, i % 2 == 0 ? 2 : 3, 1 + (i + 1) % n);
        }
        drawn.automaton.https = drawn.automaton.width;
        cf_dfa dfa = {0};
        CHECK(fill(&dfa) == CF_OK);
        for (uint32_t i = 0; i < MAX_WORD; i++) {
            text[i] = i % n % 2 == 0 ? 'a' : 'b';
        }
        CHECK(!runs(&dfa, text, MAX_WORD, true));
        runs_around(&dfa, text, 100);
        cf_dfa_clear(&dfa);
        accept_at(n); /* accept after whole rounds only */
        CHECK(fill(&dfa) == CF_OK);
        CHECK(runs(&dfa, text, n - 1 + n * (MAX_WORD / n - 1), true));
        runs_around(&dfa, text, 100);
        cf_dfa_clear(&dfa);
    }
}

/* -- random automata ----------------------------------------------------- */

static void
draw_any(uint64_t *random)
{
    uint32_t width = 2 + (uint32_t)check_below(random, 7);
    uint32_t rows = 1 + (uint32_t)check_below(random, 40);
    size_t density = 1 + check_below(random, 6);
    start(width, rows);
    if (check_below(random, 2) == 0) { /* each column is one byte */
        for (uint32_t column = 2; column < width; column++) {
            drawn.class_of['a' + column] = (uint8_t)column;
        }
    }
    for (size_t byte = 0; byte < 256 && width > 2; byte++) {
        if (drawn.class_of['c'] == 0 && check_below(random, 16) == 0) {
            size_t column = 2 + check_below(random, width - 2);
            drawn.class_of[byte] = (uint8_t)column;
        }
    }
    for (uint32_t row = 1; row < rows; row++) {
        if (check_below(random, 8) == 0 || row == rows - 1) {
            accept_at(row);
        }
        for (uint32_t column = 2; column < width; column++) {
            /* mostly one edge per state, mostly to the next row */
            if (check_below(random, density) == 0) {
                bool next = check_below(random, 4) != 0 && row + 1 < rows;
                edge(row, column,
                     next ? row + 1 : (uint32_t)check_below(random, rows));
            }
        }
    }
    drawn.automaton.start = width * (uint32_t)check_below(random, rows);
    drawn.automaton.http = width * (uint32_t)check_below(random, rows);
    drawn.automaton.https = width * (uint32_t)check_below(random, rows);
}

/* Draw a word that the automaton follows for a while, but perhaps not to its
 * end. */
static size_t
draw_word(uint64_t *random, bool https, char *word)
{
    const cf_automaton *automaton = &drawn.automaton;
    uint32_t state = https ? automaton->https : automaton->http;
    size_t length = 0;
    size_t limit = check_below(random, MAX_WORD - 1);
    while (length < limit) {
        size_t byte = check_below(random, 256);
        for (size_t tries = 0; tries < 256; tries++) {
            if (automaton->table[state + drawn.class_of[byte]] != 0) {
                break;
            }
            byte = (byte + 1) % 256;
        }
        state = automaton->table[state + drawn.class_of[byte]];
        word[length++] = (char)byte;
        if (state == 0
            || (automaton->table[state + 1] != 0
                && check_below(random, 6) == 0)) {
            break;
        }
    }
    if (length != 0 && check_below(random, 5) == 0) {
        word[check_below(random, length)] = (char)check_below(random, 256);
    }
    return length;
}

static void
test_random(void)
{
    char word[MAX_WORD];
    uint64_t random = 23;
    size_t accepted = 0;
    for (int round = 0; round < 6000; round++) {
        draw_any(&random);
        cf_dfa dfa = {0};
        CHECK(naive_good_automaton(&drawn.automaton));
        CHECK(fill(&dfa) == CF_OK);
        for (int i = 0; i < 30; i++) {
            bool https = check_below(&random, 2) == 0;
            size_t length = draw_word(&random, https, word);
            accepted += runs(&dfa, word, length, https);
        }
        cf_dfa_clear(&dfa);
    }
    CHECK(accepted > 20000);
    CHECK(accepted < 160000);
}

/* -- in an origin set ---------------------------------------------------- */

/* An automaton for https://a+, http://b and b://a: alone, with a rule, and
 * with an exact origin. */
static void
test_in_a_set(void)
{
    static const char *const origins[] = {"https://a",
                                          "https://aaaa",
                                          "http://a",
                                          "http://b",
                                          "https://b",
                                          "https://ab",
                                          "https://",
                                          "http://",
                                          "https://a/",
                                          "https://a:1",
                                          "https://A",
                                          "ftp://a",
                                          "httpss://a",
                                          "http+s://a",
                                          "null",
                                          "https://x.rule",
                                          "https://exact",
                                          "http://bb",
                                          "https:/a",
                                          "https:///a",
                                          "xhttps://a",
                                          "https://a\xff",
                                          "http://b\n",
                                          "https://.a",
                                          "https://aa.",
                                          "https://a.rule",
                                          "http://x.rule",
                                          "b://a",
                                          "b://aa",
                                          "b://b",
                                          "bb://a",
                                          "b:/a",
                                          "b://A",
                                          "a://a",
                                          "b://a/",
                                          "b://.",
                                          ""};
    static const cf_port_range range[] = {{true, 0, 0}};
    static const cf_rule rules[] = {{{".rule", 5}, range, 1}};
    static const cf_slice exact[] = {{"https://exact", 13}};
    start(5, 8);
    drawn.class_of[':'] = 4;
    drawn.class_of['a'] = 2;
    drawn.class_of['/'] = 2; /* the grammar rejects this first */
    drawn.class_of['A'] = 2;
    drawn.class_of['.'] = 2;
    drawn.class_of['b'] = 3;
    edge(1, 2, 1);
    accept_at(1);
    edge(2, 3, 3);
    accept_at(3);
    edge(4, 3, 5);
    edge(5, 4, 6);
    edge(6, 2, 7);
    edge(7, 2, 1);
    drawn.automaton.https = 5;
    drawn.automaton.http = 10;
    drawn.automaton.start = 20;
    for (unsigned kind = 0; kind < 16; kind++) {
        cf_tables tables = {.exact = exact,
                            .n_exact = kind & 1,
                            .rules = rules,
                            .n_rules = kind >> 1 & 1,
                            .automaton = drawn.automaton,
                            .any_web_origin = (kind & 4) != 0,
                            .ask_caller = (kind & 8) != 0,
                            .seed = kind};
        cf_originset set = {0};
        CHECK(cf_originset_fill(&set, &tables) == CF_OK);
        for (size_t i = 0; i < COUNT(origins); i++) {
            uint32_t index = 5, wanted_index;
            size_t length = strlen(origins[i]);
            cf_outcome wanted =
                naive_match_origin(&tables, origins[i], length, &wanted_index);
            CHECK_FOR(origins[i], length,
                      cf_originset_match(&set, guard_back(origins[i], length),
                                         length, &index)
                          == wanted);
            CHECK_FOR(origins[i], length,
                      index == (wanted == CF_ALLOWED ? wanted_index : 5));
        }
        cf_originset_clear(&set);
    }
}

/* -- bad tables ---------------------------------------------------------- */

/* Draw a valid automaton of three rows and five columns. */
static void
draw_good(void)
{
    start(5, 3);
    drawn.class_of['a'] = 2;
    drawn.class_of['b'] = 4;
    edge(1, 2, 2);
    edge(2, 4, 1);
    accept_at(2);
    drawn.automaton.http = 5;
    drawn.automaton.https = 10;
}

static cf_status
try_to_fill(void)
{
    cf_dfa dfa = {0};
    counting_start(0);
    cf_status status = fill(&dfa);
    CHECK((counting.alive != 0) == (status == CF_OK));
    CHECK(status
          == (naive_good_automaton(&drawn.automaton) ? CF_OK : CF_BAD_TABLES));
    if (status == CF_OK) {
        CHECK(cf_dfa_memory(&dfa) == counting.bytes);
    }
    cf_dfa_clear(&dfa);
    CHECK(counting.alive == 0);
    counting_stop();
    return status;
}

/* Set every entry in turn to every value near a limit. */
static void
test_bad_entries(void)
{
    static const uint32_t values[] = {
        0,          1,           2,           4,           5,         6,
        9,          10,          11,          14,          15,        16,
        0x7fffffff, 0x80000000u, 0x80000001u, 0xfffffffbu, UINT32_MAX};
    for (size_t i = 0; i < 15; i++) {
        for (size_t v = 0; v < COUNT(values); v++) {
            draw_good();
            drawn.entries[i] = values[v];
            bool target =
                i > 5 && i % 5 > 1
                && (values[v] == 0 || values[v] == 5 || values[v] == 10);
            bool accepts = i > 5 && i % 5 == 1 && values[v] <= 1;
            CHECK(try_to_fill()
                  == (target || accepts || values[v] == 0 ? CF_OK
                                                          : CF_BAD_TABLES));
        }
    }
    for (size_t v = 0; v < COUNT(values); v++) {
        bool row = values[v] == 0 || values[v] == 5 || values[v] == 10;
        draw_good();
        drawn.automaton.start = values[v];
        CHECK(try_to_fill() == (row ? CF_OK : CF_BAD_TABLES));
        draw_good();
        drawn.automaton.http = values[v];
        CHECK(try_to_fill() == (row ? CF_OK : CF_BAD_TABLES));
        draw_good();
        drawn.automaton.https = values[v];
        CHECK(try_to_fill() == (row ? CF_OK : CF_BAD_TABLES));
    }
}

static void
test_bad_columns(void)
{
    for (size_t byte = 0; byte < 256; byte++) {
        for (unsigned column = 0; column < 256; column++) {
            draw_good();
            drawn.class_of[byte] = (uint8_t)column;
            CHECK(try_to_fill()
                  == (column < 5 && column != 1 ? CF_OK : CF_BAD_TABLES));
        }
    }
}

static void
test_bad_shapes(void)
{
    for (size_t n = 1; n <= 20;
         n++) { /* whole rows, and all targets in them */
        draw_good();
        drawn.automaton.n_table = n;
        CHECK(try_to_fill() == (n == 15 || n == 20 ? CF_OK : CF_BAD_TABLES));
    }
    for (uint32_t width = 0; width <= 16; width++) {
        draw_good();
        drawn.automaton.width = width;
        CHECK(try_to_fill() == (width == 5 ? CF_OK : CF_BAD_TABLES));
    }
    /* no automaton: all other fields are ignored */
    draw_good();
    cf_dfa dfa = {0};
    cf_automaton none = {.n_table = 0, .width = 0, .http = 77};
    CHECK(cf_dfa_fill(&dfa, &none) == CF_OK);
    CHECK(dfa.table == NULL);
    CHECK(cf_dfa_memory(&dfa) == 0);
    cf_dfa_clear(&dfa);
    /* too long to tell rows from runs: no entry is read */
    none = (cf_automaton){
        .class_of = drawn.class_of, .n_table = 0x80000000u, .width = 4};
    CHECK(cf_dfa_fill(&dfa, &none) == CF_BAD_TABLES);
    cf_dfa_clear(&dfa);
    /* only the dead state; the largest width; wider than a byte can address */
    start(2, 1);
    CHECK(try_to_fill() == CF_OK);
    for (uint32_t width = 254; width <= MAX_WIDTH; width++) {
        start(width, 3);
        for (size_t byte = 0; byte < 256; byte++) {
            drawn.class_of[byte] =
                byte < 2 || byte >= width ? 0 : (uint8_t)byte;
        }
        for (uint32_t column = 2; column < width; column++) {
            edge(1, column, column % 3);
        }
        accept_at(2);
        drawn.automaton.https = width;
        CHECK(try_to_fill() == CF_OK);
        CHECK(fill(&dfa) == CF_OK);
        for (unsigned byte = 0; byte < 256; byte++) {
            char text = (char)byte;
            (void)runs(&dfa, &text, 1, true);
        }
        cf_dfa_clear(&dfa);
    }
}

/* -- memory -------------------------------------------------------------- */

static void
test_no_memory(void)
{
    draw_good();
    for (size_t fail_at = 1; fail_at <= 3; fail_at++) {
        cf_dfa dfa = {0};
        counting_start(fail_at);
        cf_status status = fill(&dfa);
        CHECK(status == (fail_at <= 2 ? CF_NO_MEMORY : CF_OK));
        cf_dfa_clear(&dfa);
        CHECK(counting.alive == 0);
        counting_stop();
    }
    /* running allocates nothing */
    cf_dfa dfa = {0};
    CHECK(fill(&dfa) == CF_OK);
    counting_start(1);
    CHECK(cf_dfa_accepts(&dfa, dfa.http, "a", 1));
    CHECK(counting.requests == 0);
    counting_stop();
    cf_dfa_clear(&dfa);
}

int
main(void)
{
    test_chains();
    test_circles();
    test_random();
    test_in_a_set();
    test_bad_entries();
    test_bad_columns();
    test_bad_shapes();
    test_no_memory();
    return check_end("test_automaton");
}
