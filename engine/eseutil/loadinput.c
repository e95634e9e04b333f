#include "loadinput.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct text { /* grows */
    char *b;
    size_t len, room;
};

/* For len bytes more and the NUL behind them. */
static bool text_room(struct text *t, size_t len)
{
    size_t room = t->room ? t->room : 64;
    char *p;

    while (room < t->len + len + 1)
        room *= 2;
    if (t->b && room == t->room)
        return true;
    p = realloc(t->b, room);
    if (!p)
        return false;
    t->b = p;
    t->room = room;
    t->b[t->len] = '\0';
    return true;
}

static bool add_byte(struct text *t, int c)
{
    if (!text_room(t, 1))
        return false;
    t->b[t->len++] = (char)c;
    t->b[t->len] = '\0';
    return true;
}

void row_free(struct row *r)
{
    for (size_t i = 0; i < r->nr; i++) {
        free(r->cells[i].name);
        free(r->cells[i].text);
    }
    free(r->cells);
    memset(r, 0, sizeof(*r));
}

/* Takes name and the text over. */
static bool add_cell(struct row *r, char *name, struct text *t, bool null, bool many)
{
    struct cell *p;

    if (!text_room(t, 0))
        return false;
    if (r->nr == r->room) {
        p = realloc(r->cells, (r->room ? 2 * r->room : 16) * sizeof(*p));
        if (!p)
            return false;
        r->cells = p;
        r->room = r->room ? 2 * r->room : 16;
    }
    r->cells[r->nr++] = (struct cell){name, t->b, t->len, null, many};
    memset(t, 0, sizeof(*t));
    return true;
}

static int bad(struct input *in, const char *what)
{
    in->what = what;
    return -1;
}

static const char bom[] = "\xef\xbb\xbf";

/* ---- CSV ------------------------------------------------------------------------------------- */

static int next(struct input *in)
{
    const int c = in->nr_held ? in->held[--in->nr_held] : getc(in->f);

    in->ends += c == '\n';
    return c;
}

static void unread(struct input *in, int c)
{
    in->ends -= c == '\n';
    in->held[in->nr_held++] = c;
}

/* A cell behind its opening quote. Returns what ended it: ',', '\n' or EOF; -2: malformed or no
 * memory. */
static int csv_quoted(struct input *in, struct text *t)
{
    bool closed = false;
    int c;

    while (!closed && (c = next(in)) != EOF) {
        closed = c == '"' && (c = next(in)) != '"';
        if (!closed && !add_byte(t, c)) {
            (void)bad(in, "out of memory");
            return -2;
        }
    }
    if (!closed) {
        (void)bad(in, "a quote is not closed");
        return -2;
    }
    if (c == '\r')
        c = next(in);
    if (c != ',' && c != '\n' && c != EOF) {
        (void)bad(in, "something follows a closing quote");
        return -2;
    }
    return c;
}

static int csv_plain(struct input *in, int c, struct text *t)
{
    for (; c != ',' && c != '\n' && c != EOF; c = next(in)) {
        if (!add_byte(t, c)) {
            (void)bad(in, "out of memory");
            return -2;
        }
    }
    if (c != ',' && t->len && t->b[t->len - 1] == '\r')
        t->b[--t->len] = '\0';
    return c;
}

static int csv_cell(struct input *in, struct row *r)
{
    struct text t = {0};
    const int first = next(in);
    const bool quoted = first == '"';
    const int c = quoted ? csv_quoted(in, &t) : csv_plain(in, first, &t);

    if (c == -2) {
        free(t.b);
        return -2;
    }
    if (add_cell(r, NULL, &t, !quoted && t.len == 0, false))
        return c;
    free(t.b);
    (void)bad(in, "out of memory");
    return -2;
}

static int csv_row(struct input *in, struct row *r)
{
    int c;

    in->line = in->ends + 1;
    c = next(in);
    if (c == EOF)
        return ferror(in->f) ? bad(in, "the file cannot be read") : 0;
    unread(in, c);
    do {
        c = csv_cell(in, r);
    } while (c == ',');
    if (ferror(in->f))
        return bad(in, "the file cannot be read");
    return c == -2 ? -1 : 1;
}

/* A name may begin with the first byte of one. */
static void skip_bom(struct input *in)
{
    int c[3];
    unsigned nr = 0;
    bool same = true;

    while (same && nr < 3) {
        c[nr] = next(in);
        same = c[nr] == (unsigned char)bom[nr];
        nr++;
    }
    for (; !same && nr; nr--)
        unread(in, c[nr - 1]);
}

int input_header(struct input *in)
{
    const struct row *h = &in->header;
    int got;

    skip_bom(in);
    got = csv_row(in, &in->header);
    if (got == 0)
        return bad(in, "there is no header line that names the columns");
    for (size_t i = 0; got > 0 && i < h->nr; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(h->cells[i].text, h->cells[k].text) == 0)
                return bad(in, "the header names a column twice");
    return got;
}

/* ---- JSON lines ------------------------------------------------------------------------------ */

static void skip_space(const char **p)
{
    while (**p == ' ' || **p == '\t' || **p == '\r')
        (*p)++;
}

static bool add_utf8(struct text *t, unsigned c)
{
    if (c < 0x80)
        return add_byte(t, (int)c);
    if (c < 0x800)
        return add_byte(t, (int)(0xc0 | c >> 6)) && add_byte(t, (int)(0x80 | (c & 0x3f)));
    if (c < 0x10000)
        return add_byte(t, (int)(0xe0 | c >> 12)) && add_byte(t, (int)(0x80 | (c >> 6 & 0x3f))) &&
               add_byte(t, (int)(0x80 | (c & 0x3f)));
    return add_byte(t, (int)(0xf0 | c >> 18)) && add_byte(t, (int)(0x80 | (c >> 12 & 0x3f))) &&
           add_byte(t, (int)(0x80 | (c >> 6 & 0x3f))) && add_byte(t, (int)(0x80 | (c & 0x3f)));
}

