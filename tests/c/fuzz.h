/* fuzz.h - what every fuzz target needs: libFuzzer's entry, exact copies.
 *
 * Place: included first by every fuzz_*.c.
 * Never: hand the fuzzer's own buffer on, which is bigger than the input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "check.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of `length` bytes and not one more, for AddressSanitizer to
 * watch; the caller's. */
static inline char *
fuzz_copy(const uint8_t *data, size_t length)
{
    char *copy = malloc(length);
    MUST(copy != NULL || length == 0);
    if (length != 0) {
        memcpy(copy, data, length);
    }
    return copy;
}

#endif /* FUZZ_H */
