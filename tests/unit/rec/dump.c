/*
 * Dumps of a small database made by hand: every type in every form, awkward text, what cannot be read.
 * Real databases: dump_data.c.
 */
#include "recbuild.h"

#include <fcntl.h>

#include "engine.h"
#include "rec/catrow.h"
#include "rec/lv.h"

#define PAGE 8192u

static struct testdb db;
static struct faults fs;
static char *text;
static size_t text_len;

enum { ALL = 10, TWO = 11, ALL_ROOT = 20, TWO_ROOT = 21, LV_ROOT = 22, IX_ROOT = 23 };

static void add(const struct catb *c)
{
    catb_add(&db, CATALOG_PGNO, c);
}

static void column(objid_t objid, uint32_t fid, const char *name, uint32_t coltyp, uint32_t cp,
                   uint32_t max, uint32_t flags, uint32_t offset)
{
    add(&(struct catb){.objid = objid,
                       .type = CATROW_COLUMN,
                       .id = fid,
                       .coltyp_or_pgno = coltyp,
                       .space = max,
                       .flags = flags,
                       .pages_or_locale = cp,
                       .record_offset = offset,
                       .name = name});
}

static void table(objid_t objid, const char *name, pgno_t pgno)
{
    add(&(struct catb){
        .objid = objid, .type = CATROW_TABLE, .id = objid, .coltyp_or_pgno = pgno, .name = name});
}

static void begin(void)
{
    testdb_init(&db, PAGE, 24);
    make_root(&db, 1, 1, 0);
    catb_begin(&db, CATALOG_PGNO);
    table(ALL, "All", ALL_ROOT);
    column(ALL, 1, "bit", JET_coltypBit, 0, 1, COLUMN_NOT_NULL, 4);
    column(ALL, 2, "ub", JET_coltypUnsignedByte, 0, 1, 0, 5);
    column(ALL, 3, "sh", JET_coltypShort, 0, 2, 0, 6);
    column(ALL, 4, "us", JET_coltypUnsignedShort, 0, 2, 0, 8);
    column(ALL, 5, "lo", JET_coltypLong, 0, 4, 0, 10);
    column(ALL, 6, "ul", JET_coltypUnsignedLong, 0, 4, 0, 14);
    column(ALL, 7, "cy", JET_coltypCurrency, 0, 8, 0, 18);
    column(ALL, 8, "ull", JET_coltypUnsignedLongLong, 0, 8, 0, 26);
    column(ALL, 9, "si", JET_coltypIEEESingle, 0, 4, 0, 34);
    column(ALL, 10, "do", JET_coltypIEEEDouble, 0, 8, 0, 38);
    column(ALL, 11, "dt", JET_coltypDateTime, 0, 8, 0, 46);
    column(ALL, 12, "gu", JET_coltypGUID, 0, 16, 0, 54);
    column(ALL, 128, "va", JET_coltypText, 1252, 255, 0, 0);
    column(ALL, 129, "vu", JET_coltypText, 1200, 255, 0, 0);
    column(ALL, 130, "vb", JET_coltypBinary, 0, 255, 0, 0);
    column(ALL, 256, "mv", JET_coltypLong, 0, 4, COLUMN_MULTI_VALUED, 0);
    column(ALL, 257, "mt", JET_coltypLongText, 1252, 0, COLUMN_MULTI_VALUED, 0);
    column(ALL, 258, "lt", JET_coltypLongText, 1252, 0, 0, 0);
    column(ALL, 259, "lb", JET_coltypLongBinary, 0, 0, 0, 0);
    add(&(struct catb){.objid = ALL,
                       .type = CATROW_INDEX,
                       .id = 31,
                       .coltyp_or_pgno = IX_ROOT,
                       .name = "ix",
                       .flags = 0x1000e,
                       .key_fids = sl("\0\0\x02\0\x40\0\x80\0", 8),
                       .lcmap = 0x30401});
    add(&(struct catb){
        .objid = ALL, .type = CATROW_LV, .id = 30, .coltyp_or_pgno = LV_ROOT, .name = "LV"});
    table(TWO, "Two \"quoted\"", TWO_ROOT);
    column(TWO, 1, "a,b", JET_coltypLong, 0, 4, 0, 4);
    column(TWO, 128, "q\"q", JET_coltypText, 1252, 50, 0, 0);
    make_root(&db, ALL_ROOT, ALL, 0);
    make_root(&db, TWO_ROOT, TWO, 0);
    make_root(&db, LV_ROOT, 30, PAGE_LONG_VALUE);
    make_root(&db, IX_ROOT, 31, PAGE_INDEX | PAGE_NON_UNIQUE);
}

static void end(void)
{
    testdb_done(&db);
    free(text);
    text = NULL;
}

