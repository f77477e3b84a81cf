# The straight way of a response in Quart, compiled: from the scope of its request to the list in
# its headers. Its twin is middleware/_straight.py, whose docstrings are the contract.
#
# Place in the flow: a part of _native.pyx; scope -> Decision -> headers on a response.
# Never: do what its twin does not do; import what it is given.

cdef extern from "Python.h":
    int PyList_Append(PyObject *whole, PyObject *item) except -1
    int PyDict_Contains(PyObject *dict, PyObject *key) except -1
    bint is_dict "PyDict_Check"(PyObject *value) noexcept

cdef object NOT_THERE = object()


@cython.final
cdef class StraightWay:
    cdef dict views
    cdef tuple names
    cdef object kind
    cdef Policy replacing
    cdef Policy keeping

    def __cinit__(
        self, dict views, tuple names, kind, Policy replacing not None, Policy keeping not None, /
    ):
        self.views = views
        self.names = names
        self.kind = kind
        self.replacing = replacing
        self.keeping = keeping

    def __reduce__(self):
        raise TypeError("cannot pickle a StraightWay")

    def go(self, config, rule, scope, response, headers, /):
        if not is_dict(<PyObject *> config):
            return False
        for name in self.names:
            if PyDict_Contains(<PyObject *> config, <PyObject *> name):
                return False
        if rule is not None:
            view = self.views.get(rule.endpoint)
            if view is not None and getattr(view, "_quart_cors_exempt", False):
                return True
        if getattr(response, "_QUART_CORS_APPLIED", NOT_THERE) is not NOT_THERE:
            return True
        if type(scope) is not dict or type(headers) is not self.kind:
            return False
        pairs = headers._list
        asked = item(<dict> scope, "headers")
        if type(pairs) is not list or type(asked) is not list or list_size(<PyObject *> asked) == 0:
            return False
        cdef Decision decision = decide_scope(self.replacing, scope)
        if decision.answer.status is not None:
            return False
        policy = self.replacing if decision.answer.allowed else self.keeping
        if not append(<PyObject *> pairs, fields_of(decision, True)):
            headers._list = work_in(policy, decision, pairs, True)
        return True


cdef bint append(PyObject *pairs, tuple fields) except -1:
    """Append the fields of a decision; False where they have to be merged."""
    cdef Py_ssize_t i
    cdef PyObject *pair
    cdef _csrc.cf_slice name
    if not LISTS_ARE_OURS:
        return False
    for i in range(list_size(pairs)):
        pair = list_item(pairs, i)
        if unlikely(
            not is_exact_tuple(pair)
            or tuple_size(pair) != 2
            or not see_plain(tuple_item(pair, 0), True, &name)
            or _csrc.cf_response_field(name.data, name.length) != _csrc.CF_FIELD_OTHER
        ):
            return False
    for i in range(tuple_size(<PyObject *> fields)):
        PyList_Append(pairs, tuple_item(<PyObject *> fields, i))
    return True
