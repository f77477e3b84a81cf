/* corsfast.h - CORS decisions in plain C11. This header is the manual.
 *
 * This is the core of the native engine. It matches, scans and decides. It
 * does not depend on Python, on options, or on how headers are spelled.
 * src/corsfast/_engine/pure.py is the reference for every result.
 *
 *     cf_tables --cf_policy_new--> cf_policy --cf_match_*--> cf_outcome
 *
 * Rules for all functions:
 *  - Inputs are (pointer, length). They need no NUL at the end, and a NUL
 *    inside is an ordinary byte. No byte past the length is read. A pointer
 *    may be NULL if its length is 0.
 *  - Out-parameters are written only on success.
 *  - Only cf_policy_new allocates memory, so nothing else can run out of it.
 *  - A policy is immutable, and any number of threads may use it at once. The
 *    caller ensures that no thread uses it while it is freed.
 *  - Every length is checked against the limits below before a loop runs over
 *    the input.
 */
#ifndef CORSFAST_H
#define CORSFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- limits: reasons in src/corsfast/_options/limits.py ------------------ */

enum {
    CF_MAX_SCHEME = 64,
    CF_MAX_LABEL = 63,
    CF_MAX_HOST = 253,
    CF_MAX_PORT = 65535,
    CF_MAX_ORIGIN = 326,
    CF_MAX_METHOD = 64,
    CF_MAX_HEADER_LIST = 8192,
    CF_MAX_HEADER_NAME = 128,
    CF_MAX_EMPTY_ELEMENTS = 16,
    CF_MAX_ELEMENT_OWS = 16
};

/* -- types -------------------------------------------------------------- */

/* The reason for a decision, in the order of Outcome in decision.py. */
typedef enum cf_outcome {
    CF_NO_ORIGIN,
    CF_ALLOWED,
    CF_ORIGIN_TOO_LONG,
    CF_ORIGIN_MALFORMED,
    CF_ORIGIN_NOT_ALLOWED,
    CF_METHOD_TOO_LONG,
    CF_METHOD_MALFORMED,
    CF_METHOD_NOT_ALLOWED,
    CF_HEADER_LIST_TOO_LONG,
    CF_HEADER_LIST_TOO_SPARSE,
    CF_HEADER_LIST_TOO_SPACED,
    CF_HEADER_TOO_LONG,
    CF_HEADER_MALFORMED,
    CF_HEADER_NOT_ALLOWED,
    CF_OUTCOMES, /* the number of outcomes */
    /* Not a decision: the origin is well-formed, no table contains it, and
     * the policy was built with ask_caller. The caller's own matchers
     * decide. */
    CF_ASK_CALLER = CF_OUTCOMES
} cf_outcome;

typedef enum cf_status {
    CF_OK,
    CF_NO_MEMORY,
    CF_BAD_TABLES /* a table violates the rules of cf_tables */
} cf_status;

/* Borrowed bytes. */
typedef struct cf_slice {
    const char *data;
    size_t length;
} cf_slice;

/* A scheme and a range of ports, both ends included. Port 0 means that the
 * origin has no port. */
typedef struct cf_port_range {
    bool https; /* else http: rules have web schemes only */
    uint32_t first_port;
    uint32_t last_port;
} cf_port_range;

/* The schemes and ports that are allowed for one host. A host that begins with
 * a dot matches its subdomains at any depth, but not the host itself. For
 * example, ".example.com" does not match "example.com". */
typedef struct cf_rule {
    cf_slice host;
    const cf_port_range *ranges;
    size_t n_ranges;
} cf_rule;

/* One automaton for all globs and regexes. After a byte, the next state is
 * table[state + class_of[byte]]; 0 is the dead state. table[state + 1] is 1 if
 * the state accepts. For http and https the automaton reads the part after
 * "://", for other schemes the whole origin. A text that is not an origin
 * never matches. */
typedef struct cf_automaton {
    const uint8_t *class_of; /* 256 columns: 0 (always dead), or 2.. */
    const uint32_t *table;   /* rows of `width` columns; row 0 is dead */
    size_t n_table;          /* 0: no automaton */
    uint32_t width;
    uint32_t start; /* start state for a whole origin, */
    uint32_t http;  /* for the part after "http://", */
    uint32_t https; /* for the part after "https://" */
} cf_automaton;

/* The input from which a policy is built. All of it is copied. The rules for
 * `exact`, methods and headers are checked. For hosts only the length is
 * checked, because an invalid host simply never matches. */
typedef struct cf_tables {
    const cf_slice *exact; /* serialized origins, or "null"; all different,
                              each 1..CF_MAX_ORIGIN bytes */
    size_t n_exact;
    const cf_rule *rules; /* hosts all different, 1..CF_MAX_HOST + 2 bytes */
    size_t n_rules;
    cf_automaton automaton;
    const cf_slice *methods; /* tokens, all different,
                                1..CF_MAX_METHOD bytes */
    size_t n_methods;
    const cf_slice *headers; /* lower-case tokens, all different,
                                1..CF_MAX_HEADER_NAME bytes */
    size_t n_headers;
    bool star;           /* allow every origin without reading it */
    bool any_web_origin; /* allow every well-formed http(s) origin */
    bool any_origin;     /* allow every serialized origin of any scheme */
    bool any_method;     /* every token but CONNECT, TRACE and TRACK */
    bool any_header;     /* every token but Authorization */
    bool ask_caller;     /* see CF_ASK_CALLER */
    uint64_t seed;       /* unpredictable, so that an attacker cannot choose
                            texts whose hashes collide */
} cf_tables;

