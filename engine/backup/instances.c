/*
 * From files to instances: one log stream, with the databases and the checkpoint that belong to it,
 * is one instance (ese_discover).
 *
 * A stream is a base name in one directory. As a rule a sub-directory holds one stream, and everything
 * in it is one instance. Where it holds several, a database goes to the stream whose signature its
 * header carries, else to the one whose attach list names it, else to the only one beside it;
 * one that belongs to none is an instance of its own.
 */
#include "backup/inventory.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file.h"

#define STREAMS_MAX 64u /* in one sub-directory; logs beyond that are nobody's */
#define NO_GROUP    UINT32_MAX

struct stream {
    const struct found *first; /* names base and directory */
    const struct found *log;   /* sound log of the highest generation, or NULL */
    const struct found *chk;   /* its checkpoint, or NULL */
    unsigned nr;               /* files in it that count */
};

struct grouping {
    struct inventory *inv; /* sorted; entries do not move while this lives */
    struct stream v[STREAMS_MAX];
    unsigned nr;
    unsigned nr_rest; /* files that belong to no stream: group == nr */
};

/* ---- order ------------------------------------------------------------------------------------ */

static int rank(const struct ese_file *f)
{
    switch (f->kind) {
    case ESE_KIND_DATABASE:
        return 0;
    case ESE_KIND_LOG:
        return 1;
    case ESE_KIND_CHECKPOINT:
        return 2;
    default:
        return 3;
    }
}

static int cmp_files(const void *a, const void *b)
{
    const struct ese_file *x = &((const struct found *)a)->file,
                          *y = &((const struct found *)b)->file;

    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    if (x->kind == ESE_KIND_LOG && x->gen != y->gen)
        return x->gen < y->gen ? -1 : 1;
    return strcmp(x->path, y->path);
}

/* Databases by path, logs by generation, checkpoint, others. A current log whose header is ruined has
 * no generation: it stands behind the archived ones. */
static void sort(struct inventory *inv)
{
    for (unsigned i = 0; i < inv->nr; i++)
        if (inv->v[i].file.kind == ESE_KIND_LOG && !inv->v[i].file.gen)
            inv->v[i].file.gen = UINT32_MAX;
    if (inv->nr)
        qsort(inv->v, inv->nr, sizeof(*inv->v), cmp_files);
    for (unsigned i = 0; i < inv->nr; i++)
        if (inv->v[i].file.kind == ESE_KIND_LOG && inv->v[i].file.gen == UINT32_MAX)
            inv->v[i].file.gen = 0;
}

/* ---- streams ---------------------------------------------------------------------------------- */

static bool same_dir(const struct found *a, const struct found *b)
{
    return a->dir_len == b->dir_len && memcmp(a->file.path, b->file.path, a->dir_len) == 0;
}

static struct stream *stream_of_log(struct grouping *g, const struct found *f)
{
    for (unsigned i = 0; i < g->nr; i++)
        if (name_equal(g->v[i].first->name.base, f->name.base) && same_dir(g->v[i].first, f))
            return &g->v[i];
    return NULL;
}

static void find_streams(struct grouping *g)
{
    for (unsigned i = 0; i < g->inv->nr; i++) {
        struct found *f = &g->inv->v[i];
        struct stream *s;
        if (f->file.kind != ESE_KIND_LOG)
            continue;
        s = stream_of_log(g, f);
        if (!s && g->nr < STREAMS_MAX) {
            s = &g->v[g->nr++];
            s->first = f;
        }
        if (s && f->file.header_ok && (!s->log || f->file.gen > s->log->file.gen))
            s->log = f;
    }
}

/* A checkpoint may lie in another directory than the logs (JET_paramSystemPath): only where no stream
 * has its base name is it a stream by itself. */
static bool base_has_logs(const struct grouping *g, const struct found *f)
{
    for (unsigned i = 0; i < g->nr; i++)
        if (name_equal(g->v[i].first->name.base, f->name.base))
            return true;
    return false;
}

static void find_lone_checkpoints(struct grouping *g)
{
    for (unsigned i = 0; i < g->inv->nr; i++) {
        struct found *f = &g->inv->v[i];
        if (f->file.kind == ESE_KIND_CHECKPOINT && !base_has_logs(g, f) && g->nr < STREAMS_MAX)
            g->v[g->nr++].first = f;
    }
}

