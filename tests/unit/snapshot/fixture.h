/*
 * A source with one small instance of our own making, a store, and what tests do with them again and
 * again. MKINSTANCE is the program that makes the instance.
 */
#ifndef TESTS_SNAPSHOT_FIXTURE_H
#define TESTS_SNAPSHOT_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "snapshot.h"
#include "testutil.h"

struct fix {
    char dir[64], source[128], store[128];
    struct snap_opts opts;
    struct snap *s;
    struct snap_inst *i; /* mail */
    struct ese_fault why;
};

__attribute__((unused)) static int remove_one(const char *path, const struct stat *st, int type,
                                              struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

__attribute__((unused)) static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
__attribute__((unused)) static int run(const char *fmt, ...)
{
    char cmd[8192];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(cmd, sizeof(cmd), fmt, ap);
    va_end(ap);
    return system(cmd);
}

__attribute__((unused)) static void make_instance(const char *source, const char *name,
                                                  unsigned rows, unsigned page_size)
{
    assert_int_equal(run("%s %s/%s %u %u", MKINSTANCE, source, name, rows, page_size), 0);
}

/* ---- opening and closing ---------------------------------------------------------------------- */

__attribute__((unused)) static void fix_open(struct fix *f)
{
    JET_ERR err = snap_open(&f->opts, &f->s, &f->why);

    if (err < 0)
        fail_msg("snap_open: %d %s", (int)err, f->why.text);
    f->i = snap_inst_find(f->s, "mail");
    assert_non_null(f->i);
}

__attribute__((unused)) static void fix_close(struct fix *f)
{
    if (f->i)
        snap_inst_unref(f->i);
    if (f->s)
        snap_close(f->s);
    f->s = NULL;
    f->i = NULL;
}

__attribute__((unused)) static void fix_reopen(struct fix *f)
{
    fix_close(f);
    fix_open(f);
}

/* An instance `mail` of 300 rows, nothing opened. */
__attribute__((unused)) static int setup_closed(void **state)
{
    struct fix *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    *state = f;
    strcpy(f->dir, "/tmp/esefs-test-XXXXXX");
    if (!mkdtemp(f->dir))
        return -1;
    snprintf(f->source, sizeof(f->source), "%s/source", f->dir);
    snprintf(f->store, sizeof(f->store), "%s/store", f->dir);
    if (mkdir(f->source, 0755) < 0)
        return -1;
    make_instance(f->source, "mail", 300, 4096);
    f->opts = (struct snap_opts){.source = f->source, .store = f->store, .holder = "unit test"};
    return 0;
}

__attribute__((unused)) static int setup_open(void **state)
{
    int rc = setup_closed(state);

    if (rc == 0)
        fix_open(*state);
    return rc;
}

__attribute__((unused)) static int teardown(void **state)
{
    struct fix *f = *state;

    fix_close(f);
    /* what a test that failed left mounted; else there is nothing and the calls fail */
    umount2(f->store, MNT_DETACH);
    snprintf(f->store, sizeof(f->store), "%s/fs", f->dir);
    umount2(f->store, MNT_DETACH);
    remove_tree(f->dir);
    free(f);
    return 0;
}

#define T(f)        cmocka_unit_test_setup_teardown(f, setup_open, teardown)
#define T_CLOSED(f) cmocka_unit_test_setup_teardown(f, setup_closed, teardown)

/* ---- what is there ---------------------------------------------------------------------------- */

__attribute__((unused)) static char *path_of(const struct fix *f, const char *base,
                                             const char *rest)
{
    static char buf[4][PATH_MAX];
    static int n;
    char *p = buf[n++ % 4];

    (void)f;
    snprintf(p, PATH_MAX, "%s/%s", base, rest);
    return p;
}

#define SOURCE(f, rest) path_of(f, (f)->source, rest)
#define STORE(f, rest)  path_of(f, (f)->store, rest)

__attribute__((unused)) static void sha256_of(const char *path, uint8_t sum[32])
{
    EVP_MD_CTX *d = EVP_MD_CTX_new();
    unsigned char buf[65536];
    FILE *f = fopen(path, "rb");
    size_t n;

    assert_non_null(f);
    EVP_DigestInit_ex(d, EVP_sha256(), NULL);
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
        EVP_DigestUpdate(d, buf, n);
    EVP_DigestFinal_ex(d, sum, NULL);
    EVP_MD_CTX_free(d);
    fclose(f);
}

__attribute__((unused)) static bool same_content(const char *a, const char *b)
{
    uint8_t x[32], y[32];

    sha256_of(a, x);
    sha256_of(b, y);
    return memcmp(x, y, 32) == 0;
}

/* No partial and no waste anywhere in the store. */
__attribute__((unused)) static void assert_no_leftover(const struct fix *f)
{
    if (run("find %s -name '.partial-*' -o -name '.trash-*' | grep -q .", f->store) == 0) {
        run("find %s", f->store);
        fail_msg("something is left in the store");
    }
}

__attribute__((unused)) static unsigned count_backups(const struct fix *f)
{
    struct snap_backup **list;
    unsigned nr;

    assert_int_equal(snap_backups(f->i, &list, &nr), 0);
    snap_backups_free(list, nr);
    return nr;
}

__attribute__((unused)) static bool has_backup(const struct fix *f, const char *name)
{
    struct snap_backup *b = snap_backup_find(f->i, name);

    snap_backup_unref(b);
    return b != NULL;
}

__attribute__((unused)) static void take(struct fix *f, const char *name)
{
    JET_ERR err = snap_take(f->i, name, NULL, NULL, &f->why);

    if (err < 0)
        fail_msg("backup %s: %d %s: %s", name, (int)err, f->why.file, f->why.text);
}

__attribute__((unused)) static bool events_have(const struct fix *f, const char *text)
{
    size_t len;
    char *events = snap_events(f->i, &len);
    bool found = strstr(events, text) != NULL;

    free(events);
    return found;
}

__attribute__((unused)) static bool status_has(const struct fix *f, const char *text)
{
    size_t len;
    char *status = snap_status(f->i, &len);
    bool found = strstr(status, text) != NULL;

    assert_int_equal(strlen(status), len);
    free(status);
    return found;
}

/* Waits until fn is true, at most ms. */
__attribute__((unused)) static bool within(unsigned ms, bool (*fn)(void *), void *ctx)
{
    for (unsigned t = 0; t < ms; t += 20) {
        if (fn(ctx))
            return true;
        usleep(20000);
    }
    return fn(ctx);
}

/* XORs one byte of a file. */
__attribute__((unused)) static void damage(const char *path, uint64_t off, uint8_t mask)
{
    int fd = open(path, O_RDWR);
    uint8_t b;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &b, 1, (off_t)off), 1);
    b ^= mask;
    assert_int_equal(pwrite(fd, &b, 1, (off_t)off), 1);
    close(fd);
}

#endif
