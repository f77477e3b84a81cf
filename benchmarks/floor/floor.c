/* floor.c - the least work that a CORS decision in Python can be.
 *
 *     Floor       actual, subdomain, preflight, asgi, wsgi: one call each
 *     Asgi, Wsgi  the middlewares; Send, Start: what they put around `send`
 *                 and `start_response`; Answer: the awaitable of a preflight
 *     AsgiDriver, WsgiDriver  call an application from C, so that what is
 *                 measured is the application and not a loop around it
 *
 * Hand-written over the C API, for one policy: one exact origin, one suffix,
 * one method, header lists that were all seen before. What is left is what no
 * implementation can do without: to look at every byte of the input once, and
 * to make the objects that the protocols want to be new ones. What cannot be
 * measured here (an application's own Vary, several Origin lines, str beyond
 * ASCII) is NotImplementedError, never a wrong answer.
 *
 * Place in the flow: measured beside corsfast by measure.py.
 * Never: be shipped, or be used to serve anything.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    MAX_ORIGIN = 326,
    MAX_LABEL = 63,
    N_SLOTS = 16, /* of the tables; a power of two */
    N_FREE = 64,  /* objects kept for the next request */
};

/* -- tables -------------------------------------------------------------- */

typedef struct {
    const char *data;
    size_t length;
} slice;

typedef struct {
    uint64_t hash;
    slice key; /* data == NULL => the slot is empty */
} slot;

static uint64_t
load64(const char *data)
{
    uint64_t word;
    memcpy(&word, data, 8);
    return word;
}

/* Eight bytes at a time; the last eight may overlap those before. */
static inline uint64_t
hash_of(slice text)
{
    const uint64_t odd = 0x9E3779B97F4A7C15;
    uint64_t hash = text.length * odd;
    if (text.length < 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < text.length; i++) {
            word = word << 8 | (unsigned char)text.data[i];
        }
        hash = (hash ^ word) * odd;
        return hash ^ hash >> 32;
    }
    const char *last = text.data + text.length - 8;
    for (const char *at = text.data; at < last; at += 8) {
        hash = (hash ^ load64(at)) * odd;
        hash ^= hash >> 32;
    }
    hash = (hash ^ load64(last)) * odd;
    return hash ^ hash >> 32;
}

static inline bool
same(slice a, slice b)
{
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}

static inline bool
table_holds(const slot *table, slice text)
{
    uint64_t hash = hash_of(text);
    for (size_t i = hash % N_SLOTS; table[i].key.data != NULL;
         i = (i + 1) % N_SLOTS) {
        if (table[i].hash == hash && same(table[i].key, text)) {
            return true;
        }
    }
    return false;
}

static void
table_add(slot *table, slice text)
{
    uint64_t hash = hash_of(text);
    size_t i = hash % N_SLOTS;
    while (table[i].key.data != NULL) {
        i = (i + 1) % N_SLOTS;
    }
    table[i] = (slot){hash, text};
}

/* -- what callers pass --------------------------------------------------- */

static inline bool
see(PyObject *value, slice *seen)
{
    if (PyBytes_CheckExact(value)) {
        seen->data = PyBytes_AS_STRING(value);
        seen->length = (size_t)PyBytes_GET_SIZE(value);
        return true;
    }
    if (PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value)) {
        seen->data = (const char *)PyUnicode_1BYTE_DATA(value);
        seen->length = (size_t)PyUnicode_GET_LENGTH(value);
        return true;
    }
    PyErr_SetString(PyExc_NotImplementedError, "only str and bytes");
    return false;
}

static inline bool
is_text(PyObject *value, PyObject *wanted)
{
    if (value == wanted) {
        return true;
    }
    slice a, b;
    if (!see(value, &a) || !see(wanted, &b)) {
        PyErr_Clear();
        return false;
    }
    return same(a, b);
}

static PyObject *not_here;

static PyObject *
leave_out(void)
{
    PyErr_SetObject(PyExc_NotImplementedError, not_here);
    return NULL;
}

/* -- Echo: the new object of four fields that a wildcard's answer needs --- */

typedef struct {
    PyObject_HEAD PyObject *answer;
    PyObject *origin;
    PyObject *method;
    PyObject *names;
} Echo;

static Echo *free_echoes[N_FREE];
static int n_free_echoes;