/* ---- which stream a file belongs to ----------------------------------------------------------- */

static unsigned by_base(const struct grouping *g, const struct found *f)
{
    unsigned found = g->nr;

    for (unsigned i = 0; i < g->nr; i++) {
        if (!name_equal(g->v[i].first->name.base, f->name.base))
            continue;
        if (same_dir(g->v[i].first, f))
            return i;
        if (found == g->nr)
            found = i;
    }
    return found;
}

static bool names_database(const struct ese_attach *list, unsigned nr, const char *name)
{
    for (unsigned i = 0; i < nr; i++)
        if (name_equal(name_last(list[i].path), name))
            return true;
    return false;
}

static bool stream_names(const struct stream *s, const char *name)
{
    return (s->log && names_database(s->log->file.header.log.attach,
                                     s->log->file.header.log.nr_attach, name)) ||
           (s->chk && s->chk->file.header_ok &&
            names_database(s->chk->file.header.chk.attach, s->chk->file.header.chk.nr_attach,
                           name));
}

static unsigned of_database(const struct grouping *g, const struct found *f)
{
    const ese_signature *sign = &f->file.header.db.sign_log;
    unsigned beside = g->nr, nr_beside = 0, signed_by = g->nr;

    for (unsigned i = 0; f->file.header_ok && i < g->nr; i++) {
        if (!g->v[i].log ||
            memcmp(sign, &g->v[i].log->file.header.log.sign_log, sizeof(*sign)) != 0)
            continue;
        if (same_dir(g->v[i].first, f))
            return i;
        if (signed_by == g->nr)
            signed_by = i;
    }
    if (signed_by < g->nr)
        return signed_by;
    for (unsigned i = 0; i < g->nr; i++)
        if (stream_names(&g->v[i], name_of_path(f->file.path)))
            return i;
    for (unsigned i = 0; i < g->nr; i++)
        if (same_dir(g->v[i].first, f)) {
            beside = i;
            nr_beside++;
        }
    return nr_beside == 1 ? beside : g->nr;
}

static void assign(struct grouping *g)
{
    for (unsigned i = 0; i < g->inv->nr; i++) {
        struct found *f = &g->inv->v[i];
        struct stream *s;
        if (f->file.kind == ESE_KIND_CHECKPOINT) {
            f->group = by_base(g, f);
            if (f->group < g->nr && (!g->v[f->group].chk || !g->v[f->group].chk->file.header_ok))
                g->v[f->group].chk = f;
        } else if (f->file.kind == ESE_KIND_LOG) {
            s = stream_of_log(g, f);
            f->group = s ? (unsigned)(s - g->v) : g->nr;
        }
    }
    for (unsigned i = 0; i < g->inv->nr; i++) {
        struct found *f = &g->inv->v[i];
        if (g->nr <= 1)
            f->group = 0;
        else if (f->file.kind == ESE_KIND_DATABASE)
            f->group = of_database(g, f);
        else if (!found_counts(f))
            f->group = f->name.base[0] ? by_base(g, f) : g->nr;
    }
}

/* Temporary databases (tmp.edb, temp.edb) are the engine's scratch space: recovery makes them anew.
 * Only one that a log names, or that stands without logs, is data. */
static bool is_scratch(const struct grouping *g, const struct found *f)
{
    const char *name = name_of_path(f->file.path);
    char stem[6];

    if (f->file.kind != ESE_KIND_DATABASE || f->group >= g->nr || !g->v[f->group].log)
        return false;
    snprintf(stem, sizeof(stem), "%s", name);
    return (name_equal(stem, "temp.") || (stem[4] = '\0', name_equal(stem, "tmp."))) &&
           !stream_names(&g->v[f->group], name);
}

static void drop_scratch(struct grouping *g)
{
    for (unsigned i = 0; i < g->inv->nr; i++)
        if (is_scratch(g, &g->inv->v[i]))
            g->inv->v[i].group = NO_GROUP;
}

static void count(struct grouping *g)
{
    for (unsigned i = 0; i < g->inv->nr; i++) {
        const struct found *f = &g->inv->v[i];
        if (!found_counts(f) || f->group == NO_GROUP)
            continue;
        if (f->group < g->nr)
            g->v[f->group].nr++;
        else
            g->nr_rest++;
    }
}

