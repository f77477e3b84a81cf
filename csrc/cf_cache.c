/* cf_cache.c - a small cache of outcomes for texts that were matched before.
 *
 *     slot, one of CF_CACHE_SLOTS, found by the text's hash
 *     +---------+------+-----------+---------------------------+
 *     | version | kept | candidate | the text itself, in words |
 *     +---------+------+-----------+---------------------------+
 *     odd: being written
 *               0: empty; else the length and a note
 *
 * Browsers send the same few origins and lists of header names again and
 * again. A cached text is only compared, which is cheaper than parsing it. A
 * new text replaces an old one only if it comes twice in a row for the slot.
 * The first time, a part of its hash becomes the slot's candidate. So texts
 * that come once evict nothing, and the worst an attacker can do is disable
 * the cache. The hash uses the policy's secret seed, so an attacker cannot aim
 * at one slot.
 *
 * Threads read and write without a lock (a "seqlock"). A writer makes the
 * version odd, writes, and makes it even. A thread that finds an odd version
 * gives up, and the text is parsed. A reader compares word by word and trusts
 * the result only if the version did not change meanwhile.
 *
 * A note must depend on the text alone, because it is reused for every later
 * request with the same text.
 */
#include "cf_hash.h"

#if defined(_MSC_VER) && !defined(__clang__)
#    include <intrin.h>
#endif

/* -- atomics ------------------------------------------------------------- */

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

/* Order the loads before this call before the loads after it. */
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

/* Order the stores before this call before the stores after it. */
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

#else /* MSVC: interlocked functions are full barriers */

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

/* -- the cache ----------------------------------------------------------- */

_Static_assert(CF_CACHE_TEXT < 0x10000, "a length leaves the top half free");
_Static_assert((CF_CACHE_SLOTS & (CF_CACHE_SLOTS - 1)) == 0, "a power of two");

cf_status
cf_cache_fill(cf_cache *cache)
{
    cache->slots = cf_new_array(CF_CACHE_SLOTS, sizeof *cache->slots);
    return cache->slots == NULL ? CF_NO_MEMORY : CF_OK;
}

void
cf_cache_clear(cf_cache *cache)
{
    cf_memory.release(cache->slots);
    cache->slots = NULL;
}

size_t
cf_cache_memory(const cf_cache *cache)
{
    return cache->slots == NULL ? 0 : CF_CACHE_SLOTS * sizeof *cache->slots;
}

/* Return the last word of a stored text: its last 8 bytes, which may overlap
 * the word before. A text shorter than 8 bytes is padded with 0. */
static inline uint64_t
last_word(const char *text, size_t length)
{
    if (length >= 8) {
        return cf_load_8(text + length - 8);
    }
    uint64_t word = 0;
    memcpy(&word, text, length);
    return word;
}

static inline cf_cache_slot *
slot_for(const cf_cache *cache, uint64_t hashed)
{
    return &cache->slots[hashed & (CF_CACHE_SLOTS - 1)];
}

bool
cf_cache_find(const cf_cache *cache, uint64_t hashed, const char *text,
              size_t length, uint32_t *note)
{
    const cf_cache_slot *slot = slot_for(cache, hashed);
    uint32_t version = load(&slot->version);
    uint32_t kept = load(&slot->kept);
    if ((version & 1) != 0 || (kept & 0xffff) != length || length == 0) {
        return false;
    }
    size_t i = 0;
    for (; i + 8 < length; i += 8) {
        if (load_word(&slot->words[i / 8]) != cf_load_8(text + i)) {
            return false;
        }
    }
    if (load_word(&slot->words[i / 8]) != last_word(text, length)) {
        return false;
    }
    finish_loads();
    if (load(&slot->version) != version) {
        return false;
    }
    *note = kept >> 16;
    return true;
}

void
cf_cache_keep(const cf_cache *cache, uint64_t hashed, const char *text,
              size_t length, uint32_t note)
{
    if (length == 0 || length > CF_CACHE_TEXT) {
        return;
    }
    cf_cache_slot *slot = slot_for(cache, hashed);
    uint32_t candidate = (uint32_t)(hashed >> 32);
    if (load(&slot->candidate) != candidate) {
        store(&slot->candidate, candidate);
        return;
    }
    uint32_t version = load(&slot->version);
    if ((version & 1) != 0 || !replace(&slot->version, version, version + 1)) {
        return; /* another thread is writing this slot */
    }
    finish_stores();
    store(&slot->kept, (uint32_t)length | note << 16);
    size_t i = 0;
    for (; i + 8 < length; i += 8) {
        store_word(&slot->words[i / 8], cf_load_8(text + i));
    }
    store_word(&slot->words[i / 8], last_word(text, length));
    store(&slot->version, version + 2);
}
