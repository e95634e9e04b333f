/* A set of files taken from the real data, for the tests that change it. */
#ifndef TESTS_REALSET_H
#define TESTS_REALSET_H

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "testutil.h"

static char top[64], work[96], source[512];

static void copy_file(const char *from, const char *to)
{
    static char buf[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    ssize_t n;

    assert_true(in >= 0 && out >= 0);
    while ((n = read(in, buf, sizeof(buf))) > 0)
        assert_int_equal(write(out, buf, (size_t)n), n);
    close(in);
    close(out);
}

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    char to[256];

    (void)st;
    if (type != FTW_F || ftw->level != 1)
        return 0;
    snprintf(to, sizeof(to), "%s/%s", work, path + ftw->base);
    copy_file(path, to);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void fresh_set(void)
{
    nftw(work, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(work, 0700), 0);
    assert_int_equal(nftw(source, copy_one, 8, FTW_PHYS), 0);
}

static int make_top(void **state)
{
    (void)state;
    snprintf(top, sizeof(top), "/tmp/unit-recover-XXXXXX");
    if (!mkdtemp(top))
        return -1;
    snprintf(work, sizeof(work), "%s/w", top);
    return 0;
}

static int remove_top(void **state)
{
    (void)state;
    return nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