static void group(struct grouping *g)
{
    sort(g->inv);
    find_streams(g);
    find_lone_checkpoints(g);
    assign(g);
    drop_scratch(g);
    if (g->nr == 0)
        g->nr = 1; /* databases alone */
    count(g);
}

/* ---- one instance ----------------------------------------------------------------------------- */

/* NAME; of several streams NAME+BASE; where a base occurs twice NAME+BASE+DIRECTORY. */
static char *instance_name(const struct grouping *g, unsigned grp, const char *name)
{
    const struct found *f = grp < g->nr ? g->v[grp].first : NULL;
    const size_t prefix = g->inv->prefix;
    unsigned twins = 0;
    char *ret;

    if (!f || g->nr == 1)
        return strdup(name);
    for (unsigned i = 0; i < g->nr; i++)
        twins += i != grp && name_equal(g->v[i].first->name.base, f->name.base);
    if (!twins || f->dir_len <= prefix)
        return asprintf(&ret, "%s+%s", name, f->name.base) < 0 ? NULL : ret;
    if (asprintf(&ret, "%s+%s+%.*s", name, f->name.base, (int)(f->dir_len - prefix),
                 f->file.path + prefix) < 0)
        return NULL;
    for (char *p = ret + strlen(name); *p; p++)
        if (*p == '/')
            *p = '+';
    return ret;
}

static void move_header_faults(const struct range *range, const struct found *f,
                               struct fault_list *to)
{
    bool planned = range_holds(range, &f->file);

    for (unsigned i = 0; i < f->faults.nr; i++) {
        struct ese_fault e = f->faults.v[i];
        if (!planned && e.severity == ESE_FAULT)
            e.severity = ESE_NOTE; /* of a log that no recovery needs */
        fault_list_add(to, &e);
    }
    to->lost |= f->faults.lost;
}

static enum ese_state state_of(const struct ese_instance *inst)
{
    for (unsigned i = 0; i < inst->nr_faults; i++)
        if (inst->faults[i].severity == ESE_FAULT)
            return ESE_DAMAGED;
    for (unsigned i = 0; i < inst->nr_files; i++)
        if (inst->files[i].kind == ESE_KIND_DATABASE && inst->files[i].header_ok &&
            inst->files[i].header.db.state != ESE_DB_CLEAN)
            return ESE_DIRTY;
    return ESE_IDLE;
}

static JET_ERR judge(struct ese_instance *inst, const struct grouping *g, unsigned grp)
{
    struct fault_list faults = {0};
    struct range range = instance_range(inst);

    for (unsigned i = 0; i < g->inv->nr; i++)
        if (g->inv->v[i].group == grp)
            move_header_faults(&range, &g->inv->v[i], &faults);
    instance_examine(inst, &range, fault_list_add, &faults);
    inst->faults = faults.v;
    inst->nr_faults = faults.nr;
    if (faults.lost && !faults.nr)
        return RAISE(JET_errOutOfMemory);
    inst->state = state_of(inst);
    return JET_errSuccess;
}

/* Takes the group's files over: paths and headers are the instance's from here on. */
static JET_ERR fill(struct ese_instance *inst, struct grouping *g, unsigned grp, const char *name)
{
    JET_ERR err = JET_errSuccess;

    inst->name = instance_name(g, grp, name);
    inst->files = calloc(g->inv->nr + 1, sizeof(*inst->files));
    if (!inst->name || !inst->files)
        return RAISE(JET_errOutOfMemory);
    if (grp < g->nr && g->v[grp].first)
        memcpy(inst->base, g->v[grp].first->name.base, sizeof(inst->base));
    for (unsigned i = 0; i < g->inv->nr; i++)
        if (g->inv->v[i].group == grp)
            inst->files[inst->nr_files++] = g->inv->v[i].file;
    err = judge(inst, g, grp);
    for (unsigned i = 0; i < g->inv->nr; i++) {
        if (g->inv->v[i].group != grp)
            continue;
        g->inv->v[i].file.path = NULL;
        memset(&g->inv->v[i].file.header, 0, sizeof(g->inv->v[i].file.header));
    }
    return err;
}

/* ---- the list --------------------------------------------------------------------------------- */

struct list {
    struct ese_instance *v;
    unsigned nr;
};

