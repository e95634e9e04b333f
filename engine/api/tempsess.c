#include "api/tempsess.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "os/path.h"
#include "txn/sess.h"

/* ---- the instance's database ----------------------------------------------------------------- */

/* JET_paramTempPath names a directory, or a file in one: as a file it would have no name here. */
static JET_ERR temp_dir(const struct jinst *i, char **ret)
{
    char *path = os_full_path(PARAM_TEXT(&i->params, TempPath)), *slash;
    struct stat st;

    if (!path)
        return RAISE(JET_errOutOfMemory);
    slash = strrchr(path, '/');
    if (slash && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
        slash[slash == path] = '\0';
    *ret = path;
    return JET_errSuccess;
}

static JET_ERR want_db(struct jinst *i)
{
    char *dir = NULL;
    JET_ERR err = JET_errSuccess;

    pthread_mutex_lock(&i->lock);
    if (!i->temp) {
        err = temp_dir(i, &dir);
        if (err >= 0)
            err = live_temp_new(i->in, dir, &i->temp);
    }
    pthread_mutex_unlock(&i->lock);
    free(dir);
    return err;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static JET_ERR new_tempsess(struct jsess *s)
{
    struct tempsess *t = calloc(1, sizeof(*t));
    JET_ERR err = t ? sess_new(s->inst->temp, false, &t->s) : RAISE(JET_errOutOfMemory);

    if (err < 0) {
        free(t);
        return err;
    }
    t->s->lazy_default = true;
    s->temp = t;
    return JET_errSuccess;
}

JET_ERR tempsess_want(struct jsess *s)
{
    JET_ERR err = want_db(s->inst);

    if (err >= 0 && !s->temp)
        err = new_tempsess(s);
    while (err >= 0 && s->temp->s->level < s->s->level)
        err = trx_begin(s->temp->s);
    return err;
}

JET_ERR tempsess_begun(struct jsess *s)
{
    if (!s->temp || inst_check(s->temp->s->inst) < 0)
        return JET_errSuccess;
    return trx_begin(s->temp->s);
}

static JET_ERR delete_table(struct tempsess *t, const char *name)
{
    JET_ERR err = trx_begin(t->s), err2;

    if (err < 0)
        return err;
    err = ddl_delete_table(t->s, t->s->inst->db[1], name);
    err2 = err < 0 ? trx_rollback(t->s) : trx_commit(t->s, true);
    return err2 < 0 ? err2 : err;
}

/* Its space is lost if it cannot be deleted; a table whose making was rolled back is not there. */
static void delete_gone(struct tempsess *t)
{
    while (t->nr_gone && t->s->level == 0) {
        char *name = t->gone[--t->nr_gone];
        const JET_ERR err = delete_table(t, name);

        (void)err;
        free(name);
    }
}

void tempsess_ended(struct jsess *s, bool commit)
{
    struct tempsess *t = s->temp;
    JET_ERR err = JET_errSuccess;

    if (!t)
        return;
    while (err >= 0 && t->s->level > s->s->level)
        err = commit ? trx_commit(t->s, true) : trx_rollback(t->s);
    delete_gone(t);
}

static bool make_room(struct tempsess *t)
{
    const unsigned room = t->room_gone ? 2 * t->room_gone : 8;
    char **p = t->nr_gone < t->room_gone ? t->gone : realloc(t->gone, room * sizeof(*p));

    if (!p)
        return false;
    if (t->nr_gone == t->room_gone)
        t->room_gone = room;
    t->gone = p;
    return true;
}

void tempsess_drop(struct jsess *s, const char *name)
{
    struct tempsess *t = s->temp;

    if (!make_room(t))
        return;
    t->gone[t->nr_gone] = strdup(name);
    t->nr_gone += t->gone[t->nr_gone] != NULL;
    delete_gone(t);
}

void tempsess_free(struct jsess *s)
{
    struct tempsess *t = s->temp;

    if (!t)
        return;
    while (t->s->level && trx_rollback(t->s) >= 0)
        ;
    delete_gone(t);
    while (t->nr_gone)
        free(t->gone[--t->nr_gone]);
    free(t->gone);
    sess_free(t->s);
    free(t);
    s->temp = NULL;
}