static void add_row(pgno_t pgno, const char *key, const struct recb *r)
{
    uint8_t rec[4000];

    add_node(testdb_page(&db, pgno), PAGE, 0, 0, key, (uint32_t)strlen(key), rec, recb_end(r, rec));
}

static JET_ERR dump(enum ese_dump_format format, bool keys, char *const *tables, unsigned nr_tables)
{
    struct ese_dump_opts o = {
        .format = format, .keys = keys, .tables = tables, .nr_tables = nr_tables};
    FILE *out;
    JET_ERR err;

    free(text);
    text = NULL;
    faults_init(&fs);
    out = open_memstream(&text, &text_len);
    assert_non_null(out);
    err = ese_dump(testdb_write(&db), "test.edb", &o, out, take_fault, &fs);
    fclose(out);
    return err;
}

static void put_double(struct recb *r, unsigned fid, double v)
{
    uint8_t b[8];
    uint64_t bits;

    memcpy(&bits, &v, 8);
    put_le64(b, bits);
    recb_fixed(r, fid, b, 8);
}

static void put_single(struct recb *r, unsigned fid, float v)
{
    uint8_t b[4];
    uint32_t bits;

    memcpy(&bits, &v, 4);
    put_le32(b, bits);
    recb_fixed(r, fid, b, 4);
}

/* A row with something in every column, a row with nothing. */
static void add_all_rows(void)
{
    static uint8_t tagged[400];
    struct recb r = {0};
    struct tagb t = {.layout = TAGGED_SMALL};

    recb_fixed(&r, 1, "\xff", 1);
    recb_fixed(&r, 2, "\xc8", 1);
    recb_fixed(&r, 3, "\xfe\xff", 2);
    recb_fixed(&r, 4, "\xfe\xff", 2);
    recb_fixed(&r, 5, "\x00\x00\x00\x80", 4);
    recb_fixed(&r, 6, "\x00\x00\x00\x80", 4);
    recb_fixed(&r, 7, "\x00\x00\x00\x00\x00\x00\x00\x80", 8);
    recb_fixed(&r, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    put_single(&r, 9, 0.1f);
    put_double(&r, 10, -1e300);
    put_double(&r, 11, 44887.125);
    recb_fixed(&r, 12, "\x78\x56\x34\x12\xcd\xab\x34\x12\x01\x02\x03\x04\x05\x06\x07\x08", 16);
    recb_var(&r, "a\"b\\c\n\xe9", 7);
    recb_var(&r, "\xe9\0\"\0\x09\0\x3d\xd8\x00\xde\x00\xd8", 12);
    recb_var(&r, "\x00\xff", 2);
    tagb_add(&t, 256, 0, TAGHDR_MULTI, "\4\0\x08\0\1\0\0\0\xff\xff\xff\xff", 12);
    tagb_add(&t, 257, 0, TAGHDR_LONG | TAGHDR_MULTI, "\4\0\6\0a\"b,c", 9);
    tagb_add(&t, 258, 0, TAGHDR_LONG, "text", 4);
    tagb_add(&t, 259, 0, TAGHDR_LONG, "", 0);
    r.tagged = tagged;
    r.tagged_len = tagb_end(&t, tagged);
    add_row(ALL_ROOT, "\x01", &r);
    r = (struct recb){0};
    add_row(ALL_ROOT, "\x02", &r);
}

/* names as a command line has them */
static char name_all[] = "all", name_cut[] = "Cut", name_none[] = "Nope";
static char *const only_all[] = {name_all}, *const only_cut[] = {name_cut};

static void canonical_lines_have_every_type(void **state)
{
    (void)state;
    begin();
    add_all_rows();
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, only_all, 1), JET_errSuccess);
    assert_string_equal(
        strstr(text, "R All"),
        "R All "
        "bm=01\tbit=255\tub=200\tsh=-2\tus=65534\tlo=-2147483648\tul=2147483648\tcy=-"
        "9223372036854775808"
        "\tull=18446744073709551615\tsi=f3dcccccd\tdo=dfe37e43c8800759c\tdt=t40e5eae400000000"
        "\tgu=g78563412cdab34120102030405060708\tva=\"a\\\"b\\\\c\\x0a\\xe9\""
        "\tvu=\"\xc3\xa9\\\"\\x09\xf0\x9f\x98\x80\\ud800\"\tvb=x00ff\tmv=1\tmv[2]=-1\tmt="
        "\"a\\\"\"\tmt[2]=\"b,c\""
        "\tlt=\"text\"\tlb=x\n"
        "R All bm=02\n");
    assert_int_equal(strncmp(text, "T All\nC All bit id=1 coltyp=1 cp=0 cbMax=1 grbit=0x5\n", 52),
                     0);
    assert_non_null(strstr(text, "\nC All vu id=129 coltyp=10 cp=1200 cbMax=255 grbit=0x0\n"));
    assert_non_null(strstr(text, "\nC All mv id=256 coltyp=4 cp=0 cbMax=4 grbit=0x402\n"));
    assert_int_equal(fs.nr, 0);
    end();
}

