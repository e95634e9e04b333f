#include "rec/sortkey.h"

#include "rec/sortkey_table.h"

const uint8_t sortkey_id[16] = {0x6c, 0x1f, 0x0b, 0x9d, 0x52, 0xe4, 0x47, 0x3a,
                                0x9b, 0x0e, 0x65, 0x73, 0x65, 0x66, 0x73, 0x01};

enum kind { KIND_LETTER, KIND_IGNORED, KIND_PUNCT, KIND_NUMBER, KIND_MARK };

enum { /* what an expansion has lost; bits of the third part (persistent) */
       LOST_CASE = 1,
       LOST_WIDTH = 2,
       LOST_KANA = 4,
};

enum {             /* bytes of the parts (persistent) */
       COMMON = 2, /* nothing special, second and third part */
       ASCII_PUNCT = 0x03,
       OTHER_PUNCT = 0x2a,
       ASCII_DIGIT = 0x30,
       OTHER_NUMBER = 0x3b,
       ASCII_LETTER = 0x41,
       LETTER_2 = 0x60, /* two bytes, below CP_3 */
       LETTER_3 = 0x98, /* three bytes */
       MARK_1 = 0x03,   /* U+0300..036F */
       OTHER_MARK = 0x74,
};
#define CP_3 0x3100u

#define CP_MOST    0x110000u
#define MARKS_MOST 32 /* that are put in order together */

struct mark {
    uint32_t cp;
    uint8_t class;
};

struct out {
    uint8_t *b;
    uint32_t len, room;
    bool cut;
};

static void put(struct out *o, uint8_t v)
{
    if (o->len < o->room)
        o->b[o->len++] = v;
    else
        o->cut = true;
}

/* ---- characters ------------------------------------------------------------------------------ */

