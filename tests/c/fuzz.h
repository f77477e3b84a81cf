/* fuzz.h - libFuzzer's entry point, and exact copies of the input. Targets
 * must not use the fuzzer's own buffer, because it is larger than the input
 * and would hide reads past the end.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "check.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Return a copy in an allocation of exactly `length` bytes, so that
 * AddressSanitizer sees any read past the end. The caller frees it. */
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
