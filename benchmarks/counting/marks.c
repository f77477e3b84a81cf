/* marks.c - mark the start and end of counting, as requests to callgrind.
 *
 * Outside of valgrind the functions do nothing, and return False. The code
 * between two marks is counted, so the functions must do nothing else.
 */
#include <Python.h>
#include <valgrind/callgrind.h>

static PyObject *
start(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    CALLGRIND_START_INSTRUMENTATION;
    Py_RETURN_NONE;
}

static PyObject *
begin(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    CALLGRIND_DUMP_STATS; /* and reset, because ZERO_STATS leaves some */
    return PyBool_FromLong(RUNNING_ON_VALGRIND);
}

static PyObject *
end(PyObject *self, PyObject *name)
{
    (void)self;
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL) {
        return NULL;
    }
    CALLGRIND_DUMP_STATS_AT(text);
    return PyBool_FromLong(RUNNING_ON_VALGRIND);
}

static PyMethodDef functions[] = {
    {"start", start, METH_NOARGS, "start(): watch from here on"},
    {"begin", begin, METH_NOARGS, "begin(): forget what was counted so far"},
    {"end", end, METH_O, "end(name): write what was counted as a profile"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "marks",
    .m_size = 0,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit_marks(void)
{
    return PyModule_Create(&module);
}
