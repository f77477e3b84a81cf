/* fuzz_headers.c - compare cf_match_headers and cf_join_names with
 * naive_names.h. The first byte chooses the policy, and the rest is the list.
 */
#include "fuzz.h"

#include "corsfast.h"
#include "naive_names.h"

static const cf_slice names[] = {
    {"a", 1}, {"x-token", 7}, {"content-type", 12}, {"authorization", 13}};

static const cf_tables tables[] = {
    {.headers = names, .n_headers = 4, .seed = 1},
    {.headers = names, .n_headers = 2, .any_header = true, .seed = 2},
    {.headers = names, .n_headers = 4, .any_header = true, .seed = 3},
    {.seed = 4},
};

static cf_policy *policies[4];

static void
check_join(const char *list, size_t length, const char *wanted, size_t size)
{
    char *out = malloc(length);
    MUST(out != NULL || length == 0);
    size_t written = cf_join_names(list, length, out);
    MUST(written <= length && written == size);
    MUST(written == 0 || memcmp(out, wanted, written) == 0);
    free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char wanted[CF_MAX_HEADER_LIST];
    if (size == 0) {
        return 0;
    }
    size_t which = data[0] % 4u;
    if (policies[which] == NULL) {
        MUST(cf_policy_new(&tables[which], &policies[which]) == CF_OK);
    }
    size_t length = size - 1, written;
    char *list = fuzz_copy(data + 1, length);
    bool joined = false, untouched = true, wanted_joined;
    cf_outcome outcome =
        cf_match_headers(policies[which], list, length, &joined);
    MUST(cf_match_headers(policies[which], list, length, &untouched)
         == outcome);
    MUST(outcome
         == naive_match_headers(&tables[which], list, length, &wanted_joined,
                                wanted, &written));
    if (outcome == CF_ALLOWED) {
        MUST(joined == wanted_joined && untouched == wanted_joined);
        check_join(list, length, wanted, written);
    }
    else {
        MUST(!joined && untouched);
    }
    free(list);
    return 0;
}
