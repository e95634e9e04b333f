/*
 * Writing a backup down: SHA256SUMS and the manifest, from what the copying found. Inode numbers follow
 * the order of the names.
 */
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snap_priv.h"

static int cmp_names(const void *a, const void *b)
{
    return strcmp(((const struct snap_file *)a)->name, ((const struct snap_file *)b)->name);
}

/* The files as shown, sorted; inode numbers follow the order. SHA256SUMS is the last one for now. */
static struct snap_file *list_files(const struct record *r)
{
    struct snap_file *files = calloc(r->nr + 1, sizeof(*files));

    for (unsigned k = 0; files && k < r->nr; k++) {
        files[k].name = r->files[k].name;
        files[k].size = (uint64_t)r->files[k].source.st_size;
        files[k].mtime = r->files[k].mtime;
        memcpy(files[k].sha256, r->files[k].sha256, sizeof(files[k].sha256));
    }
    return files;
}

static JET_ERR add_sums(const struct record *r, struct snap_file *files, struct ese_fault *why)
{
    struct snap_file *sums = &files[r->nr];
    struct timespec times[2];
    char *text;
    size_t len;
    JET_ERR err;

    qsort(files, r->nr, sizeof(*files), cmp_names);
    if (sums_encode(files, r->nr, &text, &len) < 0)
        return why_set(why, JET_errOutOfMemory, "", "out of memory");
    sums->name = SUMS_NAME;
    sums->size = len;
    sums->mtime = times[0] = times[1] = sys_now();
    if (EVP_Digest(text, len, sums->sha256, NULL, EVP_sha256(), NULL) != 1)
        err = why_set(why, JET_errOutOfMemory, SUMS_NAME, "the digest failed");
    else if ((err = sys_make_file(r->dirfd, SUMS_NAME, text, len, 0400)) < 0)
        why_sys(why, SUMS_NAME, "writing");
    else if (utimensat(r->dirfd, SUMS_NAME, times, AT_SYMLINK_NOFOLLOW) < 0)
        err = why_sys(why, SUMS_NAME, "writing");
    free(text);
    qsort(files, r->nr + 1, sizeof(*files), cmp_names);
    for (unsigned k = 0; k <= r->nr; k++)
        files[k].ino = r->first_ino + 1 + k;
    return err;
}

static char *list_databases(const struct record *r)
{
    char *buf = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&buf, &len);
    bool any = false;

    if (!out)
        return NULL;
    for (unsigned k = 0; k < r->nr; k++)
        if (r->files[k].kind == ESE_KIND_DATABASE) {
            fprintf(out, "%s%s", any ? "," : "", r->files[k].name);
            any = true;
        }
    if (fclose(out) == 0)
        return buf;
    free(buf);
    return NULL;
}

static void count(const struct record *r, struct snap_manifest *m, char *generations, size_t len)
{
    uint32_t low = 0, high = 0;

    for (unsigned k = 0; k < r->nr; k++) {
        m->corrected += r->files[k].check.corrected;
        if (r->files[k].kind == ESE_KIND_DATABASE)
            m->pages_verified += r->files[k].check.pages;
        if (r->files[k].kind != ESE_KIND_LOG)
            continue;
        m->logs++;
        low = low ? low : r->files[k].gen;
        high = r->files[k].gen;
    }
    generations[0] = '\0';
    if (high)
        snprintf(generations, len, "0x%X-0x%X", low, high);
}

static JET_ERR write_manifest(const struct record *r, const struct snap_manifest *m,
                              struct manifest **ret, struct ese_fault *why)
{
    char *text;
    size_t len;
    JET_ERR err = manifest_encode(m, &text, &len);

    if (err < 0)
        return why_set(why, err, MANIFEST_NAME, "out of memory");
    err = sys_make_file(r->dirfd, MANIFEST_NAME, text, len, 0400);
    if (err < 0)
        why_sys(why, MANIFEST_NAME, "writing");
    else if ((err = manifest_parse(text, len, ret)) < 0) /* what the next mount will read */
        why_set(why, err, MANIFEST_NAME, "the manifest does not read back");
    free(text);
    return err;
}

JET_ERR record_write(const struct record *r, struct manifest **ret, struct ese_fault *why)
{
    struct snap_file *files = list_files(r);
    char *databases = list_databases(r), generations[32];
    struct snap_manifest m = {.kind = KIND_OFFLINE,
                              .ino = r->first_ino,
                              .engine = ese_version(),
                              .generations = generations,
                              .databases = databases,
                              .nr_files = r->nr + 1,
                              .files = files};
    JET_ERR err;

    if (!files || !databases)
        err = why_set(why, JET_errOutOfMemory, "", "out of memory");
    else
        err = add_sums(r, files, why);
    if (err >= 0) {
        count(r, &m, generations, sizeof(generations));
        for (unsigned k = 0; k <= r->nr; k++) {
            m.bytes += files[k].size;
            if (strcmp(files[k].name, SUMS_NAME) == 0)
                memcpy(m.sha256, files[k].sha256, sizeof(m.sha256));
        }
        m.created = sys_now();
        m.duration_ms = sys_monotonic_ms() - r->started_ms;
        err = write_manifest(r, &m, ret, why);
    }
    free(files);
    free(databases);
    return err;
}