static void json_lines_have_every_type(void **state)
{
    (void)state;
    begin();
    add_all_rows();
    assert_int_equal(dump(ESE_DUMP_JSONL, false, only_all, 1), JET_errSuccess);
    assert_string_equal(
        text,
        "{\"bit\":true,\"ub\":200,\"sh\":-2,\"us\":65534,\"lo\":-2147483648,\"ul\":2147483648,"
        "\"cy\":-9223372036854775808,\"ull\":18446744073709551615,\"si\":0.1,\"do\":-1e+300,"
        "\"dt\":\"2022-11-22T03:00:00\",\"gu\":\"12345678-abcd-1234-0102-030405060708\","
        "\"va\":\"a\\\"b\\\\c\\u000a\xc3\xa9\",\"vu\":"
        "\"\xc3\xa9\\\"\\u0009\xf0\x9f\x98\x80\\ud800\","
        "\"vb\":\"00ff\",\"mv\":[1,-1],\"mt\":[\"a\\\"\",\"b,c\"],\"lt\":\"text\",\"lb\":\"\"}\n"
        "{}\n");
    end();
}

static void csv_fields_have_every_type(void **state)
{
    (void)state;
    begin();
    add_all_rows();
    assert_int_equal(dump(ESE_DUMP_CSV, false, only_all, 1), JET_errSuccess);
    assert_string_equal(
        text,
        "bit,ub,sh,us,lo,ul,cy,ull,si,do,dt,gu,va,vu,vb,mv,mt,lt,lb\n"
        "1,200,-2,65534,-2147483648,2147483648,-9223372036854775808,18446744073709551615,0.1,"
        "-1e+300,2022-11-22T03:00:00,12345678-abcd-1234-0102-030405060708,"
        "\"a\"\"b\\c\n\xc3\xa9\",\"\xc3\xa9\"\"\t\xf0\x9f\x98\x80\xef\xbf\xbd\",00ff,\"[1,-1]\","
        "\"[\"\"a\\\"\"\"\",\"\"b,c\"\"]\",\"text\",\"\"\n"
        ",,,,,,,,,,,,,,,,,,\n");
    end();
}

static void numbers_without_a_number_are_words(void **state)
{
    struct recb r = {0};
    static const double values[] = {-0.5, 1.0 / 3, 0};

    (void)state;
    begin();
    for (unsigned i = 0; i < 3; i++) {
        const uint32_t singles[] = {0x7fc00000, 0x7f800000, 0xff800000};
        const uint64_t doubles[] = {UINT64_C(0x7ff8000000000000), UINT64_C(0x7ff0000000000000),
                                    UINT64_C(0xfff0000000000000)};
        uint8_t b[8];
        char key[2] = {(char)(1 + i), 0};
        r = (struct recb){0};
        r.fixed_len = 30;
        r.nulls[0] = 0xff;
        put_le32(b, singles[i]);
        recb_fixed(&r, 9, b, 4);
        put_le64(b, doubles[i]);
        recb_fixed(&r, 10, b, 8);
        put_double(&r, 11, values[i]);
        add_row(ALL_ROOT, key, &r);
    }
    assert_int_equal(dump(ESE_DUMP_JSONL, false, only_all, 1), JET_errSuccess);
    assert_string_equal(
        text, "{\"si\":\"NaN\",\"do\":\"NaN\",\"dt\":\"0xbfe0000000000000\"}\n"
              "{\"si\":\"Infinity\",\"do\":\"Infinity\",\"dt\":\"1899-12-30T08:00:00\"}\n"
              "{\"si\":\"-Infinity\",\"do\":\"-Infinity\",\"dt\":\"1899-12-30T00:00:00\"}\n");
    end();
}

/* Times in their forms: whole seconds, a fraction, a FILETIME, what is no time. Each text leads back to
 * the very bits. */
