# A decision worked into a response's headers, compiled: new lists of pairs, whose Vary is merged.
#
# Most responses hold no field that a decision may hold, many have a Vary of their own: their
# pairs and its fields are gathered in one list. Anything else is left to headers.py.
#
# Place in the flow: a part of native.pyx; Decision -> a response's headers.
# Never: do what headers.py does not do; its docstrings are the contract.


cdef object apply(Policy self, object decision, object headers, bint text):
    if type(decision) is not Decision:
        raise TypeError(f"decision must be a Decision, not {type(decision).__name__}")
    return work_in(self, <Decision> decision, headers, text)


cdef list work_in(Policy self, Decision decision, object headers, bint text):
    if unlikely(not LISTS_ARE_OURS or type(headers) is not list):
        headers = list(headers)
    cdef PyObject *whole = one_list(<PyObject *> headers, decision, text)
    if unlikely(whole == NULL):
        return work_in_slowly(self, decision, headers, text)
    return <list> owned(whole)


cdef object work_in_slowly(Policy self, Decision decision, object headers, bint text):
    """The same where an application sent CORS fields of its own, and for odd pairs."""
    from . import headers as fields

    work = fields.apply_wsgi if text else fields.apply_asgi
    return work(decision, headers, self.keep_existing)


cdef inline tuple fields_of(Decision decision, bint text):
    return headers_of(decision) if text else raw_headers_of(decision)


cdef inline PyObject *shared_fields(Answer answer, bint text) noexcept:
    return <PyObject *> answer.headers if text else <PyObject *> answer.raw_headers


cdef inline PyObject *one_list(PyObject *pairs, Decision decision, bint text) except? NULL:
    """A new list of all pairs and the fields of a decision, with one Vary of both.

    NULL, without an error, where that has to be done slowly: another field stands there that a
    decision may hold, or a pair is an odd one.
    """
    cdef PyObject *fields
    if decision.origin is None:
        fields = shared_fields(decision.answer, text)
        return gather(pairs, <PyObject *> None, fields, decision.answer.vary_bits, text)
    return one_list_echo(pairs, decision, text)


cdef PyObject *one_list_echo(PyObject *pairs, Decision decision, bint text) except? NULL:
    cdef Answer answer = decision.answer
    if answer.timing or decision.method is not None or decision.names is not None:
        fields = fields_of(decision, text)
        return gather(pairs, <PyObject *> None, <PyObject *> fields, answer.vary_bits, text)
    if text:
        echoed = (ALLOW_ORIGIN, as_str(decision.origin))
    else:
        echoed = (RAW_ALLOW_ORIGIN, as_bytes(decision.origin))
    return gather(pairs, <PyObject *> echoed, shared_fields(answer, text), answer.vary_bits, text)


cdef inline PyObject *gather(
    PyObject *pairs, PyObject *echoed, PyObject *fields, unsigned vary, bint text
) noexcept:
    """A new list, allocated once, of all pairs, one more or None, and fields; else NULL.

    The last of the fields is Vary, if it holds any name: `vary` has their bits.
    """
    cdef Py_ssize_t n_pairs = list_size(pairs)
    cdef Py_ssize_t n_fields = tuple_size(fields) + (echoed != <PyObject *> None)
    cdef Py_ssize_t i
    cdef PyObject *pair
    cdef PyObject *whole = PyList_New(n_pairs + n_fields)
    if unlikely(whole == NULL):
        PyErr_Clear()
        return NULL
    # Before Python 3.12 a new list may be the moment to collect garbage, which runs anything.
    if unlikely(list_size(pairs) != n_pairs):
        Py_DECREF(whole)
        return NULL
    for i in range(n_pairs):
        pair = list_item(pairs, i)
        if unlikely(not is_other_field(pair, text)):
            return gather_rest(whole, i, pairs, echoed, fields, vary, text)
        Py_INCREF(pair)
        PyList_SET_ITEM(whole, i, pair)
    put_all(whole, put(whole, n_pairs, echoed), fields)
    return whole


