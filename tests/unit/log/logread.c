/* Reading records from files: one log, a set of generations, the dump; sequences that are none. */
#include "logbuilder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "log/loghdr.h"
#include "log/logread.h"
#include "log/logset.h"

#define NR_GENS 4

static char dir[64];
static int dirfd_;
static struct logbuilder b;
static struct recbuf rec;
static struct faults faults;

static void gen_name(char *name, size_t len, unsigned gen, bool current)
{
    if (current)
        snprintf(name, len, "edb.log");
    else
        snprintf(name, len, "edb%08X.log", gen);
}

static void write_file(const char *name)
{
    int fd = openat(dirfd_, name, O_CREAT | O_TRUNC | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, b.file, b.len), b.len);
    close(fd);
}

/* Generation gen of a stream; prev_checksum carries on from one to the next. */
static void build_gen(unsigned gen, uint64_t *prev_checksum)
{
    uint64_t sum = 0;

    lb_init(&b, gen, 8);
    le64_put(&lb_header(&b)->prev_checksum, *prev_checksum);
    lb_seal_header(&b);
    for (unsigned i = 0; i < 20; i++) {
        rec_insert(&rec, 5 + i, gen * 100 + i, gen * 100 + i + 1, (uint16_t)(500 + i * 17));
        lb_append(&b, rec.b, rec.len);
    }
    lb_finish(&b);
    for (uint32_t i = 1; i < b.isec; i++)
        sum ^= get_le64(lb_seg(&b, i));
    *prev_checksum = sum;
}

static int setup(void **state)
{
    uint64_t sum = 0;

    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/unit-logread-XXXXXX");
    assert_non_null(mkdtemp(dir));
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    for (unsigned g = 1; g <= NR_GENS; g++) {
        char name[32];
        build_gen(g, &sum);
        gen_name(name, sizeof(name), g, g == NR_GENS);
        write_file(name);
    }
    return 0;
}

static int teardown(void **state)
{
    char cmd[100];

    (void)state;
    close(dirfd_);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd) != 0;
}

/* ---- one file ---- */

static JET_ERR read_file(const char *name, bool current, unsigned *nr)
{
    struct reporter r = reporter_to(&faults);
    struct logread *l;
    struct logrec rc;
    lgpos_t lgpos, before = 0;
    int fd = openat(dirfd_, name, O_RDONLY);
    JET_ERR err;

    *nr = 0;
    assert_true(fd >= 0);
    err = logread_open(fd, current, &r, &l);
    if (err >= 0) {
        while ((err = logread_next(l, &lgpos, &rc)) > 0) {
            assert_true(lgpos > before);
            before = lgpos;
            ++*nr;
        }
        if (err >= 0)
            assert_true(logread_info(l)->segments_read);
        assert_int_equal(logread_next(l, &lgpos, &rc), err); /* and again */
        logread_close(l);
    }
    close(fd);
    return err;
}

static void records_of_a_file_come_in_order(void **state)
{
    unsigned nr;

    (void)state;
    assert_int_equal(read_file("edb00000002.log", false, &nr), 0);
    assert_int_equal(nr, 20);
    assert_int_equal(faults.nr, 0);
}

static void damage_is_met_where_it_is(void **state)
{
    uint64_t sum = 0;
    unsigned nr;

    (void)state;
    build_gen(2, &sum);
    lb_seg(&b, 3)[700] ^= 0x33;
    write_file("edb00000002.log");
    assert_int_equal(read_file("edb00000002.log", false, &nr), JET_errLogReadVerifyFailure);
    assert_in_range(nr, 5, 19);
    b.len -= 4096;
    write_file("edb00000002.log");
    assert_int_equal(read_file("edb00000002.log", false, &nr), JET_errLogFileSizeMismatch);
    b.len = 100;
    write_file("edb00000002.log");
    assert_int_equal(read_file("edb00000002.log", false, &nr), JET_errLogFileCorrupt);
    logread_close(NULL);
    logread_set_close(NULL);
}

static void file_that_shrinks_while_it_is_read_is_an_error(void **state)
{
    struct reporter r = reporter_to(&faults);
    struct logread *l;
    struct logrec rc;
    lgpos_t lgpos;
    int fd = openat(dirfd_, "edb00000002.log", O_RDWR);

    (void)state;
    assert_int_equal(logread_open(fd, false, &r, &l), JET_errSuccess);
    assert_int_equal(ftruncate(fd, 8192), 0);
    assert_int_equal(logread_next(l, &lgpos, &rc), JET_errFileIOBeyondEOF);
    assert_int_equal(faults.nr, 1);
    logread_close(l);
    close(fd);
}

/* ---- a set ---- */

