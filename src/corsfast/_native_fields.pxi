# A decision worked into a response's headers, compiled: new lists of pairs, whose Vary is merged.
#
# Nearly all responses hold no field that a decision may hold: their pairs and its fields are
# gathered in one list. Where Vary is the only one, it is merged here; anything else is left to
# fields.py.
#
# Place in the flow: a part of _native.pyx; Decision -> a response's headers.
# Never: do what fields.py does not do; its docstrings are the contract.


cdef object apply(Policy self, object decision, object headers, bint text):
    if type(decision) is not Decision:
        raise TypeError(f"decision must be a Decision, not {type(decision).__name__}")
    return work_in(self, <Decision> decision, headers, text)


cdef list work_in(Policy self, Decision decision, object headers, bint text):
    if unlikely(not LISTS_ARE_OURS or type(headers) is not list):
        headers = list(headers)
    cdef PyObject *whole = appended(<PyObject *> headers, decision, text)
    if whole == NULL:
        return merged(self, decision, <list> headers, fields_of(decision, text), text)
    return <list> owned(whole)


cdef inline tuple fields_of(Decision decision, bint text):
    return headers_of(decision) if text else raw_headers_of(decision)


cdef inline PyObject *shared_fields(Answer answer, bint text) noexcept:
    return <PyObject *> answer.headers if text else <PyObject *> answer.raw_headers


cdef inline PyObject *appended(PyObject *pairs, Decision decision, bint text) except? NULL:
    """A new list of all pairs and the fields of a decision.

    NULL, without an error, where they have to be merged: a pair is a field that a decision may
    hold, too, or it is an odd one.
    """
    if decision.origin is None:
        return gathered(pairs, <PyObject *> None, shared_fields(decision.answer, text), text)
    return appended_echo(pairs, decision, text)


cdef PyObject *appended_echo(PyObject *pairs, Decision decision, bint text) except? NULL:
    if decision.answer.timing or decision.method is not None or decision.names is not None:
        fields = fields_of(decision, text)
        return gathered(pairs, <PyObject *> None, <PyObject *> fields, text)
    if text:
        echoed = (ALLOW_ORIGIN, as_str(decision.origin))
    else:
        echoed = (RAW_ALLOW_ORIGIN, as_bytes(decision.origin))
    return gathered(pairs, <PyObject *> echoed, shared_fields(decision.answer, text), text)


cdef inline PyObject *gathered(
    PyObject *pairs, PyObject *echoed, PyObject *fields, bint text
) noexcept:
    """A new list, allocated once, of all pairs, one more or None, and fields; else NULL."""
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
            Py_DECREF(whole)
            return NULL
        Py_INCREF(pair)
        PyList_SET_ITEM(whole, i, pair)
    put_all(whole, put(whole, n_pairs, echoed), fields)
    return whole


cdef inline bint is_other_field(PyObject *pair, bint text) noexcept:
    """Whether a pair is one, and a field that no decision holds."""
    cdef _csrc.cf_slice name
    return see_name(pair, text, &name) and (
        _csrc.cf_response_field(name.data, name.length) == _csrc.CF_FIELD_OTHER
    )


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


cdef list merged(Policy self, Decision decision, list headers, tuple fields, bint text):
    """The same where Vary is the only field of a decision that stands there already."""
    cdef Answer answer = decision.answer
    cdef unsigned present = 0
    cdef Py_ssize_t vary_at = -1
    cdef Py_ssize_t i
    cdef PyObject *pair
    cdef _csrc.cf_slice seen
    cdef _csrc.cf_field field
    for i in range(len(headers)):
        pair = list_item(<PyObject *> headers, i)
        if not see_name(pair, text, &seen):
            return apply_slowly(self, decision, headers, text)
        field = _csrc.cf_response_field(seen.data, seen.length)
        if field == _csrc.CF_FIELD_OTHER:
            continue
        if field != _csrc.CF_FIELD_VARY or not see_plain(tuple_item(pair, 1), text, &seen):
            return apply_slowly(self, decision, headers, text)
        present |= _csrc.cf_scan_vary(seen.data, seen.length)
        vary_at = i
    cdef list whole = list(headers)
    if vary_at < 0 or answer.vary_bits == 0:
        whole += fields
        return whole
    # Vary is the last field of a decision; it goes into the application's own.
    whole += fields[: len(fields) - 1]
    cdef unsigned missing = answer.vary_bits & ~present
    if missing and not present & _csrc.CF_VARY_STAR:
        whole[vary_at] = merge_vary(whole[vary_at], missing, text)
    return whole


cdef object apply_slowly(Policy self, Decision decision, list pairs, bint text):
    """The same where an application sent CORS fields of its own, and for odd pairs."""
    from . import fields

    work = fields.apply_wsgi if text else fields.apply_asgi
    return work(decision, pairs, self.keep_existing)


cdef tuple merge_vary(tuple pair, unsigned missing, bint text):
    """The pair with the names behind its value that no Vary line holds yet."""
    name, value = pair
    behind = (VARY_BEHIND if text else RAW_VARY_BEHIND)[missing]
    return name, value + behind if value else behind[2:]
