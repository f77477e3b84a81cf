/* floor.c - the least work that a CORS decision in Python can be.
 *
 *     Floor       actual, subdomain, preflight, asgi, wsgi: one call each
 *     Asgi, Wsgi  the middlewares; Send, Start: what they put around `send`
 *                 and `start_response`; Answer: the awaitable of a preflight
 *     AsgiDriver, WsgiDriver  call an application from C, so that what is
 *                 measured is the application and not a loop around it
 *
 * Hand-written over the C API, for policies of few kinds: exact origins, few
 * suffixes, one method, some header names. What is left is what no
 * implementation can do without: to look at every byte of the input once, to
 * fetch one line of a table that is larger than the caches, and to make the
 * objects that the protocols want to be new ones. What cannot be measured here
 * (an application's own Vary, several Origin lines, str beyond ASCII, another
 * method, a port behind a subdomain) is NotImplementedError, never a wrong
 * answer.
 *
 * Place in the flow: measured beside corsfast by measure.py.
 * Never: be shipped, or be used to serve anything.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>
#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

enum {
    MAX_ORIGIN = 326,
    MAX_LABEL = 63,
    MAX_LIST = 8192,
    MAX_NAME = 128,
    MAX_EMPTY = 16,  /* elements without a name, in a list */
    MAX_SPACES = 16, /* around one element */
    N_SLOTS = 16,    /* of the suffixes; a power of two */
    N_FREE = 64,     /* objects kept for the next request */
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

static uint64_t
load32(const char *data)
{
    uint32_t word;
    memcpy(&word, data, 4);
    return word;
}

/* Both halves of a product: every bit of one depends on every other. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 uint128;
    uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Products that do not wait for one another; the last words may overlap. */
static inline uint64_t
hash_of(slice text)
{
    const uint64_t a = 0x9E3779B97F4A7C15, b = 0xD1B54A32D192ED03;
    const uint64_t c = 0x8EBC6AF09C88C6E3, d = 0x589965CC75374CC3;
    const char *data = text.data;
    size_t n = text.length;
    uint64_t sum = n * c; /* apart: a byte more changes words, too */
    if (n <= 16) {
        uint64_t low, high = 0;
        if (n >= 8) {
            low = load64(data);
            high = load64(data + n - 8);
        }
        else if (n >= 4) {
            low = load32(data) | load32(data + n - 4) << 32;
        }
        else if (n > 0) {
            low = (uint64_t)(unsigned char)data[0]
                  | (uint64_t)(unsigned char)data[n / 2] << 8
                  | (uint64_t)(unsigned char)data[n - 1] << 16;
        }
        else {
            low = 0;
        }
        return fold(low ^ a, high ^ b) ^ sum;
    }
    for (; n > 32; n -= 16, data += 16) {
        sum = fold(load64(data) ^ a ^ sum, load64(data + 8) ^ b);
    }
    sum ^= fold(load64(data) ^ a, load64(data + 8) ^ b);
    sum ^= fold(load64(data + n - 16) ^ c, load64(data + n - 8) ^ d);
    return sum ^ sum >> 32;
}

/* memcmp without a call: the last words may overlap. */
static inline bool
same_bytes(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; i < n - 8; i += 8) {
            if (load64(a + i) != load64(b + i)) {
                return false;
            }
        }
        return load64(a + n - 8) == load64(b + n - 8);
    }
    if (n >= 4) {
        return load32(a) == load32(b)
               && load32(a + n - 4) == load32(b + n - 4);
    }
    return memcmp(a, b, n) == 0;
}

static inline bool
same(slice a, slice b)
{
    return a.length == b.length && same_bytes(a.data, b.data, a.length);
}

/* Keys in slots as large as the longest one needs, none of them across two
 * lines of the cache if it fits into one:
 *
 *     | length, 0: free | the key's bytes ... | length | ...
 *
 * A byte for every three keys or fewer is chosen so that each key has its slot
 * for itself: a look-up in a table that is not in the cache waits for one
 * line, and the processor foresees how it ends. */
