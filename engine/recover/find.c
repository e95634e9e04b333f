/* The files of the one instance that is to be recovered: logs in order, checkpoint, databases. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/logname.h"
#include "os/file.h"
#include "os/path.h"
#include "recover/recover_int.h"

static bool is_ours(const struct recovery *rv, const struct ese_instance *inst)
{
    return !rv->opts->base || same_name(inst->base, rv->opts->base);
}

/* Of several log streams the caller must have chosen one; databases without a stream are nobody's then. */
static JET_ERR choose(struct recovery *rv)
{
    struct rset *s = &rv->set;
    unsigned nr = 0;

    for (unsigned i = 0; i < s->nr_list; i++) {
        const struct ese_instance *inst = &s->list[i];
        if (!is_ours(rv, inst))
            continue;
        if (!s->inst || (!s->inst->base[0] && inst->base[0]))
            s->inst = inst;
        nr += inst->base[0] != '\0';
    }
    if (!s->inst && rv->opts->base)
        return fault(&rv->r, JET_errFileNotFound, 0, 0, ESE_NO_OFFSET,
                     "no log stream with the base name %s is in it", rv->opts->base);
    if (!s->inst)
        return fault(&rv->r, JET_errFileNotFound, 0, 0, ESE_NO_OFFSET,
                     "no database, log or checkpoint is in it");
    if (nr > 1)
        return fault(&rv->r, JET_errInvalidParameter, 0, 0, ESE_NO_OFFSET,
                     "it holds %u log streams (%s is one): choose by base name", nr, s->inst->base);
    return JET_errSuccess;
}

static void list_logs(struct rset *s, int dirfd)
{
    const struct ese_instance *inst = s->inst;

    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        struct logname name;

        if (logname_parse(path_name(f->path), &name) && name.role == LOGNAME_TEMP)
            s->has_temp = true;
        if (f->kind != ESE_KIND_LOG)
            continue;
        s->has_current |= f->current;
        s->logs[s->nr_logs++] = (struct rlog){
            .gen = f->gen ? f->gen : name.gen, .current = f->current, .file = f, .dirfd = dirfd};
    }
}

/* How names are spelt in this stream. Windows uses five digits and .log, other builds eight. */
static void learn_names(struct rset *s)
{
    const char *name = path_name(s->logs[s->nr_logs - 1].file->path);

    memcpy(s->base, name, 3);
    snprintf(s->ext, sizeof(s->ext), "%s", name + strlen(name) - 4);
    s->digits = same_name(s->ext, ".log") ? 5 : 8;
    for (unsigned i = 0; i < s->nr_logs; i++) {
        name = path_name(s->logs[i].file->path);
        if (!s->logs[i].current && s->logs[i].gen <= 0xfffff)
            s->digits = (unsigned)strlen(name) - 7;
    }
}

static JET_ERR open_log_dir(struct rset *s, int dirfd)
{
    const char *path = s->logs[s->nr_logs - 1].file->path, *name = path_name(path);

    s->dir = name > path ? strndup(path, (size_t)(name - path) - 1) : strdup(".");
    if (!s->dir)
        return RAISE(JET_errOutOfMemory);
    for (unsigned i = 0; i < s->nr_logs; i++)
        if (s->logs[i].file->header_ok)
            s->sign_log = s->logs[i].file->header.log.sign_log;
    return os_open_dir_beneath(dirfd, s->dir, &s->dir_fd);
}

JET_ERR rplace_find(const struct recovery *rv, const char *path, struct rplace *ret)
{
    *ret = (struct rplace){rv->dirfd, path, false};
    if (path[0] != '/')
        return JET_errSuccess;
    ret->own = true;
    return os_open_parent(path, &ret->dirfd, &ret->path);
}

void rplace_done(struct rplace *p)
{
    if (p->own)
        close(p->dirfd);
}

char *rset_path(const struct rset *s, const char *name)
{
    char *path;

    if (strcmp(s->dir, ".") == 0)
        return strdup(name);
    return asprintf(&path, "%s/%s", s->dir, name) < 0 ? NULL : path;
}

