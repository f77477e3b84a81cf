/* check.h - counting assertions: all the framework that these tests have.
 *
 * Place: included first by every program of tests/c.
 * Never: stop at a failed CHECK (the rest may tell why it failed), or let a
 * program pass that has checked nothing.
 */
#ifndef CHECK_H
#define CHECK_H

#if defined(_MSC_VER) && !defined(_CRT_SECURE_NO_WARNINGS)
#    define _CRT_SECURE_NO_WARNINGS /* C11's own string functions */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECK_MAX_REPORTS = 40 /* a broken table fails in thousands of ways */
};

typedef struct check_counts {
    unsigned long checks;
    unsigned long failures;
} check_counts;

static check_counts check_totals;

/* Whether a failure is to be printed; counts it. */
static inline bool
check_failed(const char *what, const char *file, int line)
{
    check_totals.failures++;
    if (check_totals.failures > CHECK_MAX_REPORTS) {
        return false;
    }
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    return true;
}

static inline bool
check_that(bool ok, const char *what, const char *file, int line)
{
    check_totals.checks++;
    if (!ok) {
        (void)check_failed(what, file, line);
    }
    return ok;
}

/* The same, and shows the input that it failed for. */
static inline bool
check_input(bool ok, const char *what, const char *data, size_t length,
            const char *file, int line)
{
    check_totals.checks++;
    if (ok || !check_failed(what, file, line)) {
        return ok;
    }
    fprintf(stderr, "    for %zu bytes \"", length);
    for (size_t i = 0; i < length && i < 400; i++) {
        unsigned char c = (unsigned char)data[i];
        bool plain = c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        fprintf(stderr, plain ? "%c" : "\\x%02x", c);
    }
    fprintf(stderr, "\"\n");
    return ok;
}

static inline void
check_must(bool ok, const char *what, const char *file, int line)
{
    if (!ok) {
        fprintf(stderr, "%s:%d: must hold: %s\n", file, line, what);
        abort();
    }
}

#define CHECK(condition)                                                      \
    ((void)check_that((condition), #condition, __FILE__, __LINE__))

#define CHECK_FOR(data, length, condition)                                    \
    ((void)check_input((condition), #condition, (data), (length), __FILE__,   \
                       __LINE__))

/* For what a test cannot go on without, and for fuzz targets. */
#define MUST(condition)                                                       \
    (check_must((condition), #condition, __FILE__, __LINE__))

/* Prints the summary; what main is to return. */
static inline int
check_end(const char *program)
{
    printf("%s: %lu checks, %lu failures\n", program, check_totals.checks,
           check_totals.failures);
    return check_totals.checks != 0 && check_totals.failures == 0 ? 0 : 1;
}

/* -- numbers that look random and are the same in every run -------------- */

/* xorshift64*; the state is never 0. */
static inline uint64_t
check_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 0x2545f4914f6cdd1du) >> 16;
}

/* One of 0..n-1. */
static inline size_t
check_below(uint64_t *state, size_t n)
{
    return (size_t)(check_random(state) % n);
}

#endif /* CHECK_H */