static JET_ERR read_set(const unsigned *gens, unsigned nr_gens, unsigned *nr)
{
    struct reporter r = reporter_to(&faults);
    struct logread_file files[NR_GENS] = {0};
    char names[NR_GENS][32];
    struct logread_set *s;
    struct logrec rc;
    lgpos_t lgpos, before = 0;
    JET_ERR err;

    *nr = 0;

    for (unsigned i = 0; i < nr_gens; i++) {
        gen_name(names[i], sizeof(names[i]), gens[i], gens[i] == NR_GENS);
        files[i] =
            (struct logread_file){openat(dirfd_, names[i], O_RDONLY), names[i], gens[i] == NR_GENS};
        assert_true(files[i].fd >= 0);
    }
    assert_int_equal(logread_set_open(files, nr_gens, &r, &s), JET_errSuccess);
    while ((err = logread_set_next(s, &lgpos, &rc)) > 0) {
        assert_true(lgpos > before);
        before = lgpos;
        ++*nr;
    }
    assert_int_equal(logread_set_next(s, &lgpos, &rc), err);
    logread_set_close(s);
    for (unsigned i = 0; i < nr_gens; i++)
        close(files[i].fd);
    return err;
}

static void generations_are_read_one_after_the_other(void **state)
{
    static const unsigned all[] = {1, 2, 3, 4};
    unsigned nr;

    (void)state;
    assert_int_equal(read_set(all, 4, &nr), 0);
    assert_int_equal(nr, 80);
    assert_int_equal(read_set(all, 0, &nr), 0);
    assert_int_equal(nr, 0);
}

static void gap_ends_the_reading(void **state)
{
    static const unsigned gap[] = {1, 2, 4}, wrong_order[] = {2, 1};
    unsigned nr;

    (void)state;
    assert_int_equal(read_set(gap, 3, &nr), JET_errInvalidLogSequence);
    assert_int_equal(nr, 40);
    assert_string_equal(faults.list[0].file, "edb.log");
    assert_int_equal(faults.list[0].event, 558);
    assert_int_equal(read_set(wrong_order, 2, &nr), JET_errInvalidLogSequence);
}

/* ---- what makes two logs neighbours ---- */

static struct ese_log_info infos[3];

static JET_ERR check_set(unsigned nr)
{
    const struct logset_file files[] = {
        {&infos[0], "one"}, {&infos[1], "two"}, {&infos[2], "three"}};
    struct reporter r = reporter_to(&faults);
    JET_ERR err = logset_check(files, nr, &r);

    assert_int_equal(err<0, faults.nr> 0);
    assert_string_equal(r.file, "test.log"); /* as it was */
    return err;
}

static void build_infos(void)
{
    for (unsigned i = 0; i < 3; i++) {
        struct reporter r = reporter_to(&faults);
        lb_init(&b, 7 + i, 8);
        assert_int_equal(loghdr_decode(b.file, b.len, &r, &infos[i]), JET_errSuccess);
        infos[i].segments_read = true;
        infos[i].checksum = 1000 + i;
        infos[i].prev_gen_checksum = 1000 + i - 1;
    }
}

static void neighbours_agree_in_everything(void **state)
{
    (void)state;
    build_infos();
    assert_int_equal(check_set(3), JET_errSuccess);
    assert_int_equal(check_set(1), JET_errSuccess);
    assert_int_equal(check_set(0), JET_errSuccess);

    build_infos();
    infos[1].sign_log.b[9] ^= 1;
    assert_int_equal(check_set(3), JET_errBadLogSignature);
    assert_int_equal(faults.nr, 2); /* both its neighbours */
    assert_string_equal(faults.list[0].file, "two");

    build_infos();
    infos[2].page_size = 8192;
    assert_int_equal(check_set(3), JET_errPageSizeMismatch);

    build_infos();
    infos[2].gen = 10;
    assert_int_equal(check_set(3), JET_errInvalidLogSequence);
    assert_non_null(strstr(faults.list[0].text, "generation 0x9 is missing"));
    infos[2].gen = 20;
    assert_int_equal(check_set(3), JET_errInvalidLogSequence);
    assert_non_null(strstr(faults.list[0].text, "generations 0x9 to 0x13 are missing"));
    infos[2].gen = 8;
    assert_int_equal(check_set(3), JET_errInvalidLogSequence);

    build_infos();
    infos[2].time_prev_gen.b[6] ^= 2; /* one millisecond */
    assert_int_equal(check_set(3), JET_errInvalidLogSequence);
    assert_int_equal(faults.list[0].event, 0);
}

static void changed_log_does_not_fit_its_successor(void **state)
{
    (void)state;
    build_infos();
    infos[1].checksum ^= 1;
    assert_int_equal(check_set(3), JET_errLogSequenceChecksumMismatch);
    assert_int_equal(faults.nr, 1);
    assert_string_equal(faults.list[0].file, "three");
    assert_int_equal(faults.list[0].event, 543);
    infos[2].update_minor = 12; /* before that the field was not filled in */
    assert_int_equal(check_set(3), JET_errSuccess);
    infos[2].update_minor = 13;
    assert_int_equal(check_set(3), JET_errLogSequenceChecksumMismatch);
    infos[1].segments_read = false; /* not known */
    assert_int_equal(check_set(3), JET_errSuccess);
}

/* ---- the dump ---- */

struct dumped {
    char *text;
    size_t len;
    JET_ERR err;
};

static struct dumped dump(const char *name, bool records, bool json, lgpos_t from, lgpos_t to)
{
    const struct ese_log_dump_opts opts = {
        .records = records, .json = json, .from = from, .to = to};
    struct dumped d = {0};
    FILE *out = open_memstream(&d.text, &d.len);
    int fd = openat(dirfd_, name, O_RDONLY);