static void instance_done(struct ese_instance *inst)
{
    for (unsigned i = 0; i < inst->nr_files; i++) {
        ese_header_done(&inst->files[i].header);
        free(inst->files[i].path);
    }
    free(inst->files);
    free(inst->faults);
    free(inst->name);
}

void ese_instances_free(struct ese_instance *list, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        instance_done(&list[i]);
    free(list);
}

static JET_ERR add_instance(struct list *l, struct grouping *g, unsigned grp, const char *name)
{
    struct ese_instance *v = realloc(l->v, (l->nr + 1) * sizeof(*v));
    JET_ERR err;

    if (!v)
        return RAISE(JET_errOutOfMemory);
    l->v = v;
    memset(&v[l->nr], 0, sizeof(v[0]));
    err = fill(&v[l->nr], g, grp, name);
    if (err < 0)
        instance_done(&v[l->nr]);
    else
        l->nr++;
    return err;
}

static JET_ERR discover(struct list *l, int dirfd, const char *dir, const char *name,
                        const char *skip, unsigned levels)
{
    struct inventory inv;
    struct grouping g = {.inv = &inv};
    JET_ERR err = inventory_walk(dirfd, dir, skip, levels, &inv);

    if (err < 0)
        return err;
    group(&g);
    for (unsigned i = 0; err >= 0 && i < g.nr; i++)
        if (g.v[i].nr)
            err = add_instance(l, &g, i, name);
    if (err >= 0 && g.nr_rest)
        err = add_instance(l, &g, g.nr, name);
    inventory_done(&inv);
    return err;
}

static JET_ERR hand_over(struct list *l, JET_ERR err, struct ese_instance **ret, unsigned *ret_nr)
{
    if (err < 0) {
        ese_instances_free(l->v, l->nr);
        return err;
    }
    *ret = l->v;
    *ret_nr = l->nr;
    return JET_errSuccess;
}

JET_ERR ese_discover_dir(int dirfd, const char *dir, const char *name, const char *skip,
                         unsigned levels, struct ese_instance **ret, unsigned *ret_nr)
{
    struct list l = {0};
    JET_ERR err = discover(&l, dirfd, dir, name, skip, levels);

    return hand_over(&l, err, ret, ret_nr);
}

/* One entry of the directory of instances. A sub-directory that cannot be read is none. */
static JET_ERR discover_entry(struct list *l, int dirfd, const char *entry, const char *skip)
{
    struct stat st;
    JET_ERR err;

    if (entry[0] == '.' || (skip && strcmp(entry, skip) == 0) ||
        fstatat(dirfd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return JET_errSuccess;
    err = discover(l, dirfd, entry, entry, NULL, ESE_INSTANCE_LEVELS);
    return err == JET_errOutOfMemory ? err : JET_errSuccess;
}

static JET_ERR discover_below(struct list *l, int dirfd, const char *skip)
{
    struct dirent *d;
    DIR *dp;
    int fd;
    JET_ERR err = os_open_dir_beneath(dirfd, ".", &fd);

    if (err < 0)
        return err;
    dp = fdopendir(fd);
    if (!dp) {
        close(fd);
        return RAISE(JET_errOutOfMemory);
    }
    while (err >= 0 && (d = readdir(dp)))
        err = discover_entry(l, dirfd, d->d_name, skip);
    closedir(dp);
    return err;
}

static int cmp_instances(const void *a, const void *b)
{
    return strcmp(((const struct ese_instance *)a)->name, ((const struct ese_instance *)b)->name);
}

JET_ERR ese_discover(int dirfd, const char *self_name, const char *skip, struct ese_instance **ret,
                     unsigned *ret_nr)
{
    struct list l = {0};
    bool self;
    JET_ERR err = discover(&l, dirfd, ".", self_name, skip, 0);

    self = l.nr > 0;
    ese_instances_free(l.v, l.nr);
    memset(&l, 0, sizeof(l));
    if (err >= 0)
        err = self ? discover(&l, dirfd, ".", self_name, skip, ESE_INSTANCE_LEVELS)
                   : discover_below(&l, dirfd, skip);
    if (err >= 0 && l.nr)
        qsort(l.v, l.nr, sizeof(*l.v), cmp_instances);
    return hand_over(&l, err, ret, ret_nr);
}
