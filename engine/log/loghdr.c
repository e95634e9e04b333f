#include "log/loghdr.h"

#include <inttypes.h>

#include "log/attach.h"
#include "log/logevent.h"
#include "os/file.h"
#include "page/cksum.h"

static bool checksum_is_right(const struct loghdr_disk *h)
{
    return le32_get(h->checksum) == cksum_xor(h, sizeof(*h));
}

/* Layouts before ESE97, by the numbers that stood where the fields are now (ErrLGIReadFileHeader). */
static JET_ERR ancient_format(const struct loghdr_disk *h)
{
    const uint8_t *b = (const uint8_t *)h;

    if (get_le32(b + 24) == 4 && (get_le32(b + 28) == 909 || get_le32(b + 28) == 995) &&
        get_le32(b + 32) == 0)
        return JET_errDatabase500Format;
    if (get_le32(b + 20) == 443 && get_le32(b + 24) == 0 && get_le32(b + 28) == 0)
        return JET_errDatabase400Format;
    if (get_le32(b + 44) == 0 && get_le32(b + 48) == 0x0ca0001)
        return JET_errDatabase200Format;
    return JET_errSuccess;
}

static bool version_is_known(const struct loghdr_disk *h)
{
    return le32_get(h->major) == LOG_MAJOR && le32_get(h->minor) == LOG_MINOR &&
           le32_get(h->update_major) <= LOG_UPDATE_MAJOR_MAX;
}

static bool page_size_is_legal(uint32_t size)
{
    return size == 0 ||
           (size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0);
}

/* What is wrong with the fields of a header whose checksum and version are right; NULL: nothing. */
static const char *fields_wrong(const struct loghdr_disk *h)
{
    const uint32_t gen = le32_get(h->gen);

    if (le16_get(h->segment_len) != LOG_SEGMENT_LEN)
        return "segments are not 4096 bytes";
    if (le16_get(h->header_segments) != 1)
        return "the header is not one segment";
    if (le16_get(h->nr_segments) < 2)
        return "there is no segment behind the header";
    if (gen == 0 || gen > LOG_GEN_MAX)
        return "the generation is out of range";
    if (!page_size_is_legal(le16_get(h->page_size)))
        return "the page size cannot be";
    return NULL;
}

static JET_ERR check(const struct loghdr_disk *h, size_t len, struct reporter *r)
{
    const char *wrong;
    JET_ERR err;

    if (len < LOG_HEADER_LEN)
        return fault(r, JET_errLogFileCorrupt, EVENT_LOG_HEADER_CORRUPT, 0, 0,
                     "the file is shorter than a log's header");
    err = ancient_format(h);
    if (err < 0)
        return fault(r, err, EVENT_LOG_BAD_VERSION, 0, 0, "a log of an ancient format");
    if (!checksum_is_right(h))
        return fault(r, JET_errLogFileCorrupt, EVENT_LOG_HEADER_CORRUPT, 0, 0,
                     "the log header's checksum is wrong: stored 0x%08x, computed 0x%08x",
                     le32_get(h->checksum), cksum_xor(h, sizeof(*h)));
    if (le32_get(h->filetype) != FILETYPE_LOG && le32_get(h->filetype) != 0)
        return fault(r, JET_errFileInvalidType, EVENT_LOG_HEADER_READ, 0,
                     offsetof(struct loghdr_disk, filetype), "file type %" PRIu32 " is no log",
                     le32_get(h->filetype));
    if (!version_is_known(h))
        return fault(r, JET_errBadLogVersion, EVENT_LOG_BAD_VERSION, 0,
                     offsetof(struct loghdr_disk, major),
                     "log format %" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32
                     " is not known; known are %u.%u.0 to %u.%u.%u",
                     le32_get(h->major), le32_get(h->minor), le32_get(h->update_major),
                     le32_get(h->update_minor), LOG_MAJOR, LOG_MINOR, LOG_MAJOR, LOG_MINOR,
                     LOG_UPDATE_MAJOR_MAX);
    wrong = fields_wrong(h);
    if (wrong)
        return fault(r, JET_errLogFileCorrupt, EVENT_LOG_HEADER_READ, 0, 0, "log header: %s",
                     wrong);
    return JET_errSuccess;
}

JET_ERR loghdr_decode(const void *head, size_t len, struct reporter *r, struct ese_log_info *ret)
{
    const struct loghdr_disk *h = head;
    struct ese_log_info info = {0};
    JET_ERR err;

    err = check(h, len, r);
    if (err < 0)
        return err;
    err = attach_decode(h->attach, &info.attach, &info.nr_attach);
    if (err == JET_errLogFileCorrupt)
        return fault(r, err, EVENT_LOG_HEADER_READ, 0, offsetof(struct loghdr_disk, attach),
                     "the log header's list of databases is damaged");
    if (err < 0)
        return err;
    info.gen = le32_get(h->gen);
    info.major = le32_get(h->major);
    info.minor = le32_get(h->minor);
    info.update_major = le32_get(h->update_major);
    info.update_minor = le32_get(h->update_minor);
    info.page_size = le16_get(h->page_size) ? le16_get(h->page_size) : 4096;
    info.segment_size = le16_get(h->segment_len);
    info.nr_segments = le16_get(h->nr_segments);
    info.lgpos_checkpoint = le64_get(h->lgpos_checkpoint);
    info.prev_gen_checksum = le64_get(h->prev_checksum);
    info.flags = h->flags;
    memcpy(info.time_created.b, h->time_created.b, sizeof(info.time_created.b));
    memcpy(info.time_prev_gen.b, h->time_prev_gen.b, sizeof(info.time_prev_gen.b));
    memcpy(info.sign_log.b, h->sign_log.b, sizeof(info.sign_log.b));
    *ret = info;
    return JET_errSuccess;
}

