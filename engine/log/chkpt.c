#include "log/chkpt.h"

#include <inttypes.h>

#include "log/attach.h"
#include "log/logevent.h"
#include "log/loghdr.h"
#include "os/file.h"
#include "page/cksum.h"

static const struct chkpt_disk *sound_copy(const void *buf, size_t len, size_t off)
{
    const struct chkpt_disk *c = (const struct chkpt_disk *)((const uint8_t *)buf + off);

    if (len < off + sizeof(*c) || le32_get(c->checksum) != cksum_xor(c, sizeof(*c)))
        return NULL;
    return c;
}

JET_ERR chkpt_decode(const void *buf, size_t len, struct reporter *r, struct ese_chk_info *ret,
                     const struct chkpt_disk **ret_raw)
{
    const struct chkpt_disk *primary = sound_copy(buf, len, 0);
    const struct chkpt_disk *shadow = sound_copy(buf, len, sizeof(*shadow));
    const struct chkpt_disk *c = primary ? primary : shadow;
    struct ese_chk_info info = {.primary_bad = !primary, .shadow_bad = !shadow};
    JET_ERR err = JET_errSuccess;

    if (!c)
        return fault(r, JET_errCheckpointCorrupt, EVENT_PRIMARY_HEADER_BAD, 0, 0,
                     "the checkpoint and its shadow are both damaged");
    if (le32_get(c->filetype) != FILETYPE_CHECKPOINT && le32_get(c->filetype) != 0)
        return fault(r, JET_errFileInvalidType, 0, 0, offsetof(struct chkpt_disk, filetype),
                     "file type %" PRIu32 " is no checkpoint", le32_get(c->filetype));
    info.attach_valid = c->version == 1;
    if (info.attach_valid) /* else the list is left over or empty */
        err = attach_decode(c->attach, &info.attach, &info.nr_attach);
    if (err == JET_errLogFileCorrupt)
        return fault(r, JET_errCheckpointCorrupt, EVENT_PRIMARY_HEADER_BAD, 0,
                     offsetof(struct chkpt_disk, attach),
                     "the checkpoint's list of databases is damaged");
    if (err < 0)
        return err;
    if (!primary)
        fault_note(r, EVENT_PRIMARY_HEADER_BAD, 0,
                   "the primary checkpoint is damaged, its shadow was used");
    if (!shadow)
        fault_note(r, EVENT_SHADOW_HEADER_BAD, sizeof(*c), "the checkpoint's shadow is damaged");
    info.lgpos_checkpoint = le64_get(c->lgpos_checkpoint);
    /* Engines before the field left it zero and meant the checkpoint (ErrLGReadCheckpoint). */
    info.lgpos_consistency =
        le64_get(c->lgpos_consistency) ? le64_get(c->lgpos_consistency) : info.lgpos_checkpoint;
    memcpy(info.sign_log.b, c->sign_log.b, sizeof(info.sign_log.b));
    *ret = info;
    if (ret_raw)
        *ret_raw = c;
    return JET_errSuccess;
}

JET_ERR chkpt_read(int fd, struct reporter *r, struct ese_chk_info *ret)
{
    uint8_t buf[CHKPT_FILE_LEN];
    size_t len;
    JET_ERR err = os_pread(fd, buf, sizeof(buf), 0, &len);

    if (err < 0)
        return fault_io(r, err, 0, "reading the checkpoint");
    return chkpt_decode(buf, len, r, ret, NULL);
}

JET_ERR chkpt_write(int fd, struct chkpt_disk *c, struct reporter *r)
{
    JET_ERR err = JET_errSuccess;

    le32_put(&c->checksum, cksum_xor(c, sizeof(*c)));
    for (uint64_t off = 0; off < CHKPT_FILE_LEN && err >= 0; off += sizeof(*c)) {
        err = os_pwrite_all(fd, c, sizeof(*c), off);
        if (err >= 0)
            err = os_fsync(fd);
        if (err < 0)
            err = fault_io(r, err, off, "writing the checkpoint");
    }
    return err;
}

void chkpt_info_done(struct ese_chk_info *info)
{
    attach_free(info->attach, info->nr_attach);
    info->attach = NULL;
    info->nr_attach = 0;
}

bool chkpt_is_checkpoint(const void *buf, size_t len)
{
    const struct chkpt_disk *c = sound_copy(buf, len, 0);

    if (!c)
        c = sound_copy(buf, len, sizeof(*c));
    return c && le32_get(c->filetype) == FILETYPE_CHECKPOINT;
}

void chkpt_dump(const struct chkpt_disk *c, const struct ese_chk_info *info, struct fields *f)
{
    fields_str(f, "FileType", "checkpoint");
    fields_fmt(f, "Checksum", "0x%08x", le32_get(c->checksum));
    fields_str(f, "Primary", info->primary_bad ? "damaged" : "sound");
    fields_str(f, "Shadow", info->shadow_bad ? "damaged" : "sound");
    fields_lgpos(f, "LgposCheckpoint", le64_get(c->lgpos_checkpoint));
    fields_lgpos(f, "LgposDbConsistency", le64_get(c->lgpos_consistency));
    fields_lgpos(f, "LgposLastFullBackupCheckpoint", le64_get(c->lgpos_last_full_backup));
    fields_lgpos(f, "LgposFullBackup", le64_get(c->lgpos_full_backup));
    fields_logtime(f, "FullBackupTime", c->time_full_backup);
    fields_lgpos(f, "LgposIncBackup", le64_get(c->lgpos_inc_backup));
    fields_logtime(f, "IncBackupTime", c->time_inc_backup);
    fields_signature(f, "LogSignature", &c->sign_log);
    fields_u64(f, "AttachVersion", c->version);
    dbms_param_dump(&c->dbms, f);
    attach_dump(c->attach, f);
}
