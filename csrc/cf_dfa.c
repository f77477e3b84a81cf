/* cf_dfa.c - run the one automaton of all globs and regexes.
 *
 *     state --byte--> table[state + class_of[byte]] --byte--> ...
 *
 * The cost is one dependent load per byte, for any input. Most of a pattern is
 * literal text. Where only one text can follow a state, that text (a run) is
 * compared in one step:
 *
 *     table: ... | RUN + 3 | ...      runs[3]: ".example.com" -> target
 */
#include "cf_internal.h"

/* -- building ------------------------------------------------------------ */

/* Comparing a shorter run costs more than stepping through it. */
enum { CF_SHORTEST_RUN = 4 };

/* Set in an entry that names a run instead of a state. */
#define RUN 0x80000000u

static bool
valid_automaton(const cf_automaton *given)
{
    size_t n = given->n_table;
    uint32_t width = given->width;
    if (width < 2 || n % width != 0 || n >= RUN) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t entry = given->table[i];
        bool dead = i < width || i % width == 0; /* the first row and column */
        bool accepting = i % width == 1;
        if ((dead && entry != 0) || (accepting && entry > 1)
            || (!accepting && (entry >= n || entry % width != 0))) {
            return false;
        }
    }
    for (size_t i = 0; i < 256; i++) {
        if (given->class_of[i] >= width || given->class_of[i] == 1) {
            return false;
        }
    }
    return given->start < n && given->start % width == 0 && given->http < n
           && given->http % width == 0 && given->https < n
           && given->https % width == 0;
}

/* Find, for each column, the only byte of that class, or 0 if there are
 * several. */
static void
find_single_bytes(const uint8_t *class_of, uint8_t *single)
{
    bool seen[256] = {false};
    memset(single, 0, 256);
    for (size_t byte = 0; byte < 256; byte++) {
        uint8_t column = class_of[byte];
        single[column] = seen[column] ? 0 : (uint8_t)byte;
        seen[column] = true;
    }
}

/* Return whether exactly one byte can follow a state, and write that byte and
 * the next state. */
static bool
follow(const cf_dfa *dfa, uint32_t width, const uint8_t *single,
       uint32_t state, char *byte, uint32_t *next)
{
    const uint32_t *row = dfa->table + state;
    uint32_t found = 0;
    if (row[1] != 0) {
        return false; /* the text may also end here */
    }
    for (uint32_t column = 2; column < width; column++) {
        if (row[column] != 0) {
            if (found != 0 || single[column] == 0) {
                return false;
            }
            found = column;
        }
    }
    if (found == 0) {
        return false;
    }
    *byte = (char)single[found];
    *next = row[found];
    return true;
}

static void
find_run(const cf_dfa *dfa, uint32_t width, const uint8_t *single,
         uint32_t state, cf_run *run)
{
    uint8_t length = 0;
    while (length < sizeof run->text
           && follow(dfa, width, single, state, &run->text[length], &state)) {
        length++;
    }
    run->length = length;
    run->target = state;
}

/* Return the run of a state if it is long enough, else the state. The index
 * of the run is the state's row. */
static uint32_t
or_run(const cf_dfa *dfa, uint32_t width, uint32_t state)
{
    uint32_t row = state / width;
    return dfa->runs[row].length >= CF_SHORTEST_RUN ? RUN | row : state;
}

/* Find the runs, and redirect every entry for a run's first state to the run.
 */
static cf_status
fill_runs(cf_dfa *dfa, uint32_t width)
{
    uint8_t single[256];
    size_t rows = dfa->n_table / width;
    dfa->runs = cf_new_array(rows, sizeof *dfa->runs);
    if (dfa->runs == NULL) {
        return CF_NO_MEMORY;
    }
    find_single_bytes(dfa->class_of, single);
    for (size_t row = 1; row < rows; row++) {
        find_run(dfa, width, single, (uint32_t)row * width, &dfa->runs[row]);
    }
    for (size_t i = 0; i < dfa->n_table; i++) {
        if (i % width != 1) {
            dfa->table[i] = or_run(dfa, width, dfa->table[i]);
        }
    }
    for (size_t row = 1; row < rows; row++) {
        cf_run *run = &dfa->runs[row];
        run->target = or_run(dfa, width, run->target);
    }
    dfa->start = or_run(dfa, width, dfa->start);
    dfa->http = or_run(dfa, width, dfa->http);
    dfa->https = or_run(dfa, width, dfa->https);
    return CF_OK;
}

cf_status
cf_dfa_fill(cf_dfa *dfa, const cf_automaton *given)
{
    if (given->n_table == 0) {
        return CF_OK;
    }
    if (!valid_automaton(given)) {
        return CF_BAD_TABLES;
    }
    size_t n = given->n_table;
    dfa->table = cf_new_array(n, sizeof *dfa->table);
    if (dfa->table == NULL) {
        return CF_NO_MEMORY;
    }
    memcpy(dfa->table, given->table, n * sizeof *dfa->table);
    memcpy(dfa->class_of, given->class_of, sizeof dfa->class_of);
    dfa->n_table = n;
    dfa->n_rows = n / given->width;
    dfa->start = given->start;
    dfa->http = given->http;
    dfa->https = given->https;
    return fill_runs(dfa, given->width);
}

void
cf_dfa_clear(cf_dfa *dfa)
{
    cf_memory.release(dfa->table);
    cf_memory.release(dfa->runs);
    memset(dfa, 0, sizeof *dfa);
}

size_t
cf_dfa_memory(const cf_dfa *dfa)
{
    return dfa->n_table * sizeof *dfa->table + dfa->n_rows * sizeof *dfa->runs;
}

/* -- running ------------------------------------------------------------- */

bool
cf_dfa_accepts(const cf_dfa *dfa, uint32_t state, const char *text,
               size_t length)
{
    const uint32_t *table = dfa->table;
    const uint8_t *class_of = dfa->class_of;
    const char *end = text + length;
    for (;;) {
        while ((state & RUN) != 0) {
            const cf_run *run = &dfa->runs[state & ~RUN];
            if ((size_t)(end - text) < run->length
                || !cf_equal(text, run->text, run->length)) {
                return false;
            }
            text += run->length;
            state = run->target;
        }
        if (text == end || state == 0) {
            return table[state + 1] != 0;
        }
        /* Look up the column first, because it does not depend on the state.
         * Only one load then waits for the previous step. */
        const uint32_t *column = table + class_of[(uint8_t)*text++];
        state = column[state];
    }
}
