/* SOURCE, MOUNTPOINT and store held against each other. Needs no mount. */
#include "mountpoint.h"

#include <ftw.h>
#include <sys/stat.h>

#include "testutil.h"

static char base[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int make_dirs(void **state)
{
    static const char *const dirs[] = {"src",       "src/mail",      "src/mail/logs",
                                       "src/.snap", "src/.snap/mnt", "mnt",
                                       "store",     "store/x",       "srcfoo"};
    char path[128];

    (void)state;
    (void)snprintf(base, sizeof(base), "/tmp/fs-places-XXXXXX");
    if (mkdtemp(base) == NULL)
        return -1;
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", base, dirs[i]);
        if (mkdir(path, 0755) < 0)
            return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/link", base);
    return symlink("src", path);
}

static int remove_dirs(void **state)
{
    (void)state;
    return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Relative to base; store NULL: the default. stderr goes to /dev/null meanwhile. */
static bool resolve(const char *source, const char *mountpoint, const char *store,
                    struct places *ret)
{
    char paths[3][128];
    struct options o = {.source = paths[0], .mountpoint = paths[1]};
    int saved = dup(2);
    FILE *null = fopen("/dev/null", "w");
    bool ok;

    assert_true(saved >= 0 && null != NULL);
    (void)snprintf(paths[0], sizeof(paths[0]), "%s/%s", base, source);
    (void)snprintf(paths[1], sizeof(paths[1]), "%s/%s", base, mountpoint);
    if (store != NULL) {
        (void)snprintf(paths[2], sizeof(paths[2]), "%s/%s", base, store);
        o.store = paths[2];
    }
    (void)dup2(fileno(null), 2);
    ok = places_resolve(&o, ret);
    (void)dup2(saved, 2);
    (void)close(saved);
    (void)fclose(null);
    return ok;
}

static void separate_places_are_taken(void **state)
{
    struct places p;
    char expected[128];

    (void)state;
    assert_true(resolve("src", "mnt", NULL, &p));
    (void)snprintf(expected, sizeof(expected), "%s/src/.esefs", base);
    assert_string_equal(p.store, expected);
    assert_int_equal(p.source_uid, getuid());
    places_done(&p);
    assert_true(resolve("link", "mnt/", "store/new", &p));
    (void)snprintf(expected, sizeof(expected), "%s/src", base);
    assert_string_equal(p.source, expected);
    (void)snprintf(expected, sizeof(expected), "%s/store/new", base);
    assert_string_equal(p.store, expected);
    places_done(&p);
}

/* Each of these would hang, or make backups of backups. */
static void overlaps_are_refused(void **state)
{
    static const struct {
        const char *source, *mountpoint, *store;
    } cases[] = {
        {"src", "src", NULL},           {"src", "link", "store"},
        {"src", "src/mail", "store"},   {"src", "src/mail/logs", "store"},
        {"src/mail", "src", "store"},   {"src", "mnt", "mnt"},
        {"src", "mnt", "mnt/sub"},      {"src", "store/x", "store"},
        {"src", "store", "store"},      {"src", "mnt", "src"},
        {"src/mail", "mnt", "src"},     {"src", "mnt", "src/mail/logs"},
        {"src", "mnt", "src/mail/new"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct places p;

        if (resolve(cases[i].source, cases[i].mountpoint, cases[i].store, &p))
            fail_msg("source %s, mountpoint %s, store %s were taken", cases[i].source,
                     cases[i].mountpoint, cases[i].store != NULL ? cases[i].store : "default");
        places_done(&p);
    }
}

static void what_only_looks_like_an_overlap_is_taken(void **state)
{
    struct places p;

    (void)state;
    assert_true(resolve("src", "srcfoo", "store", &p)); /* a longer name is another place */
    places_done(&p);
    assert_true(resolve("src", "src/.snap/mnt", "store", &p)); /* not looked into */
    places_done(&p);
    assert_true(resolve("src", "mnt", "src/backups", &p)); /* known, and passed over as a whole */
    places_done(&p);
}

static void missing_places_are_refused(void **state)
{
    struct places p;

    (void)state;
    assert_false(resolve("nothing", "mnt", NULL, &p));
    places_done(&p);
    assert_false(resolve("src", "nothing", NULL, &p));
    places_done(&p);
    assert_false(resolve("src", "mnt", "nothing/store", &p));
    places_done(&p);
}

static void below_is_by_directory_and_not_by_name(void **state)
{
    char src[128], sub[128], other[128], child[64];

    (void)state;
    (void)snprintf(src, sizeof(src), "%s/src", base);
    (void)snprintf(sub, sizeof(sub), "%s/src/mail/logs", base);
    (void)snprintf(other, sizeof(other), "%s/srcfoo", base);
    assert_true(path_is_below(sub, src, child, sizeof(child)));
    assert_string_equal(child, "mail");
    assert_true(path_is_below(src, src, child, sizeof(child)));
    assert_string_equal(child, "");
    assert_false(path_is_below(other, src, NULL, 0));
    assert_false(path_is_below(src, sub, NULL, 0));
    assert_true(path_is_below(src, "/", child, sizeof(child)));
    assert_string_equal(child, "tmp");
}

/* The kernel's own rule: the smaller of the two, and the maximum alone when there is no default. */
static void request_timeout_is_the_effective_one(void **state)
{
    (void)state;
    assert_int_equal(request_timeout(0, 0), 0);
    assert_int_equal(request_timeout(60, 0), 60);
    assert_int_equal(request_timeout(0, 300), 300);
    assert_int_equal(request_timeout(60, 300), 60);
    assert_int_equal(request_timeout(600, 300), 300);
}

static void an_unmounted_holder_is_not_found(void **state)
{
    (void)state;
    assert_false(mount_named_in("held by another mount: pid 1, /no/such/mountpoint"));
    assert_false(mount_named_in(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separate_places_are_taken),
        cmocka_unit_test(overlaps_are_refused),
        cmocka_unit_test(what_only_looks_like_an_overlap_is_taken),
        cmocka_unit_test(missing_places_are_refused),
        cmocka_unit_test(below_is_by_directory_and_not_by_name),
        cmocka_unit_test(request_timeout_is_the_effective_one),
        cmocka_unit_test(an_unmounted_holder_is_not_found),
    };

    return cmocka_run_group_tests(tests, make_dirs, remove_dirs) != 0;
}