typedef struct {
    char *slots; /* 1 << shift bytes each */
    unsigned char *pilots;
    size_t bucket_mask; /* pilots - 1 */
    unsigned shift;
    unsigned unused; /* 32 - log2(slots) */
    size_t longest;
} keys;

static inline char *
keys_place(const keys *table, uint64_t hash)
{
    uint32_t pilot = table->pilots[hash >> 32 & table->bucket_mask];
    size_t at = (uint32_t)hash * pilot >> table->unused;
    return table->slots + (at << table->shift);
}

static inline bool
keys_hold(const keys *table, slice text)
{
    if (text.length == 0 || text.length > table->longest) {
        return false;
    }
    const char *at = keys_place(table, hash_of(text));
    return (unsigned char)at[0] == text.length
           && same_bytes(at + 1, text.data, text.length);
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

static PyObject *type_key;

/* dict["type"], which nearly always stands first; NULL, maybe with an error,
 * where there is none. */
static inline PyObject *
type_in(PyObject *dict)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    return PyDict_Next(dict, &at, &key, &value) && key == type_key
               ? value
               : PyDict_GetItemWithError(dict, type_key);
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

/* Seen by who compares answers. */
static PyMemberDef echo_members[] = {
    {"answer", T_OBJECT_EX, offsetof(Echo, answer), READONLY, NULL},
    {"origin", T_OBJECT_EX, offsetof(Echo, origin), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject EchoType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Echo",
    .tp_basicsize = sizeof(Echo),
    .tp_dealloc = (destructor)echo_dealloc,
    .tp_members = echo_members,
    .tp_flags = Py_TPFLAGS_DEFAULT,
};

static inline PyObject *
new_echo(PyObject *answer, PyObject *origin)
{
    Echo *made;
    if (n_free_echoes > 0) {
        made = free_echoes[--n_free_echoes];
        Py_SET_REFCNT((PyObject *)made, 1);
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

/* A decision and what it means to each protocol. */
typedef struct {
    PyObject *decision;
    PyObject *raw;   /* a tuple of pairs of bytes */
    PyObject *pairs; /* a tuple of pairs of str */
    PyObject *start; /* of a preflight's answer, to be copied */
} answer;

typedef struct {
    PyObject_HEAD keys exact;
    keys strangers; /* origins that were refused before */
    slot suffixes[N_SLOTS];
    bool has_suffixes;
    keys lists; /* that were read before */
    keys names; /* in lower case */
    slice method;
    PyObject *kept; /* the tuple that owns the texts above */
    answer no_origin;
    answer allowed; /* the one exact origin's */
    answer echoed;  /* any other's: `raw` and `pairs` lack the first pair */
    answer refused;
    answer preflight;
    answer refused_preflight;
    PyObject *body; /* the message behind the start of a preflight's answer */
    bool echoes;    /* => several exact origins */
} Floor;

static PyObject *origin_key, *method_key, *ask_method_key, *ask_names_key;
static PyObject *headers_key, *options_text, *http_text;
static PyObject *http_start, *status_key, *no_content;

/* A key that has no slot yet. */
typedef struct {
    slice text;
    uint64_t hash;
    size_t bucket;
    size_t beside; /* how many keys this bucket has */
} waiting;

static int
fullest_first(const void *first, const void *second)
{
    const waiting *a = first, *b = second;
    if (a->beside != b->beside) {
        return a->beside < b->beside ? 1 : -1;
    }
    return a->bucket < b->bucket ? -1 : a->bucket > b->bucket;
}

/* Puts the keys of a bucket into slots, or none if one finds its taken. */
static bool
keys_put(keys *table, const waiting *bucket, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        slice text = bucket[i].text;
        char *at = keys_place(table, bucket[i].hash);
        if (*at != 0) {
            while (i-- > 0) {
                *keys_place(table, bucket[i].hash) = 0;
            }
            return false;
        }
        *at = (char)(unsigned char)text.length;
        memcpy(at + 1, text.data, text.length);
    }
    return true;
}

/* False if a key is there twice, or if the pilots ran out. */
static bool
keys_put_all(keys *table, waiting *all, size_t count)
{
    size_t end;
    for (size_t i = 0; i < count; i++) {
        all[i].hash = hash_of(all[i].text);
        all[i].bucket = all[i].hash >> 32 & table->bucket_mask;
        table->pilots[all[i].bucket]++; /* counts, for now: never near 255 */
    }
    for (size_t i = 0; i < count; i++) {
        all[i].beside = table->pilots[all[i].bucket];
    }
    qsort(all, count, sizeof *all, fullest_first);
    for (size_t start = 0; start < count; start = end) {
        unsigned char *pilot = &table->pilots[all[start].bucket];
        end = start + all[start].beside;
        *pilot = 1;
        while (!keys_put(table, all + start, end - start)) {
            if (++*pilot == 0) {
                return false;
            }
        }
    }
    return true;
}

static bool
keys_make_room(keys *table, size_t count)
{
    size_t slots = 2, buckets = 1;
    while ((size_t)1 << table->shift <= table->longest) {
        table->shift++;
    }
    for (table->unused = 31; slots < count + count / 4; table->unused--) {
        slots *= 2;
    }
    while (buckets * 3 < count) {
        buckets *= 2;
    }
    size_t bytes = ((slots << table->shift) + 63) & ~(size_t)63;
    table->bucket_mask = buckets - 1;
    table->pilots = calloc(buckets, 1);
    table->slots = aligned_alloc(64, bytes);
    if (table->pilots == NULL || table->slots == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    memset(table->slots, 0, bytes);
    return true;
}

static bool
keys_fill(keys *table, PyObject *texts)
{
    bool good = false;
    size_t count = (size_t)PyTuple_GET_SIZE(texts);
    waiting *all = calloc(count + 1, sizeof *all);
    if (all == NULL) {
        (void)PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        slice *text = &all[i].text;
        if (!see(PyTuple_GET_ITEM(texts, (Py_ssize_t)i), text)) {
            goto done;
        }
        if (text->length == 0 || text->length > 255) {
            PyErr_SetString(PyExc_ValueError, "too short, or too long");
            goto done;
        }
        table->longest =
            text->length > table->longest ? text->length : table->longest;
    }
    if (!keys_make_room(table, count)) {
        goto done;
    }
    good = keys_put_all(table, all, count);
    if (!good) {
        PyErr_SetString(PyExc_ValueError,
                        "a key is there twice, or the pilots ran out");
    }
done:
    free(all);
    return good;
}

static void
keys_free(keys *table)
{
    free(table->slots);
    free(table->pilots);
}

static bool
take(answer *to, PyObject *decision, Py_ssize_t from)
{
    to->decision = Py_NewRef(decision);
    PyObject *raw = PyObject_GetAttrString(decision, "raw_headers");
    PyObject *pairs = PyObject_GetAttrString(decision, "headers");
    PyObject *status = PyObject_GetAttrString(decision, "status");
    if (raw != NULL && pairs != NULL && status != NULL) {
        to->raw = PyTuple_GetSlice(raw, from, PyTuple_Size(raw));
        to->pairs = PyTuple_GetSlice(pairs, from, PyTuple_Size(pairs));
        to->start = Py_BuildValue("{OOOOOO}", type_key, http_start, status_key,
                                  status, headers_key, Py_None);
    }
    Py_XDECREF(raw);
    Py_XDECREF(pairs);
    Py_XDECREF(status);
    return to->start != NULL && to->raw != NULL && to->pairs != NULL;
}

static void
drop(answer *it)
{
    Py_XDECREF(it->decision);
    Py_XDECREF(it->raw);
    Py_XDECREF(it->pairs);
    Py_XDECREF(it->start);
}

static bool
add_suffixes(Floor *self, PyObject *texts)
{
    const uint64_t odd = 0x9E3779B97F4A7C15;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(texts); i++) {
        slice key;
        if (!see(PyTuple_GET_ITEM(texts, i), &key)) {
            return false;
        }
        uint64_t hash = 0; /* it grows from the right */
        for (size_t j = key.length; j > 0; j--) {
            hash = hash * 257 + (unsigned char)key.data[j - 1];
        }
        size_t at = (hash * odd >> 32) % N_SLOTS;
        if (at == N_SLOTS - 1 || self->suffixes[at].key.data != NULL) {
            PyErr_SetString(PyExc_ValueError, "choose another suffix");
            return false;
        }
        self->suffixes[at] = (slot){hash, key};
        self->has_suffixes = true;
    }
    return true;
}

/* Floor(exact, strangers, suffixes, lists, names, method, no_origin, allowed,
 *       refused, preflight, refused_preflight, body) */
static PyObject *
floor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *exact, *strangers, *suffixes, *lists, *names, *method;
    PyObject *no_origin, *allowed, *refused, *preflight, *refused_preflight;
    PyObject *body;
    (void)kwargs;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!UOOOOOS", &PyTuple_Type, &exact,
                          &PyTuple_Type, &strangers, &PyTuple_Type, &suffixes,
                          &PyTuple_Type, &lists, &PyTuple_Type, &names,
                          &method, &no_origin, &allowed, &refused, &preflight,
                          &refused_preflight, &body)) {
        return NULL;
    }
    Floor *self = (Floor *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->kept = Py_NewRef(args);
    self->echoes = PyTuple_GET_SIZE(exact) > 1;
    self->body =
        Py_BuildValue("{OssO}", type_key, "http.response.body", "body", body);
    if (self->body == NULL || !keys_fill(&self->exact, exact)
        || !keys_fill(&self->strangers, strangers)
        || !add_suffixes(self, suffixes) || !keys_fill(&self->lists, lists)
        || !keys_fill(&self->names, names) || !see(method, &self->method)
        || !take(&self->no_origin, no_origin, 0)
        || !take(&self->allowed, allowed, 0)
        || !take(&self->echoed, allowed, 1)
        || !take(&self->refused, refused, 0)
        || !take(&self->preflight, preflight, 0)
        || !take(&self->refused_preflight, refused_preflight, 0)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void
floor_dealloc(Floor *self)
{
    Py_XDECREF(self->kept);
    Py_XDECREF(self->body);
    drop(&self->no_origin);
    drop(&self->allowed);
    drop(&self->echoed);
    drop(&self->refused);
    drop(&self->preflight);
    drop(&self->refused_preflight);
    keys_free(&self->exact);
    keys_free(&self->strangers);
    keys_free(&self->lists);
    keys_free(&self->names);
    Py_TYPE(self)->tp_free(self);
}

/* What a call gives back for an answer: what lies ready, but for an origin
 * that has to be echoed. NULL => an error was set. */
static inline PyObject *
said(const Floor *self, const answer *it, PyObject *origin)
{
    if (it == NULL) {
        return NULL;
    }
    return it == &self->echoed ? new_echo(it->decision, origin)
                               : Py_NewRef(it->decision);
}

static const answer *
no_answer(void)
{
    (void)leave_out();
    return NULL;
}

/* 1: stands in a label; 2: the dot between two; 0: in no host. */
static unsigned char host_bytes[256];

/* Every byte of the host once, from its end, and a probe at each dot: what
 * proves that it is one, and that it ends in a known suffix. No port. */
static bool
is_below(const Floor *self, slice origin)
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

static inline const answer *
decide_stranger(const Floor *self, slice origin)
{
    if (!self->has_suffixes || origin.length > MAX_ORIGIN) {
        return &self->refused;
    }
    if (origin.length < 8 || memcmp(origin.data, "https://", 8) != 0) {
        return no_answer();
    }
    return is_below(self, origin) ? &self->echoed : &self->refused;
}

static inline const answer *
decide_actual(const Floor *self, PyObject *origin)
{
    slice seen;
    if (!see(origin, &seen)) {
        return NULL;
    }
    if (keys_hold(&self->exact, seen)) {
        return self->echoes ? &self->echoed : &self->allowed;
    }
    if (keys_hold(&self->strangers, seen)) {
        return &self->refused;
    }
    return decide_stranger(self, seen);
}

static PyObject *
floor_actual(Floor *self, PyObject *origin)
{
    if (origin == Py_None) {
        return Py_NewRef(self->no_origin.decision);
    }
    return said(self, decide_actual(self, origin), origin);
}

/* -- a list of header names ------------------------------------------------ */

/* tchar -> itself in lower case; anything else -> 0. */
static unsigned char lower_token[256];

/* An element that is no name as it stands: it may have white space around it,
 * upper case, nothing at all. */
static bool
folded_is_allowed(const Floor *self, slice element, size_t *empty)
{
    char name[MAX_NAME];
    size_t n = 0, at = 0, end = element.length, spaces = element.length;
    while (at < end && (element.data[at] == ' ' || element.data[at] == '\t')) {
        at++;
    }
    while (
        at < end
        && (element.data[end - 1] == ' ' || element.data[end - 1] == '\t')) {
        end--;
    }
    spaces -= end - at;
    if (spaces > MAX_SPACES || end - at > MAX_NAME) {
        return false;
    }
    if (at == end) {
        return ++*empty <= MAX_EMPTY;
    }
    for (; at < end; at++) {
        unsigned char byte = lower_token[(unsigned char)element.data[at]];
        if (byte == 0) {
            return false;
        }
        name[n++] = (char)byte;
    }
    return keys_hold(&self->names, (slice){name, n});
}

/* Bit i: data[i] is a comma, of up to 16 bytes. */
static inline unsigned
commas_in(const char *data, size_t left)
{
#if defined(__SSE2__)
    char last[16] = {0};
    if (left < 16) {
        memcpy(last, data, left);
        data = last;
    }
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)data);
    return (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(',')));
#else
    unsigned found = 0;
    for (size_t i = 0; i < left && i < 16; i++) {
        found |= (unsigned)(data[i] == ',') << i;
    }
    return found;
#endif
}

