/* cf_memory.c - the only file that allocates, so that a test can make every
 * allocation fail.
 */
#include "cf_internal.h"

#include <stdlib.h>

cf_allocator cf_memory = {malloc, free};

void *
cf_new_array(size_t count, size_t size)
{
    size_t bytes = count * size;
    if (count != 0 && bytes / count != size) {
        return NULL;
    }
    if (bytes == 0) {
        bytes = 1;
    }
    void *memory = cf_memory.allocate(bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}
