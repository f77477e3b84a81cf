# The compiled fast path of the Quart extension: from the scope of a request to the headers of
# its response. The docstrings of its Python twin, middleware/quart/fast_path.py, are the
# contract. Quart's objects are passed in, so nothing is imported from Quart.

cdef extern from "Python.h":
    bint PyFunction_Check(object value) noexcept
    ctypedef struct Function "PyFunctionObject":
        PyObject *func_dict  # NULL => the function has no attributes

cdef object NOT_THERE = object()


@cython.final
cdef class StraightWay:
    cdef dict views
    cdef tuple names
    cdef object kind
    cdef Policy policy

    def __cinit__(self, dict views, tuple names, kind, Policy policy not None, /):
        self.views = views
        self.names = names
        self.kind = kind
        self.policy = policy

    def __reduce__(self):
        raise TypeError("cannot pickle a StraightWay")

    def go(self, config, endpoint, scope, response, headers, pairs, /):
        cdef Decision decision
        if not isinstance(config, dict):
            return False
        for name in self.names:
            if name in <dict> config:
                return False
        if is_exempt(item(self.views, endpoint)):
            return True
        if getattr(response, "_QUART_CORS_APPLIED", NOT_THERE) is not NOT_THERE:
            return True
        if type(scope) is not dict or type(headers) is not self.kind or type(pairs) is not list:
            return False
        asked = item(<dict> scope, "headers")
        if type(asked) is not list or list_size(<PyObject *> asked) == 0:
            return False
        if LISTS_ARE_OURS:
            decision = decide_list(self.policy, <dict> scope, <list> asked)
        else:
            decision = decide_scope(self.policy, scope)
        if decision.answer.status is not None:
            return False
        if not append(<list> pairs, fields_of(decision, True)):
            headers._list = work_in(self.policy, decision, pairs, True)
        return True


cdef inline bint is_exempt(object view) except -1:
    if view is None or (PyFunction_Check(view) and (<Function *> view).func_dict == NULL):
        return False
    return getattr(view, "_quart_cors_exempt", False)


cdef inline bint append(list pairs, tuple fields) except -1:
    """Append the fields of a decision. Return False if they must be merged instead."""
    cdef Py_ssize_t i
    if not LISTS_ARE_OURS:
        return False
    for i in range(list_size(<PyObject *> pairs)):
        if unlikely(not is_other_field(list_item(<PyObject *> pairs, i), True)):
            return False
    pairs.extend(fields)
    return True
