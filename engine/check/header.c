/* ese_header_read and ese_header_dump: whatever kind of file it is, by what its bytes say. */
#include <stdlib.h>
#include <strings.h>

#include "base/fault.h"
#include "base/fields.h"
#include "log/chkpt.h"
#include "log/loghdr.h"
#include "log/logname.h"
#include "os/file.h"
#include "page/dbhdr.h"
#include "page/page.h"

static const char *extension(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    return dot ? dot + 1 : "";
}

static bool one_of(const char *s, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(s, *list) == 0)
            return true;
    return false;
}

/* What the name says when the bytes say nothing any more. */
static enum ese_kind kind_by_name(const char *name)
{
    static const char *const databases[] = {"edb", "dit", "mdb", "dat", "sdb", "db", NULL};
    static const char *const logs[] = {"log", "jtx", "jsl", NULL};
    static const char *const checkpoints[] = {"chk", "jcp", NULL};
    const char *ext = extension(name);

    if (one_of(ext, logs))
        return ESE_KIND_LOG;
    if (one_of(ext, checkpoints))
        return ESE_KIND_CHECKPOINT;
    if (strcasecmp(ext, "jfm") == 0)
        return ESE_KIND_FLUSHMAP;
    if (strcasecmp(ext, "jrs") == 0)
        return ESE_KIND_RESERVE;
    if (strcasecmp(ext, "pat") == 0)
        return ESE_KIND_PATCH;
    return one_of(ext, databases) ? ESE_KIND_DATABASE : ESE_KIND_UNKNOWN;
}

/* BASEtmp.log is the next log being prepared: as long as its header is blank, there is nothing in it. */
static bool is_prepared_log(const uint8_t *head, size_t len, const char *name)
{
    const char *slash = strrchr(name, '/');
    struct logname n;

    return logname_parse(slash ? slash + 1 : name, &n) && n.role == LOGNAME_TEMP &&
           page_is_zero(head, len);
}

/* The bytes decide where they can: a sound header of a kind, else the magic number, else the name. */
static enum ese_kind kind_of(const uint8_t *head, size_t len, const char *name)
{
    if (is_prepared_log(head, len, name))
        return ESE_KIND_RESERVE;
    if (loghdr_is_log(head, len))
        return ESE_KIND_LOG;
    if (chkpt_is_checkpoint(head, len))
        return ESE_KIND_CHECKPOINT;
    if (dbhdr_is_database(head, len))
        return ESE_KIND_DATABASE;
    return kind_by_name(name);
}

/* As much as telling the kind and decoding may want: of a log its header, else both copies of a database
 * header of any page size. Where there are thousands of logs, this is most of finding an instance. */
static JET_ERR read_head(int fd, struct reporter *r, uint8_t **ret, size_t *ret_len)
{
    uint8_t *head = malloc(DBHDR_HEAD_LEN);
    size_t more = 0;
    JET_ERR err;

    if (!head)
        return RAISE(JET_errOutOfMemory);
    err = os_pread(fd, head, LOG_HEADER_LEN, 0, ret_len);
    if (err >= 0 && *ret_len == LOG_HEADER_LEN && !loghdr_is_log(head, *ret_len))
        err = os_pread(fd, head + LOG_HEADER_LEN, DBHDR_HEAD_LEN - LOG_HEADER_LEN, LOG_HEADER_LEN,
                       &more);
    if (err < 0) {
        err = fault_io(r, err, 0, "reading the header");
        free(head);
        return err;
    }
    *ret_len += more;
    *ret = head;
    return JET_errSuccess;
}

static JET_ERR decode(const uint8_t *head, size_t len, struct reporter *r, struct ese_header *ret)
{
    switch (ret->kind) {
    case ESE_KIND_DATABASE:
        return dbhdr_decode(head, len, r, &ret->db, NULL);
    case ESE_KIND_LOG:
        return loghdr_decode(head, len, r, &ret->log);
    case ESE_KIND_CHECKPOINT:
        return chkpt_decode(head, len, r, &ret->chk, NULL);
    default:
        return fault(r, JET_errFileInvalidType, 0, 0, ESE_NO_OFFSET,
                     "neither a database nor a log nor a checkpoint");
    }
}

JET_ERR ese_header_read(int fd, const char *name, ese_fault_fn *report, void *ctx,
                        struct ese_header *ret)
{
    struct reporter r = {.fn = report, .ctx = ctx, .file = name};
    uint8_t *head = NULL;
    size_t len = 0;
    JET_ERR err;

    memset(ret, 0, sizeof(*ret));
    err = read_head(fd, &r, &head, &len);
    if (err < 0) {
        ret->kind = kind_by_name(name);
        return err;
    }
    ret->kind = kind_of(head, len, name);
    err = decode(head, len, &r, ret);
    free(head);
    return err;
}

void ese_header_done(struct ese_header *h)
{
    if (h->kind == ESE_KIND_LOG)
        loghdr_info_done(&h->log);
    else if (h->kind == ESE_KIND_CHECKPOINT)
        chkpt_info_done(&h->chk);
    memset(h, 0, sizeof(*h));
}

/* A backup's database carries its trailer after the last page. */
static void dump_trailer(int fd, uint32_t page_size, struct fields *f)
{
    struct os_stat st;
    uint8_t page[PAGE_SIZE_MAX];

    if (os_stat_fd(fd, &st) < 0 || st.size < 3ull * page_size || st.size % page_size)
        return;
    if (os_pread_all(fd, page, page_size, st.size - page_size) >= 0 &&
        trailer_is_valid(page, page_size))
        trailer_dump(page, f);
}

JET_ERR ese_header_dump(int fd, const char *name, bool json, FILE *out, ese_fault_fn *report,
                        void *ctx)
{
    struct reporter r = {.fn = report, .ctx = ctx, .file = name};
    struct ese_header h = {0};
    const struct dbhdr_disk *db;
    const struct chkpt_disk *chk;
    struct fields f;
    uint8_t *head = NULL;
    size_t len = 0;
    JET_ERR err = read_head(fd, &r, &head, &len);

    if (err < 0)
        return err;
    h.kind = kind_of(head, len, name);
    if (h.kind == ESE_KIND_DATABASE && (err = dbhdr_decode(head, len, &r, &h.db, &db)) >= 0) {
        fields_begin(&f, out, json);
        dbhdr_dump(db, &h.db, &f);
        dump_trailer(fd, h.db.page_size, &f);
        fields_end(&f);
    } else if (h.kind == ESE_KIND_CHECKPOINT &&
               (err = chkpt_decode(head, len, &r, &h.chk, &chk)) >= 0) {
        fields_begin(&f, out, json);
        chkpt_dump(chk, &h.chk, &f);
        fields_end(&f);
    } else if (h.kind == ESE_KIND_LOG) {
        /* shown also where its version is refused: what it says is why */
        if (loghdr_is_log(head, len)) {
            fields_begin(&f, out, json);
            loghdr_dump((const struct loghdr_disk *)head, &f);
            fields_end(&f);
        }
        err = decode(head, len, &r, &h);
    } else if (err >= 0) {
        err = decode(head, len, &r, &h);
    }
    if (err >= 0)
        ese_header_done(&h);
    free(head);
    return err;
}

static_assert(DB_UPDATE_MAX == 290 && LOG_UPDATE_MAJOR_MAX == 130, "ese_version() names them");

const char *ese_version(void)
{
    return "libesent " ESE_VERSION ", database up to 0x620.290, log up to 8.4000.130";
}
