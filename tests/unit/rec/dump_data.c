/*
 * Dumps of real databases: the engine's own expected rows and keys, line by line; files of Windows, of
 * which the number of rows is known and no fault may be told; their space, which must add up.
 */
#include "recbuild.h"

#include <errno.h>
#include <fcntl.h>

#include "engine.h"

static struct faults fs;

/* The whole of a file; NULL when there is none. */
static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    char *s;
    long len;

    if (!f)
        return NULL;
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    len = ftell(f);
    rewind(f);
    s = malloc((size_t)len + 1);
    assert_non_null(s);
    assert_int_equal(fread(s, 1, (size_t)len, f), (size_t)len);
    s[len] = '\0';
    fclose(f);
    return s;
}

static char *in_data(const char *path)
{
    static char full[1000];

    snprintf(full, sizeof(full), "%s/%s", test_data(), path);
    return full;
}

enum what { ROWS, TABLES, SPACE };

static char *dump(const char *path, enum what what, bool system, JET_ERR *ret_err)
{
    const struct ese_dump_opts o = {.format = ESE_DUMP_CANONICAL, .keys = true, .system = system};
    int fd = open(in_data(path), O_RDONLY | O_CLOEXEC);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (fd < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_non_null(out);
    faults_init(&fs);
    *ret_err = what == ROWS     ? ese_dump(fd, path, &o, out, take_fault, &fs)
               : what == TABLES ? ese_dump_tables(fd, path, true, out, take_fault, &fs)
                                : ese_dump_space(fd, path, false, out, take_fault, &fs);
    fclose(out);
    close(fd);
    return text;
}

/* Cuts one line off *at. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');

    if (!*line)
        return NULL;
    assert_non_null(end);
    *end = '\0';
    *at = end + 1;
    return line;
}

/*
 * Equal, but for one thing: an index that was made since the database was opened tells lcmap=0x0, the
 * catalogue has the flags (data/README.md, "may differ before and after a reopen").
 */
static bool same_line(const char *got, const char *want)
{
    const char *lcmap = strstr(want, " lcmap=0x0");

    if (strcmp(got, want) == 0)
        return true;
    return want[0] == 'X' && lcmap && !lcmap[10] &&
           strncmp(got, want, (size_t)(lcmap - want)) == 0 &&
           strcmp(got + (lcmap - want), " lcmap=0x30401") == 0;
}

/* path: shown with the first difference; NULL: nothing is shown. */
static unsigned count_differences(char *got, char *want, const char *path)
{
    unsigned nr = 0;
    char *g, *w;

    do {
        g = next_line(&got);
        w = next_line(&want);
        if ((g || w) && (!g || !w || !same_line(g, w))) {
            if (nr++ == 0 && path)
                print_message("%s\n got: %.300s\nwant: %.300s\n", path, g ? g : "(end)",
                              w ? w : "(end)");
            if (!g || !w)
                return nr;
        }
    } while (g && w);
    return nr;
}

static void expect_lines(const char *db, const char *expected)
{
    char *want = slurp(in_data(expected)), *got;
    JET_ERR err;

    if (!want)
        fail_msg("%s: no such file", expected);
    got = dump(db, ROWS, false, &err);
    if (err < 0)
        fail_msg("%s: %s: %s", db, err_name(err), fs.last.text);
    assert_int_equal(count_differences(got, want, db), 0);
    free(got);
    free(want);
}

static void rows_and_keys_are_those_of_the_engine(void **state)
{
    static const char *const formats[] = {
        "g_4096_8920", "g_8192_9600", "g_16384_8920", "g_32768_9600", "x4096", "w4096", "a_290"};
    static const char *const sets[] = {
        "p4096_w10/clean",          "p4096_latest/clean",  "p4096_w10_jtx/clean",
        "p32768_w10/clean",         "p4096_w10/circular",  "p32768_w10_libesedb/clean",
        "p4096_w10_libesedb/clean", "p32768_w10/circular",
    };
    char db[200], expected[200];

    (void)state;
    NEED_DATA("expected rows of the engine");
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        snprintf(db, sizeof(db), "format/%s.edb", formats[i]);
        snprintf(expected, sizeof(expected), "format/%s.dump.txt", formats[i]);
        expect_lines(db, expected);
    }
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        snprintf(db, sizeof(db), "engine/%s/files/test.edb", sets[i]);
        snprintf(expected, sizeof(expected), "engine/%s/expected.txt", sets[i]);
        expect_lines(db, expected);
    }
}

/* The comparison above is worth what it finds: one changed byte anywhere in the lines. */
static void one_changed_character_is_a_difference(void **state)
{
    char *want, *got;
    JET_ERR err;

    (void)state;
    NEED_DATA("expected rows of the engine");
    for (unsigned i = 0; i < 20; i++) {
        size_t at;
        want = slurp(in_data("format/x4096.dump.txt"));
        assert_non_null(want);
        got = dump("format/x4096.edb", ROWS, false, &err);
        do
            at = rnd() % strlen(want);
        while (want[at] == '\n');
        want[at] ^= 1;
        if (want[at] == '\n')
            want[at] ^= 3;
        assert_int_equal(count_differences(got, want, NULL), 1);
        free(got);
        free(want);
    }
}

