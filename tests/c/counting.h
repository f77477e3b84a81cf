/* counting.h - an allocator for the core's seam that counts and can fail.
 *
 * It knows every block that is alive: a block released twice, or one that is
 * not ours, ends the program. New memory is filled with 0xa5, so that nobody
 * gets zeros that he did not ask for.
 *
 * Place: beside check.h. Never: leave the core's own allocator in place while
 * blocks of this one are alive.
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
    size_t alive;    /* how many blocks */
    size_t bytes;    /* how much is in them */
    size_t requests; /* since counting_start */
    size_t fail_at;  /* the request that fails, counted from 1; 0: none */
    size_t largest;  /* a bigger request fails as well */
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

/* From here on the core allocates here; request number `fail_at` fails. */
static inline void
counting_start(size_t fail_at)
{
    counting.requests = 0;
    counting.fail_at = fail_at;
    counting.largest = (size_t)1 << 30;
    cf_memory = (cf_allocator){counting_allocate, counting_release};
}

/* Gives the core its own allocator back. */
static inline void
counting_stop(void)
{
    MUST(counting.alive == 0 && counting.bytes == 0);
    cf_memory = (cf_allocator){malloc, free};
}

#endif /* COUNTING_H */