static bool four_hex(const char *p, unsigned *ret)
{
    *ret = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)p[i]))
            return false;
        *ret = *ret << 4 |
               (unsigned)(isdigit((unsigned char)p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    }
    return true;
}

static bool json_escape(const char **p, struct text *t)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at;
    unsigned c, low;

    if (**p == 'u') {
        if (!four_hex(*p + 1, &c))
            return false;
        *p += 5;
        if (c >= 0xd800 && c < 0xdc00 && (*p)[0] == '\\' && (*p)[1] == 'u' &&
            four_hex(*p + 2, &low) && low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
            *p += 6;
        }
        return add_utf8(t, c);
    }
    at = **p ? strchr(from, **p) : NULL;
    if (!at)
        return false;
    (*p)++;
    return add_byte(t, to[at - from]);
}

static bool json_string(const char **p, struct text *t)
{
    if (*(*p)++ != '"' || !text_room(t, 0))
        return false;
    while (**p != '"') {
        if ((unsigned char)**p < 0x20)
            return false;
        if (**p == '\\') {
            (*p)++;
            if (!json_escape(p, t))
                return false;
        } else if (!add_byte(t, *(*p)++)) {
            return false;
        }
    }
    (*p)++;
    return true;
}

/* true, false, or a number; the column's conversion looks closer. */
static bool is_bare(const char *s)
{
    const size_t len = strspn(s, "0123456789+-.eE");

    return strcmp(s, "true") == 0 || strcmp(s, "false") == 0 ||
           ((*s == '-' || isdigit((unsigned char)*s)) && s[len] == '\0');
}

/* A value that is not an array: its text as the column's conversion wants it. */
static bool json_scalar(const char **p, struct text *t, bool *ret_null)
{
    *ret_null = false;
    if (**p == '"')
        return json_string(p, t);
    if (strncmp(*p, "null", 4) == 0) {
        *p += 4;
        *ret_null = true;
        return true;
    }
    while (**p && !strchr(",]} \t\r\n", **p))
        if (!add_byte(t, *(*p)++))
            return false;
    return t->b && is_bare(t->b);
}

/* A value or an array of them. name NULL: the cells have none. */
static bool json_value(const char **p, struct row *r, const char *name)
{
    struct text t = {0};
    const bool many = **p == '[';
    bool null;

    if (many) {
        (*p)++;
        skip_space(p);
        if (**p == ']') {
            (*p)++;
            return true;
        }
    }
    do {
        char *copy = name ? strdup(name) : NULL;
        skip_space(p);
        if ((name && !copy) || !json_scalar(p, &t, &null) || !add_cell(r, copy, &t, null, many)) {
            free(copy);
            free(t.b);
            return false;
        }
        skip_space(p);
    } while (many && **p == ',' && (*p)++);
    return !many || *(*p)++ == ']';
}

bool input_array(const char *text, struct row *r)
{
    const char *p = text;

    return *p == '[' && json_value(&p, r, NULL) && *p == '\0';
}

/* The value of "$table" is looked at and forgotten. */
static bool json_member(const char **p, struct row *r)
{
    struct text name = {0};
    const size_t before = r->nr;
    bool good;

    skip_space(p);
    good = json_string(p, &name);
    if (good) {
        skip_space(p);
        good = *(*p)++ == ':';
    }
    if (good) {
        skip_space(p);
        good = json_value(p, r, name.b);
    }
    if (good && strcmp(name.b, "$table") == 0)
        for (; r->nr > before; r->nr--) {
            free(r->cells[r->nr - 1].name);
            free(r->cells[r->nr - 1].text);
        }
    free(name.b);
    return good;
}

static bool json_object(const char *p, struct row *r)
{
    skip_space(&p);
    if (*p++ != '{')
        return false;
    skip_space(&p);
    if (*p == '}')
        return p[1 + strspn(p + 1, " \t\r\n")] == '\0';
    for (;;) {
        if (!json_member(&p, r))
            return false;
        skip_space(&p);
        if (*p == '}')
            break;
        if (*p++ != ',')
            return false;
    }
    p++;
    skip_space(&p);
    return *p == '\0' || *p == '\n';
}

static bool is_blank(const char *s)
{
    return s[strspn(s, " \t\r\n")] == '\0';
}

static int json_row(struct input *in, struct row *r)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    const char *start;
    int ret = 1;

    do {
        len = getline(&line, &room, in->f);
        in->ends += len >= 0;
        start = len >= 3 && in->ends == 1 && memcmp(line, bom, 3) == 0 ? line + 3 : line;
    } while (len >= 0 && strlen(line) == (size_t)len && is_blank(start));
    in->line = in->ends;
    if (len < 0)
        ret = ferror(in->f) ? bad(in, "the file cannot be read") : 0;
    else if (strlen(line) != (size_t)len || !json_object(start, r))
        ret = bad(in, "it is not a JSON object of plain values");
    free(line);
    return ret;
}

int input_row(struct input *in, struct row *r)
{
    int got;

    if (in->json)
        return json_row(in, r);
    do {
        row_free(r);
        got = csv_row(in, r);
    } while (got > 0 && r->nr == 1 && r->cells[0].null && in->header.nr > 1);
    if (got > 0 && r->nr != in->header.nr)
        return bad(in, "it has another number of cells than the header");
    return got;
}