/* Every name of the list, in one pass: where a name ends is known before the
 * one in front of it was looked up. */
static inline bool
names_are_allowed(const Floor *self, slice list)
{
    if (list.length > MAX_LIST) {
        return false;
    }
    size_t start = 0, empty = 0;
    for (size_t block = 0;; block += 16) {
        size_t left = list.length - block;
        unsigned ends = commas_in(list.data + block, left);
        if (left < 16) {
            ends |= 1u << left;
        }
        for (; ends != 0; ends &= ends - 1) {
            size_t end = block + (size_t)__builtin_ctz(ends);
            slice name = {list.data + start, end - start};
            if (!keys_hold(&self->names, name)
                && !folded_is_allowed(self, name, &empty)) {
                return false;
            }
            start = end + 1;
        }
        if (left < 16) {
            return true;
        }
    }
}

static inline const answer *
decide_preflight(const Floor *self, PyObject *origin, PyObject *method,
                 PyObject *names)
{
    slice seen;
    if (!see(origin, &seen)) {
        return NULL;
    }
    if (!keys_hold(&self->exact, seen)) {
        return self->has_suffixes && !keys_hold(&self->strangers, seen)
                   ? no_answer()
                   : &self->refused_preflight;
    }
    if (!see(method, &seen)) {
        return NULL;
    }
    if (self->echoes || !same(seen, self->method)) {
        return no_answer();
    }
    if (names != NULL && names != Py_None) {
        if (!see(names, &seen)) {
            return NULL;
        }
        if (seen.length != 0 && !keys_hold(&self->lists, seen)
            && !names_are_allowed(self, seen)) {
            return &self->refused_preflight;
        }
    }
    return &self->preflight;
}