static const struct ese_file *find_checkpoint(const struct rset *s)
{
    const struct ese_file *found = NULL;

    for (unsigned i = 0; i < s->inst->nr_files; i++) {
        const struct ese_file *f = &s->inst->files[i];
        if (f->kind == ESE_KIND_CHECKPOINT && (!found || (f->header_ok && !found->header_ok)))
            found = f;
    }
    return found;
}

static char *choose_checkpoint(const struct recovery *rv)
{
    const struct rset *s = &rv->set;
    const struct ese_file *f = find_checkpoint(s);
    char name[16];

    if (rv->live)
        return strdup(rv->live->chk_path);
    snprintf(name, sizeof(name), "%s%s", s->base, same_name(s->ext, ".jtx") ? ".jcp" : ".chk");
    return f ? strdup(f->path) : rset_path(s, name);
}

static JET_ERR load_checkpoint(struct recovery *rv, uint8_t buf[CHKPT_FILE_LEN], size_t *ret_len)
{
    struct rplace at;
    int fd;
    JET_ERR err = rplace_find(rv, rv->set.chk_path, &at);

    if (err < 0)
        return err;
    err = os_open_beneath(at.dirfd, at.path, &fd);
    rplace_done(&at);
    if (err < 0)
        return err;
    err = os_pread(fd, buf, CHKPT_FILE_LEN, 0, ret_len);
    close(fd);
    return err;
}

/* A checkpoint that is missing, ruined or foreign only means more to replay. */
static JET_ERR read_checkpoint(struct recovery *rv)
{
    struct rset *s = &rv->set;
    const struct chkpt_disk *raw;
    uint8_t buf[CHKPT_FILE_LEN];
    size_t len = 0;
    JET_ERR err;

    s->chk_path = choose_checkpoint(rv);
    if (!s->chk_path)
        return RAISE(JET_errOutOfMemory);
    err = load_checkpoint(rv, buf, &len);
    if (err == JET_errFileNotFound || err == JET_errFileInvalidType)
        return JET_errSuccess;
    rv->r.file = path_name(s->chk_path);
    if (err < 0)
        return fault_io(&rv->r, err, ESE_NO_OFFSET, "reading the checkpoint");
    if (!chkpt_is_checkpoint(buf, len))
        return JET_errSuccess;
    err = chkpt_decode(buf, len, &rv->r, &s->chk_info, &raw);
    if (err == JET_errCheckpointCorrupt || err == JET_errFileInvalidType)
        return JET_errSuccess;
    if (err < 0)
        return err;
    if (memcmp(&s->chk_info.sign_log, &s->sign_log, sizeof(s->sign_log)) != 0) {
        fault_note(&rv->r, 0, 20, "it belongs to another log stream and is not used");
        chkpt_info_done(&s->chk_info);
        return JET_errSuccess;
    }
    s->chk = *raw;
    s->chk_there = true;
    return JET_errSuccess;
}

JET_ERR rset_find(struct recovery *rv)
{
    struct rset *s = &rv->set;
    JET_ERR err;

    s->dir_fd = -1;
    rv->r.file = ".";
    err = ese_discover_dir(rv->dirfd, ".", "", NULL, rv->live ? 0 : ESE_INSTANCE_LEVELS, &s->list,
                           &s->nr_list);
    if (err >= 0)
        err = choose(rv);
    if (err < 0)
        return err;
    s->logs = calloc(s->inst->nr_files + 1, sizeof(*s->logs));
    if (!s->logs)
        return RAISE(JET_errOutOfMemory);
    list_logs(s, rv->dirfd);
    if (s->nr_logs == 0)
        return JET_errSuccess;
    learn_names(s);
    err = open_log_dir(s, rv->dirfd);
    return err < 0 ? err : read_checkpoint(rv);
}

void rset_done(struct rset *s)
{
    ese_instances_free(s->list, s->nr_list);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    if (s->chk_there)
        chkpt_info_done(&s->chk_info);
    free(s->chk_path);
    free(s->dir);
    free(s->logs);
    memset(s, 0, sizeof(*s));
    s->dir_fd = -1;
}