static void
echo_dealloc(Echo *self)
{
    Py_DECREF(self->answer);
    Py_DECREF(self->origin);
    Py_DECREF(self->method);
    Py_DECREF(self->names);
    if (n_free_echoes < N_FREE) {
        free_echoes[n_free_echoes++] = self;
    }
    else {
        PyObject_Free(self);
    }
}

static PyTypeObject EchoType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Echo",
    .tp_basicsize = sizeof(Echo),
    .tp_dealloc = (destructor)echo_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
};

static inline PyObject *
new_echo(PyObject *answer, PyObject *origin)
{
    Echo *made;
    if (n_free_echoes > 0) {
        made = free_echoes[--n_free_echoes];
        (void)PyObject_Init((PyObject *)made, &EchoType);
    }
    else {
        made = PyObject_New(Echo, &EchoType);
        if (made == NULL) {
            return NULL;
        }
    }
    made->answer = Py_NewRef(answer);
    made->origin = Py_NewRef(origin);
    made->method = Py_NewRef(Py_None);
    made->names = Py_NewRef(Py_None);
    return (PyObject *)made;
}

/* -- Floor: the policy ----------------------------------------------------- */

typedef struct {
    PyObject_HEAD slot exact[N_SLOTS];
    slot suffixes[N_SLOTS];
    slot lists[N_SLOTS];
    slice method;
    PyObject *kept; /* the tuple that owns everything below */
    PyObject *no_origin;
    PyObject *allowed;
    PyObject *refused;
    PyObject *preflight;
    PyObject *raw_no_origin; /* tuples of pairs, as each protocol has them */
    PyObject *raw_allowed;
    PyObject *raw_preflight;
    PyObject *no_origin_pairs;
    PyObject *allowed_pairs;
    PyObject *preflight_pairs;
} Floor;

static PyObject *origin_key, *method_key, *ask_method_key, *ask_names_key;
static PyObject *headers_key, *type_key, *options_text, *http_text;
static PyObject *http_start, *status_key, *no_content, *body_message;
static PyObject *start_message;

static bool
fill(slot *table, PyObject *texts)
{
    if (PyTuple_GET_SIZE(texts) >= N_SLOTS) {
        PyErr_SetString(PyExc_ValueError, "too many for this table");
        return false;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        slice seen;
        if (!see(PyTuple_GET_ITEM(texts, i), &seen)) {
            return false;
        }
        table_add(table, seen);
    }
    return true;
}

