/*
 * The temporary database of an instance (live.h; ESE: dbidTemp). Sessions that have temporary tables have a session here
 * too. It is an instance of its own so that no record, no lock and no failure of it meets those of the databases.
 */
#include <stdio.h>
#include <unistd.h>

#include "os/file.h"
#include "recover/live_int.h"
#include "txn/sess.h"

static JET_ERR make_db(struct live *l, const char *dir)
{
    struct sess *s;
    struct db *d;
    int fd;
    JET_ERR err = sess_new(&l->in, true, &s);

    if (err < 0)
        return err;
    err = os_create_temp_in(dir, &fd);
    if (err == JET_errFileNotFound)
        err = RAISE(JET_errInvalidPath);
    if (err >= 0)
        err = livedb_create_temp(l, s, fd, "(temporary database)", &d);
    sess_free(s);
    return err;
}

JET_ERR live_temp_new(struct inst *of, const char *dir, struct inst **ret)
{
    struct live_conf conf = {.core = of->conf};
    struct live *l;
    JET_ERR err;

    conf.core.logging = conf.core.read_only = false;
    conf.core.efv = EFV_NEWEST_WRITTEN;
    err = live_new(&conf, of->r.fn, of->r.ctx, &l);
    if (err < 0)
        return err;
    l->is_temp = true;
    l->in.cache = of->cache;
    l->in.owner = of->owner;
    err = format_find(conf.core.efv, &l->format);
    if (err >= 0)
        err = ver_store_new(&l->in, &l->in.ver);
    if (err >= 0)
        err = make_db(l, dir);
    if (err >= 0)
        err = ver_cleaner_start(&l->in);
    if (err < 0) {
        live_free(l);
        return err;
    }
    *ret = &l->in;
    return JET_errSuccess;
}

void live_temp_free(struct inst *temp)
{
    if (temp)
        live_free(live_of(temp));
}
