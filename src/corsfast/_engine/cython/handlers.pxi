# Helpers that the compiled ASGI and WSGI middlewares share: vectorcalls, type checks, and the
# choice of a handler for refused requests.

cdef extern from "Python.h":
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf) noexcept
    PyObject *PyObject_Vectorcall(
        PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames
    ) except NULL
    PyObject *PyObject_CallObject(PyObject *callable, object args) except NULL
    int Py_EnterRecursiveCall(const char *where) noexcept  # 0, or an error is set
    void Py_LeaveRecursiveCall() noexcept
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    bint is_exact_list "PyList_CheckExact"(PyObject *value) noexcept
    bint is_exact_dict "PyDict_CheckExact"(PyObject *value) noexcept
    PyObject *PyDict_Copy(PyObject *dict) noexcept
    int PyDict_SetItem(PyObject *dict, PyObject *key, PyObject *value) noexcept
    # Returns a borrowed reference, or NULL if there is no item, possibly with an error set.
    PyObject *dict_item "PyDict_GetItemWithError"(PyObject *dict, PyObject *key) noexcept

cdef extern from *:
    """
    /* Return whether a value is an exact str that equals an ASCII literal. It may be NULL.
     * `strlen` of a literal is a constant. `sizeof` is that of a pointer if Cython casts it. */
    #define CORSFAST_IS_LITERAL(value, literal) \\
        corsfast_is_ascii(value, literal, (Py_ssize_t)strlen(literal))

    static inline int
    corsfast_is_ascii(PyObject *value, const char *text, Py_ssize_t length)
    {
        return value != NULL && PyUnicode_CheckExact(value)
               && PyUnicode_GET_LENGTH(value) == length
               && PyUnicode_KIND(value) == PyUnicode_1BYTE_KIND
               && memcmp(PyUnicode_1BYTE_DATA(value), text, (size_t)length) == 0;
    }

    /* Call like PyObject_Vectorcall, but leave out its check of the result, because each result
     * is returned to the interpreter, which checks it. */
    static inline PyObject *
    corsfast_vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf)
    {
        vectorcallfunc function = PyVectorcall_Function(callable);
        return function != NULL ? function(callable, args, nargsf, NULL)
                                : PyObject_Vectorcall(callable, args, nargsf, NULL);
    }
    """
    # For callers that pass an error on or check for it themselves.
    PyObject *vectorcall "corsfast_vectorcall"(
        PyObject *callable, PyObject *const *args, size_t nargsf
    ) noexcept
    bint is_literal "CORSFAST_IS_LITERAL"(PyObject *value, const char *literal) noexcept


# A second `__init__` is refused, because requests on other threads read the fields without a lock.
cdef str MADE = "this middleware is already made, and cannot be changed; make another one"


cdef inline PyObject *new_ref(object result) noexcept:
    """Return a new reference, for a caller that Cython did not compile."""
    Py_INCREF(<PyObject *> result)
    return <PyObject *> result


cdef inline PyObject *call_app(
    PyObject *app, PyObject *const *args, size_t nargsf, base
) except NULL:
    """Call an application.

    Another of our middlewares does not check the recursion depth, so check it here. Otherwise a
    middleware that wraps itself would overflow the C stack.
    """
    if is_patched(app, base):  # something else than a middleware of ours
        return vectorcall(app, args, nargsf)
    if Py_EnterRecursiveCall(" while calling an application") != 0:
        return NULL
    cdef PyObject *result = vectorcall(app, args, nargsf)
    Py_LeaveRecursiveCall()
    return result


cdef inline bint is_safe(PyObject *method) noexcept:
    """Return whether a method, or NULL, is an exact str and safe, as most are."""
    return (
        is_literal(method, "GET") or is_literal(method, "HEAD") or is_literal(method, "OPTIONS")
    )


cdef bint is_unlisted(Policy native, object decision) except -1:
    """Return whether no listed origin is why a request goes on: no Origin, or any is allowed."""
    if native is None:
        return decision.allowed or decision.outcome.name == "NO_ORIGIN"
    cdef DecisionTemplate template = (<Decision> decision).template
    return template.no_origin or (template.allowed and native.any_origin)


cdef object detour_of(object decision, object on_refused_preflight, object on_refused):
    """Return the handler of a refused request, or None if the request goes on."""
    cdef DecisionTemplate template
    if type(decision) is Decision:
        template = (<Decision> decision).template
        if template.allowed or template.no_origin:
            return None
        return on_refused if template.status is None else on_refused_preflight
    if decision.allowed:
        return None
    if decision.is_preflight:
        return on_refused_preflight
    return on_refused if decision.outcome.name != "NO_ORIGIN" else None


cdef inline bint is_preflight(object decision) except -1:
    if type(decision) is Decision:
        return (<Decision> decision).template.status is not None
    return decision.is_preflight


cdef inline bint is_text(object value, str text) except -1:
    """Return whether a value equals an ASCII text. The length rules out most values."""
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
    if value is text:
        return True
    if PyUnicode_CheckExact(value) and PyUnicode_KIND(value) == PyUnicode_1BYTE_KIND:
        return PyUnicode_GET_LENGTH(value) == length and (
            memcmp(PyUnicode_DATA(value), PyUnicode_DATA(text), <size_t> length) == 0
        )
    return value == text


cdef tuple in_order(PyObject *const *args, size_t nargsf, PyObject *names, tuple wanted):
    """Return the arguments of a call in order, also those that are given by name."""
    cdef Py_ssize_t n_given = PyVectorcall_NARGS(nargsf)
    cdef Py_ssize_t i
    named = () if names == NULL else <object> names
    given = dict(zip(wanted, [<object> args[i] for i in range(n_given)]))
    given.update(zip(named, [<object> args[n_given + i] for i in range(len(named))]))
    if len(given) != len(wanted) or n_given + len(named) != len(wanted) or set(given) != set(wanted):
        raise TypeError(f"the arguments are {', '.join(wanted)}")
    return tuple([given[name] for name in wanted])


# -- support for inspect ---------------------------------------------------------------------


@cython.final
@cython.internal
cdef class Inspected:
    """An attribute that inspect reads of an object, and that its class does not have.

    inspect cannot see the parameters of a slot, and a vectorcall does not tell what it returns.
    """

    cdef str name

    def __cinit__(self, str name):
        self.name = name

    def __get__(self, called, kind):
        wrapper = type(called) is Wrapper
        asgi = is_send(<Wrapper> called) if wrapper else isinstance(called, ASGICall)
        base = ASGICall if asgi else WSGICall
        overridden = called is None or (not wrapper and is_patched(<PyObject *> called, base))
        if overridden and self.name == "__signature__":
            raise AttributeError(self.name)  # inspect reads a `__call__` written in Python
        from ..middleware._generic.handlers import inspected

        return inspected(self.name, asgi, wrapper)