/* The last entry of a sorted table whose character is not beyond cp. */
static size_t find(const uint32_t *table, size_t nr, const uint16_t blocks[257], uint32_t cp)
{
    const uint32_t block = cp >> 8;
    size_t lo = blocks[block < 256 ? block : 256];
    size_t hi = block < 256 ? blocks[block + 1] + 1u : nr;

    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if ((table[mid] & 0x1fffff) <= cp)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static enum kind kind_of(uint32_t cp, uint8_t *ret_class)
{
    const uint32_t e = kinds[find(kinds, ARRAY_LEN(kinds), kind_blocks, cp)];

    *ret_class = (uint8_t)(e >> 24);
    return (enum kind)(e >> 21 & 7);
}

/* One byte for each ASCII character that counts, by itself; 0: it does not. */
static uint8_t ascii_weight(uint32_t cp)
{
    if (cp - 'a' < 26)
        return (uint8_t)(ASCII_LETTER + cp - 'a');
    if (cp - 'A' < 26)
        return (uint8_t)(ASCII_LETTER + cp - 'A');
    if (cp - '0' < 10)
        return (uint8_t)(ASCII_DIGIT + cp - '0');
    if (cp - '\t' < 5)
        return (uint8_t)(ASCII_PUNCT + cp - '\t');
    if (cp < ' ' || cp == 0x7f)
        return 0;
    /* space to / : to @ [ to ` { to ~ : one after the other */
    return (uint8_t)(ASCII_PUNCT + 5 + cp - ' ' - (cp > '9' ? 10 : 0) - (cp > 'Z' ? 26 : 0) -
                     (cp > 'z' ? 26 : 0));
}

static enum kind ascii_kind(uint32_t cp)
{
    const uint8_t w = ascii_weight(cp);

    return w == 0             ? KIND_IGNORED
           : w < OTHER_PUNCT  ? KIND_PUNCT
           : w < OTHER_NUMBER ? KIND_NUMBER
                              : KIND_LETTER;
}

static uint32_t next_unit(const uint8_t **p, const uint8_t *end)
{
    uint32_t u = get_le16(*p), v;

    *p += 2;
    if ((u & 0xfc00) != 0xd800 || *p == end)
        return u;
    v = get_le16(*p);
    if ((v & 0xfc00) != 0xdc00)
        return u;
    *p += 2;
    return 0x10000 + ((u & 0x3ff) << 10 | (v & 0x3ff));
}

#define HANGUL_BASE 0xac00u

/* Hangul letters of one syllable as the one character that they also are. */
static uint32_t compose_hangul(uint32_t l, const uint8_t **p, const uint8_t *end)
{
    uint32_t v, t;

    if (l - 0x1100 >= 19 || *p == end || (v = get_le16(*p) - 0x1161u) >= 21)
        return l;
    *p += 2;
    l = HANGUL_BASE + ((l - 0x1100) * 21 + v) * 28;
    if (*p == end || (t = get_le16(*p) - 0x11a7u) == 0 || t >= 28)
        return l;
    *p += 2;
    return l + t;
}

/* ---- a text as a row of characters and marks ------------------------------------------------- */

struct walk {
    const uint8_t *p, *end;
    const uint16_t *units, *units_end; /* of an expansion that is being given out */
    uint8_t lost;                      /* by that */
    uint8_t class;                     /* of a mark */
    enum kind kind;
};

static bool expand(struct walk *w, uint32_t cp)
{
    const size_t i = find(expansion_heads, ARRAY_LEN(expansion_heads), expansion_blocks, cp);
    const uint32_t e = expansion_heads[i];

    if ((e & 0x1fffff) != cp)
        return false;
    w->units = &expansion_units[expansion_starts[i]];
    w->units_end = w->units + (e >> 21 & 31);
    w->lost = (uint8_t)(e >> 26);
    return true;
}

static uint32_t from_expansion(struct walk *w)
{
    uint32_t u = *w->units++;

    if ((u & 0xfc00) == 0xd800 && w->units < w->units_end)
        u = 0x10000 + ((u & 0x3ff) << 10 | (*w->units++ & 0x3ffu));
    return u;
}

/* The next character of the text, or of what stands for one; CP_MOST at the end. Its kind, class
 * and what it lost are in w. */
static uint32_t any_char(struct walk *w)
{
    uint32_t cp;

    if (w->units == w->units_end) {
        if (w->p == w->end)
            return CP_MOST;
        cp = next_unit(&w->p, w->end);
        w->lost = 0;
        if (cp < 0x80) {
            w->kind = ascii_kind(cp);
            if (cp - 'A' >= 26)
                return cp;
            w->lost = LOST_CASE;
            return cp + 0x20;
        }
        cp = compose_hangul(cp, &w->p, w->end);
        if (expand(w, cp))
            cp = from_expansion(w);
    } else {
        cp = from_expansion(w);
    }
    w->kind = kind_of(cp, &w->class);
    return cp;
}

/* The next one that counts. */
static uint32_t next_char(struct walk *w)
{
    uint32_t cp;

    do
        cp = any_char(w);
    while (cp != CP_MOST && w->kind == KIND_IGNORED);
    return cp;
}

static struct walk walk_of(struct slice text)
{
    return (struct walk){.p = text.p, .end = text.p + (text.len & ~1u)};
}

/* ---- the parts ------------------------------------------------------------------------------- */

/* Bytes that never are 00 or 01. */
static void put_254(struct out *o, uint8_t lead, uint32_t v, unsigned nr)
{
    uint8_t digits[3];

    for (unsigned i = nr; i-- > 0; v /= 254)
        digits[i] = (uint8_t)(2 + v % 254);
    put(o, (uint8_t)(lead + v));
    for (unsigned i = 0; i < nr; i++)
        put(o, digits[i]);
}

static void put_first(struct out *o, uint32_t cp, enum kind kind)
{
    if (cp < 0x80)
        put(o, ascii_weight(cp));
    else if (kind == KIND_PUNCT)
        put_254(o, OTHER_PUNCT, cp, 3);
    else if (kind == KIND_NUMBER)
        put_254(o, OTHER_NUMBER, cp, 3);
    else if (cp < CP_3)
        put_254(o, LETTER_2, cp, 1);
    else
        put_254(o, LETTER_3, cp - CP_3, 2);
}

static bool is_left_out(enum kind kind, uint32_t flags)
{
    return kind == KIND_PUNCT && (flags & SORTKEY_IGNORE_SYMBOLS);
}

static void first_part(struct out *o, struct slice text, uint32_t flags)
{
    struct walk w = walk_of(text);
    uint32_t cp;

    while (!o->cut && (cp = next_char(&w)) != CP_MOST)
        if (w.kind != KIND_MARK && !is_left_out(w.kind, flags))
            put_first(o, cp, w.kind);
}

/* Marks of one letter in their canonical order, which does not depend on how they were written. */
static void put_marks(struct out *o, struct mark *m, unsigned nr, uint32_t *commons)
{
    for (unsigned i = 1; i < nr; i++)
        for (unsigned k = i; k > 0 && m[k].class && m[k - 1].class > m[k].class; k--) {
            const struct mark t = m[k];
            m[k] = m[k - 1];
            m[k - 1] = t;
        }
    for (; nr && *commons && !o->cut; --*commons)
        put(o, COMMON);
    for (unsigned i = 0; i < nr; i++) {
        if (m[i].cp - 0x300 < 0x70)
            put(o, (uint8_t)(MARK_1 + m[i].cp - 0x300));
        else
            put_254(o, OTHER_MARK, m[i].cp, 3);
    }
}

static void second_part(struct out *o, struct slice text, uint32_t flags)
{
    struct walk w = walk_of(text);
    struct mark marks[MARKS_MOST];
    uint32_t cp, commons = 0;
    unsigned nr = 0;

    while (!o->cut && (cp = next_char(&w)) != CP_MOST) {
        if (is_left_out(w.kind, flags))
            continue;
        if (w.kind != KIND_MARK || nr == MARKS_MOST) {
            put_marks(o, marks, nr, &commons);
            nr = 0;
        }
        if (w.kind == KIND_MARK)
            marks[nr++] = (struct mark){cp, w.class};
        else
            commons++;
    }
    put_marks(o, marks, nr, &commons);
}

static void third_part(struct out *o, struct slice text, uint32_t flags)
{
    struct walk w = walk_of(text);
    uint32_t cp, commons = 0;
    uint8_t ignored = 0;

    if (flags & (SORTKEY_IGNORE_CASE | SORTKEY_LINGUISTIC_IGNORE_CASE))
        ignored |= LOST_CASE;
    if (flags & SORTKEY_IGNORE_WIDTH)
        ignored |= LOST_WIDTH;
    if (flags & SORTKEY_IGNORE_KANA_TYPE)
        ignored |= LOST_KANA;
    while (!o->cut && (cp = next_char(&w)) != CP_MOST) {
        const uint8_t lost = w.lost & (uint8_t)~ignored;
        if (w.kind == KIND_MARK || is_left_out(w.kind, flags))
            continue;
        if (!lost) {
            commons++;
            continue;
        }
        for (; commons && !o->cut; commons--)
            put(o, COMMON);
        put(o, COMMON + lost);
    }
}

/* ---- whole keys ------------------------------------------------------------------------------ */

static bool is_ascii(struct slice text)
{
    uint32_t i = 0;
    uint64_t all = 0;

    for (; i + 8 <= text.len; i += 8)
        all |= get_le64(text.p + i);
    for (; i + 2 <= text.len; i += 2)
        all |= get_le16(text.p + i);
    return !(all & UINT64_C(0xff80ff80ff80ff80));
}

/* The first part of text without anything else to it; most text of most databases. */
static void first_part_ascii(struct out *o, struct slice text, uint32_t flags)
{
    for (uint32_t i = 0; i + 2 <= text.len && !o->cut; i += 2) {
        const uint8_t w = ascii_weight(text.p[i]);
        if (w && !(w < OTHER_PUNCT && (flags & SORTKEY_IGNORE_SYMBOLS)))
            put(o, w);
    }
}

static uint16_t upper_of(uint16_t u)
{
    size_t lo = 0, hi = ARRAY_LEN(uppers);

    if (u < 0x80)
        return (uint16_t)(u - 'a') < 26 ? (uint16_t)(u - 0x20) : u;
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (u > uppers[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == ARRAY_LEN(uppers) || u < uppers[lo].first || (u - uppers[lo].first) % uppers[lo].step)
        return u;
    return (uint16_t)(u + uppers[lo].distance);
}

static void put_upper(struct out *o, struct slice text)
{
    for (uint32_t i = 0; i + 2 <= text.len && !o->cut; i += 2) {
        const uint16_t u = upper_of(get_le16(text.p + i));
        put(o, (uint8_t)(u >> 8));
        put(o, (uint8_t)u);
    }
    put(o, 0);
    put(o, 0);
}

static void put_key(struct out *o, struct slice text, uint32_t flags)
{
    const bool ascii = is_ascii(text);
    const bool accents = !(flags & (SORTKEY_IGNORE_NONSPACE | SORTKEY_LINGUISTIC_IGNORE_DIACRITIC));
    const bool cases = !(flags & (SORTKEY_IGNORE_CASE | SORTKEY_LINGUISTIC_IGNORE_CASE));

    if (ascii)
        first_part_ascii(o, text, flags);
    else
        first_part(o, text, flags);
    put(o, SORTKEY_DELIMITER);
    if (!ascii && accents)
        second_part(o, text, flags);
    put(o, SORTKEY_DELIMITER);
    if (!ascii || cases)
        third_part(o, text, flags);
    put(o, 0);
}

uint32_t sortkey_make(struct slice text, uint32_t flags, uint8_t *out, uint32_t room, bool *ret_cut)
{
    struct out o = {.b = out, .room = room};

    if (sortkey_is_upper(flags))
        put_upper(&o, text);
    else
        put_key(&o, text, flags);
    *ret_cut = o.cut;
    return o.len;
}