typedef struct cf_policy cf_policy;

/* -- policies ----------------------------------------------------------- */

/* Build a policy. On CF_OK the caller owns *policy and frees it with
 * cf_policy_free. On failure *policy is untouched and no memory is kept.
 * CF_BAD_TABLES is a bug in the caller; it does not say which table is bad. */
cf_status
cf_policy_new(const cf_tables *tables, cf_policy **policy);

/* Build a policy that shares the tables of another one and has its own caches,
 * so that a thread need not wait for the other threads' writes to them. It is
 * valid as long as the other one is. Returns CF_OK or CF_NO_MEMORY, and the
 * caller owns it like the result of cf_policy_new. */
cf_status
cf_policy_share(const cf_policy *original, cf_policy **policy);

/* Free a policy. NULL is a no-op. */
void
cf_policy_free(cf_policy *policy);

/* Return the number of bytes that a policy owns. */
size_t
cf_policy_memory(const cf_policy *policy);

/* -- deciding ----------------------------------------------------------- */

/* The index of an allowed origin that is not in `exact`. */
#define CF_NOT_EXACT UINT32_MAX

/* Match the value of an Origin header. The caller joins several header
 * lines with commas. Return CF_ALLOWED, one of CF_ORIGIN_*, or CF_ASK_CALLER.
 * On CF_ALLOWED *exact is the origin's index in cf_tables.exact, or
 * CF_NOT_EXACT. With `star` it is 0. */
cf_outcome
cf_match_origin(const cf_policy *policy, const char *origin, size_t length,
                uint32_t *exact);

/* Record the caller's answer to CF_ASK_CALLER, so that the same origin need
 * not be asked about again. */
void
cf_keep_origin(const cf_policy *policy, const char *origin, size_t length,
               cf_outcome outcome);

/* Match the value of Access-Control-Request-Method. Return CF_ALLOWED or
 * one of CF_METHOD_*. */
cf_outcome
cf_match_method(const cf_policy *policy, const char *method, size_t length);

/* Match the value of Access-Control-Request-Headers. The caller joins
 * several header lines with commas. Return CF_ALLOWED, or one of CF_HEADER_*
 * for the first element with a problem. On CF_ALLOWED *joined says whether the
 * value consists only of names with a single comma between them. */
cf_outcome
cf_match_headers(const cf_policy *policy, const char *list, size_t length,
                 bool *joined);

/* Write the names of a list that cf_match_headers allowed, joined by commas.
 * Return the number of bytes written, at most `length`. `out` must have room
 * for `length` bytes and must not overlap `list`. */
size_t
cf_join_names(const char *list, size_t length, char *out);

/* Like cf_join_names, but for any list: leave out "*" and the names that are
 * not allowed. Write nothing that counts and return 0 if the list is malformed
 * or over a limit. */
size_t
cf_join_allowed(const cf_policy *policy, const char *list, size_t length,
                char *out);

/* -- origins ------------------------------------------------------------ */

/* Return whether the text is a serialized origin. "null" is not one. The
 * grammar is in src/corsfast/_options/origin.py. */
bool
cf_valid_origin(const char *origin, size_t length);

/* -- header fields ------------------------------------------------------ */

typedef enum cf_field {
    CF_FIELD_OTHER,
    /* request headers */
    CF_FIELD_ORIGIN,
    CF_FIELD_REQUEST_METHOD,
    CF_FIELD_REQUEST_HEADERS,
    CF_FIELD_REQUEST_PRIVATE_NETWORK,
    /* response headers */
    CF_FIELD_VARY,
    CF_FIELD_ALLOW_ORIGIN,
    CF_FIELD_ALLOW_CREDENTIALS,
    CF_FIELD_ALLOW_METHODS,
    CF_FIELD_ALLOW_HEADERS,
    CF_FIELD_MAX_AGE,
    CF_FIELD_EXPOSE_HEADERS
} cf_field;

/* Return the field with this name. Request names are compared exactly, because
 * ASGI names are lower case. Response names are compared ignoring case.
 *
 * Call the inline functions below instead of these. They run for each header
 * of each request, and the length alone rules out nearly all headers. */
cf_field
cf_named_request_field(const char *name, size_t length);
cf_field
cf_named_response_field(const char *name, size_t length);

static inline cf_field
cf_request_field(const char *name, size_t length)
{
    const uint64_t lengths = 1U << 6 | 1U << 29 | 1U << 30 | (uint64_t)1 << 38;
    if (length > 63 || (lengths >> length & 1) == 0) {
        return CF_FIELD_OTHER;
    }
    return cf_named_request_field(name, length);
}

static inline cf_field
cf_response_field(const char *name, size_t length)
{
    const uint64_t lengths = 1U << 4 | 1U << 22 | 1U << 27 | 1U << 28
                             | 1U << 29 | (uint64_t)1 << 32;
    if (length > 63 || (lengths >> length & 1) == 0) {
        return CF_FIELD_OTHER;
    }
    return cf_named_response_field(name, length);
}

/* The names that cf_scan_vary looks for, as bits. */
enum {
    CF_VARY_ORIGIN = 1,
    CF_VARY_REQUEST_METHOD = 2,
    CF_VARY_REQUEST_HEADERS = 4,
    CF_VARY_STAR = 8
};

/* Return the bits of the names in a Vary value, ignoring case. */
unsigned
cf_scan_vary(const char *value, size_t length);

#ifdef __cplusplus
}
#endif

#endif /* CORSFAST_H */
