/*
 * Verifying a finished backup again: every file against its SHA-256 and its size, every page and log by
 * the same check as when it was taken, the set as a whole, SHA256SUMS against the manifest, and nothing
 * there that is not in it.
 *
 * What the check could correct counts as damage here: when the copy was made it was right. The digest
 * is taken of the bytes as they lie in the store, before the check may touch them. Reading goes on after
 * a fault, so that `events` names all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snap_priv.h"

#define PIECE (1u << 20)

struct verifying {
    struct snap_inst *inst;
    const struct snap_manifest *m;
    struct stopper *stop;
    struct finder finder;
    struct ese_set *set;
    EVP_MD_CTX *digest;
    uint8_t *buf;
    int dirfd;
};

static void found(struct verifying *v, JET_ERR err, const char *file, uint64_t offset,
                  const char *text)
{
    struct ese_fault f = {.err = err, .offset = offset};

    snprintf(f.file, sizeof(f.file), "%s", file);
    snprintf(f.text, sizeof(f.text), "%s", text);
    finder_report(&v->finder, &f);
}

static enum ese_kind kind_of(int fd, const char *name)
{
    struct ese_header h = {.kind = ESE_KIND_UNKNOWN};
    enum ese_kind kind;
    JET_ERR err = ese_header_read(fd, name, NULL, NULL, &h);

    kind = h.kind; /* told for a ruined header too */
    if (err >= 0)
        ese_header_done(&h);
    return kind;
}

/* The pieces of one file, through digest and check; check NULL: only the digest. */
static JET_ERR read_pieces(struct verifying *v, const struct snap_file *f, int fd,
                           struct ese_check *check, struct ese_fault *why)
{
    for (uint64_t off = 0; off < f->size;) {
        size_t len = f->size - off < PIECE ? (size_t)(f->size - off) : PIECE, got = 0;
        JET_ERR err = sys_pread(fd, v->buf, len, off, &got);
        if (err < 0) {
            why_sys(why, f->name, "reading");
            found(v, err, f->name, off, "cannot be read");
            return JET_errSuccess; /* said; the other files are looked at too */
        }
        if (got < len) {
            found(v, JET_errFileIOBeyondEOF, f->name, off + got, "is shorter than it was");
            return JET_errSuccess;
        }
        if (EVP_DigestUpdate(v->digest, v->buf, len) != 1)
            return why_set(why, JET_errOutOfMemory, f->name, "the digest failed");
        if (check)
            (void)!ese_check_feed(check, v->buf, len); /* reported */
        off += len;
        atomic_fetch_add(&v->inst->job.done, len);
        if (stopper_stop(v->stop))
            return stopper_error(v->stop, why);
    }
    return JET_errSuccess;
}

static JET_ERR verify_open(struct verifying *v, const struct snap_file *f, int fd,
                           struct ese_fault *why)
{
    enum ese_kind kind = strcmp(f->name, SUMS_NAME) == 0 ? ESE_KIND_UNKNOWN : kind_of(fd, f->name);
    struct ese_check *check = NULL;
    struct ese_check_result result;
    uint8_t sum[EVP_MAX_MD_SIZE];
    JET_ERR err = JET_errSuccess;

    if (kind == ESE_KIND_LOG || kind == ESE_KIND_CHECKPOINT || kind == ESE_KIND_DATABASE)
        err = ese_check_begin(v->set, kind, f->name, f->size, &check);
    if (err < 0 && v->finder.first.err >= 0)
        return why_set(why, err, f->name, "cannot be checked");
    if (EVP_DigestInit_ex(v->digest, EVP_sha256(), NULL) != 1)
        return why_set(why, JET_errOutOfMemory, f->name, "the digest failed");
    err = read_pieces(v, f, fd, check, why);
    if (err < 0) {
        ese_check_abort(check);
        return err;
    }
    if (check)
        (void)!ese_check_end(check, &result); /* reported */
    if (EVP_DigestFinal_ex(v->digest, sum, NULL) != 1)
        return why_set(why, JET_errOutOfMemory, f->name, "the digest failed");
    if (memcmp(sum, f->sha256, sizeof(f->sha256)) != 0)
        found(v, JET_errReadVerifyFailure, f->name, ESE_NO_OFFSET,
              "the SHA-256 is not what it was");
    return JET_errSuccess;
}