static void times_are_shown_in_the_form_that_keeps_their_bits(void **state)
{
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {UINT64_C(0x40e5eae400000000), "2022-11-22T03:00:00"},
        {UINT64_C(0x40e5eae400000001), "2022-11-22T03:00:00.000000629"}, /* the next number */
        {UINT64_C(0x40e5e4c000000000), "2022-10-04T00:00:00"},
        {UINT64_C(0xc10914f000000000), "1337-06-09T00:00:00"}, /* days before 1899 */
        {UINT64_C(0xbff8000000000000),
         "1899-12-29T12:00:00"}, /* -1.5: the fraction counts forwards */
        {UINT64_C(0x01d8fe0e3a5d4321), "2022-11-22T01:03:26.9617441Z"},
        {UINT64_C(0x019db1ded53e8000), "1970-01-01T00:00:00.0000000Z"},
        {UINT64_C(0x019db1ded53e7fff),
         "0x019db1ded53e7fff"}, /* a FILETIME of 1969, or nothing at all */
        {UINT64_C(0x4146ff0000000000), "0x4146ff0000000000"}, /* beyond the year 9999 */
        {UINT64_C(0x8000000000000000), "0x8000000000000000"}, /* minus zero */
        {UINT64_C(0x7ff8000000000000), "0x7ff8000000000000"},
    };
    char want[200];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct recb r = {0};
        uint8_t b[8];
        begin();
        r.fixed_len = 42;
        r.nulls[0] = 0xff;
        r.nulls[1] = 0x03;
        put_le64(b, cases[i].bits);
        recb_fixed(&r, 11, b, 8);
        add_row(ALL_ROOT, "\x01", &r);
        assert_int_equal(dump(ESE_DUMP_JSONL, false, only_all, 1), JET_errSuccess);
        snprintf(want, sizeof(want), "{\"dt\":\"%s\"}\n", cases[i].text);
        assert_string_equal(text, want);
        end();
    }
}

static void awkward_text_is_kept_apart_from_the_format(void **state)
{
    struct recb r = {0};

    (void)state;
    begin();
    recb_var(&r, NULL, 0);
    recb_var(&r,
             "\x00\xd0"
             "a",
             3); /* U+D000 begins like a surrogate in UTF-8; then half a unit */
    add_row(ALL_ROOT, "\x01", &r);
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, only_all, 1), JET_errSuccess);
    assert_non_null(strstr(text, "\tvu=\"\xed\x80\x80"
                                 "a\"\n"));
    assert_int_equal(dump(ESE_DUMP_JSONL, false, only_all, 1), JET_errSuccess);
    assert_string_equal(text, "{\"vu\":\"\xed\x80\x80\xef\xbf\xbd\"}\n");
    assert_int_equal(dump(ESE_DUMP_CSV, false, only_all, 1), JET_errSuccess);
    assert_non_null(strstr(text, ",\"\xed\x80\x80\xef\xbf\xbd\","));
    end();
}

/* Records of formats before 1999, where a null may stand before other values. */
static void the_old_record_format_is_dumped(void **state)
{
    static const uint8_t tagged[] = {0x00, 0x01, 0x00, 0x40, 0x00, 0x01, 0x04, 0x00, 7,   0,  0,
                                     0,    0x02, 0x01, 0x05, 0x80, 0x00, 't',  'e',  'x', 't'};
    struct recb r = {.tagged = tagged, .tagged_len = sizeof(tagged)};

    (void)state;
    begin();
    make_root(&db, ALL_ROOT, ALL, 0);
    put_le32(testdb_page(&db, ALL_ROOT) + 36, PAGE_ROOT | PAGE_LEAF | PAGE_NEW_CHECKSUM);
    add_row(ALL_ROOT, "\x01", &r);
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, only_all, 1), JET_errSuccess);
    assert_non_null(strstr(text, "R All bm=01\tmv[2]=7\tlt=\"text\"\n"));
    assert_int_equal(dump(ESE_DUMP_JSONL, false, only_all, 1), JET_errSuccess);
    assert_string_equal(text, "{\"mv\":[null,7],\"lt\":\"text\"}\n");
    assert_int_equal(dump(ESE_DUMP_CSV, false, only_all, 1), JET_errSuccess);
    assert_non_null(strstr(text, ",\"[null,7]\",,\"text\",\n"));
    end();
}

/* ---- tables and space ---------------------------------------------------------------------------- */

static JET_ERR list(bool tables, bool json)
{
    FILE *out;
    JET_ERR err;

    free(text);
    text = NULL;
    faults_init(&fs);
    out = open_memstream(&text, &text_len);
    assert_non_null(out);
    err = (tables ? ese_dump_tables : ese_dump_space)(testdb_write(&db), "test.edb", json, out,
                                                      take_fault, &fs);
    fclose(out);
    return err;
}