static PyObject *
floor_preflight(Floor *self, PyObject *const *args, Py_ssize_t n)
{
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "three arguments");
        return NULL;
    }
    return said(self, decide_preflight(self, args[0], args[1], args[2]), NULL);
}

/* One pass over the header list: a name is told by its length, then by its
 * bytes. Two lines of one name are another code's work. */
static inline const answer *
decide_scope(const Floor *self, PyObject *scope, PyObject **given)
{
    PyObject *headers = PyDict_GetItemWithError(scope, headers_key);
    if (headers == NULL || !PyList_CheckExact(headers)) {
        return PyErr_Occurred() ? NULL : no_answer();
    }
    PyObject *origin = NULL, *method = NULL, *names = NULL;
    Py_ssize_t n = PyList_GET_SIZE(headers);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i);
        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) {
            return no_answer();
        }
        PyObject *name = PyTuple_GET_ITEM(pair, 0);
        if (!PyBytes_CheckExact(name)) {
            return no_answer();
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
            return no_answer();
        }
        *found = PyTuple_GET_ITEM(pair, 1);
    }
    if (origin == NULL) {
        return &self->no_origin;
    }
    *given = origin;
    if (method != NULL) {
        PyObject *verb = PyDict_GetItemWithError(scope, method_key);
        if (verb != NULL && is_text(verb, options_text)) {
            return decide_preflight(self, origin, method, names);
        }
    }
    return decide_actual(self, origin);
}