    assert_true(fd >= 0);
    faults.nr = 0;
    d.err = ese_log_dump(fd, name, &opts, out, collect, &faults);
    close(fd);
    fclose(out);
    return d;
}

static unsigned count(const char *text, const char *what)
{
    unsigned nr = 0;

    for (; (text = strstr(text, what)); text += strlen(what))
        nr++;
    return nr;
}

static void dump_of_a_directory_shows_every_log(void **state)
{
    struct dumped d;

    (void)state;
    d = dump(".", false, false, 0, 0);
    assert_int_equal(d.err, JET_errSuccess);
    assert_int_equal(count(d.text, "\n"), 8);
    assert_non_null(strstr(d.text, "./edb00000001.log: gen=0x1 version=8.4000.60.140"));
    assert_non_null(strstr(d.text, "./edb.log: end gen=0x4"));
    assert_true(strstr(d.text, "gen=0x3") < strstr(d.text, "gen=0x4"));
    free(d.text);
    d = dump(".", true, true, 0, 0);
    assert_int_equal(d.err, JET_errSuccess);
    assert_int_equal(count(d.text, "{\"record\":\"Insert\""), 80);
    assert_int_equal(count(d.text, "\"data\":\""), 80);
    free(d.text);
}

static void dump_shows_records_between_two_positions(void **state)
{
    struct dumped d;
    lgpos_t from, to;

    (void)state;
    d = dump("edb00000002.log", true, false, 0, 0);
    assert_int_equal(count(d.text, " Insert "), 20);
    free(d.text);
    from = lgpos_make(2, 1, 0x26a); /* the second record: 40 + 554 + ... */
    to = lgpos_make(2, 2, 0);
    d = dump("edb00000002.log", true, false, from, to);
    assert_in_range(count(d.text, " Insert "), 2, 10);
    assert_null(strstr(d.text, "2:0001:0000 "));
    free(d.text);
    d = dump("edb00000002.log", true, false, lgpos_make(3, 0, 0), 0);
    assert_int_equal(count(d.text, " Insert "), 0);
    free(d.text);
}

static void dump_goes_on_behind_a_damaged_log(void **state)
{
    uint64_t sum = 0;
    struct dumped d;

    (void)state;
    build_gen(2, &sum);
    b.file[50] ^= 1;
    write_file("edb00000002.log");
    d = dump(".", true, false, 0, 0);
    assert_int_equal(d.err, JET_errLogFileCorrupt);
    assert_int_equal(faults.nr, 1);
    assert_string_equal(faults.list[0].file, "./edb00000002.log");
    assert_int_equal(count(d.text, " Insert "), 60);
    free(d.text);
    assert_int_equal(unlinkat(dirfd_, "edb00000002.log", 0), 0);
    d = dump(".", true, false, 0, 0);
    assert_int_equal(d.err, JET_errInvalidLogSequence);
    assert_int_equal(faults.nr, 1);
    assert_string_equal(faults.list[0].file, "./edb00000003.log");
    free(d.text);
}

static void dump_keeps_streams_apart_and_opens_no_links(void **state)
{
    uint64_t sum = 0;
    struct dumped d;

    (void)state;
    build_gen(7, &sum);
    write_file("SRU00007.LOG");
    write_file("edbtmp.log"); /* not part of the stream */
    write_file("edb.txt");
    d = dump(".", false, false, 0, 0);
    assert_int_equal(d.err, JET_errSuccess);
    assert_int_equal(count(d.text, "\n"), 10);
    free(d.text);
    assert_int_equal(symlinkat("/dev/zero", dirfd_, "abc00001.log"), 0);
    assert_int_equal(mkfifoat(dirfd_, "abd00001.log", 0600), 0);
    d = dump(".", false, false, 0, 0);
    assert_true(d.err < 0);
    assert_int_equal(faults.nr, 2);
    assert_int_equal(count(d.text, "\n"), 10);
    free(d.text);
}

static void dump_of_an_empty_directory_says_so(void **state)
{
    struct dumped d;

    (void)state;
    assert_int_equal(mkdirat(dirfd_, "sub", 0700), 0);
    d = dump("sub", false, false, 0, 0);
    assert_int_equal(d.err, JET_errMissingLogFile);
    assert_int_equal(faults.nr, 1);
    free(d.text);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_of_a_file_come_in_order),
        TEST(damage_is_met_where_it_is),
        TEST(file_that_shrinks_while_it_is_read_is_an_error),
        TEST(generations_are_read_one_after_the_other),
        TEST(gap_ends_the_reading),
        cmocka_unit_test(neighbours_agree_in_everything),
        cmocka_unit_test(changed_log_does_not_fit_its_successor),
        TEST(dump_of_a_directory_shows_every_log),
        TEST(dump_shows_records_between_two_positions),
        TEST(dump_goes_on_behind_a_damaged_log),
        TEST(dump_keeps_streams_apart_and_opens_no_links),
        TEST(dump_of_an_empty_directory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