static PyObject *
floor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *exact, *suffixes, *lists, *method;
    PyObject *f[10];
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!O!O!UOOOOO!O!O!O!O!O!", &PyTuple_Type,
                          &exact, &PyTuple_Type, &suffixes, &PyTuple_Type,
                          &lists, &method, &f[0], &f[1], &f[2], &f[3],
                          &PyTuple_Type, &f[4], &PyTuple_Type, &f[5],
                          &PyTuple_Type, &f[6], &PyTuple_Type, &f[7],
                          &PyTuple_Type, &f[8], &PyTuple_Type, &f[9])) {
        return NULL;
    }
    Floor *self = (Floor *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->kept = Py_NewRef(args);
    self->no_origin = f[0];
    self->allowed = f[1];
    self->refused = f[2];
    self->preflight = f[3];
    self->raw_no_origin = f[4];
    self->raw_allowed = f[5];
    self->raw_preflight = f[6];
    self->no_origin_pairs = f[7];
    self->allowed_pairs = f[8];
    self->preflight_pairs = f[9];
    if (!fill(self->exact, exact) || !fill(self->suffixes, suffixes)
        || !fill(self->lists, lists) || !see(method, &self->method)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void
floor_dealloc(Floor *self)
{
    Py_XDECREF(self->kept);
    Py_TYPE(self)->tp_free(self);
}

static inline bool
is_exact(const Floor *self, slice origin)
{
    return origin.length <= MAX_ORIGIN && table_holds(self->exact, origin);
}

static PyObject *
floor_actual(Floor *self, PyObject *origin)
{
    slice seen;
    if (origin == Py_None) {
        return Py_NewRef(self->no_origin);
    }
    if (!see(origin, &seen)) {
        return NULL;
    }
    return Py_NewRef(is_exact(self, seen) ? self->allowed : self->refused);
}

/* 1: stands in a label; 2: the dot between two; 0: in no host. */
static unsigned char host_bytes[256];

/* Every byte of the host once, from its end, and a probe at each dot: what
 * proves that it is one, and that it ends in a known suffix. No port. */
static bool
has_suffix(const Floor *self, slice origin)
{
    const uint64_t odd = 0x9E3779B97F4A7C15;
    if (origin.length <= 8 || origin.length > MAX_ORIGIN
        || memcmp(origin.data, "https://", 8) != 0) {
        return false;
    }
    bool found = false;
    size_t end = origin.length; /* of the label at hand */
    uint64_t hash = 0;
    for (size_t i = origin.length; i > 8; i--) {
        unsigned char byte = (unsigned char)origin.data[i - 1];
        unsigned kind = host_bytes[byte];
        if (kind == 0) {
            return false;
        }
        if (kind == 2) {
            if (end == i || end - i > MAX_LABEL) {
                return false;
            }
            end = i - 1;
            const slot *at = &self->suffixes[(hash * odd >> 32) % N_SLOTS];
            for (; at->key.data != NULL && !found; at++) {
                slice rest = {origin.data + i, origin.length - i};
                found = at->hash == hash && same(at->key, rest);
            }
        }
        hash = hash * 257 + byte;
    }
    return found && end > 8 && end - 8 <= MAX_LABEL;
}

/* Suffixes are found by the hash that grows from the right. */
static bool
rehash_suffixes(Floor *self)
{
    const uint64_t odd = 0x9E3779B97F4A7C15;
    slot table[N_SLOTS] = {0};
    for (size_t i = 0; i < N_SLOTS; i++) {
        slice key = self->suffixes[i].key;
        if (key.data == NULL) {
            continue;
        }
        uint64_t hash = 0;
        for (size_t j = key.length; j > 0; j--) {
            hash = hash * 257 + (unsigned char)key.data[j - 1];
        }
        size_t at = (hash * odd >> 32) % N_SLOTS;
        if (at == N_SLOTS - 1 || table[at].key.data != NULL) {
            PyErr_SetString(PyExc_ValueError, "choose another suffix");
            return false;
        }
        table[at] = (slot){hash, key};
    }
    memcpy(self->suffixes, table, sizeof table);
    return true;
}

static PyObject *
floor_subdomain(Floor *self, PyObject *origin)
{
    slice seen;
    if (!see(origin, &seen)) {
        return NULL;
    }
    if (is_exact(self, seen)) {
        return Py_NewRef(self->allowed);
    }
    if (!has_suffix(self, seen)) {
        return Py_NewRef(self->refused);
    }
    return new_echo(self->allowed, origin);
}

static inline PyObject *
decide_preflight(Floor *self, PyObject *origin, PyObject *method,
                 PyObject *names)
{
    slice seen;
    if (!see(origin, &seen)) {
        return NULL;
    }
    if (!is_exact(self, seen)) {
        return Py_NewRef(self->refused);
    }
    if (!see(method, &seen)) {
        return NULL;
    }
    if (!same(seen, self->method)) {
        return Py_NewRef(self->refused);
    }
    if (names != NULL && names != Py_None) {
        if (!see(names, &seen)) {
            return NULL;
        }
        if (!table_holds(self->lists, seen)) {
            return leave_out();
        }
    }
    return Py_NewRef(self->preflight);
}

static PyObject *
floor_preflight(Floor *self, PyObject *const *args, Py_ssize_t n)
{
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "three arguments");
        return NULL;
    }
    return decide_preflight(self, args[0], args[1], args[2]);
}

/* One pass over the header list: a name is told by its length, then by its
 * bytes. Two lines of one name are another code's work. */
static inline PyObject *
decide_scope(Floor *self, PyObject *scope)
{
    PyObject *headers = PyDict_GetItemWithError(scope, headers_key);
    if (headers == NULL || !PyList_CheckExact(headers)) {
        return PyErr_Occurred() ? NULL : leave_out();
    }
    PyObject *origin = NULL, *method = NULL, *names = NULL;
    Py_ssize_t n = PyList_GET_SIZE(headers);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i);
        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) {
            return leave_out();
        }
        PyObject *name = PyTuple_GET_ITEM(pair, 0);
        if (!PyBytes_CheckExact(name)) {
            return leave_out();
        }
        PyObject **found;
        const char *data = PyBytes_AS_STRING(name);
        switch (PyBytes_GET_SIZE(name)) {
        case 6:
            if (memcmp(data, "origin", 6) != 0) {
                continue;
            }
            found = &origin;
            break;
        case 29:
            if (memcmp(data, "access-control-request-method", 29) != 0) {
                continue;
            }
            found = &method;
            break;
        case 30:
            if (memcmp(data, "access-control-request-headers", 30) != 0) {
                continue;
            }
            found = &names;
            break;
        default:
            continue;
        }
        if (*found != NULL) {
            return leave_out();
        }
        *found = PyTuple_GET_ITEM(pair, 1);
    }
    if (origin == NULL) {
        return Py_NewRef(self->no_origin);
    }
    if (method != NULL) {
        PyObject *verb = PyDict_GetItemWithError(scope, method_key);
        if (verb != NULL && is_text(verb, options_text)) {
            return decide_preflight(self, origin, method, names);
        }
    }
    return floor_actual(self, origin);
}

