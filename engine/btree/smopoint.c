/*
 * Where a page is split, and which keys become the prefixes of the two halves. Plain arithmetic
 * over lines; any choice is right as long as it fits (write path 15), these are ESE's, for the
 * shape of trees that come of them.
 *
 * Weights are sizes as they may become by rollbacks, not compressed, less what a prefix saves.
 *
 * ESE: BTIRecalcWeightsLE, BTISelectPrefix, FBTISplitCausesNoOverflow, BTISelectEvenSplit,
 * BTISelectAppendLeafSplit, BTISelectHotPointSplit, ErrBTINewSplit, ErrBTIComputeSeparatorKey
 * (bt.cxx).
 */
#include <string.h>

#include "btree/smo_int.h"

#define PREFIX_PRICE (REDO_PREFIX_MIN - 1) /* bytes of a compressed node for its count */

void smo_lines_weigh(struct smo_line *line, unsigned nr)
{
    uint64_t size = 0, max = 0;

    for (unsigned i = 0; i < nr; i++) {
        uint32_t common = i ? redo_key_common(line[i].key, line[i - 1].key) : 0;

        size += line[i].size;
        max += line[i].max;
        line[i].size_sum = size;
        line[i].max_sum = max;
        line[i].common = common > PREFIX_PRICE ? common - PREFIX_PRICE : 0;
    }
}

/* ---- prefixes --------------------------------------------------------------------------------- */

/*
 * Lines are sorted: what a line shares with one further away is the least of what neighbours share
 * in between. So a line as prefix gains, of all lines before it and of all behind it, the sum of
 * those least values, less the price of its own node. Each sum takes one pass, in which `lower`
 * leads on to the next line with a lower value.
 */
static void sum_before(struct smo_line *line, unsigned nr)
{
    line[0].before = 0;
    for (unsigned i = 1; i < nr; i++) {
        unsigned j = i - 1;

        while (j && line[j].common >= line[i].common)
            j = line[j].lower;
        line[i].lower = j;
        line[i].before = line[j].before + line[i].common * (i - j);
    }
}

/* behind: of the lines from this one on, for the one before it. */
static void sum_behind(struct smo_line *line, unsigned nr)
{
    for (unsigned i = nr - 1; i > 0; i--) {
        unsigned j = i + 1;

        while (j < nr && line[j].common >= line[i].common)
            j = line[j].lower;
        line[i].lower = j;
        line[i].behind = line[i].common * (j - i) + (j < nr ? line[j].behind : 0);
    }
}

/* Among the others there is no better one; of equal ones this finds ESE's. */
static bool is_candidate(const struct smo_line *line, unsigned nr, unsigned i)
{
    const uint32_t here = line[i].common, next = line[i + 1].common;

    return i == 1 || i == nr - 2 || (next < here && line[i - 1].common <= here);
}

void smo_prefix_best(struct smo_line *line, unsigned nr, struct smo_prefix *ret)
{
    *ret = (struct smo_prefix){.line = -1};
    if (nr == 2 && line[1].common > PREFIX_PRICE)
        *ret = (struct smo_prefix){1, line[1].common - PREFIX_PRICE};
    if (nr <= 2)
        return;
    sum_before(line, nr);
    sum_behind(line, nr);
    for (unsigned i = 1; i + 1 < nr; i++) {
        const uint32_t sum = line[i].before + line[i + 1].behind;

        if (is_candidate(line, nr, i) && sum > ret->gain + PREFIX_PRICE)
            *ret = (struct smo_prefix){(int)i, sum - PREFIX_PRICE};
    }
}

/* ---- points ----------------------------------------------------------------------------------- */

static bool half_fits(uint64_t max, uint32_t gain, unsigned nr, uint32_t room)
{
    return max - gain <= room && nr <= PAGE_LINES_MAX;
}

/* With the best prefixes for both pages. */
static void halves_fit(struct smo_line *line, unsigned nr, uint32_t room, struct smo_point *p,
                       bool *ret_left, bool *ret_right)
{
    const uint64_t left = p->at ? line[p->at - 1].max_sum : 0;

    p->left = (struct smo_prefix){.line = -1};
    if (p->at)
        smo_prefix_best(line, p->at, &p->left);
    smo_prefix_best(line + p->at, nr - p->at, &p->right);
    *ret_left = half_fits(left, p->left.gain, p->at, room);
    *ret_right = half_fits(line[nr - 1].max_sum - left, p->right.gain, nr - p->at, room);
}

bool smo_point_at(struct smo_line *line, unsigned nr, uint32_t room, unsigned at,
                  struct smo_point *ret)
{
    bool left, right;

    ret->at = at;
    halves_fit(line, nr, room, ret, &left, &right);
    return left && right;
}

/* The line where both halves weigh the same, or nearly; of two that are equally good the later:
 * less moves. */
static unsigned middle(const struct smo_line *line, unsigned nr)
{
    const uint64_t half = line[nr - 1].size_sum / 2;
    uint64_t best = UINT64_MAX;
    unsigned at = 1;

    for (unsigned i = 1; i < nr; i++) {
        const uint64_t sum = line[i - 1].size_sum, off = sum < half ? half - sum : sum - half;

        if (off > best)
            break;
        best = off;
        at = i;
    }
    return at;
}

bool smo_point_even(struct smo_line *line, unsigned nr, uint32_t room, struct smo_point *ret)
{
    int direction = 0;

    for (unsigned at = middle(line, nr); at > 0 && at < nr;) {
        bool left, right;
        int go;

        ret->at = at;
        halves_fit(line, nr, room, ret, &left, &right);
        if (left && right)
            return true;
        go = left ? 1 : -1;
        if ((!left && !right) || go == -direction)
            return false;
        direction = go;
        at += (unsigned)go;
    }
    return false;
}

bool smo_point_highest(struct smo_line *line, unsigned nr, uint32_t room, struct smo_point *ret)
{
    for (unsigned at = nr - 1; at > 0; at--)
        if (smo_point_at(line, nr, room, at, ret))
            return true;
    return false;
}

/* Nodes are put behind all others in a page: the highest address is the newest. */
bool smo_point_is_hot(const struct smo_line *line, unsigned nr, unsigned oper)
{
    const uint8_t *first, *second;

    if (oper < 2)
        return false;
    first = line[oper - 2].key.p[1].p;
    second = line[oper - 1].key.p[1].p;
    if (second <= first)
        return false;
    for (unsigned i = 0; i < nr; i++)
        if ((i + 2 < oper || i > oper) && line[i].key.p[1].p >= first)
            return false;
    return true;
}

/* ---- separators ------------------------------------------------------------------------------- */

static void copy_key(uint8_t *out, struct redo_key key, uint32_t len)
{
    const uint32_t first = len < key.p[0].len ? len : key.p[0].len;

    if (first)
        memcpy(out, key.p[0].p, first);
    if (len > first)
        memcpy(out + first, key.p[1].p, len - first);
}

uint32_t smo_separator(const struct smo_line *a, const struct smo_line *b, uint8_t *out)
{
    const uint32_t key_len = redo_key_len(b->key), common = redo_key_common(a->key, b->key);
    uint32_t more;

    if (common < key_len) {
        copy_key(out, b->key, common + 1);
        return common + 1;
    }
    more = redo_key_common((struct redo_key){{a->data}}, (struct redo_key){{b->data}}) + 1;
    if (common < redo_key_len(a->key) || more > b->data.len)
        return 0;
    copy_key(out, b->key, key_len);
    memcpy(out + key_len, b->data.p, more);
    return key_len + more;
}
