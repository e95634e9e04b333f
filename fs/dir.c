/*
 * Directories. Each call lists anew; there is no state per open directory.
 *
 * The offset of an entry is a number that belongs to the object (made of its inode number), and
 * entries are listed in that order: whatever comes or goes between two calls, nothing else is
 * skipped or told twice, also for a listing that the kernel keeps and hands to many readers.
 */
#include "fs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errmap.h"

#define OFF_DOT    1
#define OFF_DOTDOT 2
#define OFF_LATEST 3
#define OFF_FIRST  16 /* of the objects that come and go */

struct dirent_out {
    char name[264]; /* NAME+BASE may be longer than any file's name */
    off_t off;
    struct node_id id; /* with references (id_done) */
    fuse_ino_t given;  /* node number put into the reply: one lookup counted; 0: none */
};

struct listing {
    struct dirent_out *entries;
    unsigned nr;
};

static void listing_done(struct listing *l)
{
    for (unsigned i = 0; i < l->nr; i++)
        id_done(&l->entries[i].id);
    free(l->entries);
}

static off_t offset_of(uint64_t ino)
{
    return (off_t)(OFF_FIRST + (ino & (UINT64_MAX >> 2)));
}

/* Takes the references in id over. */
static void add(struct listing *l, const char *name, off_t off, struct node_id id)
{
    struct dirent_out *e = &l->entries[l->nr++];

    (void)snprintf(e->name, sizeof(e->name), "%s", name);
    e->off = off;
    e->id = id;
}

static int make_room(struct listing *l, unsigned nr)
{
    l->nr = 0;
    l->entries = calloc(nr, sizeof(*l->entries));
    return l->entries != NULL ? 0 : -ENOMEM;
}

static int compare_offset(const void *a, const void *b)
{
    const struct dirent_out *x = a, *y = b;

    return (x->off > y->off) - (x->off < y->off);
}

static int list_root(struct fs *fs, struct listing *l)
{
    struct snap_inst **list;
    unsigned nr;
    JET_ERR err = snap_insts(fs->snap, &list, &nr);

    if (err < 0)
        return errmap_reply(err, NULL, "listing instances");
    if (make_room(l, nr + 1) < 0) {
        snap_insts_free(list, nr);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < nr; i++)
        add(l, snap_inst_name(list[i]), offset_of(snap_inst_id(list[i])),
            (struct node_id){.kind = NODE_INSTANCE, .inst = snap_inst_ref(list[i])});
    snap_insts_free(list, nr);
    return 0;
}

static int list_instance(const struct node_id *dir, struct listing *l)
{
    if (make_room(l, INSTANCE_ENTRIES) < 0)
        return -ENOMEM;
    for (unsigned i = 0; i < INSTANCE_ENTRIES; i++)
        add(l, instance_entries[i].name, OFF_FIRST + i,
            (struct node_id){.kind = instance_entries[i].kind, .inst = snap_inst_ref(dir->inst)});
    return 0;
}

static int list_backups(const struct node_id *dir, struct listing *l)
{
    struct snap_backup **list;
    unsigned nr;
    JET_ERR err = snap_backups(dir->inst, &list, &nr);

    if (err < 0)
        return errmap_reply(err, NULL, "listing backups");
    if (make_room(l, nr + 1) < 0) {
        snap_backups_free(list, nr);
        return -ENOMEM;
    }
    if (nr > 0)
        add(l, "latest", OFF_LATEST,
            (struct node_id){.kind = NODE_LATEST, .inst = snap_inst_ref(dir->inst)});
    for (unsigned i = 0; i < nr; i++) {
        char name[256];

        snap_backup_name(list[i], name);
        add(l, name, offset_of(snap_backup_manifest(list[i])->ino),
            (struct node_id){.kind = NODE_BACKUP,
                             .inst = snap_inst_ref(dir->inst),
                             .backup = snap_backup_ref(list[i])});
    }
    snap_backups_free(list, nr);
    return 0;
}

/* A backup's files never change: their place in the manifest is their offset. */
static int list_backup(const struct node_id *dir, struct listing *l)
{
    const struct snap_manifest *m = snap_backup_manifest(dir->backup);

    if (make_room(l, m->nr_files + 1) < 0)
        return -ENOMEM;
    for (unsigned i = 0; i < m->nr_files; i++)
        add(l, m->files[i].name, OFF_FIRST + i,
            (struct node_id){.kind = NODE_FILE,
                             .inst = snap_inst_ref(dir->inst),
                             .backup = snap_backup_ref(dir->backup),
                             .file = i});
    return 0;
}

static int list(struct fs *fs, const struct node_id *dir, struct listing *ret)
{
    switch (dir->kind) {
    case NODE_ROOT:
        return list_root(fs, ret);
    case NODE_INSTANCE:
        return list_instance(dir, ret);
    case NODE_BACKUPS:
        return list_backups(dir, ret);
    case NODE_BACKUP:
        return list_backup(dir, ret);
    default:
        return -ENOTDIR;
    }
}

