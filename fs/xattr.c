/*
 * Extended attributes: user.esefs.* of a backup and of its files, as `getfattr -d` shows them. All are
 * text. Read-only; setting and removing is EROFS (ops.c).
 */
#include "fs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "user.esefs."

/* Writes the value; as snprintf. */
typedef int value_fn(const struct node_id *id, char *buf, size_t len);

static int put_hex(const uint8_t digest[32], char *buf, size_t len)
{
    char hex[65];

    for (int i = 0; i < 32; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return snprintf(buf, len, "%s", hex);
}

static const struct snap_manifest *manifest(const struct node_id *id)
{
    return snap_backup_manifest(id->backup);
}

static int get_kind(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%s", manifest(id)->kind);
}

static int get_created(const struct node_id *id, char *buf, size_t len)
{
    struct tm tm;
    time_t t = manifest(id)->created.tv_sec;
    char text[32] = "";

    if (gmtime_r(&t, &tm) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return snprintf(buf, len, "%s", text);
}

static int get_engine(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%s", manifest(id)->engine);
}

static int get_generations(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%s", manifest(id)->generations);
}

static int get_databases(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%s", manifest(id)->databases);
}

static int get_pages_verified(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%" PRIu64, manifest(id)->pages_verified);
}

static int get_corrected(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%" PRIu64, manifest(id)->corrected);
}

/* Proving (replaying the logs over the copy) comes with the engine; until then nothing is proven. */
static int get_proven(const struct node_id *id, char *buf, size_t len)
{
    (void)id;
    return snprintf(buf, len, "no");
}

static int get_hold(const struct node_id *id, char *buf, size_t len)
{
    return snprintf(buf, len, "%s", snap_backup_held(id->backup) ? "yes" : "no");
}

static int get_backup_sha256(const struct node_id *id, char *buf, size_t len)
{
    return put_hex(manifest(id)->sha256, buf, len);
}

static int get_file_sha256(const struct node_id *id, char *buf, size_t len)
{
    return put_hex(node_file(id)->sha256, buf, len);
}

static const struct {
    enum node_kind kind;
    const char *name; /* behind the prefix */
    value_fn *get;
} table[] = {
    {NODE_BACKUP, "kind", get_kind},           {NODE_BACKUP, "created", get_created},
    {NODE_BACKUP, "engine", get_engine},       {NODE_BACKUP, "generations", get_generations},
    {NODE_BACKUP, "databases", get_databases}, {NODE_BACKUP, "pages_verified", get_pages_verified},
    {NODE_BACKUP, "corrected", get_corrected}, {NODE_BACKUP, "proven", get_proven},
    {NODE_BACKUP, "hold", get_hold},           {NODE_BACKUP, "sha256", get_backup_sha256},
    {NODE_FILE, "sha256", get_file_sha256},
};

#define ROWS (sizeof(table) / sizeof(table[0]))

/* size 0 asks for the length. */
static void reply_bytes(fuse_req_t req, const char *bytes, size_t len, size_t size)
{
    if (size == 0)
        (void)fuse_reply_xattr(req, len);
    else if (len > size)
        reply_err(req, -ERANGE);
    else
        (void)fuse_reply_buf(req, bytes, len);
}

static void reply_value(fuse_req_t req, const struct node_id *id, value_fn *get, size_t size)
{
    int len = get(id, NULL, 0);
    char *buf = malloc((size_t)len + 1);

    if (buf == NULL) {
        reply_err(req, -ENOMEM);
        return;
    }
    (void)get(id, buf, (size_t)len + 1);
    reply_bytes(req, buf, (size_t)len, size);
    free(buf);
}

void xattr_get(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    const struct node_id *id = &node_of(req, ino)->id;

    if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
        for (size_t i = 0; i < ROWS; i++)
            if (table[i].kind == id->kind && strcmp(table[i].name, name + strlen(PREFIX)) == 0) {
                reply_value(req, id, table[i].get, size);
                return;
            }
    /* Not "none set" but "there are none here": whoever asks remembers it for the filesystem. */
    reply_err(req, strncmp(name, "system.", 7) == 0 ? -EOPNOTSUPP : -ENODATA);
}

void xattr_list(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    const struct node_id *id = &node_of(req, ino)->id;
    char names[ROWS * 40];
    size_t used = 0;

    for (size_t i = 0; i < ROWS; i++)
        if (table[i].kind == id->kind)
            used +=
                (size_t)snprintf(names + used, sizeof(names) - used, PREFIX "%s", table[i].name) +
                1;
    reply_bytes(req, names, used, size);
}
