/* cf_nameset.c - match methods, header names, and lists of header names.
 *
 *     token = 1*tchar                     RFC 9110, section 5.6.2
 *     tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." /
 *             "^" / "_" / "`" / "|" / "~" / DIGIT / ALPHA
 *     #element => [ element ] *( OWS "," OWS [ element ] )
 *                                         RFC 9110, section 5.6.1.2
 *     OWS   = *( SP / HTAB )              RFC 9110, section 5.6.3
 *
 *     list --cache--> allowed before
 *         --miss--> each element: fast path: exactly a name of the table
 *                                 slow path: white space, upper case,
 *                                            any other name
 */
#include "cf_hash.h"

#if defined(__SSE2__) || defined(_M_X64)
#    include <emmintrin.h>
#    define HAS_SSE2 1
#endif

/* clang-format off */
const uint8_t cf_tchar_lower[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&',
    ['\''] = '\'', ['*'] = '*', ['+'] = '+', ['-'] = '-', ['.'] = '.',
    ['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|', ['~'] = '~',
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',
    ['5'] = '5', ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
    ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e',
    ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i', ['J'] = 'j',
    ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o',
    ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't',
    ['U'] = 'u', ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y',
    ['Z'] = 'z',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e',
    ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j',
    ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n', ['o'] = 'o',
    ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't',
    ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',
    ['z'] = 'z',
};
/* clang-format on */

static inline uint8_t
lower_tchar(char c)
{
    return cf_tchar_lower[(uint8_t)c];
}

static inline bool
is_ows(char c)
{
    return c == ' ' || c == '\t';
}

/* -- methods ------------------------------------------------------------- */

/* https://fetch.spec.whatwg.org/#forbidden-method */
static bool
is_forbidden(const char *method, size_t length)
{
    return (length == 5
            && (cf_equal(method, "TRACE", 5) || cf_equal(method, "TRACK", 5)))
           || (length == 7 && cf_equal(method, "CONNECT", 7));
}

/* Load up to 8 bytes as a word, padded with 0. */
static inline uint64_t
word_of(const char *text, size_t length)
{
    uint64_t word = 0;
    memcpy(&word, text, length);
    return word;
}

void
cf_methods_fill(cf_policy *policy, const cf_slice *methods, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (policy->n_short == CF_SHORT_METHODS) {
            return;
        }
        if (methods[i].length <= 8) {
            cf_short_method *made = &policy->short_methods[policy->n_short++];
            made->word = word_of(methods[i].data, methods[i].length);
            made->length = methods[i].length;
        }
    }
}

static inline bool
is_listed(const cf_policy *policy, const char *method, size_t length)
{
    if (length != 0 && length <= 8) {
        uint64_t word;
        switch (length) { /* constant lengths avoid a call to memcpy */
        case 3:
            word = word_of(method, 3);
            break;
        case 4:
            word = word_of(method, 4);
            break;
        case 5:
            word = word_of(method, 5);
            break;
        case 6:
            word = word_of(method, 6);
            break;
        default:
            word = word_of(method, length);
        }
        for (uint32_t i = 0; i < policy->n_short; i++) {
            if (policy->short_methods[i].word == word
                && policy->short_methods[i].length == length) {
                return true;
            }
        }
    }
    return cf_table_find(&policy->methods, method, length) != CF_NO_KEY;
}

cf_outcome
cf_match_method(const cf_policy *policy, const char *method, size_t length)
{
    if (length > CF_MAX_METHOD) {
        return CF_METHOD_TOO_LONG;
    }
    if (is_listed(policy, method, length)) {
        return CF_ALLOWED;
    }
    for (size_t i = 0; i < length; i++) {
        if (lower_tchar(method[i]) == 0) {
            return CF_METHOD_MALFORMED;
        }
    }
    if (length == 0) {
        return CF_METHOD_MALFORMED;
    }
    if (policy->any_method && !is_forbidden(method, length)) {
        return CF_ALLOWED;
    }
    return CF_METHOD_NOT_ALLOWED;
}

/* -- header names -------------------------------------------------------- */

/* https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name */
static bool
allows_header(const cf_policy *policy, const char *lower, size_t length)
{
    if (cf_table_find(&policy->headers, lower, length) != CF_NO_KEY) {
        return true;
    }
    return policy->any_header
           && !(length == 13 && cf_equal(lower, "authorization", 13));
}

/* The number of bytes of a list that are scanned at once. */
enum { BLOCK = 16 };

/* Return a bit mask: bit i says that text[i] is a comma. */
static inline uint32_t
commas_in_block(const char *text)
{
#if HAS_SSE2
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
    __m128i found = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(','));
    return (uint32_t)_mm_movemask_epi8(found);
#else
    uint32_t found = 0;
    for (int i = 0; i < BLOCK; i++) {
        found |= (uint32_t)(text[i] == ',') << i;
    }
    return found;
#endif
}

/* Like commas_in_block, from `start` on. The end of the list counts as a
 * comma. */
static inline uint32_t
commas_from(const char *list, size_t start, size_t length)
{
    size_t left = length - start;
    if (left >= BLOCK) {
        return commas_in_block(list + start);
    }
    uint32_t found = (uint32_t)1 << left;
    if (length >= BLOCK) {
        return found
               | commas_in_block(list + length - BLOCK) >> (BLOCK - left);
    }
    for (size_t i = 0; i < left; i++) {
        found |= (uint32_t)(list[start + i] == ',') << i;
    }
    return found;
}

