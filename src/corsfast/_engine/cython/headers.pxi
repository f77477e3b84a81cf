# The compiled fast path for adding a decision's fields to a response's headers.
#
# Most responses have no CORS fields yet, and many have a Vary field. For these, the pairs and
# the decision's fields are copied to one new list, and Vary is merged. All other cases are left
# to headers.py, whose docstrings are the contract.


cdef object apply(Policy self, object decision, object headers, bint text):
    if type(decision) is not Decision:
        raise TypeError(f"decision must be a Decision, not {type(decision).__name__}")
    return merge_into(<Decision> decision, headers, text, self.keep_existing)


cdef list merge_into(Decision decision, object headers, bint text, bint keep):
    if unlikely(not HAS_GIL or type(headers) is not list):
        headers = list(headers)
    cdef PyObject *whole = one_list(<PyObject *> headers, decision, text)
    if unlikely(whole == NULL):
        return merge_slowly(decision, headers, text, keep)
    return <list> steal(whole)


cdef object merge_slowly(Decision decision, object headers, bint text, bint keep):
    """Like `merge_into`, but also for a response with CORS fields, and for unusual pairs."""
    from . import headers as fields

    work = fields.apply_wsgi if text else fields.apply_asgi
    return work(decision, headers, keep)


cdef inline tuple fields_of(Decision decision, bint text):
    return headers_of(decision) if text else raw_headers_of(decision)


cdef inline PyObject *shared_fields(DecisionTemplate template, bint text) noexcept:
    return <PyObject *> template.headers if text else <PyObject *> template.raw_headers


cdef inline PyObject *one_list(PyObject *pairs, Decision decision, bint text) except? NULL:
    """Return a new list of all pairs and the decision's fields, with Vary merged.

    Return NULL, without an error, if the slow path is needed: the pairs contain another field
    that a decision may set, or an unusual pair.
    """
    cdef PyObject *fields
    if decision.origin is None:
        fields = shared_fields(decision.template, text)
        return build_list(pairs, <PyObject *> None, fields, decision.template.vary_bits, text)
    return one_list_echo(pairs, decision, text)


cdef PyObject *one_list_echo(PyObject *pairs, Decision decision, bint text) except? NULL:
    cdef DecisionTemplate template = decision.template
    if template.timing or decision.method is not None or decision.names is not None:
        fields = fields_of(decision, text)
        return build_list(pairs, <PyObject *> None, <PyObject *> fields, template.vary_bits, text)
    if text:
        echoed = (ALLOW_ORIGIN, as_str(decision.origin))
    else:
        echoed = (RAW_ALLOW_ORIGIN, as_bytes(decision.origin))
    return build_list(
        pairs, <PyObject *> echoed, shared_fields(template, text), template.vary_bits, text
    )


cdef inline PyObject *build_list(
    PyObject *pairs, PyObject *echoed, PyObject *fields, unsigned vary, bint text
) noexcept:
    """Return a new list of all pairs, `echoed` (unless it is None) and fields; NULL as above.

    `vary` has the bits of the names in Vary. If it is not 0, Vary is the last of the fields.
    """
    cdef Py_ssize_t n_pairs = list_size(pairs)
    cdef Py_ssize_t i
    for i in range(n_pairs):
        if unlikely(not is_other_field(list_item(pairs, i), text)):
            return build_merged(i, pairs, echoed, fields, vary, text)
    return concatenate(pairs, n_pairs, echoed, fields, tuple_size(fields))


cdef inline PyObject *concatenate(
    PyObject *pairs, Py_ssize_t n_pairs, PyObject *echoed, PyObject *fields, Py_ssize_t n_fields
) noexcept:
    """Return a new list of all pairs, `echoed` (unless it is None) and the first `n_fields`."""
    cdef Py_ssize_t n_echoed = echoed != <PyObject *> None
    cdef Py_ssize_t i
    cdef PyObject *whole = PyList_New(n_pairs + n_echoed + n_fields)
    if unlikely(whole == NULL):
        PyErr_Clear()
        return NULL
    # Before Python 3.12, creating a list may start a garbage collection, which can run any code.
    if unlikely(list_size(pairs) != n_pairs):
        Py_DECREF(whole)
        return NULL
    for i in range(n_pairs):
        set_item(whole, i, list_item(pairs, i))
    if n_echoed:
        set_item(whole, n_pairs, echoed)
    for i in range(n_fields):
        set_item(whole, n_pairs + n_echoed + i, tuple_item(fields, i))
    return whole