/* ---- into the reply ---------------------------------------------------------------------------- */

struct reply {
    fuse_req_t req;
    struct fs *fs;
    char *buf;
    size_t size, used;
    bool plus;
};

static bool put_plain(struct reply *r, const char *name, uint64_t ino, mode_t mode, off_t off)
{
    struct stat st = {.st_ino = ino, .st_mode = mode};
    size_t need = fuse_add_direntry(r->req, r->buf + r->used, r->size - r->used, name, &st, off);

    if (need > r->size - r->used)
        return false;
    r->used += need;
    return true;
}

/* Of an entry without a node number the kernel takes only name and type. */
static bool put_plus(struct reply *r, const char *name, const struct fuse_entry_param *e, off_t off)
{
    size_t need = fuse_add_direntry_plus(r->req, r->buf + r->used, r->size - r->used, name, e, off);

    if (need > r->size - r->used)
        return false;
    r->used += need;
    return true;
}

static bool put(struct reply *r, struct dirent_out *d)
{
    struct fuse_entry_param e = {.ino = 0};
    mode_t mode = attr_mode(r->fs->opts, d->id.kind);

    if (!r->plus)
        return put_plain(r, d->name, node_st_ino(&d->id), mode, d->off);
    /* `control` is made anew by each lookup, and what has gone since the listing is told by name. */
    if (d->id.kind == NODE_CONTROL || entry_get(r->fs, &d->id, &e) < 0) {
        e = (struct fuse_entry_param){.ino = 0};
        e.attr.st_ino = node_st_ino(&d->id);
        e.attr.st_mode = mode;
        return put_plus(r, d->name, &e, d->off);
    }
    if (!put_plus(r, d->name, &e, d->off)) {
        entry_drop(r->fs, &e);
        return false;
    }
    d->given = e.ino;
    return true;
}

static bool put_dot(struct reply *r, const char *name, uint64_t ino, off_t off)
{
    struct fuse_entry_param e = {.ino = 0};

    if (!r->plus)
        return put_plain(r, name, ino, S_IFDIR, off);
    e.attr.st_ino = ino;
    e.attr.st_mode = S_IFDIR;
    return put_plus(r, name, &e, off);
}

static uint64_t parent_ino(const struct node_id *dir)
{
    struct node_id up = *dir;

    switch (dir->kind) {
    case NODE_BACKUPS:
        up.kind = NODE_INSTANCE;
        break;
    case NODE_BACKUP:
        up.kind = NODE_BACKUPS;
        break;
    default:
        up.kind = NODE_ROOT;
        break;
    }
    return node_st_ino(&up);
}

static void fill(struct reply *r, const struct node_id *dir, struct listing *l, off_t off)
{
    if (off < OFF_DOT && !put_dot(r, ".", node_st_ino(dir), OFF_DOT))
        return;
    if (off < OFF_DOTDOT && !put_dot(r, "..", parent_ino(dir), OFF_DOTDOT))
        return;
    for (unsigned i = 0; i < l->nr; i++)
        if (l->entries[i].off > off && !put(r, &l->entries[i]))
            return;
}

/* The reply did not get through: what it would have told of was counted for nothing. */
static void take_back(struct fs *fs, const struct listing *l)
{
    for (unsigned i = 0; i < l->nr; i++)
        if (l->entries[i].given != 0)
            tree_forget(fs->tree, tree_node(fs->tree, l->entries[i].given), 1);
}

static void read_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
    struct fs *fs = fs_of(req);
    const struct node_id dir = node_of(req, ino)->id;
    struct reply r = {.req = req, .fs = fs, .size = size, .plus = plus};
    struct listing l = {.entries = NULL, .nr = 0};
    int err = list(fs, &dir, &l);

    if (err == 0 && (r.buf = malloc(size)) == NULL)
        err = -ENOMEM;
    if (err == 0) {
        if (l.nr > 0)
            qsort(l.entries, l.nr, sizeof(*l.entries), compare_offset);
        fill(&r, &dir, &l, off);
        if (fuse_reply_buf(req, r.buf, r.used) < 0)
            take_back(fs, &l);
    } else {
        reply_err(req, err);
    }
    free(r.buf);
    listing_done(&l);
}

void dir_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
    (void)fi;
    read_listing(req, ino, size, off, false);
}

void dir_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
                     struct fuse_file_info *fi)
{
    (void)fi;
    read_listing(req, ino, size, off, true);
}

/* ENOSYS means: no need to ask again; every directory may be kept until it is invalidated. */
void dir_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    if (fs_of(req)->no_opendir) {
        reply_err(req, -ENOSYS);
        return;
    }
    fi->keep_cache = 1;
    fi->cache_readdir = 1;
    if (fuse_reply_open(req, fi) < 0)
        return; /* nothing was allocated */
}
