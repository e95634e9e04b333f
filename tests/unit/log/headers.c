/* Headers of logs and checkpoints: fields, lists of databases, every refusal; names of log files. */
#include "logbuilder.h"

#include "log/attach.h"
#include "log/chkpt.h"
#include "log/loghdr.h"
#include "log/logname.h"

static struct logbuilder b;
static struct faults faults;
static struct ese_log_info info;

static JET_ERR decode(size_t len)
{
    struct reporter r = reporter_to(&faults);
    JET_ERR err = loghdr_decode(b.file, len, &r, &info);

    assert_int_equal(err < 0, faults.nr == 1);
    return err;
}

/* Adds a database; returns the bytes used. */
static size_t put_attach(uint8_t *at, uint8_t dbid, const char *path, bool utf16)
{
    struct attachinfo_disk *a = (struct attachinfo_disk *)at;
    uint8_t *name = at + sizeof(*a);
    const size_t nr = strlen(path) + 1;

    memset(a, 0, sizeof(*a));
    a->dbid = dbid;
    a->flags = utf16 ? ATTACH_UTF16 : 0;
    le16_put(&a->path_len, (uint16_t)(utf16 ? nr * 2 : nr));
    le64_put(&a->dbtime, 4711);
    le64_put(&a->lgpos_attach, lgpos_make(2, 3, 4));
    le64_put(&a->lgpos_consistent, lgpos_make(1, 2, 3));
    memset(a->sign_db.b, 0x40 + dbid, sizeof(a->sign_db.b));
    for (size_t i = 0; i < nr; i++) {
        if (utf16)
            put_le16(name + i * 2, (uint8_t)path[i]);
        else
            name[i] = (uint8_t)path[i];
    }
    return sizeof(*a) + le16_get(a->path_len);
}

static void header_gives_its_fields(void **state)
{
    struct loghdr_disk *h = lb_header(&b);
    size_t used;

    (void)state;
    lb_init(&b, 0x1234, 16);
    le64_put(&h->prev_checksum, 0x1122334455667788u);
    le64_put(&h->lgpos_checkpoint, lgpos_make(7, 8, 9));
    h->flags = LOG_FLAG_CIRCULAR;
    used = put_attach(h->attach, 1, "C:\\ProgramData\\Microsoft\\SRU\\SRUDB.dat", true);
    put_attach(h->attach + used, 2, "C:\\b\xe4.edb", false);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errSuccess);
    assert_int_equal(info.gen, 0x1234);
    assert_int_equal(info.major, 8);
    assert_int_equal(info.minor, 4000);
    assert_int_equal(info.update_major, 60);
    assert_int_equal(info.update_minor, 140);
    assert_int_equal(info.page_size, 4096);
    assert_int_equal(info.segment_size, 4096);
    assert_int_equal(info.nr_segments, 16);
    assert_int_equal(info.prev_gen_checksum, 0x1122334455667788u);
    assert_int_equal(info.lgpos_checkpoint, lgpos_make(7, 8, 9));
    assert_int_equal(info.flags, LOG_FLAG_CIRCULAR);
    assert_memory_equal(info.time_created.b, h->time_created.b, 8);
    assert_memory_equal(info.time_prev_gen.b, h->time_prev_gen.b, 8);
    assert_memory_equal(info.sign_log.b, h->sign_log.b, 28);
    assert_false(info.segments_read);
    assert_int_equal(info.nr_attach, 2);
    assert_string_equal(info.attach[0].path, "C:\\ProgramData\\Microsoft\\SRU\\SRUDB.dat");
    assert_int_equal(info.attach[0].dbid, 1);
    assert_int_equal(info.attach[0].lgpos_attach, lgpos_make(2, 3, 4));
    assert_int_equal(info.attach[0].lgpos_consistent, lgpos_make(1, 2, 3));
    assert_int_equal(info.attach[0].sign_db.b[27], 0x41);
    assert_string_equal(info.attach[1].path, "C:\\b\xc3\xa4.edb");
    assert_true(loghdr_is_log(b.file, b.len));
    loghdr_info_done(&info);
    loghdr_info_done(&info); /* twice is fine */
}