static PyObject *
floor_asgi(Floor *self, PyObject *scope)
{
    PyObject *origin = NULL;
    if (!PyDict_CheckExact(scope)) {
        return leave_out();
    }
    const answer *it = decide_scope(self, scope, &origin);
    return said(self, it, origin);
}

static PyObject *wsgi_method_key;

static inline const answer *
decide_environ(const Floor *self, PyObject *environ, PyObject **given)
{
    PyObject *origin = PyDict_GetItemWithError(environ, origin_key);
    if (origin == NULL) {
        return PyErr_Occurred() ? NULL : &self->no_origin;
    }
    *given = origin;
    PyObject *verb = PyDict_GetItemWithError(environ, wsgi_method_key);
    if (verb != NULL && is_text(verb, options_text)) {
        PyObject *method = PyDict_GetItemWithError(environ, ask_method_key);
        if (method != NULL) {
            return decide_preflight(
                self, origin, method,
                PyDict_GetItemWithError(environ, ask_names_key));
        }
    }
    return decide_actual(self, origin);
}

static PyObject *
floor_wsgi(Floor *self, PyObject *environ)
{
    PyObject *origin = NULL;
    if (!PyDict_CheckExact(environ)) {
        return leave_out();
    }
    const answer *it = decide_environ(self, environ, &origin);
    return said(self, it, origin);
}