static void add_special_tables(void)
{
    add(&(struct catb){.objid = 12,
                       .type = CATROW_TABLE,
                       .id = 12,
                       .coltyp_or_pgno = 18,
                       .flags = TABLE_TEMPLATE,
                       .name = "Templ"});
    add(&(struct catb){.objid = 12,
                       .type = CATROW_COLUMN,
                       .id = 1,
                       .coltyp_or_pgno = JET_coltypLong,
                       .space = 4,
                       .flags = COLUMN_TEMPLATE98 | COLUMN_DEFAULT,
                       .record_offset = 4,
                       .name = "t",
                       .default_value = sl("\x2a\0\0\0", 4)});
    add(&(struct catb){.objid = 12,
                       .type = CATROW_INDEX,
                       .id = 12,
                       .coltyp_or_pgno = 18,
                       .name = "pk",
                       .flags = 0x10021,
                       .key_fids = sl("\x80\0\1\0", 4),
                       .conditions = sl("\xa0\0\1\0\x80\0\1\0", 8),
                       .tuple_limits = sl("\3\0\0\0\12\0\0\0\xff\x7f\0\0", 12)});
    add(&(struct catb){.objid = 13,
                       .type = CATROW_TABLE,
                       .id = 13,
                       .coltyp_or_pgno = 19,
                       .flags = (uint32_t)TABLE_SYSTEM | TABLE_DERIVED,
                       .name = "Sys",
                       .templ = "Templ"});
    add(&(struct catb){.objid = 13,
                       .type = CATROW_INDEX,
                       .id = 33,
                       .coltyp_or_pgno = IX_ROOT,
                       .name = "loc",
                       .flags = 0x1040e,
                       .key_fids = sl("\0\0\x09\0", 4),
                       .locale = "de-DE"});
    make_root(&db, 18, 12, 0);
    make_root(&db, 19, 13, 0);
    make_root(&db, IX_ROOT, 33, PAGE_INDEX | PAGE_NON_UNIQUE);
}

static void tables_are_listed_with_what_they_have(void **state)
{
    (void)state;
    begin();
    add_special_tables();
    put_le32(testdb_page(&db, IX_ROOT) + 24, 31);
    (void)list(true, false);
    assert_non_null(strstr(
        text,
        "Templ: 0 rows, object 12, root page 18, template\n"
        "    2147483649  t                        Long                     fixed, default "
        "2a000000\n"
        "       primary  pk                       +t where t is null and t is not null, unique, "
        "tuples of 3 to 10, root page 18, 0 entries\n"));
    assert_non_null(
        strstr(text, "Sys: 0 rows, object 13, root page 19, system table, from template Templ\n"));
    assert_non_null(strstr(
        text, "         index  loc                      +?, de-DE, root page 23, 0 entries\n"));
    assert_non_null(strstr(
        text,
        "All: 0 rows, object 10, root page 20, long values at page 22\n"
        "             1  bit                      Bit                      fixed, not null\n"));
    assert_non_null(strstr(
        text,
        "           130  vb                       Binary(255)              variable\n"
        "           256  mv                       Long                     tagged, multi-valued\n"
        "           257  mt                       LongText(0, cp 1252)     tagged, "
        "multi-valued\n"));
    (void)list(true, true);
    assert_non_null(
        strstr(text, "\"Tuples\":{\"Min\":3,\"Max\":10,\"Count\":32767,\"Step\":1,\"Start\":0}"));
    assert_non_null(strstr(text, "\"Conditions\":[\"t is null\",\"t is not null\"]"));
    assert_non_null(strstr(text, "\"Default\":\"2a000000\""));
    end();
}

/* Page 1 owns 24 pages in one extent; All's trees lie in it, some of them twice. */
static void space_is_listed_tree_by_tree(void **state)
{
    (void)state;
    begin();
    make_root(&db, TWO_ROOT, TWO, 0);
    page_make(testdb_page(&db, 1), PAGE, 1, 1, PAGE_ROOT | PAGE_LEAF | PAGE_NEW_CHECKSUM, 0, 0);
    set_space(testdb_page(&db, 1), PAGE, 0, 0, 24, 0x2);
    assert_int_equal(list(false, false), JET_errSuccess);
    assert_non_null(strstr(text, "24 pages of 8192 bytes in the file\n"));
    assert_non_null(strstr(text, "\n        1         1       0         0         0     0      1   "
                                 "    23  index       All.ix\n"));
    assert_non_null(strstr(text, "\n        1         1       0         0         2    -2      1   "
                                 "    20  table       All\n"));
    assert_non_null(strstr(text, "\n       24         1       0         1         2    20      1   "
                                 "     1  database    -\n"));
    assert_int_equal(list(false, true), JET_errSuccess);
    assert_non_null(strstr(
        text,
        "\"Name\":\"All\",\"Kind\":\"table\",\"Object\":10,\"RootPage\":20,\"Levels\":1,\"Owned\":"
        "1,"
        "\"Used\":1,\"ExtentTrees\":0,\"Available\":0,\"Given\":2,\"Lost\":0,\"TooMany\":2}"));
    memset(testdb_page(&db, TWO_ROOT), 0, PAGE);
    assert_int_equal(list(false, false), JET_errPageNotInitialized); /* and the others are listed */
    assert_non_null(strstr(text, "\n        0         0       0         0         0     0      0   "
                                 "    21  table       Two"));
    assert_non_null(strstr(text, "  database    -\n"));
    end();
}