static PyObject *
floor_asgi(Floor *self, PyObject *scope)
{
    return PyDict_CheckExact(scope) ? decide_scope(self, scope) : leave_out();
}

static PyObject *wsgi_method_key;

static inline PyObject *
decide_environ(Floor *self, PyObject *environ)
{
    PyObject *origin = PyDict_GetItemWithError(environ, origin_key);
    if (origin == NULL) {
        return PyErr_Occurred() ? NULL : Py_NewRef(self->no_origin);
    }
    PyObject *verb = PyDict_GetItemWithError(environ, wsgi_method_key);
    if (verb != NULL && is_text(verb, options_text)) {
        PyObject *method = PyDict_GetItemWithError(environ, ask_method_key);
        if (method != NULL) {
            return decide_preflight(
                self, origin, method,
                PyDict_GetItemWithError(environ, ask_names_key));
        }
    }
    return floor_actual(self, origin);
}

static PyObject *
floor_wsgi(Floor *self, PyObject *environ)
{
    return PyDict_CheckExact(environ) ? decide_environ(self, environ)
                                      : leave_out();
}

static PyMethodDef floor_methods[] = {
    {"actual", (PyCFunction)floor_actual, METH_O, NULL},
    {"subdomain", (PyCFunction)floor_subdomain, METH_O, NULL},
    {"preflight", (PyCFunction)(void (*)(void))floor_preflight, METH_FASTCALL,
     NULL},
    {"asgi", (PyCFunction)floor_asgi, METH_O, NULL},
    {"wsgi", (PyCFunction)floor_wsgi, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
floor_make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *made = floor_new(type, args, kwargs);
    if (made != NULL && !rehash_suffixes((Floor *)made)) {
        Py_CLEAR(made);
    }
    return made;
}

static PyTypeObject FloorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Floor",
    .tp_basicsize = sizeof(Floor),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = floor_make,
    .tp_dealloc = (destructor)floor_dealloc,
    .tp_methods = floor_methods,
};

/* -- a response's headers -------------------------------------------------- */

/* A new list of the application's pairs and ours behind them. */
static inline PyObject *
with_pairs(PyObject *headers, PyObject *pairs, bool text)
{
    if (!PyList_CheckExact(headers)) {
        return leave_out();
    }
    Py_ssize_t n = PyList_GET_SIZE(headers), m = PyTuple_GET_SIZE(pairs);
    PyObject *whole = PyList_New(n + m);
    if (whole == NULL) {
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i);
        Py_ssize_t length = 0;
        if (PyTuple_CheckExact(pair) && PyTuple_GET_SIZE(pair) == 2) {
            PyObject *name = PyTuple_GET_ITEM(pair, 0);
            if (text && PyUnicode_CheckExact(name)) {
                length = PyUnicode_GET_LENGTH(name);
            }
            else if (!text && PyBytes_CheckExact(name)) {
                length = PyBytes_GET_SIZE(name);
            }
        }
        /* Vary and Access-Control-Allow-Origin, -Credentials are merged. */
        if (length == 0 || length == 4 || length == 27 || length == 32) {
            Py_DECREF(whole);
            return leave_out();
        }
        PyList_SET_ITEM(whole, i, Py_NewRef(pair));
    }
    for (Py_ssize_t i = 0; i < m; i++) {
        PyList_SET_ITEM(whole, n + i, Py_NewRef(PyTuple_GET_ITEM(pairs, i)));
    }
    return whole;
}

/* -- Around: `send` or `start_response` with what belongs to a response ---- */

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *inner;
    PyObject *pairs;
} Around;

static Around *free_arounds[N_FREE];
static int n_free_arounds;
static PyTypeObject AroundType;