static void page_size_zero_means_4096(void **state)
{
    (void)state;
    lb_init(&b, 1, 16);
    le16_put(&lb_header(&b)->page_size, 0);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errSuccess);
    assert_int_equal(info.page_size, 4096);
    le16_put(&lb_header(&b)->page_size, 32768);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errSuccess);
    assert_int_equal(info.page_size, 32768);
}

static void newer_minor_update_is_read_newer_major_refused(void **state)
{
    (void)state;
    lb_init(&b, 1, 16);
    le32_put(&lb_header(&b)->update_major, 130);
    le32_put(&lb_header(&b)->update_minor, 999);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errSuccess);
    le32_put(&lb_header(&b)->update_major, 131);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errBadLogVersion);
    assert_true(was_told(&faults, JET_errBadLogVersion, ESE_FAULT, 411, 32));
    assert_non_null(strstr(faults.list[0].text, "8.4000.131.999"));
}

static void log_of_format_7_is_recognised_and_refused(void **state)
{
    struct loghdr_disk *h = lb_header(&b);

    (void)state;
    lb_init(&b, 1, 16);
    le16_put(&h->segment_len, 512);
    le16_put(&h->header_segments, 8);
    le32_put(&h->major, 7);
    le32_put(&h->minor, 3704);
    le32_put(&h->update_major, 17);
    lb_seal_header(&b);
    assert_true(loghdr_is_log(b.file, b.len));
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errBadLogVersion);
    assert_non_null(strstr(faults.list[0].text, "7.3704.17"));
    b.file[600] ^= 1; /* its checksum is looked at all the same */
    assert_false(loghdr_is_log(b.file, b.len));
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errLogFileCorrupt);
}

static void ancient_layouts_are_named(void **state)
{
    static const struct {
        uint32_t at[3], value[3];
        JET_ERR err;
    } cases[] = {
        {{24, 28, 32}, {4, 909, 0}, JET_errDatabase500Format},
        {{24, 28, 32}, {4, 995, 0}, JET_errDatabase500Format},
        {{20, 24, 28}, {443, 0, 0}, JET_errDatabase400Format},
        {{44, 48, 48}, {0, 0x0ca0001, 0x0ca0001}, JET_errDatabase200Format},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        lb_init(&b, 1, 16);
        for (unsigned k = 0; k < 3; k++)
            put_le32(b.file + cases[i].at[k], cases[i].value[k]);
        assert_int_equal(decode(LOG_HEADER_LEN), cases[i].err);
        assert_int_equal(faults.list[0].event, 411);
        assert_true(loghdr_is_log(b.file, b.len));
    }
}

static void impossible_headers_are_corrupt(void **state)
{
    static const struct {
        size_t off, len;
        uint32_t value;
        JET_ERR err;
    } cases[] = {
        {offsetof(struct loghdr_disk, filetype), 4, 1, JET_errFileInvalidType},
        {offsetof(struct loghdr_disk, major), 4, 9, JET_errBadLogVersion},
        {offsetof(struct loghdr_disk, minor), 4, 4001, JET_errBadLogVersion},
        {offsetof(struct loghdr_disk, segment_len), 2, 512, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, header_segments), 2, 2, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, nr_segments), 2, 1, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, gen), 4, 0, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, gen), 4, 0x7fffffff, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, page_size), 2, 5000, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, page_size), 2, 1024, JET_errLogFileCorrupt},
        {offsetof(struct loghdr_disk, attach), 1, 1, JET_errSuccess}, /* an entry without a name */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        lb_init(&b, 1, 16);
        for (size_t k = 0; k < cases[i].len; k++)
            b.file[cases[i].off + k] = (uint8_t)(cases[i].value >> k * 8);
        lb_seal_header(&b);
        assert_int_equal(decode(LOG_HEADER_LEN), cases[i].err);
        if (cases[i].err >= 0)
            loghdr_info_done(&info);
    }
}