static void tables_are_told_apart_when_there_are_several(void **state)
{
    struct recb r = {0};

    (void)state;
    begin();
    recb_fixed(&r, 1, "\7\0\0\0", 4);
    recb_var(&r, "x\"y", 3);
    add_row(TWO_ROOT, "\x01", &r);
    assert_int_equal(dump(ESE_DUMP_CSV, false, NULL, 0), JET_errSuccess);
    assert_non_null(strstr(text, "# All\nbit,ub"));
    assert_non_null(strstr(text, "lb\n\n# Two \"quoted\"\n\"a,b\",\"q\"\"q\"\n7,\"x\"\"y\"\n"));
    assert_int_equal(dump(ESE_DUMP_JSONL, false, NULL, 0), JET_errSuccess);
    assert_string_equal(text,
                        "{\"$table\":\"Two \\\"quoted\\\"\",\"a,b\":7,\"q\\\"q\":\"x\\\"y\"}\n");
    end();
}

static void index_entries_and_counts_come_with_the_keys(void **state)
{
    (void)state;
    begin();
    add_all_rows();
    add_node(testdb_page(&db, IX_ROOT), PAGE, 0, 0, "\x7f\x01", 2, "\x02", 1);
    add_node(testdb_page(&db, IX_ROOT), PAGE, NODE_DELETED, 0, "\x7f\x02", 2, "\x01", 1);
    add_node(testdb_page(&db, IX_ROOT), PAGE, 0, 0, "\x7f\xc8", 2, "\x01", 1);
    assert_int_equal(dump(ESE_DUMP_CANONICAL, true, only_all, 1), JET_errSuccess);
    assert_non_null(strstr(text, "\nX All ix grbit=0x0 seg=0/2 +ub lcmap=0x30401\n"
                                 "X All ix grbit=0x0 seg=1/2 -va lcmap=0x30401\n"
                                 "K All ix key=7f01 bm=02\n"
                                 "K All ix key=7fc8 bm=01\n"
                                 "N All rows=2\n"));
    end();
}

static void long_values_are_told_by_length_crc_and_head(void **state)
{
    static uint8_t big[20000];
    uint8_t key[LV_KEY_MAX], root[8], tagged[64], *lv;
    struct tagb t = {.layout = TAGGED_SMALL};
    struct recb r = {0};
    uint32_t chunk = lv_chunk_default(PAGE);

    (void)state;
    begin();
    for (uint32_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 7);
    lv = testdb_page(&db, LV_ROOT);
    put_le32(root, 1);
    put_le32(root + 4, 500);
    add_node(lv, PAGE, 0, 0, key, lv_key(1, NULL, key), root, 8);
    add_node(lv, PAGE, 0, 0, key, lv_key(1, &(uint32_t){0}, key), big, 500);
    assert_true(chunk > 500);
    tagb_add(&t, 258, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\1\0\0\0", 4);
    tagb_add(&t, 259, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\1\0\0\0", 4);
    r.tagged = tagged;
    r.tagged_len = tagb_end(&t, tagged);
    add_row(ALL_ROOT, "\x01", &r);
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, only_all, 1), JET_errSuccess);
    /* CRC by an independent table-free loop */
    {
        uint32_t crc = ~0u;
        char want[200];
        for (unsigned i = 0; i < 500; i++) {
            crc ^= big[i];
            for (int k = 0; k < 8; k++)
                crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
        snprintf(want, sizeof(want),
                 "\tlb=len:500,crc32:%08x,head:00070e151c232a31383f464d545b6269\n", ~crc);
        assert_non_null(strstr(text, want));
        assert_non_null(strstr(text, "\tlt=len:500,crc32:"));
    }
    end();
}

static void what_cannot_be_read_is_marked_and_told(void **state)
{
    uint8_t tagged[64];
    struct tagb t = {.layout = TAGGED_SMALL};
    struct recb r = {0};

    (void)state;
    begin();
    tagb_add(&t, 257, 0, TAGHDR_LONG | TAGHDR_ENCRYPTED, "secret", 6);
    tagb_add(&t, 258, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\7\0\0\0", 4);
    tagb_add(&t, 259, 0, TAGHDR_LONG | TAGHDR_COMPRESSED, "\x28zz", 3);
    r.tagged = tagged;
    r.tagged_len = tagb_end(&t, tagged);
    add_row(ALL_ROOT, "\x01", &r);
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, only_all, 1), JET_errColumnNoEncryptionKey);
    assert_string_equal(strstr(text, "R All"),
                        "R All bm=01\tmt=!JET_errColumnNoEncryptionKey"
                        "\tlt=!JET_errLVCorrupted\tlb=!JET_errDecompressionFailed\n");
    assert_int_equal(fs.nr, 3);
    assert_int_equal(dump(ESE_DUMP_JSONL, false, only_all, 1), JET_errColumnNoEncryptionKey);
    assert_string_equal(text, "{\"mt\":[null],\"lt\":null,\"lb\":null}\n");
    assert_int_equal(dump(ESE_DUMP_CSV, false, only_all, 1), JET_errColumnNoEncryptionKey);
    assert_non_null(strstr(text, "\n,,,,,,,,,,,,,,,,\"[null]\",,\n"));
    end();
}

