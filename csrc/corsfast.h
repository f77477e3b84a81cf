/* corsfast.h - CORS decisions in plain C11. This header is the manual.
 *
 * What it is: the native engine's core. It matches, scans and decides; it
 * knows nothing of Python, of options, or of how a header is spelt. The
 * reference for every answer is src/corsfast/_engine/pure.py.
 *
 *     cf_tables --cf_policy_new--> cf_policy --cf_match_*--> cf_outcome
 *
 * Rules that hold for all of it:
 *  - Inputs are (pointer, length). No NUL is assumed, none is special, and no
 *    byte behind the length is read. A pointer may be NULL if its length is 0.
 *  - Out-parameters are untouched unless a function says that it succeeded.
 *  - Memory is allocated by cf_policy_new alone. Nothing else can fail for
 *    want of it.
 *  - A policy is immutable. Any number of threads may use one at once; the
 *    caller sees to it that none does when it is freed.
 *  - Lengths are compared with the limits below before anything is looped
 *    over.
 */
#ifndef CORSFAST_H
#define CORSFAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- limits: src/corsfast/_options/limits.py gives the reasons ------------------- */

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

/* -- words -------------------------------------------------------------- */

/* Why a decision is what it is, in the order of Outcome in decision.py. */
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
    CF_OUTCOMES, /* how many there are */
    /* Not an answer: a well-formed origin that no table knows, in a policy
     * that was built with ask_caller. The caller's own matchers have
     * the last word. */
    CF_ASK_CALLER = CF_OUTCOMES
} cf_outcome;

typedef enum cf_status {
    CF_OK,
    CF_NO_MEMORY,
    CF_BAD_TABLES /* a table breaks its rule below */
} cf_status;

/* Borrowed bytes. */
typedef struct cf_slice {
    const char *data;
    size_t length;
} cf_slice;

/* A scheme and a range of ports, both ends included; port 0 means "none
 * written". */
typedef struct cf_leaf {
    bool https; /* else http: rules are for web schemes */
    uint32_t first_port;
    uint32_t last_port;
} cf_leaf;

/* The origins of one host, in all their schemes and ports. A host that begins
 * with a dot stands for its subdomains, one or more labels deep, and not for
 * itself. */
typedef struct cf_rule {
    cf_slice host;
    const cf_leaf *leaves;
    size_t n_leaves;
} cf_rule;

/* The one automaton of all globs and regexes. The next state of a state is
 * table[state + class_of[byte]], 0 is dead; table[state + 1] is 1 where the
 * state accepts. It runs only over origins: over what follows "://" where the
 * scheme is http or https, over the whole where it is another. */
typedef struct cf_automaton {
    const uint8_t *class_of; /* 256 columns: 0, which leads nowhere, or 2.. */
    const uint32_t *table;   /* rows of `width` columns; the first is dead */
    size_t n_table;          /* 0: there is no automaton */
    uint32_t width;
    uint32_t start; /* the states to start from: with the scheme, */
    uint32_t http;  /* behind "http://", */
    uint32_t https; /* behind "https://" */
} cf_automaton;

/* What a policy is built from. All of it is copied. What is said here of
 * `exact`, methods and headers is verified; of a host its length alone is, for
 * one that no origin has matches none. */
typedef struct cf_tables {
    const cf_slice *exact; /* serialised origins, or "null"; all different,
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
    bool star;           /* every origin is allowed and none looked at */
    bool any_web_origin; /* every well-formed http(s) origin is allowed */
    bool any_origin;     /* every serialised origin is, whatever its scheme */
    bool any_method;     /* every token but CONNECT, TRACE and TRACK */
    bool any_header;     /* every token but Authorization */
    bool ask_caller;     /* see CF_ASK_CALLER */
    uint64_t seed;       /* unpredictable: nobody may choose texts whose
                            hashes collide */
} cf_tables;

typedef struct cf_policy cf_policy;

/* -- policies ----------------------------------------------------------- */

/* Builds a policy. On CF_OK *policy is the caller's, to be given to
 * cf_policy_free; on anything else it is untouched and nothing is owned.
 * CF_BAD_TABLES is its caller's mistake; it does not say where. */