static void short_or_changed_header_is_corrupt(void **state)
{
    (void)state;
    lb_init(&b, 1, 16);
    for (size_t len = 0; len < LOG_HEADER_LEN; len += 273)
        assert_int_equal(decode(len), JET_errLogFileCorrupt);
    assert_int_equal(faults.list[0].event, 440);
    assert_false(loghdr_is_log(b.file, 4095));
    for (unsigned n = 0; n < 500; n++) {
        const size_t bit = rnd() % (LOG_HEADER_LEN * 8);
        JET_ERR err;

        b.file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = decode(LOG_HEADER_LEN);
        assert_true(err == JET_errLogFileCorrupt);
        b.file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    memset(b.file, 0, LOG_HEADER_LEN); /* a log in preparation, as ESE leaves it */
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errLogFileCorrupt);
}

static void list_of_databases_ends_within_its_bytes(void **state)
{
    struct loghdr_disk *h = lb_header(&b);
    struct attachinfo_disk *a = (struct attachinfo_disk *)h->attach;

    (void)state;
    lb_init(&b, 1, 16);
    put_attach(h->attach, 1, "x", true);
    le16_put(&a->path_len, LOG_ATTACH_LEN - 64); /* exactly to the end: fine */
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errSuccess);
    assert_string_equal(info.attach[0].path, "x");
    loghdr_info_done(&info);
    le16_put(&a->path_len, LOG_ATTACH_LEN - 63);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errLogFileCorrupt);
    assert_int_equal(faults.list[0].event, 412);
    le16_put(&a->path_len, LOG_ATTACH_LEN - 64 - 10); /* ten bytes left, not zero */
    memset(h->attach + LOG_ATTACH_LEN - 10, 1, 10);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errLogFileCorrupt);
    for (size_t i = 0; i < LOG_ATTACH_LEN; i += 64) /* as many as fit */
        put_attach(h->attach + i, 6, "", false), le16_put((le16 *)(h->attach + i + 2), 0);
    lb_seal_header(&b);
    assert_int_equal(decode(LOG_HEADER_LEN), JET_errSuccess);
    assert_int_equal(info.nr_attach, 32);
    loghdr_info_done(&info);
}

static void logged_paths_become_utf8(void **state)
{
    static const uint8_t utf16[] = {'a', 0,    0xe4, 0,    0xac, 0x20, 0x3d, 0xd8,
                                    0,   0xde, 0x3d, 0xd8, 'b',  0,    0x3d, 0xd8};
    static const uint8_t latin1[] = {'a', 0xe4, 0xff, 0, 'b'};
    char *s;

    (void)state;
    s = logged_path(utf16, sizeof(utf16), true);
    assert_string_equal(s, "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd"
                           "b\xef\xbf\xbd");
    free(s);
    s = logged_path(latin1, sizeof(latin1), false);
    assert_string_equal(s, "a\xc3\xa4\xc3\xbf");
    free(s);
    s = logged_path(utf16, 1, true); /* half a unit */
    assert_string_equal(s, "");
    free(s);
}

/* ---- checkpoints ---- */

static struct chkpt_disk chk[2];

static void seal_chk(void)
{
    for (unsigned i = 0; i < 2; i++)
        le32_put(&chk[i].checksum, cksum_xor(&chk[i], sizeof(chk[i])));
}

static void build_chk(void)
{
    memset(chk, 0, sizeof(chk));
    le64_put(&chk[0].lgpos_checkpoint, lgpos_make(5, 6, 7));
    le64_put(&chk[0].lgpos_consistency, lgpos_make(5, 6, 6));
    memset(chk[0].sign_log.b, 9, 28);
    chk[0].version = 1;
    le32_put(&chk[0].filetype, FILETYPE_CHECKPOINT);
    put_attach(chk[0].attach, 1, "Z:\\t\\test.edb", true);
    chk[1] = chk[0];
    seal_chk();
}

static JET_ERR decode_chk(size_t len, struct ese_chk_info *ret, const struct chkpt_disk **raw)
{
    struct reporter r = reporter_to(&faults);
    return chkpt_decode(chk, len, &r, ret, raw);
}

