/*
 * Every database of the test data: calls fn for each file that opens as one and has a catalogue.
 */
#ifndef REALDB_H
#define REALDB_H

#include "recbuild.h"

#include <fcntl.h>
#include <ftw.h>

typedef void realdb_fn(const char *name, struct dbfile *f, const struct catalog *c, void *ctx);

static struct {
    realdb_fn *fn;
    void *ctx;
    unsigned nr;
} realdb;

static int realdb_visit(const char *path, const struct stat *st, int type, struct FTW *w)
{
    static const char *const ends[] = {".edb", ".db", ".dat", ".mdb", ".xBIM"};
    struct faults fs;
    struct dbfile *f;
    struct catalog *c;
    bool wanted = false;
    int fd;

    (void)st;
    (void)w;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        const size_t n = strlen(path), e = strlen(ends[i]);
        wanted = wanted || (n > e && strcmp(path + n - e, ends[i]) == 0);
    }
    if (type != FTW_F || !wanted || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
        return 0;
    faults_init(&fs);
    if (dbfile_open(fd, &fs.r, &f) >= 0) {
        if (catalog_load_any(f, &c) >= 0) {
            realdb.fn(path + strlen(test_data()) + 1, f, c, realdb.ctx);
            realdb.nr++;
            catalog_free(c);
        }
        dbfile_close(f);
    }
    close(fd);
    return 0;
}

/* Returns how many databases there were. */
__attribute__((unused)) static unsigned realdb_each(realdb_fn *fn, void *ctx)
{
    realdb.fn = fn;
    realdb.ctx = ctx;
    realdb.nr = 0;
    nftw(test_data(), realdb_visit, 16, FTW_PHYS);
    return realdb.nr;
}

#endif