/* A value that ends early: what there was is given, its quotes are closed, the fault is told. */
static void a_value_that_breaks_off_leaves_sound_output(void **state)
{
    static uint8_t big[8000];
    uint8_t key[LV_KEY_MAX], root[8], tagged[64];
    uint8_t *lv;
    struct tagb t = {.layout = TAGGED_SMALL};
    struct recb r = {0};

    (void)state;
    begin();
    add(&(struct catb){.objid = 12,
                       .type = CATROW_TABLE,
                       .id = 12,
                       .coltyp_or_pgno = 19,
                       .lv_chunk = 4,
                       .name = "Cut"});
    column(12, 256, "c", JET_coltypLongText, 1252, 0, 0, 0);
    add(&(struct catb){
        .objid = 12, .type = CATROW_LV, .id = 30, .coltyp_or_pgno = LV_ROOT, .name = "LV"});
    make_root(&db, 19, 12, 0);
    lv = testdb_page(&db, LV_ROOT);
    memset(big, 'z', sizeof(big));
    put_le32(root, 1);
    put_le32(root + 4, 12);
    add_node(lv, PAGE, 0, 0, key, lv_key(1, NULL, key), root, 8);
    add_node(lv, PAGE, 0, 0, key, lv_key(1, &(uint32_t){0}, key), big, 4);
    tagb_add(&t, 256, 0, TAGHDR_LONG | TAGHDR_SEPARATED, "\1\0\0\0", 4);
    r.tagged = tagged;
    r.tagged_len = tagb_end(&t, tagged);
    add_row(19, "\x01", &r);
    assert_int_equal(dump(ESE_DUMP_JSONL, false, only_cut, 1), JET_errLVCorrupted);
    assert_string_equal(text, "{\"c\":\"zzzz\"}\n");
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, only_cut, 1), JET_errLVCorrupted);
    assert_non_null(strstr(text, "\tc=!JET_errLVCorrupted\n"));
    end();
}

static void damaged_records_and_pages_cost_what_they_touch(void **state)
{
    struct recb r = {0};

    (void)state;
    begin();
    recb_fixed(&r, 1, "\xff", 1);
    add_row(ALL_ROOT, "\x01", &r);
    add_node(testdb_page(&db, ALL_ROOT), PAGE, 0, 0, "\x02", 1, "\x01\x7f\x04", 3); /* no record */
    r.tagged = (const uint8_t *)"\0\1\4\0\1"; /* a field, cut off */
    r.tagged_len = 3;
    add_row(ALL_ROOT, "\x03", &r);
    add_row(ALL_ROOT, "\x04", &(struct recb){0});
    assert_int_equal(dump(ESE_DUMP_CANONICAL, true, only_all, 1), JET_errDatabaseCorrupted);
    assert_non_null(strstr(text, "R All bm=01\tbit=255\nR All bm=03\tbit=255\nR All bm=04\n"));
    assert_non_null(strstr(text, "N All rows=3\n"));
    assert_int_equal(fs.nr, 2);
    assert_int_equal(fs.last.pgno, ALL_ROOT);
    memset(testdb_page(&db, ALL_ROOT), 0, PAGE);
    assert_int_equal(dump(ESE_DUMP_CANONICAL, true, only_all, 1), JET_errPageNotInitialized);
    assert_non_null(strstr(text, "N All rows=0\n"));
    end();
}

static void an_index_of_a_deleted_column_is_a_fault(void **state)
{
    (void)state;
    begin();
    add(&(struct catb){.objid = TWO,
                       .type = CATROW_INDEX,
                       .id = 33,
                       .coltyp_or_pgno = IX_ROOT,
                       .name = "gone",
                       .flags = 0x1000e,
                       .key_fids = sl("\0\0\x09\0", 4)});
    assert_int_equal(dump(ESE_DUMP_CANONICAL, true, NULL, 0), JET_errCatalogCorrupted);
    assert_non_null(strstr(text, " gone grbit=0x0 seg=0/1 +? lcmap=0x0\n"));
    end();
}