/* `bits` must not be 0. */
static inline size_t
lowest_bit(uint32_t bits)
{
#if defined(__GNUC__)
    return (size_t)__builtin_ctz(bits);
#else
    size_t bit = 0;
    while ((bits >> bit & 1) == 0) {
        bit++;
    }
    return bit;
#endif
}

/* Return whether the element is exactly a name of the table. This is the fast
 * path, because browsers send lower case and no white space. */
static inline bool
is_plain_name(const cf_policy *policy, const char *name, size_t length)
{
    uint64_t hashed = cf_hash(&policy->headers.seed, name, length);
    return cf_table_find_hashed(&policy->headers, hashed, name, length, 0)
           != CF_NO_KEY;
}

/* The state that is carried from element to element. */
typedef struct list_state {
    size_t empty;    /* number of empty elements */
    bool only_names; /* => only names with a single comma between them */
} list_state;

/* Match one element with its white space: the slow path. */
static cf_outcome
match_element(const cf_policy *policy, const char *list, size_t length,
              list_state *state)
{
    char name[CF_MAX_HEADER_NAME];
    size_t i = 0;
    size_t ows = 0;
    while (i < length && is_ows(list[i])) {
        if (++ows > CF_MAX_ELEMENT_OWS) {
            return CF_HEADER_LIST_TOO_SPACED;
        }
        i++;
    }
    size_t n = 0;
    uint8_t c;
    while (i < length && (c = lower_tchar(list[i])) != 0) {
        if (n == CF_MAX_HEADER_NAME) {
            return CF_HEADER_TOO_LONG;
        }
        name[n++] = (char)c;
        i++;
    }
    while (i < length && is_ows(list[i])) {
        if (++ows > CF_MAX_ELEMENT_OWS) {
            return CF_HEADER_LIST_TOO_SPACED;
        }
        i++;
    }
    if (i < length) {
        return CF_HEADER_MALFORMED;
    }
    if (n == 0) {
        if (++state->empty > CF_MAX_EMPTY_ELEMENTS) {
            return CF_HEADER_LIST_TOO_SPARSE;
        }
    }
    else if (!allows_header(policy, name, n)) {
        return CF_HEADER_NOT_ALLOWED;
    }
    if (ows != 0 || n == 0) {
        state->only_names = false;
    }
    return CF_ALLOWED;
}

static cf_outcome
match_list(const cf_policy *policy, const char *list, size_t length,
           bool *joined)
{
    list_state state = {.only_names = true};
    size_t start = 0;
    /* Find all commas of a block first, so that the CPU knows where the next
     * names end before the lookup of this one is done. */
    for (size_t block = 0; block <= length; block += BLOCK) {
        uint32_t commas = commas_from(list, block, length);
        for (; commas != 0; commas &= commas - 1) {
            size_t end = block + lowest_bit(commas);
            if (!is_plain_name(policy, list + start, end - start)) {
                cf_outcome outcome =
                    match_element(policy, list + start, end - start, &state);
                if (outcome != CF_ALLOWED) {
                    return outcome;
                }
            }
            start = end + 1;
        }
    }
    *joined = state.only_names;
    return CF_ALLOWED;
}

cf_outcome
cf_match_headers(const cf_policy *policy, const char *list, size_t length,
                 bool *joined)
{
    if (length > CF_MAX_HEADER_LIST) {
        return CF_HEADER_LIST_TOO_LONG;
    }
    if (length == 0) {
        *joined = true;
        return CF_ALLOWED;
    }
    uint64_t hashed = cf_hash(&policy->headers.seed, list, length);
    uint32_t note;
    if (cf_cache_find(&policy->lists, hashed, list, length, &note)) {
        *joined = note != 0;
        return CF_ALLOWED;
    }
    cf_outcome outcome = match_list(policy, list, length, joined);
    if (outcome == CF_ALLOWED) {
        cf_cache_keep(&policy->lists, hashed, list, length, *joined ? 1 : 0);
    }
    return outcome;
}

size_t
cf_join_names(const char *list, size_t length, char *out)
{
    size_t written = 0;
    bool in_name = false;
    for (size_t i = 0; i < length; i++) {
        if (lower_tchar(list[i]) == 0) {
            in_name = false;
            continue;
        }
        if (!in_name && written != 0) {
            out[written++] = ',';
        }
        in_name = true;
        out[written++] = list[i];
    }
    return written;
}

size_t
cf_join_allowed(const cf_policy *policy, const char *list, size_t length,
                char *out)
{
    list_state state = {.only_names = true};
    size_t written = 0;
    if (length == 0 || length > CF_MAX_HEADER_LIST) {
        return 0;
    }
    for (size_t start = 0, end; start <= length; start = end + 1) {
        end = start;
        while (end < length && list[end] != ',') {
            end++;
        }
        cf_outcome outcome =
            match_element(policy, list + start, end - start, &state);
        if (outcome == CF_HEADER_NOT_ALLOWED) {
            continue;
        }
        if (outcome != CF_ALLOWED) {
            return 0;
        }
        size_t at = written == 0 ? 0 : written + 1;
        size_t n = cf_join_names(list + start, end - start, out + at);
        if (n != 0 && !(n == 1 && out[at] == '*')) {
            if (at != 0) {
                out[written] = ',';
            }
            written = at + n;
        }
    }
    return written;
}
