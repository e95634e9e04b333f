/*
 * mkinstance DIR [ROWS [PAGE_SIZE]] - a small instance of our own making: a clean database, its log
 * and its checkpoint, as an engine leaves them after an orderly end. For scripts/demo and for tests
 * where no real instance is at hand. The same arguments give the same bytes.
 *
 *   DIR/mail.edb   table Mail: fixed, text and long columns, primary index, an index by sender, long
 *                  values; table Folders: without an index
 *   DIR/edb.log    generation 1: Init2, AttachDB, ShutDownMark; Term2 in a segment of its own
 *   DIR/edb.chk    checkpoint at that Term2, nothing attached
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "log/logfmt.h"
#include "minidb.h"
#include "page/cksum.h"
#include "page/page.h"

#define LOG_SEGMENTS 16u
#define DB_PATH      u"C:\\esefs\\mail\\mail.edb"

/* 2026-01-01 03:00:second UTC. Month from 1, year from 1900, byte 6 bit 0: UTC. */
static struct logtime time_of(unsigned second)
{
    return (struct logtime){{(uint8_t)second, 0, 3, 1, 1, 126, 1, 0}};
}

static struct signature signature_of(uint32_t random, unsigned second)
{
    struct signature s = {{0}};
    struct logtime t = time_of(second);

    put_le32(s.b, random);
    memcpy(s.b + 4, t.b, sizeof(t.b));
    return s;
}

/* xorshift: text that compresses badly and is always the same. */
static uint32_t next_random(void)
{
    static uint32_t x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

/* ---- content ---------------------------------------------------------------------------------- */

static const struct mini_column mail_columns[] = {
    {"Id", 1, JET_coltypLong, 4, 0},
    {"Received", 2, JET_coltypDateTime, 8, 0},
    {"Unread", 3, JET_coltypBit, 1, 0},
    {"Size", 4, JET_coltypLong, 4, 0},
    {"Sender", 128, JET_coltypText, 255, 1252},
    {"Subject", 129, JET_coltypText, 255, 1252},
    {"Body", 256, JET_coltypLongText, 0, 1252},
};

static const struct mini_column folder_columns[] = {
    {"Id", 1, JET_coltypLong, 4, 0},
    {"Name", 128, JET_coltypText, 255, 1252},
};

static uint32_t write_words(char *s, uint32_t len)
{
    static const char *const words[] = {"page",  "log",    "record", "index", "mount",
                                        "store", "verify", "backup", "night", "restore"};
    uint32_t n = 0;

    while (n < len) {
        const char *w = words[next_random() % ARRAY_LEN(words)];
        n += (uint32_t)snprintf(s + n, len - n + 1, n ? " %s" : "%s", w);
    }
    return len;
}

static void fill_mail(struct minidb *db, unsigned rows)
{
    enum { BODY_MAX = 20000 };
    struct mini_table *t = minidb_table(db, "Mail", mail_columns, ARRAY_LEN(mail_columns), "Id");
    struct mini_tree *by_sender = minidb_text_index(t, "Sender", 128);
    char *body = mini_alloc(BODY_MAX + 1), sender[64], subject[64];

    for (unsigned i = 1; i <= rows; i++) {
        uint8_t id[4], size[4], received[8], unread = i % 3 ? 0 : 0xff;
        double when = 46023.125 + i / 1440.0; /* days since 1899-12-30: 2026-01-01 03:00 and on */
        uint32_t len = 20 + next_random() % 900;

        if (i % 10 == 0) /* long enough to lie outside of the record */
            len = 1100 + next_random() % (BODY_MAX - 1100);
        write_words(body, len);
        write_words(subject, 10 + next_random() % 40);
        snprintf(sender, sizeof(sender), "user%u@example.org", next_random() % 40);
        put_le32(id, i);
        put_le32(size, len);
        memcpy(received, &when, sizeof(when));
        const struct mini_value values[] = {
            {id, 4},
            {received, 8},
            {&unread, 1},
            {size, 4},
            {i % 25 ? sender : NULL, (uint32_t)strlen(sender)},
            {subject, (uint32_t)strlen(subject)},
            {i % 15 ? body : NULL, len},
        };
        minidb_row(t, values, 1023, by_sender, 4);
    }
    free(body);
}

static void fill_folders(struct minidb *db)
{
    static const char *const names[] = {"Inbox", "Sent", "Drafts", "Archive", "Junk"};
    struct mini_table *t =
        minidb_table(db, "Folders", folder_columns, ARRAY_LEN(folder_columns), NULL);

    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        uint8_t id[4];
        put_le32(id, i + 1);
        minidb_row(t, (struct mini_value[]){{id, 4}, {names[i], (uint32_t)strlen(names[i])}}, 1023,
                   NULL, 0);
    }
}