static int
around_traverse(Around *self, visitproc visit, void *arg)
{
    Py_VISIT(self->inner);
    Py_VISIT(self->pairs);
    return 0;
}

static int
around_clear(Around *self)
{
    Py_CLEAR(self->inner);
    Py_CLEAR(self->pairs);
    return 0;
}

static void
around_dealloc(Around *self)
{
    PyObject_GC_UnTrack(self);
    (void)around_clear(self);
    if (n_free_arounds < N_FREE) {
        free_arounds[n_free_arounds++] = self;
    }
    else {
        PyObject_GC_Del(self);
    }
}

/* The collector has to know these: an application may keep `send` in the
 * scope that `send` itself leads to. */
static inline PyObject *
new_around(vectorcallfunc call, PyObject *inner, PyObject *pairs)
{
    Around *made;
    if (n_free_arounds > 0) {
        made = free_arounds[--n_free_arounds];
        (void)PyObject_Init((PyObject *)made, &AroundType);
    }
    else {
        made = PyObject_GC_New(Around, &AroundType);
        if (made == NULL) {
            return NULL;
        }
    }
    made->vectorcall = call;
    made->inner = Py_NewRef(inner);
    made->pairs = Py_NewRef(pairs);
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

static PyTypeObject AroundType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Around",
    .tp_basicsize = sizeof(Around),
    .tp_flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_vectorcall_offset = offsetof(Around, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_dealloc = (destructor)around_dealloc,
    .tp_traverse = (traverseproc)around_traverse,
    .tp_clear = (inquiry)around_clear,
};

static PyObject *
call_send(PyObject *called, PyObject *const *args, size_t nargsf,
          PyObject *names)
{
    Around *self = (Around *)called;
    if (PyVectorcall_NARGS(nargsf) != 1 || names != NULL
        || !PyDict_CheckExact(args[0])) {
        return leave_out();
    }
    PyObject *kind = PyDict_GetItemWithError(args[0], type_key);
    if (kind == NULL) {
        return leave_out();
    }
    if (!is_text(kind, http_start)) {
        return PyObject_Vectorcall(self->inner, args, 1, NULL);
    }
    PyObject *headers = PyDict_GetItemWithError(args[0], headers_key);
    if (headers == NULL) {
        return leave_out();
    }
    PyObject *whole = with_pairs(headers, self->pairs, false);
    if (whole == NULL) {
        return NULL;
    }
    PyObject *result = NULL, *copy = PyDict_Copy(args[0]);
    if (copy != NULL && PyDict_SetItem(copy, headers_key, whole) == 0) {
        result = PyObject_Vectorcall(self->inner, &copy, 1, NULL);
    }
    Py_XDECREF(copy);
    Py_DECREF(whole);
    return result;
}

static PyObject *
call_start(PyObject *called, PyObject *const *args, size_t nargsf,
           PyObject *names)
{
    Around *self = (Around *)called;
    if (PyVectorcall_NARGS(nargsf) != 2 || names != NULL) {
        return leave_out();
    }
    PyObject *whole = with_pairs(args[1], self->pairs, true);
    if (whole == NULL) {
        return NULL;
    }
    PyObject *changed[2] = {args[0], whole};
    PyObject *result = PyObject_Vectorcall(self->inner, changed, 2, NULL);
    Py_DECREF(whole);
    return result;
}

/* -- Answer: the awaitable that answers a preflight ------------------------ */

typedef struct {
    PyObject_HEAD PyObject *send;
    PyObject *pairs;
    PyObject *waiting; /* what `send` gave, or NULL */
    int sent;          /* messages so far */
} Answer;

static Answer *free_answers[N_FREE];
static int n_free_answers;
static PyTypeObject AnswerType;

static int
answer_traverse(Answer *self, visitproc visit, void *arg)
{
    Py_VISIT(self->send);
    Py_VISIT(self->waiting);
    return 0;
}

static int
answer_clear(Answer *self)
{
    Py_CLEAR(self->send);
    Py_CLEAR(self->pairs);
    Py_CLEAR(self->waiting);
    return 0;
}

static void
answer_dealloc(Answer *self)
{
    PyObject_GC_UnTrack(self);
    (void)answer_clear(self);
    if (n_free_answers < N_FREE) {
        free_answers[n_free_answers++] = self;
    }
    else {
        PyObject_GC_Del(self);
    }
}

static inline PyObject *
new_answer(PyObject *send, PyObject *pairs)
{
    Answer *made;
    if (n_free_answers > 0) {
        made = free_answers[--n_free_answers];
        (void)PyObject_Init((PyObject *)made, &AnswerType);
    }
    else {
        made = PyObject_GC_New(Answer, &AnswerType);
        if (made == NULL) {
            return NULL;
        }
    }
    made->send = Py_NewRef(send);
    made->pairs = Py_NewRef(pairs);
    made->waiting = NULL;
    made->sent = 0;
    PyObject_GC_Track(made);
    return (PyObject *)made;
}

/* The messages are new ones: whoever stands outside may write into them. */
static PyObject *
new_message(Answer *self)
{
    if (self->sent != 0) {
        return PyDict_Copy(body_message);
    }
    PyObject *message = PyDict_Copy(start_message);
    PyObject *list = PySequence_List(self->pairs);
    if (message == NULL || list == NULL
        || PyDict_SetItem(message, headers_key, list) != 0) {
        Py_CLEAR(message);
    }
    Py_XDECREF(list);
    return message;
}

static PyObject *
iterator_of(PyObject *awaitable) /* takes the reference */
{
    if (awaitable == NULL || PyCoro_CheckExact(awaitable)) {
        return awaitable;
    }
    PyAsyncMethods *async = Py_TYPE(awaitable)->tp_as_async;
    PyObject *made = NULL;
    if (async != NULL && async->am_await != NULL) {
        made = async->am_await(awaitable);
    }
    else {
        PyErr_SetString(PyExc_TypeError, "not awaitable");
    }
    Py_DECREF(awaitable);
    return made;
}

static PySendResult
answer_send(Answer *self, PyObject *value, PyObject **result)
{
    for (;;) {
        if (self->waiting == NULL) {
            if (self->sent == 2) {
                *result = Py_NewRef(Py_None);
                return PYGEN_RETURN;
            }
            PyObject *message = new_message(self);
            if (message == NULL) {
                return PYGEN_ERROR;
            }
            self->sent++;
            self->waiting = iterator_of(
                PyObject_Vectorcall(self->send, &message, 1, NULL));
            Py_DECREF(message);
            if (self->waiting == NULL) {
                return PYGEN_ERROR;
            }
            value = Py_None;
        }
        PySendResult step = PyIter_Send(self->waiting, value, result);
        if (step == PYGEN_NEXT) {
            return step;
        }
        Py_CLEAR(self->waiting);
        if (step == PYGEN_ERROR) {
            return step;
        }
        Py_DECREF(*result);
    }
}

static PyObject *
answer_next(Answer *self)
{
    PyObject *result = NULL;
    if (answer_send(self, Py_None, &result) == PYGEN_RETURN) {
        Py_CLEAR(result); /* NULL without an error: the end, with None */
    }
    return result;
}

static PyAsyncMethods answer_async = {
    .am_await = PyObject_SelfIter,
    .am_send = (sendfunc)answer_send,
};

static PyTypeObject AnswerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Answer",
    .tp_basicsize = sizeof(Answer),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_dealloc = (destructor)answer_dealloc,
    .tp_traverse = (traverseproc)answer_traverse,
    .tp_clear = (inquiry)answer_clear,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = (iternextfunc)answer_next,
    .tp_as_async = &answer_async,
};

