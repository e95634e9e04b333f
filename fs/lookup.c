/*
 * Names: from a name in a directory to an identity, and from an identity to the entry that the kernel
 * is given. Names of backups are not kept anywhere here: a rename is seen by the next lookup.
 */
#include "fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int in_root(struct fs *fs, const char *name, struct node_id *ret)
{
    struct snap_inst *inst = snap_inst_find(fs->snap, name);

    if (inst == NULL)
        return -ENOENT;
    *ret = (struct node_id){.kind = NODE_INSTANCE, .inst = inst};
    return 0;
}

const struct instance_entry instance_entries[INSTANCE_ENTRIES] = {{"control", NODE_CONTROL},
                                                                  {"status", NODE_STATUS},
                                                                  {"events", NODE_EVENTS},
                                                                  {"backups", NODE_BACKUPS}};

static int in_instance(const struct node_id *dir, const char *name, struct node_id *ret)
{
    for (unsigned i = 0; i < INSTANCE_ENTRIES; i++)
        if (strcmp(instance_entries[i].name, name) == 0) {
            *ret = (struct node_id){.kind = instance_entries[i].kind,
                                    .inst = snap_inst_ref(dir->inst)};
            return 0;
        }
    return -ENOENT;
}

static int in_backups(const struct node_id *dir, const char *name, struct node_id *ret)
{
    struct snap_backup *b;

    if (strcmp(name, "latest") == 0) {
        b = snap_backup_latest(dir->inst);
        if (b == NULL)
            return -ENOENT;
        snap_backup_unref(b);
        *ret = (struct node_id){.kind = NODE_LATEST, .inst = snap_inst_ref(dir->inst)};
        return 0;
    }
    b = snap_backup_find(dir->inst, name);
    if (b == NULL)
        return -ENOENT;
    *ret = (struct node_id){.kind = NODE_BACKUP, .inst = snap_inst_ref(dir->inst), .backup = b};
    return 0;
}

static int compare_name(const void *key, const void *file)
{
    return strcmp(key, ((const struct snap_file *)file)->name);
}

static int in_backup(const struct node_id *dir, const char *name, struct node_id *ret)
{
    const struct snap_manifest *m = snap_backup_manifest(dir->backup);
    const struct snap_file *f =
        m->nr_files > 0 ? bsearch(name, m->files, m->nr_files, sizeof(*f), compare_name) : NULL;

    if (f == NULL)
        return -ENOENT;
    *ret = (struct node_id){.kind = NODE_FILE,
                            .inst = snap_inst_ref(dir->inst),
                            .backup = snap_backup_ref(dir->backup),
                            .file = (unsigned)(f - m->files)};
    return 0;
}

int lookup_name(struct fs *fs, const struct node_id *dir, const char *name, struct node_id *ret)
{
    switch (dir->kind) {
    case NODE_ROOT:
        return in_root(fs, name, ret);
    case NODE_INSTANCE:
        return in_instance(dir, name, ret);
    case NODE_BACKUPS:
        return in_backups(dir, name, ret);
    case NODE_BACKUP:
        return in_backup(dir, name, ret);
    default:
        return -ENOTDIR;
    }
}

void id_done(struct node_id *id)
{
    if (id->backup != NULL)
        snap_backup_unref(id->backup);
    if (id->inst != NULL)
        snap_inst_unref(id->inst);
    *id = (struct node_id){.kind = NODE_ROOT};
}

/* Entries that go without a notice to the kernel, or must be made anew each time (tree.h). */
static bool entry_is_fleeting(enum node_kind kind)
{
    return kind == NODE_CONTROL || kind == NODE_LATEST;
}

int entry_get(struct fs *fs, const struct node_id *id, struct fuse_entry_param *ret)
{
    struct fuse_entry_param e = {.entry_timeout = entry_is_fleeting(id->kind) ? 0 : FOR_LONG};
    struct node *n;
    int err = attr_get(fs, id, &e.attr, &e.attr_timeout);

    if (err < 0)
        return err;
    n = tree_get(fs->tree, id);
    if (n == NULL)
        return -ENOMEM;
    e.ino = tree_ino(fs->tree, n);
    *ret = e;
    return 0;
}

void entry_drop(struct fs *fs, const struct fuse_entry_param *e)
{
    tree_forget(fs->tree, tree_node(fs->tree, e->ino), 1);
}

void reply_entry(fuse_req_t req, const struct node_id *id)
{
    struct fs *fs = fs_of(req);
    struct fuse_entry_param e;
    int err = entry_get(fs, id, &e);

    if (err < 0)
        reply_err(req, err);
    else if (fuse_reply_entry(req, &e) < 0)
        entry_drop(fs, &e); /* the caller was killed meanwhile: the kernel never learned of it */
}