/* ---- log and checkpoint ----------------------------------------------------------------------- */

struct log {
    uint8_t *file;
    uint32_t isec, ib;
};

/* Puts a record at the end of the segment; its position is returned. */
static lgpos_t append(struct log *l, const void *rec, uint32_t len, const void *more,
                      uint32_t more_len)
{
    uint8_t *at = l->file + l->isec * LOG_SEGMENT_LEN + l->ib;
    lgpos_t pos = lgpos_make(1, l->isec, l->ib);

    if (l->ib + len + more_len > LOG_SEGMENT_LEN)
        mini_die("a log segment is full");
    memcpy(at, rec, len);
    if (more_len)
        memcpy(at + len, more, more_len);
    l->ib += len + more_len;
    return pos;
}

/* Ends the segment. Where more follow, a NOP2 takes what is left of it, as an engine's flush writes it;
 * behind the last record all is zero. */
static void seal_segment(struct log *l, struct logtime time, bool last)
{
    struct lr_ignored_disk nop = {.type = LR_NOP2};
    uint8_t *b = l->file + l->isec * LOG_SEGMENT_LEN;
    struct logseg_disk *s = (struct logseg_disk *)b;

    if (!last) {
        le32_put(&nop.len, LOG_SEGMENT_LEN - l->ib - (uint32_t)sizeof(nop));
        append(l, &nop, sizeof(nop), NULL, 0);
    }
    le64_put(&s->lgpos, lgpos_make(1, l->isec, 0));
    s->time = time;
    page_seal(b, LOG_SEGMENT_LEN, l->isec); /* the checksum is a page's */
    l->isec++;
    l->ib = LOGSEG_HEADER_LEN;
}

static void fill_dbms(struct dbms_param_disk *d)
{
    memcpy(d->system_path, "C:\\esefs\\mail\\", 14);
    memcpy(d->log_path, "C:\\esefs\\mail\\", 14);
    le32_put(&d->sessions, 16);
    le32_put(&d->open_tables, 300);
    le32_put(&d->version_pages, 64);
    le32_put(&d->cursors, 1024);
    le32_put(&d->log_buffers, 128);
    le32_put(&d->log_segments, LOG_SEGMENTS);
    le32_put(&d->cache_max, 80);
}

static void fill_log_header(uint8_t *b, uint32_t page_size, const struct signature *sign_log)
{
    struct loghdr_disk *h = (struct loghdr_disk *)b;

    le32_put(&h->gen, 1);
    le16_put(&h->segment_len, LOG_SEGMENT_LEN);
    le16_put(&h->header_segments, 1);
    le16_put(&h->nr_segments, LOG_SEGMENTS);
    le16_put(&h->page_size, (uint16_t)page_size);
    h->time_created = time_of(0);
    le32_put(&h->major, LOG_MAJOR);
    le32_put(&h->minor, LOG_MINOR);
    le32_put(&h->update_major, 5);
    le32_put(&h->update_minor, 16);
    h->sign_log = *sign_log;
    fill_dbms(&h->dbms);
    le64_put(&h->lgpos_checkpoint, lgpos_make(1, 1, 0));
    le32_put(&h->filetype, FILETYPE_LOG);
    le32_put(&h->checksum, cksum_xor(b, LOG_HEADER_LEN));
}