cdef PyObject *build_merged(
    Py_ssize_t start,
    PyObject *pairs,
    PyObject *echoed,
    PyObject *fields,
    unsigned vary,
    bint text,
) noexcept:
    """Continue `build_list` from the first pair that is unusual or whose field a decision may set.

    If the response has Vary fields, the decision's own Vary is left out. The names that are
    missing from all of them are added to the last one.
    """
    cdef Py_ssize_t n_pairs = list_size(pairs)
    cdef Py_ssize_t n_fields = tuple_size(fields)
    cdef Py_ssize_t vary_at = -1
    cdef unsigned present = 0
    cdef Py_ssize_t i
    cdef PyObject *pair
    cdef PyObject *merged = NULL
    cdef PyObject *whole
    cdef _csrc.cf_slice value
    cdef int field
    for i in range(start, n_pairs):
        pair = list_item(pairs, i)
        field = field_of(pair, text)
        if field == _csrc.CF_FIELD_VARY and borrow_typed(tuple_item(pair, 1), text, &value):
            present |= _csrc.cf_scan_vary(value.data, value.length)
            vary_at = i
        elif unlikely(field != _csrc.CF_FIELD_OTHER):
            if field != _csrc.CF_FIELD_EXPOSE_HEADERS or not keeps_exposed(echoed, fields, text):
                return NULL
    if vary != 0 and vary_at >= 0:
        n_fields -= 1
        vary &= ~present
        if vary != 0 and not present & _csrc.CF_VARY_STAR:
            pair = list_item(pairs, vary_at)
            Py_INCREF(pair)  # creating a tuple may start a garbage collection, too
            merged = merged_pair(pair, vary, text)
            Py_DECREF(pair)
            if unlikely(merged == NULL):
                PyErr_Clear()
                return NULL
    whole = concatenate(pairs, n_pairs, echoed, fields, n_fields)
    if merged == NULL:
        return whole
    if unlikely(whole == NULL):
        Py_DECREF(merged)
    else:
        PyList_SetItem(whole, vary_at, merged)  # steals the reference, also if it fails
    return whole


cdef bint keeps_exposed(PyObject *echoed, PyObject *fields, bint text) noexcept:
    """Return whether the application's Access-Control-Expose-Headers is kept.

    It is kept if the decision allows the origin and does not set this field itself.
    """
    cdef bint grants = echoed != <PyObject *> None
    cdef Py_ssize_t i
    cdef int field
    for i in range(tuple_size(fields)):
        field = field_of(tuple_item(fields, i), text)
        if field == _csrc.CF_FIELD_EXPOSE_HEADERS:
            return False
        grants = grants or field == _csrc.CF_FIELD_ALLOW_ORIGIN
    return grants


cdef PyObject *merged_pair(PyObject *pair, unsigned missing, bint text) noexcept:
    """Return a new pair with the missing names appended to its value; NULL with an error.

    Return NULL also for an empty value, which must not begin with a comma. headers.py handles
    that case.
    """
    cdef PyObject *value = tuple_item(pair, 1)
    cdef PyObject *joined
    cdef PyObject *new
    if text:
        if text_length(value) == 0:
            return NULL
        joined = PyUnicode_Concat(value, tuple_item(<PyObject *> VARY_BEHIND, missing))
    else:
        if bytes_size(value) == 0:
            return NULL
        joined = joined_bytes(value, tuple_item(<PyObject *> RAW_VARY_BEHIND, missing))
    if unlikely(joined == NULL):
        return NULL
    new = PyTuple_Pack(2, tuple_item(pair, 0), joined)
    Py_DECREF(joined)
    return new


cdef inline PyObject *joined_bytes(PyObject *one, PyObject *other) noexcept:
    """Concatenate like PyBytes_Concat, which accepts any buffer and takes 100 instructions more."""
    cdef Py_ssize_t length = bytes_size(one)
    cdef PyObject *both = new_bytes(NULL, length + bytes_size(other))
    if both != NULL:
        memcpy(bytes_data(both), bytes_data(one), <size_t> length)
        memcpy(bytes_data(both) + length, bytes_data(other), <size_t> bytes_size(other))
    return both


cdef inline bint is_other_field(PyObject *pair, bint text) noexcept:
    """Return whether this is a valid pair, and its field is one that no decision sets."""
    cdef _csrc.cf_slice name
    return borrow_name(pair, text, &name) and (
        _csrc.cf_response_field(name.data, name.length) == _csrc.CF_FIELD_OTHER
    )


cdef int field_of(PyObject *pair, bint text) noexcept:
    """Return the response field of a pair, or -1 for an unusual pair."""
    cdef _csrc.cf_slice name
    if not borrow_name(pair, text, &name):
        return -1
    return _csrc.cf_response_field(name.data, name.length)


cdef inline bint borrow_name(PyObject *pair, bint text, _csrc.cf_slice *name) noexcept:
    return (
        is_exact_tuple(pair)
        and tuple_size(pair) == 2
        and borrow_typed(tuple_item(pair, 0), text, name)
    )


cdef inline void set_item(PyObject *whole, Py_ssize_t at, PyObject *pair) noexcept:
    """Store a pair in a new list."""
    Py_INCREF(pair)
    PyList_SET_ITEM(whole, at, pair)