static PyMethodDef floor_methods[] = {
    {"actual", (PyCFunction)floor_actual, METH_O, NULL},
    {"preflight", (PyCFunction)(void (*)(void))floor_preflight, METH_FASTCALL,
     NULL},
    {"asgi", (PyCFunction)floor_asgi, METH_O, NULL},
    {"wsgi", (PyCFunction)floor_wsgi, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject FloorType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "floor.Floor",
    .tp_basicsize = sizeof(Floor),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = floor_new,
    .tp_dealloc = (destructor)floor_dealloc,
    .tp_methods = floor_methods,
};

/* -- a response's headers -------------------------------------------------- */

/* The field's name in both protocols. */
static PyObject *raw_allow_origin, *allow_origin;

/* A new list of the application's pairs and ours behind them; the first of
 * ours is a new one where an origin is echoed. */
static inline PyObject *
with_pairs(PyObject *headers, PyObject *pairs, PyObject *echoed, bool text)
{
    if (!PyList_CheckExact(headers)) {
        return leave_out();
    }
    Py_ssize_t n = PyList_GET_SIZE(headers), m = PyTuple_GET_SIZE(pairs);
    PyObject *whole = PyList_New(n + m + (echoed != NULL));
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
    if (echoed != NULL) {
        PyObject *pair =
            PyTuple_Pack(2, text ? allow_origin : raw_allow_origin, echoed);
        if (pair == NULL) {
            Py_DECREF(whole);
            return NULL;
        }
        PyList_SET_ITEM(whole, n++, pair);
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
    PyObject *echoed; /* an origin, or NULL */
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
    Py_CLEAR(self->echoed);
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
new_around(vectorcallfunc call, PyObject *inner, PyObject *pairs,
           PyObject *echoed)
{
    Around *made;
    if (n_free_arounds > 0) {
        made = free_arounds[--n_free_arounds];
        Py_SET_REFCNT((PyObject *)made, 1);
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
    made->echoed = Py_XNewRef(echoed);
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
    PyObject *kind = type_in(args[0]);
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
    PyObject *whole = with_pairs(headers, self->pairs, self->echoed, false);
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
    PyObject *whole = with_pairs(args[1], self->pairs, self->echoed, true);
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
    Floor *floor;
    const answer *what; /* one of the floor's */
    PyObject *waiting;  /* what `send` gave, or NULL */
    int sent;           /* messages so far */
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
    Py_CLEAR(self->floor);
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
new_answer(PyObject *send, Floor *floor, const answer *what)
{
    Answer *made;
    if (n_free_answers > 0) {
        made = free_answers[--n_free_answers];
        Py_SET_REFCNT((PyObject *)made, 1);
    }
    else {
        made = PyObject_GC_New(Answer, &AnswerType);
        if (made == NULL) {
            return NULL;
        }
    }
    made->send = Py_NewRef(send);
    made->floor = (Floor *)Py_NewRef(floor);
    made->what = what;
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
        return PyDict_Copy(self->floor->body);
    }
    PyObject *message = PyDict_Copy(self->what->start);
    PyObject *list = PySequence_List(self->what->raw);
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

/* A coroutine's own way to be driven. */
static PyObject *
answer_send_method(Answer *self, PyObject *value)
{
    PyObject *result = NULL;
    if (answer_send(self, value, &result) == PYGEN_RETURN) {
        Py_CLEAR(result);
        PyErr_SetNone(PyExc_StopIteration);
    }
    return result;
}

static PyMethodDef answer_methods[] = {
    {"send", (PyCFunction)answer_send_method, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

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
    .tp_methods = answer_methods,
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
    PyObject *kind = type_in(args[0]);
    if (kind == NULL) {
        return leave_out();
    }
    if (!is_text(kind, http_text)) {
        return PyObject_Vectorcall(self->app, args, 3, NULL);
    }
    PyObject *origin = NULL;
    const answer *it = decide_scope(floor, args[0], &origin);
    if (it == NULL) {
        return NULL;
    }
    if (it == &floor->preflight || it == &floor->refused_preflight) {
        return new_answer(args[2], floor, it);
    }
    if (PyTuple_GET_SIZE(it->raw) == 0) {
        return PyObject_Vectorcall(self->app, args, 3, NULL);
    }
    PyObject *send = new_around(call_send, args[2], it->raw,
                                it == &floor->echoed ? origin : NULL);
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
    PyObject *origin = NULL;
    const answer *it = decide_environ(floor, args[0], &origin);
    if (it == NULL || it == &floor->refused_preflight) {
        return it == NULL ? NULL : leave_out();
    }
    if (it == &floor->preflight) {
        PyObject *list = PySequence_List(it->pairs);
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
    PyObject *start = new_around(call_start, args[1], it->pairs,
                                 it == &floor->echoed ? origin : NULL);
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

/* The least that a call can do with an object: what a goal counts in. */
static PyObject *
length_of(PyObject *self, PyObject *value)
{
    (void)self;
    Py_ssize_t length = PyObject_Size(value);
    return length < 0 ? NULL : PyLong_FromSsize_t(length);
}

static PyMethodDef functions[] = {
    {"length", length_of, METH_O, "length(x): len(x)"},
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
    raw_allow_origin = PyBytes_FromString("access-control-allow-origin");
    allow_origin = PyUnicode_FromString("Access-Control-Allow-Origin");
    return raw_allow_origin != NULL && allow_origin != NULL;
}

PyMODINIT_FUNC
PyInit_floor(void)
{
    for (const char *at = "abcdefghijklmnopqrstuvwxyz0123456789-_"; *at;
         at++) {
        host_bytes[(unsigned char)*at] = 1;
    }
    host_bytes['.'] = 2;
    for (const char *at = "!#$%&'*+-.^_`|~0123456789"; *at; at++) {
        lower_token[(unsigned char)*at] = (unsigned char)*at;
    }
    for (int i = 'a'; i <= 'z'; i++) {
        lower_token[i] = lower_token[i - 'a' + 'A'] = (unsigned char)i;
    }
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
#ifdef Py_GIL_DISABLED
    /* One thread measures; with a lock the others would be measured, too. */
    (void)PyUnstable_Module_SetGIL(made, Py_MOD_GIL_NOT_USED);
#endif
    return made;
}
