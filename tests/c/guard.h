/* guard.h - copies of an input next to a page that cannot be read.
 *
 *     | no access |  readable ............ | no access |
 *                  ^ guard_front     guard_back ^
 *                    starts here     ends here
 *
 * Reading one byte before a guard_front copy, or after a guard_back copy, ends
 * the program. Without mmap, the copies are exact allocations, which
 * AddressSanitizer checks in the same way. There is only one room of each
 * kind, so a new copy overwrites the last one.
 */
#ifndef GUARD_H
#define GUARD_H

#include "check.h"

#if defined(__unix__) || defined(__APPLE__)
#    define GUARD_PAGES 1
#    include <sys/mman.h>
#    include <unistd.h>
#    ifndef MAP_ANONYMOUS
#        define MAP_ANONYMOUS MAP_ANON
#    endif
#else
#    define GUARD_PAGES 0
#endif

enum {
    GUARD_ROOM = 65536 /* a multiple of every page size in use */
};

typedef struct guard {
    char *front; /* the first byte of the room, or an allocation */
    char *back;  /* the end of the room, or an allocation */
} guard;

static guard guard_room;

#if GUARD_PAGES

/* Map a room between two pages without access. There are two rooms, so that a
 * front copy and a back copy can exist at the same time. */
static inline char *
guard_map(void)
{
    long size = sysconf(_SC_PAGESIZE);
    MUST(size > 0 && GUARD_ROOM % size == 0);
    size_t page = (size_t)size;
    char *all = mmap(NULL, GUARD_ROOM + 2 * page, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(all != MAP_FAILED);
    MUST(mprotect(all + page, GUARD_ROOM, PROT_READ | PROT_WRITE) == 0);
    return all + page;
}

static inline char *
guard_front(const char *data, size_t length)
{
    MUST(length <= GUARD_ROOM);
    if (guard_room.front == NULL) {
        guard_room.front = guard_map();
    }
    if (length != 0) {
        memcpy(guard_room.front, data, length);
    }
    return guard_room.front;
}

static inline char *
guard_back(const char *data, size_t length)
{
    MUST(length <= GUARD_ROOM);
    if (guard_room.back == NULL) {
        guard_room.back = guard_map() + GUARD_ROOM;
    }
    char *copy = guard_room.back - length;
    if (length != 0) {
        memcpy(copy, data, length);
    }
    return copy;
}

#else

static inline char *
guard_exact(char **place, const char *data, size_t length)
{
    free(*place);
    *place = malloc(length == 0 ? 1 : length);
    MUST(*place != NULL);
    if (length != 0) {
        memcpy(*place, data, length);
    }
    return *place;
}

static inline char *
guard_front(const char *data, size_t length)
{
    return guard_exact(&guard_room.front, data, length);
}

static inline char *
guard_back(const char *data, size_t length)
{
    return guard_exact(&guard_room.back, data, length);
}

#endif /* GUARD_PAGES */

#endif /* GUARD_H */