static void a_table_that_there_is_not_is_told_and_the_others_are_dumped(void **state)
{
    char *const names[] = {name_none, name_all};

    (void)state;
    begin();
    add_all_rows();
    assert_int_equal(dump(ESE_DUMP_CANONICAL, false, names, 2), JET_errObjectNotFound);
    assert_non_null(strstr(text, "R All bm=02\n"));
    assert_int_equal(fs.nr, 1);
    assert_non_null(strstr(fs.last.text, "Nope"));
    end();
}

static void a_format_that_there_is_not_is_refused(void **state)
{
    (void)state;
    begin();
    assert_int_equal(dump((enum ese_dump_format)99, false, NULL, 0), JET_errInvalidParameter);
    end();
}

static void a_full_disk_is_told(void **state)
{
    const struct ese_dump_opts o = {.format = ESE_DUMP_CANONICAL};
    FILE *full;

    (void)state;
    begin();
    add_all_rows();
    for (int i = 0; i < 3; i++) {
        JET_ERR err;
        full = fopen("/dev/full", "w");
        assert_non_null(full);
        faults_init(&fs);
        err = i == 0   ? ese_dump(testdb_write(&db), "t", &o, full, take_fault, &fs)
              : i == 1 ? ese_dump_tables(testdb_write(&db), "t", false, full, take_fault, &fs)
                       : ese_dump_space(testdb_write(&db), "t", true, full, take_fault, &fs);
        assert_int_equal(err, JET_errDiskFull);
        assert_int_equal(fs.nr, 1);
        (void)fclose(full);
    }
    end();
}

/* More than the buffer holds: the error comes while the rows are written, and they end. */
static void a_disk_that_fills_up_ends_the_dump(void **state)
{
    static char *names[3000];
    const struct ese_dump_opts o = {
        .format = ESE_DUMP_CSV, .tables = names, .nr_tables = ARRAY_LEN(names)};
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(full);
    begin();
    add_all_rows();
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        names[i] = name_all;
    faults_init(&fs);
    assert_int_equal(ese_dump(testdb_write(&db), "t", &o, full, take_fault, &fs), JET_errDiskFull);
    assert_int_equal(fs.nr, 1);
    assert_int_not_equal(fs.last.os_errno, 0);
    (void)fclose(full);
    end();
}

static void what_is_no_database_is_refused_by_each(void **state)
{
    const struct ese_dump_opts o = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    FILE *out = tmpfile();

    (void)state;
    faults_init(&fs);
    assert_non_null(out);
    assert_int_equal(ese_dump(fd, "t", &o, out, take_fault, &fs), JET_errFileInvalidType);
    assert_int_equal(ese_dump_tables(fd, "t", true, out, take_fault, &fs), JET_errFileInvalidType);
    assert_int_equal(ese_dump_space(fd, "t", true, out, take_fault, &fs), JET_errFileInvalidType);
    assert_int_equal(ftell(out), 0);
    fclose(out);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_lines_have_every_type),
        cmocka_unit_test(json_lines_have_every_type),
        cmocka_unit_test(csv_fields_have_every_type),
        cmocka_unit_test(numbers_without_a_number_are_words),
        cmocka_unit_test(times_are_shown_in_the_form_that_keeps_their_bits),
        cmocka_unit_test(awkward_text_is_kept_apart_from_the_format),
        cmocka_unit_test(the_old_record_format_is_dumped),
        cmocka_unit_test(tables_are_listed_with_what_they_have),
        cmocka_unit_test(space_is_listed_tree_by_tree),
        cmocka_unit_test(tables_are_told_apart_when_there_are_several),
        cmocka_unit_test(index_entries_and_counts_come_with_the_keys),
        cmocka_unit_test(long_values_are_told_by_length_crc_and_head),
        cmocka_unit_test(what_cannot_be_read_is_marked_and_told),
        cmocka_unit_test(a_value_that_breaks_off_leaves_sound_output),
        cmocka_unit_test(damaged_records_and_pages_cost_what_they_touch),
        cmocka_unit_test(an_index_of_a_deleted_column_is_a_fault),
        cmocka_unit_test(a_table_that_there_is_not_is_told_and_the_others_are_dumped),
        cmocka_unit_test(a_format_that_there_is_not_is_refused),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(a_disk_that_fills_up_ends_the_dump),
        cmocka_unit_test(what_is_no_database_is_refused_by_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
