/* check.h - counting assertions, the whole framework of these tests. A test
 * goes on after a failed CHECK, because later checks may show the reason. A
 * program that has checked nothing fails.
 */
#ifndef CHECK_H
#define CHECK_H

#if defined(_MSC_VER) && !defined(_CRT_SECURE_NO_WARNINGS)
#    define _CRT_SECURE_NO_WARNINGS /* for C11's string functions */
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHECK_MAX_REPORTS = 40 /* a broken table may fail thousands of checks */
};

typedef struct check_counts {
    unsigned long checks;
    unsigned long failures;
} check_counts;

static check_counts check_totals;

/* Count a failure and print it, up to a limit. Return whether it was printed.
 */
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

/* Like check_that, but also prints the input that failed. */
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

/* For conditions that a test needs to go on, and for fuzz targets. */
#define MUST(condition)                                                       \
    (check_must((condition), #condition, __FILE__, __LINE__))

/* Print the summary, and return the exit status for main. */
static inline int
check_end(const char *program)
{
    printf("%s: %lu checks, %lu failures\n", program, check_totals.checks,
           check_totals.failures);
    return check_totals.checks != 0 && check_totals.failures == 0 ? 0 : 1;
}

/* -- reproducible random numbers ----------------------------------------- */

/* xorshift64*; the state is never 0. */
static inline uint64_t
check_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * 0x2545f4914f6cdd1du) >> 16;
}

/* Return a number from 0 to n - 1. */
static inline size_t
check_below(uint64_t *state, size_t n)
{
    return (size_t)(check_random(state) % n);
}

#endif /* CHECK_H */