/* The records of a session that attached the database, did nothing and ended; hdr gets their
 * positions. Returns the place of Term2's segment. */
static lgpos_t fill_log(struct log *l, struct dbhdr_disk *hdr)
{
    struct lr_init_disk init = {.type = LR_INIT2, .time = time_of(1)};
    struct lr_attach_db_disk attach = {.type = LR_ATTACH_DB, .dbid = 1, .flags = LR_DB_UTF16};
    struct lr_term_disk term = {.type = LR_TERM2, .time = time_of(3)};
    const uint8_t mark = LR_SHUTDOWN_MARK;
    lgpos_t at_init, at_mark, at_term;

    l->isec = 1;
    l->ib = LOGSEG_HEADER_LEN;
    fill_dbms(&init.dbms);
    at_init = append(l, &init, sizeof(init), NULL, 0);
    attach.sign_db = hdr->sign_db;
    le16_put(&attach.path_len, sizeof(DB_PATH));
    le64_put(&hdr->lgpos_attach, append(l, &attach, sizeof(attach), DB_PATH, sizeof(DB_PATH)));
    at_mark = append(l, &mark, 1, NULL, 0);
    le64_put(&hdr->lgpos_consistent, at_mark);
    le64_put(&hdr->lgpos_detach, at_mark);
    seal_segment(l, time_of(1), false);

    at_term = lgpos_make(1, l->isec, 0);
    le64_put(&term.lgpos, at_init);
    append(l, &term, sizeof(term), NULL, 0);
    seal_segment(l, time_of(3), true);
    hdr->time_attach = time_of(1);
    hdr->time_consistent = time_of(2);
    hdr->time_detach = time_of(2);
    return at_term;
}

static void write_file(const char *dir, const char *name, const void *bytes, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "wb");
    if (!f || fwrite(bytes, len, 1, f) != 1 || fclose(f) != 0)
        mini_die("a file cannot be written");
}

static void write_logs(const char *dir, uint32_t page_size, struct dbhdr_disk *hdr)
{
    struct log l = {.file = mini_alloc(LOG_SEGMENTS * LOG_SEGMENT_LEN)};
    struct chkpt_disk *c = mini_alloc(2 * sizeof(*c));
    lgpos_t at_term = fill_log(&l, hdr);

    fill_log_header(l.file, page_size, &hdr->sign_log);
    write_file(dir, "edb.log", l.file, LOG_SEGMENTS * LOG_SEGMENT_LEN);

    le64_put(&c->lgpos_checkpoint, at_term);
    le64_put(&c->lgpos_consistency, at_term);
    c->sign_log = hdr->sign_log;
    fill_dbms(&c->dbms);
    le32_put(&c->filetype, FILETYPE_CHECKPOINT);
    le32_put(&c->checksum, cksum_xor(c, sizeof(*c)));
    c[1] = c[0];
    write_file(dir, "edb.chk", c, 2 * sizeof(*c));
    free(l.file);
    free(c);
}

int main(int argc, char **argv)
{
    struct dbhdr_disk hdr = {.sign_db = signature_of(0x6d61696c, 0),
                             .sign_log = signature_of(0x006c6f67, 0),
                             .sign_header_flush = signature_of(0x666c7368, 2)};
    unsigned long rows = argc > 2 ? strtoul(argv[2], NULL, 10) : 500;
    unsigned long page_size = argc > 3 ? strtoul(argv[3], NULL, 10) : 8192;
    struct minidb *db;
    char path[4096];

    if (argc < 2 || argc > 4 || rows > 1000000 || page_size > PAGE_SIZE_MAX)
        mini_die("usage: mkinstance DIR [ROWS [PAGE_SIZE]]");
    (void)mkdir(argv[1], 0755); /* there already is fine; if it fails, so does the first file */
    db = minidb_new((uint32_t)page_size);
    fill_mail(db, (unsigned)rows);
    fill_folders(db);
    write_logs(argv[1], (uint32_t)page_size, &hdr);
    snprintf(path, sizeof(path), "%s/mail.edb", argv[1]);
    minidb_write(db, &hdr, path);
    return 0;
}