static void checkpoint_gives_its_fields(void **state)
{
    struct ese_chk_info c;
    const struct chkpt_disk *raw;

    (void)state;
    build_chk();
    assert_int_equal(decode_chk(sizeof(chk), &c, &raw), JET_errSuccess);
    assert_int_equal(faults.nr, 0);
    assert_ptr_equal(raw, &chk[0]);
    assert_int_equal(c.lgpos_checkpoint, lgpos_make(5, 6, 7));
    assert_int_equal(c.lgpos_consistency, lgpos_make(5, 6, 6));
    assert_int_equal(c.sign_log.b[0], 9);
    assert_true(c.attach_valid && !c.primary_bad && !c.shadow_bad);
    assert_int_equal(c.nr_attach, 1);
    assert_string_equal(c.attach[0].path, "Z:\\t\\test.edb");
    chkpt_info_done(&c);
    le64_put(&chk[0].lgpos_consistency, 0); /* engines before the field */
    chk[0].version = 0;                     /* the list does not count then */
    seal_chk();
    assert_int_equal(decode_chk(sizeof(chk), &c, NULL), JET_errSuccess);
    assert_int_equal(c.lgpos_consistency, c.lgpos_checkpoint);
    assert_int_equal(c.nr_attach, 0);
    assert_false(c.attach_valid);
}

static void damaged_checkpoint_is_read_from_its_shadow(void **state)
{
    struct ese_chk_info c;
    const struct chkpt_disk *raw;

    (void)state;
    build_chk();
    ((uint8_t *)&chk[0])[2000] ^= 1;
    assert_true(chkpt_is_checkpoint(chk, sizeof(chk)));
    assert_int_equal(decode_chk(sizeof(chk), &c, &raw), JET_errSuccess);
    assert_true(was_told(&faults, 0, ESE_NOTE, 456, 0));
    assert_true(c.primary_bad && !c.shadow_bad);
    assert_ptr_equal(raw, &chk[1]);
    assert_int_equal(c.lgpos_checkpoint, lgpos_make(5, 6, 7));
    chkpt_info_done(&c);
    build_chk();
    ((uint8_t *)&chk[1])[2000] ^= 1;
    assert_int_equal(decode_chk(sizeof(chk), &c, &raw), JET_errSuccess);
    assert_true(was_told(&faults, 0, ESE_NOTE, 472, 4096));
    assert_true(!c.primary_bad && c.shadow_bad);
    chkpt_info_done(&c);
    assert_int_equal(decode_chk(5000, &c, &raw),
                     JET_errSuccess); /* the file ends within the shadow */
    assert_true(c.shadow_bad);
    chkpt_info_done(&c);
    ((uint8_t *)&chk[0])[4] ^= 1;
    assert_int_equal(decode_chk(sizeof(chk), &c, &raw), JET_errCheckpointCorrupt);
    assert_true(was_told(&faults, JET_errCheckpointCorrupt, ESE_FAULT, 456, 0));
    assert_false(chkpt_is_checkpoint(chk, sizeof(chk)));
    for (size_t len = 0; len < 4096; len += 455)
        assert_int_equal(decode_chk(len, &c, &raw), JET_errCheckpointCorrupt);
}

static void wrong_checkpoints_are_refused(void **state)
{
    struct ese_chk_info c;

    (void)state;
    build_chk();
    le32_put(&chk[0].filetype, FILETYPE_LOG);
    seal_chk();
    assert_int_equal(decode_chk(sizeof(chk), &c, NULL), JET_errFileInvalidType);
    build_chk();
    le16_put((le16 *)(chk[0].attach + 2), 2000);
    seal_chk();
    assert_int_equal(decode_chk(sizeof(chk), &c, NULL), JET_errCheckpointCorrupt);
    assert_int_equal(faults.nr, 1);
}

/* ---- dumps ---- */

static char *dump(bool json, bool log)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct fields f;

    fields_begin(&f, out, json);
    if (log) {
        loghdr_dump(lb_header(&b), &f);
    } else {
        struct ese_chk_info c;
        const struct chkpt_disk *raw;
        assert_int_equal(decode_chk(sizeof(chk), &c, &raw), JET_errSuccess);
        chkpt_dump(raw, &c, &f);
        chkpt_info_done(&c);
    }
    fields_end(&f);
    fclose(out);
    return text;
}

