# Counts and replicas of policies, for builds without the GIL: there, counts are atomic, and each
# thread decides with a replica of the policy.
#
# Threads that change the same counter, reference count or cache wait for each other, so two threads
# that share a policy would decide no more than one. A replica has its own counts, its own caches of
# earlier outcomes and its own prebuilt decisions. The thread that built them owns them, so it
# changes their reference counts without an atomic instruction.

cdef extern from *:
    """
    #ifndef Py_GIL_DISABLED
    #define CORSFAST_HAS_GIL 1
    #define CORSFAST_REPLICAS 1 /* unused */
    #define CORSFAST_REPLICA(replicas) ((PyObject **)0)
    #define CORSFAST_LOAD(at) (*(at))
    #define CORSFAST_PUBLISH(at, replica) 0
    /* One thread counts or reads at a time. */
    #define CORSFAST_COUNT(at) ((void)++*(at))
    static inline uint64_t
    CORSFAST_READ_COUNT(uint64_t *at, int reset)
    {
        uint64_t count = *at;
        if (reset) {
            *at = 0;
        }
        return count;
    }
    #else
    #define CORSFAST_HAS_GIL 0
    /* More threads than this share replicas, which is correct but slower. It bounds the memory. */
    #define CORSFAST_REPLICAS 16
    #ifdef _MSC_VER
    static __declspec(thread) uint32_t corsfast_thread; /* 0 => it has no number yet */
    #else
    static _Thread_local uint32_t corsfast_thread;
    #endif
    static uint32_t corsfast_threads;

    /* Return the place of this thread's replica. */
    static inline PyObject **
    CORSFAST_REPLICA(PyObject **replicas)
    {
        if (corsfast_thread == 0) {
            corsfast_thread = _Py_atomic_add_uint32(&corsfast_threads, 1) + 1;
        }
        return &replicas[corsfast_thread % CORSFAST_REPLICAS];
    }

    #define CORSFAST_LOAD(at) ((PyObject *)_Py_atomic_load_ptr_acquire(at))
    static inline int
    CORSFAST_PUBLISH(PyObject **at, PyObject *replica)
    {
        PyObject *expected = NULL;
        return _Py_atomic_compare_exchange_ptr(at, &expected, replica);
    }

    #define CORSFAST_COUNT(at) ((void)_Py_atomic_add_uint64((at), 1))
    #define CORSFAST_READ_COUNT(at, reset)                                        \\
        ((reset) ? _Py_atomic_exchange_uint64((at), 0) : _Py_atomic_load_uint64(at))
    #endif
    """
    const bint HAS_GIL "CORSFAST_HAS_GIL"
    enum: REPLICAS "CORSFAST_REPLICAS"
    PyObject **replica_place "CORSFAST_REPLICA"(PyObject **replicas) noexcept
    PyObject *load_replica "CORSFAST_LOAD"(PyObject **place) noexcept
    bint publish_replica "CORSFAST_PUBLISH"(PyObject **place, PyObject *replica) noexcept
    void count "CORSFAST_COUNT"(uint64_t *at) noexcept
    uint64_t read_count "CORSFAST_READ_COUNT"(uint64_t *at, bint reset) noexcept


cdef inline PyObject *own(Policy policy) noexcept:
    """Borrow the policy that decides on this thread: with the GIL, the policy itself."""
    if HAS_GIL:
        return <PyObject *> policy
    cdef PyObject *found = load_replica(replica_place(policy.replicas))
    return add_replica(policy) if found == NULL else found


cdef PyObject *add_replica(Policy policy) noexcept:
    """Build this thread's replica, or return the policy itself if that fails."""
    cdef PyObject **place = replica_place(policy.replicas)
    cdef Handover handover
    try:
        handover = Handover.__new__(Handover)
        handover.tables = policy.tables
        handover.original = policy
        made = Policy.__new__(Policy, handover)
    except BaseException:  # no memory, no stack, or Python is shutting down
        return <PyObject *> policy
    if publish_replica(place, <PyObject *> made):
        Py_INCREF(<PyObject *> made)
    return load_replica(place)


cdef _csrc.cf_policy *share_core(Policy original) except NULL:
    cdef _csrc.cf_policy *core = NULL
    if _csrc.cf_policy_share(original.core, &core) != _csrc.CF_OK:
        raise MemoryError
    return core


cdef list read_counts(Policy policy, bint preflight, bint reset):
    """Return the counts of a policy and its replicas, by outcome."""
    cdef PyObject *replica
    cdef size_t outcome
    cdef size_t i
    counts = [one_count(policy, preflight, i, reset) for i in range(<size_t> _csrc.CF_OUTCOMES)]
    if not HAS_GIL:
        for i in range(<size_t> REPLICAS):
            replica = load_replica(&policy.replicas[i])
            if replica != NULL:
                for outcome in range(<size_t> _csrc.CF_OUTCOMES):
                    counts[outcome] += one_count(<Policy> replica, preflight, outcome, reset)
    return counts


cdef uint64_t read_forged(Policy policy, bint reset) noexcept:
    """Return the number of forged requests of a policy and its replicas."""
    cdef PyObject *replica
    cdef size_t i
    cdef uint64_t forged = read_count(&policy.forged, reset)
    if not HAS_GIL:
        for i in range(<size_t> REPLICAS):
            replica = load_replica(&policy.replicas[i])
            if replica != NULL:
                forged += read_count(&(<Policy> replica).forged, reset)
    return forged


cdef inline uint64_t one_count(Policy policy, bint preflight, size_t outcome, bint reset) noexcept:
    if preflight:
        return read_count(&policy.preflight_counts[outcome], reset)
    return read_count(&policy.counts[outcome], reset)