/* -- the middlewares --------------------------------------------------------- */

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *app;
    Floor *floor;
} Middleware;

static PyObject *
call_asgi(PyObject *called, PyObject *const *args, size_t nargsf,
          PyObject *names)
{
    Middleware *self = (Middleware *)called;
    Floor *floor = self->floor;
    if (PyVectorcall_NARGS(nargsf) != 3 || names != NULL
        || !PyDict_CheckExact(args[0])) {
        return leave_out();
    }
    PyObject *kind = PyDict_GetItemWithError(args[0], type_key);
    if (kind == NULL) {
        return leave_out();
    }
    if (!is_text(kind, http_text)) {
        return PyObject_Vectorcall(self->app, args, 3, NULL);
    }
    PyObject *decision = decide_scope(floor, args[0]);
    if (decision == NULL) {
        return NULL;
    }
    Py_DECREF(decision); /* the policy holds it */
    if (decision == floor->preflight) {
        return new_answer(args[2], floor->raw_preflight);
    }
    PyObject *send =
        new_around(call_send, args[2],
                   decision == floor->allowed ? floor->raw_allowed
                                              : floor->raw_no_origin);
    if (send == NULL) {
        return NULL;
    }
    PyObject *changed[3] = {args[0], args[1], send};
    PyObject *result = PyObject_Vectorcall(self->app, changed, 3, NULL);
    Py_DECREF(send);
    return result;
}