cf_status
cf_policy_new(const cf_tables *tables, cf_policy **policy);

/* Frees a policy; NULL is permitted. */
void
cf_policy_free(cf_policy *policy);

/* How many bytes a policy owns. */
size_t
cf_policy_memory(const cf_policy *policy);

/* -- deciding ----------------------------------------------------------- */

/* The index for an origin that was not found in `exact`. */
#define CF_NOT_EXACT UINT32_MAX

/* Matches the value of an Origin header (several lines: joined by commas).
 * Returns CF_ALLOWED, one of the CF_ORIGIN_*, or CF_ASK_CALLER. On CF_ALLOWED
 * *exact is the origin's place in cf_tables.exact, or CF_NOT_EXACT; under
 * `star` it is 0. */
cf_outcome
cf_match_origin(const cf_policy *policy, const char *origin, size_t length,
                uint32_t *exact);

/* What the caller answered to CF_ASK_CALLER; he may then not be asked again. */
void
cf_keep_origin(const cf_policy *policy, const char *origin, size_t length,
               cf_outcome outcome);

/* Matches the value of Access-Control-Request-Method: CF_ALLOWED or one of
 * the CF_METHOD_*. */
cf_outcome
cf_match_method(const cf_policy *policy, const char *method, size_t length);

/* Walks the value of Access-Control-Request-Headers (several lines: joined
 * by commas); the first element with a problem decides. Returns CF_ALLOWED or
 * one of the CF_HEADER_*. On CF_ALLOWED *joined tells whether the value is
 * already nothing but names with a comma between them. */
cf_outcome
cf_match_headers(const cf_policy *policy, const char *list, size_t length,
                 bool *joined);

/* Writes the names of a list that cf_match_headers allowed, joined by commas,
 * and returns how many bytes that took; never more than `length`. `out` has
 * room for `length` bytes and does not overlap with `list`. */
size_t
cf_join_names(const char *list, size_t length, char *out);

/* -- origins ------------------------------------------------------------ */

/* Whether this is a serialised origin: the grammar of src/corsfast/_options/origin.py.
 * "null" is not one. */
bool
cf_valid_origin(const char *origin, size_t length);

/* -- header fields ------------------------------------------------------ */

typedef enum cf_field {
    CF_FIELD_OTHER,
    /* of a request */
    CF_FIELD_ORIGIN,
    CF_FIELD_REQUEST_METHOD,
    CF_FIELD_REQUEST_HEADERS,
    CF_FIELD_REQUEST_PRIVATE_NETWORK,
    /* of a response */
    CF_FIELD_VARY,
    CF_FIELD_ALLOW_ORIGIN,
    CF_FIELD_ALLOW_CREDENTIALS,
    CF_FIELD_ALLOW_METHODS,
    CF_FIELD_ALLOW_HEADERS,
    CF_FIELD_MAX_AGE,
    CF_FIELD_EXPOSE_HEADERS
} cf_field;

/* Which of the request's fields a name is; ASGI names are lower case, so the
 * comparison is exact. Which of the response's fields a name is, without
 * regard to case. Both are asked for each header of each request and inline
 * here: the length alone tells nearly all of them apart. */
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
    const uint64_t lengths =
        1U << 4 | 1U << 22 | 1U << 27 | 1U << 28 | 1U << 29 | (uint64_t)1 << 32;
    if (length > 63 || (lengths >> length & 1) == 0) {
        return CF_FIELD_OTHER;
    }
    return cf_named_response_field(name, length);
}

/* Names that a Vary value may hold, as bits. */
enum {
    CF_VARY_ORIGIN = 1,
    CF_VARY_REQUEST_METHOD = 2,
    CF_VARY_REQUEST_HEADERS = 4,
    CF_VARY_STAR = 8
};

/* The bits of the names that stand in a Vary value, without regard to case. */
unsigned
cf_scan_vary(const char *value, size_t length);

#ifdef __cplusplus
}
#endif

#endif /* CORSFAST_H */
