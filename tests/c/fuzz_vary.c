/* fuzz_vary.c - compare cf_scan_vary, cf_request_field and cf_response_field
 * with naive_names.h.
 */
#include "fuzz.h"

#include "corsfast.h"
#include "naive_names.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    MUST(cf_scan_vary(text, size) == naive_scan_vary(text, size));
    MUST(cf_request_field(text, size) == naive_request_field(text, size));
    MUST(cf_response_field(text, size) == naive_response_field(text, size));
    free(text);
    return 0;
}