cdef PyObject *gather_rest(
    PyObject *whole,
    Py_ssize_t start,
    PyObject *pairs,
    PyObject *echoed,
    PyObject *fields,
    unsigned vary,
    bint text,
) noexcept:
    """The same from the first pair on that is no other field.

    Where that is Vary, a decision's own Vary is left out: the names that none of these lines
    holds go into the last of them.
    """
    cdef Py_ssize_t last = list_size(whole) - 1
    cdef Py_ssize_t vary_at = -1
    cdef unsigned present = 0
    cdef Py_ssize_t i
    cdef PyObject *pair
    cdef _csrc.cf_slice value
    cdef int field
    for i in range(start, list_size(pairs)):
        pair = list_item(pairs, i)
        field = field_of(pair, text)
        if field == _csrc.CF_FIELD_VARY and see_plain(tuple_item(pair, 1), text, &value):
            present |= _csrc.cf_scan_vary(value.data, value.length)
            vary_at = i
        elif unlikely(field != _csrc.CF_FIELD_OTHER):
            if field != _csrc.CF_FIELD_EXPOSE_HEADERS or not keeps_exposed(echoed, fields, text):
                Py_DECREF(whole)
                return NULL
        Py_INCREF(pair)
        PyList_SET_ITEM(whole, i, pair)
    put_all(whole, put(whole, list_size(pairs), echoed), fields)
    if vary == 0 or vary_at < 0:
        return whole
    # Vary is the last of the fields: the place that was allocated for it is given up.
    pair = list_item(whole, last)
    Py_SET_SIZE(whole, last)
    Py_DECREF(pair)
    vary &= ~present
    if vary == 0 or present & _csrc.CF_VARY_STAR:
        return whole
    pair = merged_pair(list_item(whole, vary_at), vary, text)
    if unlikely(pair == NULL or PyList_SetItem(whole, vary_at, pair) != 0):
        PyErr_Clear()
        Py_DECREF(whole)
        return NULL
    return whole


cdef bint keeps_exposed(PyObject *echoed, PyObject *fields, bint text) noexcept:
    """Whether an application's Access-Control-Expose-Headers stays as it is.

    So it does where the decision lets the origin read, and has no such field itself.
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
    """A new pair, with names behind its value; NULL with an error.

    NULL also behind nothing, where there must be no comma: that is left to headers.py.
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
    """As PyBytes_Concat, which takes buffers, for a hundred instructions less."""
    cdef Py_ssize_t length = bytes_size(one)
    cdef PyObject *both = new_bytes(NULL, length + bytes_size(other))
    if both != NULL:
        memcpy(bytes_data(both), bytes_data(one), <size_t> length)
        memcpy(bytes_data(both) + length, bytes_data(other), <size_t> bytes_size(other))
    return both


cdef inline bint is_other_field(PyObject *pair, bint text) noexcept:
    """Whether a pair is one, and a field that no decision holds."""
    cdef _csrc.cf_slice name
    return see_name(pair, text, &name) and (
        _csrc.cf_response_field(name.data, name.length) == _csrc.CF_FIELD_OTHER
    )


cdef int field_of(PyObject *pair, bint text) noexcept:
    """Which field of a response a pair is; -1 for an odd pair."""
    cdef _csrc.cf_slice name
    if not see_name(pair, text, &name):
        return -1
    return _csrc.cf_response_field(name.data, name.length)


cdef inline bint see_name(PyObject *pair, bint text, _csrc.cf_slice *name) noexcept:
    return (
        is_exact_tuple(pair)
        and tuple_size(pair) == 2
        and see_plain(tuple_item(pair, 0), text, name)
    )


cdef inline Py_ssize_t put(PyObject *whole, Py_ssize_t at, PyObject *pair) noexcept:
    """Fill the place in a new list, unless there is nothing (None); the next place."""
    if pair == <PyObject *> None:
        return at
    Py_INCREF(pair)
    PyList_SET_ITEM(whole, at, pair)
    return at + 1


cdef inline Py_ssize_t put_all(PyObject *whole, Py_ssize_t at, PyObject *pairs) noexcept:
    cdef Py_ssize_t i
    cdef PyObject *pair
    for i in range(tuple_size(pairs)):
        pair = tuple_item(pairs, i)
        Py_INCREF(pair)
        PyList_SET_ITEM(whole, at + i, pair)
    return at + tuple_size(pairs)