static PyObject *
call_wsgi(PyObject *called, PyObject *const *args, size_t nargsf,
          PyObject *names)
{
    Middleware *self = (Middleware *)called;
    Floor *floor = self->floor;
    if (PyVectorcall_NARGS(nargsf) != 2 || names != NULL
        || !PyDict_CheckExact(args[0])) {
        return leave_out();
    }
    PyObject *decision = decide_environ(floor, args[0]);
    if (decision == NULL) {
        return NULL;
    }
    Py_DECREF(decision);
    if (decision == floor->preflight) {
        PyObject *list = PySequence_List(floor->preflight_pairs);
        if (list == NULL) {
            return NULL;
        }
        PyObject *given[2] = {no_content, list};
        PyObject *written = PyObject_Vectorcall(args[1], given, 2, NULL);
        Py_DECREF(list);
        if (written == NULL) {
            return NULL;
        }
        Py_DECREF(written);
        return PyList_New(0);
    }
    PyObject *start =
        new_around(call_start, args[1],
                   decision == floor->allowed ? floor->allowed_pairs
                                              : floor->no_origin_pairs);
    if (start == NULL) {
        return NULL;
    }
    PyObject *changed[2] = {args[0], start};
    PyObject *result = PyObject_Vectorcall(self->app, changed, 2, NULL);
    Py_DECREF(start);
    return result;
}

static PyTypeObject AsgiType, WsgiType;

static PyObject *
middleware_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *app, *floor;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "OO!", &app, &FloorType, &floor)) {
        return NULL;
    }
    Middleware *self = (Middleware *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->vectorcall = type == &AsgiType ? call_asgi : call_wsgi;
        self->app = Py_NewRef(app);
        self->floor = (Floor *)Py_NewRef(floor);
    }
    return (PyObject *)self;
}

static void
middleware_dealloc(Middleware *self)
{
    Py_XDECREF(self->app);
    Py_XDECREF(self->floor);
    Py_TYPE(self)->tp_free(self);
}

/* A type whose instances are called without a tuple of arguments. */
#define VECTORCALL_TYPE(name, fields, make, free)                             \
    {                                                                         \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = (name),                      \
        .tp_basicsize = sizeof(fields),                                       \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,          \
        .tp_vectorcall_offset = offsetof(fields, vectorcall),                 \
        .tp_call = PyVectorcall_Call,                                         \
        .tp_new = (make),                                                     \
        .tp_dealloc = (destructor)(free),                                     \
    }

static PyTypeObject AsgiType = VECTORCALL_TYPE(
    "floor.Asgi", Middleware, middleware_new, middleware_dealloc);
static PyTypeObject WsgiType = VECTORCALL_TYPE(
    "floor.Wsgi", Middleware, middleware_new, middleware_dealloc);

/* -- send: a server's that costs nothing -------------------------------------- */

static PySendResult
done_send(PyObject *self, PyObject *value, PyObject **result)
{
    (void)self;
    (void)value;
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

static PyObject *
done_next(PyObject *self)
{
    (void)self;
    return NULL; /* the end, with None */
}

static PyAsyncMethods done_async = {
    .am_await = PyObject_SelfIter,
    .am_send = done_send,
};

static PyTypeObject DoneType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Done",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_iter = PyObject_SelfIter,
    .tp_iternext = done_next,
    .tp_as_async = &done_async,
};

static PyObject *done;

static PyObject *
free_send(PyObject *self, PyObject *message)
{
    (void)self;
    (void)message;
    return Py_NewRef(done);
}

static PyMethodDef functions[] = {
    {"send", free_send, METH_O, "send(message): an awaitable, done already"},
    {NULL, NULL, 0, NULL},
};

/* -- drivers ----------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *app;
    PyObject *given[2]; /* receive and send; or start_response alone */
} Driver;