/* Rows of all tables, the system's too, as another reader of the format counts them. */
static const struct {
    const char *path;
    unsigned rows;
    unsigned lost; /* pages: owned, used by nobody and available to nobody */
} windows[] = {
    {"windows/esedb-dissect/basic.edb", 190, 0},
    {"windows/esedb-dissect/binary.edb", 190, 0},
    {"windows/esedb-dissect/default.edb", 201, 0},
    {"windows/esedb-dissect/index.edb", 259, 0},
    {"windows/esedb-dissect/large.edb", 130166, 0},
    {"windows/esedb-dissect/multi.edb", 211, 0},
    {"windows/esedb-ese_parser/decompress_test.edb", 178, 0},
    {"windows/esedb-ese_parser/test.edb", 200, 0},
    {"windows/esedb-plaso/Catalog1.edb", 3625, 0},
    {"windows/esedb-plaso/SystemIdentity.mdb", 250, 0},
    {"windows/srum-goese/SRUDB.dat", 7807, 0},
    {"windows/srum-win10-apt/SRUDB.dat", 3592, 0},
    {"windows/srum-win10-rathbun-clean/SRUDB.dat", 1019, 10},
    {"windows/srum-win10-rathbun-dirty/SRUDB.dat", 1019, 10},
    {"windows/srum-win11-rathbun-dirty/SRUDB.dat", 4034, 10},
    {"windows/ual-kstrike-nondomain/Current.mdb", 1023, 0},
    {"windows/ual-kstrike-nondomain/SystemIdentity.mdb", 254, 0},
    {"windows/ual-kstrike-nondomain/{03A01CC5-91BB-4936-B685-63697785D39E}.mdb", 1023, 0},
    {"windows/bits-artemis-win10/qmgr.db", 183, 0},
    {"windows/esedb-xbim/BIM_Logo-LetterB.xBIM", 361, 0},
    {"windows/esedb-xbim/Monolith_v10.xBIM", 404, 0},
    {"windows/esedb-xbim/OneWall.xBIM", 493, 0},
    {"windows/esedb-xbim/P1.xBIM", 805, 0},
    {"format/deleted_columns.edb", 1898, 0},
};

static unsigned count_lines(const char *text, const char *start)
{
    unsigned nr = 0;

    for (const char *p = text; *p; p = strchr(p, '\n') + 1)
        nr += strncmp(p, start, strlen(start)) == 0;
    return nr;
}

static void databases_of_windows_are_read_without_a_fault(void **state)
{
    (void)state;
    NEED_DATA("databases of Windows");
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        JET_ERR err;
        char *text = dump(windows[i].path, ROWS, true, &err);
        if (err < 0 || fs.nr || fs.nr_corrected)
            fail_msg("%s: %s, %u faults, last: %s", windows[i].path, err_name(err), fs.nr,
                     fs.last.text);
        if (count_lines(text, "R ") != windows[i].rows)
            fail_msg("%s: %u rows, must be %u", windows[i].path, count_lines(text, "R "),
                     windows[i].rows);
        free(text);
        text = dump(windows[i].path, TABLES, true, &err);
        assert_int_equal(err, JET_errSuccess);
        free(text);
    }
}

/* owned = used + extent trees + available + given on + lost, for every tree of every file. */
static void the_space_of_every_tree_adds_up(void **state)
{
    (void)state;
    NEED_DATA("space of real databases");
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        JET_ERR err;
        char *text = dump(windows[i].path, SPACE, false, &err), *at = text, *line;
        unsigned lost = 0, nr = 0;
        if (err < 0)
            fail_msg("%s: %s: %s", windows[i].path, err_name(err), fs.last.text);
        (void)next_line(&at);
        (void)next_line(&at);
        while ((line = next_line(&at))) {
            long n[6];
            assert_int_equal(
                sscanf(line, "%ld %ld %ld %ld %ld %ld", n, n + 1, n + 2, n + 3, n + 4, n + 5), 6);
            assert_true(n[5] >= 0 && n[0] == n[1] + n[2] + n[3] + n[4] + n[5]);
            lost += (unsigned)n[5];
            nr++;
        }
        if (lost != windows[i].lost || nr < 5)
            fail_msg("%s: %u pages lost, %u trees", windows[i].path, lost, nr);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_keys_are_those_of_the_engine),
        cmocka_unit_test(one_changed_character_is_a_difference),
        cmocka_unit_test(databases_of_windows_are_read_without_a_fault),
        cmocka_unit_test(the_space_of_every_tree_adds_up),
    };

    rnd_init("dump_data");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
