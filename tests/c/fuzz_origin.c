/* fuzz_origin.c - compare cf_valid_origin and cf_parse_origin with
 * naive_origin.h.
 */
#include "fuzz.h"

#include "cf_internal.h"
#include "naive_origin.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    cf_origin parts;
    naive_origin wanted;
    bool valid = naive_parse(text, size, &wanted);
    MUST(cf_valid_origin(text, size) == valid);
    MUST(cf_parse_origin(text, size, &parts) == valid);
    if (valid) {
        MUST(parts.scheme_end == strlen(wanted.scheme));
        MUST(parts.host_start == parts.scheme_end + 3);
        MUST(parts.host_end == parts.host_start + strlen(wanted.host));
        MUST((long)parts.port == wanted.port);
        uint32_t dots = 0;
        for (uint32_t i = parts.host_start; i < parts.host_end; i++) {
            if (text[i] == '.' && naive_special(wanted.scheme)) {
                MUST(dots < parts.n_dots && parts.dots[dots] == i);
                dots++;
            }
        }
        MUST(dots == parts.n_dots);
    }
    free(text);
    return 0;
}
