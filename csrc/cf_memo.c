/* cf_memo.c - lists of header names that were allowed before.
 *
 *     slot, one of CF_MEMO_SLOTS, found by the list's hash
 *     +---------+--------+---------------------------------------+
 *     | version | length | the list itself, in words             |
 *     +---------+--------+---------------------------------------+
 *     odd: being written   0: none; its top bit: `joined`
 *
 * Browsers send the same few lists again and again, so most lists need not be
 * read: they are compared. A newer list takes the place of an older one; who
 * sends many different ones brings everybody back to reading, and no further.
 * The seed of the hash is the policy's, so nobody can aim at one slot.
 *
 * Any number of threads may look and write at once, without a lock (a
 * "seqlock"). A writer makes the version odd, writes, and makes it even; who
 * finds it odd gives up, which costs no more than reading the list. A reader
 * compares word by word and counts the result only if the version is the same
 * before and after.
 *
 * Place: beside the sets. Never: allocate; keep a list that was not allowed.
 */
#include "cf_internal.h"

#if defined(_MSC_VER) && !defined(__clang__)
#    include <intrin.h>
#endif

/* -- what the C compilers call these things ------------------------------ */

#if defined(__GNUC__) || defined(__clang__)

static inline uint32_t
load(const uint32_t *from)
{
    return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static inline uint64_t
load_word(const uint64_t *from)
{
    return __atomic_load_n(from, __ATOMIC_RELAXED);
}

/* The loads before it are done before those behind it. */
static inline void
finish_loads(void)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static inline bool
replace(uint32_t *at, uint32_t expected, uint32_t wanted)
{
    return __atomic_compare_exchange_n(at, &expected, wanted, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* No store behind it is seen before those in front of it. */
static inline void
finish_stores(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void
store_word(uint64_t *to, uint64_t word)
{
    __atomic_store_n(to, word, __ATOMIC_RELAXED);
}

static inline void
store(uint32_t *to, uint32_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

#else /* MSVC: the interlocked functions are full barriers */

static inline uint32_t
load(const uint32_t *from)
{
    return (uint32_t)_InterlockedOr((volatile long *)from, 0);
}

static inline uint64_t
load_word(const uint64_t *from)
{
    return *(const volatile uint64_t *)from;
}

static inline void
finish_loads(void)
{
    volatile long here = 0;
    (void)_InterlockedOr(&here, 0);
}

static inline bool
replace(uint32_t *at, uint32_t expected, uint32_t wanted)
{
    return (uint32_t)_InterlockedCompareExchange((volatile long *)at,
                                                 (long)wanted, (long)expected)
           == expected;
}

static inline void
finish_stores(void)
{
    finish_loads();
}

static inline void
store_word(uint64_t *to, uint64_t word)
{
    *(volatile uint64_t *)to = word;
}

static inline void
store(uint32_t *to, uint32_t value)
{
    (void)_InterlockedExchange((volatile long *)to, (long)value);
}

#endif

/* -- the memo ------------------------------------------------------------ */

/* The top bit of a kept length. */
#define CF_MEMO_JOINED 0x8000u

_Static_assert(CF_MEMO_LIST < 0x8000, "a length leaves the bit free");
_Static_assert((CF_MEMO_SLOTS & (CF_MEMO_SLOTS - 1)) == 0, "a power of two");

/* The word at i, the bytes behind the end being 0. */
static inline uint64_t
word_at(const char *list, size_t length, size_t i)
{
    uint64_t word = 0;
    memcpy(&word, list + i, length - i < 8 ? length - i : 8);
    return word;
}

static inline cf_memo_slot *
slot_for(const cf_memo *memo, uint64_t seed, const char *list, size_t length)
{
    uint64_t hashed = cf_hash(seed, list, length);
    return &memo->slots[hashed & (CF_MEMO_SLOTS - 1)];
}

bool
cf_memo_find(const cf_memo *memo, uint64_t seed, const char *list,
             size_t length, bool *joined)
{
    if (length == 0 || length > CF_MEMO_LIST) {
        return false;
    }
    const cf_memo_slot *slot = slot_for(memo, seed, list, length);
    uint32_t version = load(&slot->version);
    uint32_t kept = load(&slot->length);
    if ((version & 1) != 0 || (kept & ~CF_MEMO_JOINED) != length) {
        return false;
    }
    const uint64_t *words = slot->words;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        uint64_t word;
        memcpy(&word, list + i, 8);
        if (load_word(words++) != word) {
            return false;
        }
    }
    if (i < length && load_word(words) != word_at(list, length, i)) {
        return false;
    }
    finish_loads();
    if (load(&slot->version) != version) {
        return false;
    }
    *joined = (kept & CF_MEMO_JOINED) != 0;
    return true;
}

void
cf_memo_keep(const cf_memo *memo, uint64_t seed, const char *list,
             size_t length, bool joined)
{
    if (length == 0 || length > CF_MEMO_LIST) {
        return;
    }
    cf_memo_slot *slot = slot_for(memo, seed, list, length);
    uint32_t version = load(&slot->version);
    if ((version & 1) != 0 || !replace(&slot->version, version, version + 1)) {
        return; /* somebody else is writing here */
    }
    finish_stores();
    store(&slot->length, (uint32_t)length | (joined ? CF_MEMO_JOINED : 0));
    for (size_t i = 0; i < length; i += 8) {
        store_word(&slot->words[i / 8], word_at(list, length, i));
    }
    store(&slot->version, version + 2);
}