JET_ERR loghdr_read(int fd, struct reporter *r, struct ese_log_info *ret)
{
    uint8_t head[LOG_HEADER_LEN];
    size_t len;
    JET_ERR err = os_pread(fd, head, sizeof(head), 0, &len);

    if (err < 0)
        return fault_io(r, err, 0, "reading the log header");
    return loghdr_decode(head, len, r, ret);
}

void loghdr_info_done(struct ese_log_info *info)
{
    attach_free(info->attach, info->nr_attach);
    info->attach = NULL;
    info->nr_attach = 0;
}

JET_ERR loghdr_check_size(const struct ese_log_info *info, uint64_t size, struct reporter *r)
{
    const uint64_t want = (uint64_t)info->nr_segments * info->segment_size;

    if (size == want)
        return JET_errSuccess;
    return fault(r, JET_errLogFileSizeMismatch, EVENT_LOG_HEADER_READ, 0, size < want ? size : want,
                 "the file has %" PRIu64 " bytes, its header says %" PRIu64, size, want);
}

bool loghdr_is_log(const void *head, size_t len)
{
    const struct loghdr_disk *h = head;

    if (len < sizeof(*h))
        return false;
    return ancient_format(h) < 0 ||
           (checksum_is_right(h) &&
            (le32_get(h->filetype) == FILETYPE_LOG ||
             (le32_get(h->filetype) == 0 && (le32_get(h->major) == 7 || le32_get(h->major) == 8))));
}

/* Raw bytes of a fixed-size, perhaps unterminated text. */
static void dump_text(struct fields *f, const char *name, const char *text, size_t len)
{
    fields_fmt(f, name, "%.*s", (int)strnlen(text, len), text);
}

void dbms_param_dump(const struct dbms_param_disk *d, struct fields *f)
{
    fields_open(f, "Environment");
    dump_text(f, "SystemPath", d->system_path, sizeof(d->system_path));
    dump_text(f, "LogPath", d->log_path, sizeof(d->log_path));
    fields_bool(f, "CircularLogging", d->flags & 1);
    fields_u64(f, "Sessions", le32_get(d->sessions));
    fields_u64(f, "OpenTables", le32_get(d->open_tables));
    fields_u64(f, "VersionPages", le32_get(d->version_pages));
    fields_u64(f, "Cursors", le32_get(d->cursors));
    fields_u64(f, "LogBuffers", le32_get(d->log_buffers));
    fields_u64(f, "LogSegments", le32_get(d->log_segments));
    fields_u64(f, "CacheMax", le32_get(d->cache_max));
    fields_close(f);
}

void loghdr_dump(const struct loghdr_disk *h, struct fields *f)
{
    fields_str(f, "FileType", "log");
    fields_fmt(f, "Checksum", "0x%08x", le32_get(h->checksum));
    fields_hex(f, "Generation", le32_get(h->gen));
    fields_fmt(f, "Version", "%" PRIu32 ".%" PRIu32 ".%" PRIu32 ".%" PRIu32, le32_get(h->major),
               le32_get(h->minor), le32_get(h->update_major), le32_get(h->update_minor));
    fields_u64(f, "EngineFormatVersion", le32_get(h->efv));
    fields_u64(f, "SegmentSize", le16_get(h->segment_len));
    fields_u64(f, "HeaderSegments", le16_get(h->header_segments));
    fields_u64(f, "Segments", le16_get(h->nr_segments));
    fields_u64(f, "PageSize", le16_get(h->page_size) ? le16_get(h->page_size) : 4096);
    fields_logtime(f, "CreateTime", h->time_created);
    fields_logtime(f, "PrevGenTime", h->time_prev_gen);
    fields_fmt(f, "PrevGenChecksum", "0x%016" PRIx64, le64_get(h->prev_checksum));
    fields_signature(f, "LogSignature", &h->sign_log);
    fields_lgpos(f, "LgposCheckpoint", le64_get(h->lgpos_checkpoint));
    fields_bool(f, "FromReserve", h->flags & LOG_FLAG_RESERVE);
    fields_bool(f, "CircularNow", h->flags & LOG_FLAG_CIRCULAR);
    fields_bool(f, "CircularBefore", h->flags & LOG_FLAG_CIRCULAR_HISTORY);
    fields_hex(f, "Flags", h->flags);
    fields_u64(f, "SectorSizeMismatch", h->sector_mismatch);
    dbms_param_dump(&h->dbms, f);
    attach_dump(h->attach, f);
}
