/* counting.h - a replacement for cf_memory that counts, and can be made to
 * fail.
 *
 * It records every live block. Releasing a block twice, or a block of another
 * allocator, ends the program. New memory is filled with 0xa5, so that code
 * cannot rely on zeros by accident.
 */
#ifndef COUNTING_H
#define COUNTING_H

#include "check.h"

#include "cf_internal.h"

enum { COUNTING_BLOCKS = 256 };

typedef struct counting_block {
    void *memory;
    size_t size;
} counting_block;

typedef struct counting_state {
    counting_block blocks[COUNTING_BLOCKS];
    size_t alive;    /* number of live blocks */
    size_t bytes;    /* their total size */
    size_t requests; /* since counting_start */
    size_t fail_at;  /* the request that fails, counted from 1; 0: none */
    size_t largest;  /* a larger request also fails */
} counting_state;

static counting_state counting;

static inline void *
counting_allocate(size_t size)
{
    counting.requests++;
    if (counting.requests == counting.fail_at || size > counting.largest) {
        return NULL;
    }
    for (size_t i = 0; i < COUNTING_BLOCKS; i++) {
        if (counting.blocks[i].memory == NULL) {
            void *memory = malloc(size);
            MUST(memory != NULL && size != 0);
            memset(memory, 0xa5, size);
            counting.blocks[i] = (counting_block){memory, size};
            counting.alive++;
            counting.bytes += size;
            return memory;
        }
    }
    check_must(false, "no more blocks than this", __FILE__, __LINE__);
    return NULL;
}

static inline void
counting_release(void *memory)
{
    if (memory == NULL) {
        return;
    }
    for (size_t i = 0; i < COUNTING_BLOCKS; i++) {
        if (counting.blocks[i].memory == memory) {
            counting.alive--;
            counting.bytes -= counting.blocks[i].size;
            counting.blocks[i] = (counting_block){NULL, 0};
            free(memory);
            return;
        }
    }
    check_must(false, "a released block is alive", __FILE__, __LINE__);
}

/* Make the core use this allocator. Request number `fail_at` fails. */
static inline void
counting_start(size_t fail_at)
{
    counting.requests = 0;
    counting.fail_at = fail_at;
    counting.largest = (size_t)1 << 30;
    cf_memory = (cf_allocator){counting_allocate, counting_release};
}

/* Restore the core's own allocator. */
static inline void
counting_stop(void)
{
    MUST(counting.alive == 0 && counting.bytes == 0);
    cf_memory = (cf_allocator){malloc, free};
}

#endif /* COUNTING_H */