static JET_ERR verify_file(struct verifying *v, const struct snap_file *f, struct ese_fault *why)
{
    int fd = -1;
    JET_ERR err = sys_open_file(v->dirfd, f->name, true, &fd);

    if (err < 0) {
        found(v, err, f->name, ESE_NO_OFFSET, "cannot be opened");
        return JET_errSuccess;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    err = verify_open(v, f, fd, why);
    close(fd);
    return err;
}

/* Logs before databases, as the check wants it. */
static bool is_database(const struct verifying *v, const struct snap_file *f)
{
    int fd = -1;
    bool db;

    if (sys_open_file(v->dirfd, f->name, true, &fd) < 0)
        return false;
    db = kind_of(fd, f->name) == ESE_KIND_DATABASE;
    close(fd);
    return db;
}

static JET_ERR verify_files(struct verifying *v, bool databases, struct ese_fault *why)
{
    JET_ERR err = JET_errSuccess;

    for (unsigned k = 0; err >= 0 && k < v->m->nr_files; k++)
        if (is_database(v, &v->m->files[k]) == databases)
            err = verify_file(v, &v->m->files[k], why);
    return err;
}

static int cmp_name(const void *name, const void *file)
{
    return strcmp(name, ((const struct snap_file *)file)->name);
}

static void check_listing(struct verifying *v)
{
    char **list;
    unsigned nr;

    if (sys_list(v->dirfd, &list, &nr) < 0)
        return;
    for (unsigned k = 0; k < nr; k++)
        if (list[k][0] != '.' &&
            !bsearch(list[k], v->m->files, v->m->nr_files, sizeof(v->m->files[0]), cmp_name))
            found(v, JET_errInvalidBackup, list[k], ESE_NO_OFFSET,
                  "is in the store, but not in the backup");
    sys_list_free(list, nr);
}

/* The sums that the file lists must be those of the manifest. */
static JET_ERR check_sums(struct verifying *v, struct ese_fault *why)
{
    char *expected, *text = NULL;
    size_t len, got = 0;
    JET_ERR err = sums_encode(v->m->files, v->m->nr_files, &expected, &len);

    if (err < 0)
        return why_set(why, err, SUMS_NAME, "out of memory");
    if (sys_read_small(v->dirfd, SUMS_NAME, MANIFEST_MAX, &text, &got) < 0 || got != len ||
        memcmp(text, expected, len) != 0)
        found(v, JET_errReadVerifyFailure, SUMS_NAME, ESE_NO_OFFSET,
              "does not list the sums of the manifest");
    free(text);
    free(expected);
    return JET_errSuccess;
}

static JET_ERR verify_all(struct verifying *v, struct ese_fault *why)
{
    JET_ERR err = verify_files(v, false, why);

    if (err >= 0)
        err = verify_files(v, true, why);
    if (err >= 0 && v->finder.first.err >= 0)
        (void)!ese_set_end(v->set, true); /* reported */
    if (err >= 0)
        err = check_sums(v, why);
    if (err < 0)
        return err;
    check_listing(v);
    if (v->finder.first.err < 0 && why)
        *why = v->finder.first;
    return v->finder.first.err;
}

static void set_line(struct snap_inst *i, const char *name, JET_ERR err,
                     const struct ese_fault *why)
{
    char when[TIME_TEXT_LEN], text[700] = "ok", *line;

    if (err < 0)
        ese_fault_str(why, text, sizeof(text));
    if (asprintf(&line, "%s %s %s", name, time_text(sys_now(), false, when), text) < 0)
        return;
    pthread_mutex_lock(&i->lock);
    free(i->verify_line);
    i->verify_line = line;
    pthread_mutex_unlock(&i->lock);
}

static void tell_result(struct snap_inst *i, const char *name, JET_ERR err,
                        const struct ese_fault *why)
{
    char text[700];

    set_line(i, name, err, why);
    if (err >= 0) {
        inst_event(i, EVENT_INFO, EVENT_VERIFY_OK,
                   "backup %s is sound: every sum, page and log is right", name);
        return;
    }
    ese_fault_str(why, text, sizeof(text));
    inst_event(i, EVENT_ERROR, EVENT_VERIFY_FAILED, "verification of backup %s failed: %s", name,
               text);
}

static JET_ERR run(struct verifying *v, const char *name, struct ese_fault *why)
{
    JET_ERR err = sys_open_dir(v->inst->dirfd, name, &v->dirfd);

    if (err < 0)
        return why_sys(why, name, "opening the backup");
    v->digest = EVP_MD_CTX_new();
    v->buf = aligned_alloc(4096, PIECE);
    if (!v->digest || !v->buf || ese_set_new(finder_report, &v->finder, &v->set) < 0)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    return verify_all(v, why);
}

JET_ERR verify_run(struct snap_inst *i, const char *name, struct stopper *stop,
                   struct ese_fault *why)
{
    struct snap_backup *b = snap_backup_find(i, name);
    struct verifying v = {
        .inst = i, .stop = stop, .finder = {.inst = i, .rotten = true}, .dirfd = -1};
    JET_ERR err;

    inst_event(i, EVENT_INFO, EVENT_VERIFY_START, "verification of backup %s begins", name);
    if (b) {
        v.m = &b->man->m;
        atomic_store(&i->job.total, v.m->bytes);
        err = run(&v, name, why);
    } else {
        err = why_set(why, JET_errFileNotFound, name, "no such backup");
    }
    ese_set_free(v.set);
    EVP_MD_CTX_free(v.digest);
    free(v.buf);
    if (v.dirfd >= 0)
        close(v.dirfd);
    tell_result(i, name, err, why);
    snap_backup_unref(b);
    return err;
}
