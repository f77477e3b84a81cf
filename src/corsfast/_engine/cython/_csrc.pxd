# The declarations of csrc/corsfast.h for Cython. The header is the manual.

from libc.stdint cimport uint8_t, uint32_t, uint64_t


cdef extern from "stdbool.h" nogil:
    ctypedef bint c_bool "bool"


cdef extern from "corsfast.h" nogil:
    enum:
        CF_MAX_ORIGIN
        CF_MAX_METHOD
        CF_MAX_HEADER_LIST
        CF_OUTCOMES

    ctypedef enum cf_outcome:
        CF_NO_ORIGIN
        CF_ALLOWED
        CF_ORIGIN_TOO_LONG
        CF_ORIGIN_MALFORMED
        CF_ORIGIN_NOT_ALLOWED
        CF_METHOD_NOT_ALLOWED
        CF_ASK_CALLER

    ctypedef enum cf_status:
        CF_OK
        CF_NO_MEMORY
        CF_BAD_TABLES

    ctypedef struct cf_slice:
        const char *data
        size_t length

    ctypedef struct cf_port_range:
        c_bool https
        uint32_t first_port
        uint32_t last_port

    ctypedef struct cf_rule:
        cf_slice host
        const cf_port_range *ranges
        size_t n_ranges

    ctypedef struct cf_automaton:
        const uint8_t *class_of
        const uint32_t *table
        size_t n_table
        uint32_t width
        uint32_t start
        uint32_t http
        uint32_t https

    ctypedef struct cf_tables:
        const cf_slice *exact
        size_t n_exact
        const cf_rule *rules
        size_t n_rules
        cf_automaton automaton
        const cf_slice *methods
        size_t n_methods
        const cf_slice *headers
        size_t n_headers
        c_bool star
        c_bool any_web_origin
        c_bool any_origin
        c_bool any_method
        c_bool any_header
        c_bool ask_caller
        uint64_t seed

    ctypedef struct cf_policy:
        pass

    cf_status cf_policy_new(const cf_tables *tables, cf_policy **policy)
    cf_status cf_policy_share(const cf_policy *original, cf_policy **policy)
    void cf_policy_free(cf_policy *policy)
    size_t cf_policy_memory(const cf_policy *policy)

    uint32_t CF_NOT_EXACT
    cf_outcome cf_match_origin(
        const cf_policy *policy, const char *origin, size_t length, uint32_t *exact
    )
    void cf_keep_origin(
        const cf_policy *policy, const char *origin, size_t length, cf_outcome outcome
    )
    cf_outcome cf_match_method(const cf_policy *policy, const char *method, size_t length)
    cf_outcome cf_match_headers(
        const cf_policy *policy, const char *list, size_t length, c_bool *joined
    )
    size_t cf_join_names(const char *list, size_t length, char *out)
    size_t cf_join_allowed(
        const cf_policy *policy, const char *list, size_t length, char *out
    )

    c_bool cf_valid_origin(const char *origin, size_t length)

    ctypedef enum cf_field:
        CF_FIELD_OTHER
        CF_FIELD_ORIGIN
        CF_FIELD_REQUEST_METHOD
        CF_FIELD_REQUEST_HEADERS
        CF_FIELD_REQUEST_PRIVATE_NETWORK
        CF_FIELD_VARY
        CF_FIELD_ALLOW_ORIGIN
        CF_FIELD_ALLOW_CREDENTIALS
        CF_FIELD_ALLOW_METHODS
        CF_FIELD_ALLOW_HEADERS
        CF_FIELD_MAX_AGE
        CF_FIELD_EXPOSE_HEADERS

    cf_field cf_request_field(const char *name, size_t length)
    cf_field cf_response_field(const char *name, size_t length)

    enum:
        CF_VARY_ORIGIN
        CF_VARY_REQUEST_METHOD
        CF_VARY_REQUEST_HEADERS
        CF_VARY_STAR

    unsigned cf_scan_vary(const char *value, size_t length)
