/* cf_originset.c - match an origin against the origins of a policy.
 *
 *     exact table --miss--> cache --miss--> grammar --> any / rules
 *                                           / automaton / caller
 *
 * The whole origin is looked up in the exact table first. Before anything else
 * can match, the origin must be valid. The outcome is cached, because a few
 * origins send nearly all requests. Rules are found by hashing the host from
 * its start (for the host itself) and from each of its dots (for subdomains).
 * Lengths that no rule's host has are skipped. Each rule has ranges of ports.
 * There is no tree, because hand-made trees caused security holes in two
 * similar libraries. All globs and regexes are one automaton.
 */
#include "cf_hash.h"

/* Keep out of line to reduce register pressure in the caller. */
#if defined(__GNUC__)
#    define CF_NOINLINE __attribute__((noinline))
#else
#    define CF_NOINLINE
#endif

/* A rule's host may also have a leading dot and the root's trailing dot. */
enum { CF_MAX_RULE_HOST = CF_MAX_HOST + 2 };

/* -- building ------------------------------------------------------------ */

static cf_status
fill_ranges(cf_originset *set, const cf_tables *tables)
{
    size_t total = 0;
    for (size_t i = 0; i < tables->n_rules; i++) {
        if (tables->rules[i].n_ranges > UINT32_MAX - total) {
            return CF_BAD_TABLES;
        }
        total += tables->rules[i].n_ranges;
    }
    set->ends = cf_new_array(tables->n_rules, sizeof *set->ends);
    set->ranges = cf_new_array(total, sizeof *set->ranges);
    if (set->ends == NULL || set->ranges == NULL) {
        return CF_NO_MEMORY;
    }
    uint32_t end = 0;
    for (size_t i = 0; i < tables->n_rules; i++) {
        const cf_rule *rule = &tables->rules[i];
        for (size_t j = 0; j < rule->n_ranges; j++) {
            set->ranges[end++] = rule->ranges[j];
        }
        set->ends[i] = end;
        size_t length = rule->host.length;
        set->host_lengths[length / 64] |= (uint64_t)1 << (length % 64);
    }
    return CF_OK;
}

static cf_status
fill_hosts(cf_originset *set, const cf_tables *tables)
{
    cf_slice *hosts = cf_new_array(tables->n_rules, sizeof *hosts);
    if (hosts == NULL) {
        return CF_NO_MEMORY;
    }
    for (size_t i = 0; i < tables->n_rules; i++) {
        hosts[i] = tables->rules[i].host;
    }
    cf_status status = cf_table_fill(&set->hosts, hosts, tables->n_rules,
                                     CF_MAX_RULE_HOST, false, tables->seed);
    cf_memory.release(hosts);
    return status;
}

static void
list_few(cf_originset *set)
{
    if (set->exact.count > CF_FEW_ORIGINS) {
        return;
    }
    while (set->n_few < set->exact.count) {
        set->few[set->n_few] = cf_table_key(&set->exact, set->n_few);
        set->n_few++;
    }
}

cf_status
cf_originset_fill(cf_originset *set, const cf_tables *tables)
{
    set->any_web_origin = tables->any_web_origin;
    set->any_origin = tables->any_origin;
    set->ask_caller = tables->ask_caller;
    bool may_skip = tables->n_exact > CF_FEW_ORIGINS; /* the few: list_few */
    cf_status status =
        cf_table_fill(&set->exact, tables->exact, tables->n_exact,
                      CF_MAX_ORIGIN, may_skip, tables->seed);
    if (status == CF_OK) {
        list_few(set);
        status = fill_hosts(set, tables); /* checks the hosts' lengths */
    }
    if (status == CF_OK) {
        status = fill_ranges(set, tables);
    }
    if (status == CF_OK) {
        status = cf_dfa_fill(&set->automaton, &tables->automaton);
    }
    if (status == CF_OK) {
        status = cf_cache_fill(&set->cache);
    }
    return status;
}

void
cf_originset_clear(cf_originset *set)
{
    cf_table_clear(&set->exact);
    cf_table_clear(&set->hosts);
    cf_memory.release(set->ends);
    cf_memory.release(set->ranges);
    cf_dfa_clear(&set->automaton);
    cf_cache_clear(&set->cache);
    memset(set, 0, sizeof *set);
}

size_t
cf_originset_memory(const cf_originset *set)
{
    size_t n_hosts = set->hosts.count;
    size_t n_ranges = n_hosts == 0 ? 0 : set->ends[n_hosts - 1];
    return cf_table_memory(&set->exact) + cf_table_memory(&set->hosts)
           + n_hosts * sizeof *set->ends + n_ranges * sizeof *set->ranges
           + cf_dfa_memory(&set->automaton) + cf_cache_memory(&set->cache);
}

/* -- matching ------------------------------------------------------------ */

/* Return whether a rule for the host origin[from..host_end) covers the scheme
 * and port. */