static void dumps_show_the_fields(void **state)
{
    char *s;

    (void)state;
    lb_init(&b, 0x1a, 16);
    put_attach(lb_header(&b)->attach, 3, "C:\\x.edb", true);
    memcpy(lb_header(&b)->dbms.log_path, "C:\\logs\\", 9);
    lb_seal_header(&b);
    s = dump(false, true);
    assert_non_null(strstr(s, "Generation: 0x1A\n"));
    assert_non_null(strstr(s, "Version: 8.4000.60.140\n"));
    assert_non_null(strstr(s, "LogPath: C:\\logs\\\n"));
    assert_non_null(strstr(s, "Path: C:\\x.edb\n"));
    assert_non_null(strstr(s, "Dbid: 3\n"));
    free(s);
    le16_put((le16 *)(lb_header(&b)->attach + 2),
             2000); /* a damaged list: what is there, and the error */
    s = dump(true, true);
    assert_non_null(strstr(s, "\"Generation\":26,"));
    assert_non_null(strstr(s, "\"AttachedError\":\"JET_errLogFileCorrupt\""));
    free(s);
    build_chk();
    s = dump(true, false);
    assert_non_null(strstr(s, "\"LgposCheckpoint\":\"5:0006:0007\""));
    assert_non_null(strstr(s, "\"Path\":\"Z:\\\\t\\\\test.edb\""));
    free(s);
}

/* ---- names ---- */

static void names_of_logs_are_told_apart(void **state)
{
    static const struct {
        const char *name;
        enum logname_role role;
        lgen_t gen;
    } cases[] = {
        {"edb.log", LOGNAME_CURRENT, 0},
        {"SRU.LOG", LOGNAME_CURRENT, 0},
        {"edb.jtx", LOGNAME_CURRENT, 0},
        {"edb0000A.log", LOGNAME_ARCHIVED, 0xa},
        {"edb0000000a.jtx", LOGNAME_ARCHIVED, 0xa},
        {"edb7FFFFFFF.log", LOGNAME_ARCHIVED, 0x7fffffff},
        {"edbtmp.log", LOGNAME_TEMP, 0},
        {"SRUTMP.log", LOGNAME_TEMP, 0},
        {"edb000000.log", LOGNAME_NONE, 0},
        {"edb0000G.log", LOGNAME_NONE, 0},
        {"edb00000.log", LOGNAME_NONE, 0},
        {"ed.log", LOGNAME_NONE, 0},
        {".log", LOGNAME_NONE, 0},
        {"edb.chk", LOGNAME_NONE, 0},
        {"edbres00001.jrs", LOGNAME_NONE, 0},
        {"a.b.log", LOGNAME_NONE, 0},
        {"edb00000000000000001.log", LOGNAME_NONE, 0},
        {"", LOGNAME_NONE, 0},
    };
    struct logname n;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(logname_parse(cases[i].name, &n), cases[i].role != LOGNAME_NONE);
        assert_int_equal(n.role, cases[i].role);
        assert_int_equal(n.gen, cases[i].gen);
        if (n.role != LOGNAME_NONE)
            assert_memory_equal(n.base, cases[i].name, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_gives_its_fields),
        cmocka_unit_test(page_size_zero_means_4096),
        cmocka_unit_test(newer_minor_update_is_read_newer_major_refused),
        cmocka_unit_test(log_of_format_7_is_recognised_and_refused),
        cmocka_unit_test(ancient_layouts_are_named),
        cmocka_unit_test(impossible_headers_are_corrupt),
        cmocka_unit_test(short_or_changed_header_is_corrupt),
        cmocka_unit_test(list_of_databases_ends_within_its_bytes),
        cmocka_unit_test(logged_paths_become_utf8),
        cmocka_unit_test(checkpoint_gives_its_fields),
        cmocka_unit_test(damaged_checkpoint_is_read_from_its_shadow),
        cmocka_unit_test(wrong_checkpoints_are_refused),
        cmocka_unit_test(dumps_show_the_fields),
        cmocka_unit_test(names_of_logs_are_told_apart),
    };
    rnd_init("headers");
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