/* driver(scope): await app(scope, receive, send), which never has to wait. */
static PyObject *
drive_asgi(PyObject *called, PyObject *const *args, size_t nargsf,
           PyObject *names)
{
    Driver *self = (Driver *)called;
    if (PyVectorcall_NARGS(nargsf) != 1 || names != NULL) {
        return leave_out();
    }
    PyObject *given[3] = {args[0], self->given[0], self->given[1]};
    PyObject *running =
        iterator_of(PyObject_Vectorcall(self->app, given, 3, NULL));
    if (running == NULL) {
        return NULL;
    }
    PyObject *result = NULL;
    PySendResult step = PyIter_Send(running, Py_None, &result);
    Py_DECREF(running);
    if (step == PYGEN_NEXT) {
        Py_CLEAR(result);
        PyErr_SetString(PyExc_RuntimeError, "the application waits");
    }
    return result;
}

/* driver(environ): app(environ, start_response), not iterated. */
static PyObject *
drive_wsgi(PyObject *called, PyObject *const *args, size_t nargsf,
           PyObject *names)
{
    Driver *self = (Driver *)called;
    if (PyVectorcall_NARGS(nargsf) != 1 || names != NULL) {
        return leave_out();
    }
    PyObject *given[2] = {args[0], self->given[0]};
    return PyObject_Vectorcall(self->app, given, 2, NULL);
}

static PyTypeObject AsgiDriverType, WsgiDriverType;

static PyObject *
driver_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *app, *first, *second = Py_None;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, type == &AsgiDriverType ? "OOO" : "OO", &app,
                          &first, &second)) {
        return NULL;
    }
    Driver *self = (Driver *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->vectorcall = type == &AsgiDriverType ? drive_asgi : drive_wsgi;
        self->app = Py_NewRef(app);
        self->given[0] = Py_NewRef(first);
        self->given[1] = Py_NewRef(second);
    }
    return (PyObject *)self;
}

static void
driver_dealloc(Driver *self)
{
    Py_XDECREF(self->app);
    Py_XDECREF(self->given[0]);
    Py_XDECREF(self->given[1]);
    Py_TYPE(self)->tp_free(self);
}

static PyTypeObject AsgiDriverType =
    VECTORCALL_TYPE("floor.AsgiDriver", Driver, driver_new, driver_dealloc);
static PyTypeObject WsgiDriverType =
    VECTORCALL_TYPE("floor.WsgiDriver", Driver, driver_new, driver_dealloc);

/* -- the module ---------------------------------------------------------------- */

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "floor",
    .m_size = -1,
    .m_methods = functions,
};

static bool
make_texts(void)
{
    static const struct {
        PyObject **where;
        const char *text;
    } texts[] = {
        {&origin_key, "HTTP_ORIGIN"},
        {&ask_method_key, "HTTP_ACCESS_CONTROL_REQUEST_METHOD"},
        {&ask_names_key, "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"},
        {&wsgi_method_key, "REQUEST_METHOD"},
        {&headers_key, "headers"},
        {&type_key, "type"},
        {&method_key, "method"},
        {&status_key, "status"},
        {&options_text, "OPTIONS"},
        {&http_text, "http"},
        {&http_start, "http.response.start"},
        {&no_content, "204 No Content"},
        {&not_here, "no part of the floor"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].where = PyUnicode_InternFromString(texts[i].text);
        if (*texts[i].where == NULL) {
            return false;
        }
    }
    start_message = Py_BuildValue("{OOOiOO}", type_key, http_start, status_key,
                                  204, headers_key, Py_None);
    body_message = Py_BuildValue("{Ossy#}", type_key, "http.response.body",
                                 "body", "", (Py_ssize_t)0);
    return start_message != NULL && body_message != NULL;
}

PyMODINIT_FUNC
PyInit_floor(void)
{
    for (const char *at = "abcdefghijklmnopqrstuvwxyz0123456789-_"; *at;
         at++) {
        host_bytes[(unsigned char)*at] = 1;
    }
    host_bytes['.'] = 2;
    PyObject *made = PyModule_Create(&module);
    if (made == NULL || !make_texts() || PyType_Ready(&EchoType) < 0
        || PyType_Ready(&AroundType) < 0 || PyType_Ready(&AnswerType) < 0
        || PyType_Ready(&DoneType) < 0
        || (done = PyObject_New(PyObject, &DoneType)) == NULL
        || PyModule_AddType(made, &FloorType) < 0
        || PyModule_AddType(made, &AsgiType) < 0
        || PyModule_AddType(made, &WsgiType) < 0
        || PyModule_AddType(made, &AsgiDriverType) < 0
        || PyModule_AddType(made, &WsgiDriverType) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    return made;
}