static bool
covers(const cf_originset *set, const char *origin, const cf_origin *parts,
       bool https, size_t from)
{
    size_t length = parts->host_end - from;
    if ((set->host_lengths[length / 64] >> (length % 64) & 1) == 0) {
        return false;
    }
    uint32_t host = cf_table_find(&set->hosts, origin + from, length);
    if (host == CF_NO_KEY) {
        return false;
    }
    uint32_t first = host == 0 ? 0 : set->ends[host - 1];
    for (uint32_t i = first; i < set->ends[host]; i++) {
        const cf_port_range *range = &set->ranges[i];
        if (range->https == https && range->first_port <= parts->port
            && parts->port <= range->last_port) {
            return true;
        }
    }
    return false;
}

static bool
follows_rule(const cf_originset *set, const char *origin,
             const cf_origin *parts, bool https)
{
    if (set->hosts.count == 0) {
        return false;
    }
    if (covers(set, origin, parts, https, parts->host_start)) {
        return true;
    }
    for (uint32_t i = parts->n_dots; i > 0; i--) {
        if (covers(set, origin, parts, https, parts->dots[i - 1])) {
            return true;
        }
    }
    return false;
}

/* Match an origin that is not in the exact table. */
static cf_outcome
match_patterns(const cf_originset *set, const char *origin, size_t length)
{
    bool https = length > 8 && cf_equal(origin, "https://", 8);
    bool http = length > 7 && cf_equal(origin, "http://", 7);
    /* Run the automaton before checking the grammar, although its result
     * counts only for a valid origin. The automaton waits for memory at each
     * byte, and the CPU can check the grammar meanwhile. */
    const cf_dfa *automaton = &set->automaton;
    size_t start = https ? 8 : http ? 7 : 0;
    uint32_t state = https  ? automaton->https
                     : http ? automaton->http
                            : automaton->start;
    bool hit =
        automaton->table != NULL
        && cf_dfa_accepts(automaton, state, origin + start, length - start);
    cf_origin parts;
    if (!cf_parse_origin(origin, length, &parts)) {
        bool null = length == 4 && cf_equal(origin, "null", 4);
        return null ? CF_ORIGIN_NOT_ALLOWED : CF_ORIGIN_MALFORMED;
    }
    if (hit || set->any_origin) {
        return CF_ALLOWED;
    }
    bool web = https || http;
    if (web
        && (set->any_web_origin || follows_rule(set, origin, &parts, https))) {
        return CF_ALLOWED;
    }
    return set->ask_caller ? CF_ASK_CALLER : CF_ORIGIN_NOT_ALLOWED;
}

/* Return the cached outcome, or match the origin now. */
CF_NOINLINE static cf_outcome
match_unlisted(const cf_originset *set, uint64_t hashed, const char *origin,
               size_t length, uint32_t *exact)
{
    uint32_t note;
    if (!cf_cache_find(&set->cache, hashed, origin, length, &note)) {
        note = (uint32_t)match_patterns(set, origin, length);
        if (note != CF_ASK_CALLER) { /* cf_originset_keep caches those */
            cf_cache_keep(&set->cache, hashed, origin, length, note);
        }
    }
    if (note == CF_ALLOWED) {
        *exact = CF_NOT_EXACT;
    }
    return (cf_outcome)note;
}

/* Match by hash: for many exact origins, or none. */
CF_NOINLINE static cf_outcome
match_many(const cf_originset *set, const char *origin, size_t length,
           uint32_t *exact)
{
    uint64_t hashed = cf_hash(&set->exact.seed, origin, length);
    uint32_t found = cf_table_find_hashed(&set->exact, hashed, origin, length,
                                          set->exact.skip);
    if (found == CF_NO_KEY) {
        return match_unlisted(set, hashed, origin, length, exact);
    }
    *exact = found;
    return CF_ALLOWED;
}

/* Match a few exact origins one by one, which costs less than a hash. */
CF_NOINLINE static cf_outcome
match_few(const cf_originset *set, const char *origin, size_t length,
          uint32_t *exact)
{
    for (uint32_t i = 0; i < set->n_few; i++) {
        if (set->few[i].length == length
            && cf_same(set->few[i].data, origin, length)) {
            *exact = i;
            return CF_ALLOWED;
        }
    }
    uint64_t hashed = cf_hash(&set->exact.seed, origin, length);
    return match_unlisted(set, hashed, origin, length, exact);
}

cf_outcome
cf_originset_match(const cf_originset *set, const char *origin, size_t length,
                   uint32_t *exact)
{
    if (length > CF_MAX_ORIGIN) {
        return CF_ORIGIN_TOO_LONG;
    }
    return set->n_few > 0 ? match_few(set, origin, length, exact)
                          : match_many(set, origin, length, exact);
}

void
cf_originset_keep(const cf_originset *set, const char *origin, size_t length,
                  cf_outcome outcome)
{
    uint64_t hashed = cf_hash(&set->exact.seed, origin, length);
    cf_cache_keep(&set->cache, hashed, origin, length, (uint32_t)outcome);
}
