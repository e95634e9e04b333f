/*
 * ese_integrity on a database of our own: 32 pages with the catalogue and its shadow, MSysObjids, one table
 * with a primary and a secondary index and long values. It is sound, and each damage to it is told where
 * it is.
 */
#include "integrity_db.h"

/* ---- damages ----------------------------------------------------------------------------------- */

static void swapped_leaves(struct testdb *db)
{
    swap_pages(db, TABLE_LEAF, TABLE_LEAF + 1);
}
static void foreign_objid(struct testdb *db)
{
    le32_put(&head_of(db, TABLE_LEAF + 1)->objid_fdp, 99);
}
static void lost_type_flag(struct testdb *db)
{
    le32_put(&head_of(db, INDEX_LEAF)->flags, page_flags(whole(db, INDEX_LEAF)) & ~PAGE_INDEX);
}
static void table_flagged_as_index(struct testdb *db)
{
    for (pgno_t p = TABLE; p < INDEX; p++)
        le32_put(&head_of(db, p)->flags, page_flags(whole(db, p)) | PAGE_INDEX);
}
static void leaf_flagged_as_parent(struct testdb *db)
{
    le32_put(&head_of(db, TABLE)->flags, page_flags(whole(db, TABLE)) & ~PAGE_PARENT_OF_LEAF);
}
static void older_neighbour(struct testdb *db)
{
    le32_put(&head_of(db, TABLE_LEAF)->pgno_next, TABLE_LEAF + 2);
}
static void leaf_before_the_first(struct testdb *db)
{
    le32_put(&head_of(db, TABLE_LEAF)->pgno_prev, TABLE_LEAF + 2);
}
static void leaf_behind_the_last(struct testdb *db)
{
    le32_put(&head_of(db, TABLE_LEAF + 2)->pgno_next, TABLE_LEAF);
}
static void child_of_another_tree(struct testdb *db)
{
    put_le32(data_of(db, TABLE, 1), INDEX_LEAF);
}
static void child_twice(struct testdb *db)
{
    put_le32(data_of(db, TABLE, 2), TABLE_LEAF);
}
static void child_is_the_root(struct testdb *db)
{
    put_le32(data_of(db, TABLE, 1), TABLE);
}
static void child_behind_the_end(struct testdb *db)
{
    put_le32(data_of(db, TABLE, 1), 4000);
}
static void separator_too_low(struct testdb *db)
{
    key_of(db, TABLE, 0)[4]--;
}
static void separator_too_high(struct testdb *db)
{
    key_of(db, TABLE, 0)[4]++;
}
static void versioned_pointer(struct testdb *db)
{
    uint8_t *b = testdb_page(db, TABLE);

    if (db->page_size <= 8192)
        b[db->page_size - 8 + 3] |= NODE_VERSIONED << 5;
    else
        key_of(db, TABLE, 0)[-1] |= NODE_VERSIONED << 5;
}
static void blank_leaf(struct testdb *db)
{
    memset(testdb_page(db, TABLE_LEAF + 1), 0, db->page_size);
}
static void rows_out_of_order(struct testdb *db) /* over the border of two pages only */
{
    key_of(db, TABLE_LEAF, 3)[3] = 1;
}

static void extent_of_two(struct testdb *db)
{
    put_le32(space_of(db, INDEX), 4); /* reaches into the long values */
}
static void extent_not_of_the_table(struct testdb *db)
{
    put_le32(space_of(db, LV), 9);
}
static void table_out_of_available(struct testdb *db)
{
    put_le32(data_of(db, 3, 1), 5); /* 19 to 23: 19 is the table's */
}
static void used_and_available(struct testdb *db)
{
    put_space(db, TABLE, 10, 1, 0, 1u << 8 | 1);
}
static void available_and_given_away(struct testdb *db)
{
    put_space(db, TABLE, 10, 1, 0, 1u << 8 | 1u << (INDEX_LEAF - TABLE - 1));
}
static void not_owned_by_the_database(struct testdb *db)
{
    put_le32(data_of(db, 2, 0), NR_PAGES - 1);
}
static void owned_behind_the_end(struct testdb *db)
{
    key_of(db, 2, 0)[3] = NR_PAGES + 1;
    put_le32(data_of(db, 2, 0), NR_PAGES + 1);
}
static void space_from_another(struct testdb *db)
{
    put_le32(space_of(db, INDEX) + 4, 1);
}
static void uniqueness_denied(struct testdb *db)
{
    space_of(db, INDEX)[8] = 0;
}
static void shelved_inside(struct testdb *db)
{
    uint8_t key[5] = {0x80 | 2, 0, 0, 0, 8}, data[4] = {2, 0, 0, 0};

    add_node(testdb_page(db, 3), db->page_size, 0, 0, key, 5, data, 4);
}
static void split_buffer_in_use(struct testdb *db)
{
    put_le32(space_of(db, 2), 12);
    put_le32(space_of(db, 2) + 4, 2);
}

static void shadow_differs(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, 10) + 14, 28); /* ColtypOrPgnoFDP */
}
static void row_not_in_the_shadow(struct testdb *db)
{
    remove_line(db, CATALOG_SHADOW_PGNO, 7);
}
static void row_in_the_shadow_only(struct testdb *db)
{
    remove_line(db, CATALOG_PGNO, 7);
    remove_line(db, CATALOG_SHADOW_PGNO, 6);
}
static void catalog_elsewhere(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, 2) + 14, 23);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, 2) + 14, 23);
}
static void two_trees_with_one_root(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, 10) + 14, INDEX);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, 10) + 14, INDEX);
}
static void two_trees_with_one_number(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, 10) + 10, INDEX_OBJID);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, 10) + 10, INDEX_OBJID);
    key_of(db, CATALOG_PGNO, 10)[12]--;
    key_of(db, CATALOG_SHADOW_PGNO, 10)[12]--;
}
static void number_not_given_out(struct testdb *db)
{
    put_header_field(db, offsetof(struct dbhdr_disk, objid_last), LV_OBJID);
}

static void record_without_frame(struct testdb *db)
{
    put_le16(data_of(db, TABLE_LEAF + 1, 1) + 2, 500);
}
static void fixed_columns_end_elsewhere(struct testdb *db)
{
    data_of(db, TABLE_LEAF + 2, 1)[0] = 0; /* no fixed column, and yet 4 bytes of them */
}
static void fixed_column_of_nobody(struct testdb *db)
{
    data_of(db, TABLE_LEAF + 2, 1)[0] = 2;
}
static void key_of_another_record(struct testdb *db)
{
    put_le32(data_of(db, TABLE_LEAF + 1, 1) + 4, 77);
}
static void tagged_of_no_column(struct testdb *db)
{
    uint8_t *rec = data_of(db, TABLE_LEAF, 1);

    put_le16(rec + 9 + 2 + 3, 300);
}

static void entry_missing(struct testdb *db)
{
    remove_line(db, INDEX_LEAF, 2);
}
static void entry_of_no_record(struct testdb *db)
{
    remove_line(db, TABLE_LEAF + 1, 1); /* as on a page from before the insertion */
}
static void entry_with_another_key(struct testdb *db)
{
    key_of(db, INDEX_LEAF, 2)[4]++;
}
static void entry_leads_elsewhere(struct testdb *db)
{
    data_of(db, INDEX_LEAF, 2)[4] = 99;
}
static void deleted_but_indexed(struct testdb *db)
{
    uint8_t *b = testdb_page(db, TABLE_LEAF + 1);

    if (db->page_size <= 8192)
        b[db->page_size - 4 * 3 + 3] |= NODE_DELETED << 5;
    else
        key_of(db, TABLE_LEAF + 1, 1)[-1] |= NODE_DELETED << 5;
}

static void lv_counted_too_low(struct testdb *db)
{
    put_le32(data_of(db, LV, 0), 1);
}
static void lv_counted_too_high(struct testdb *db)
{
    put_le32(data_of(db, LV, 3), 3);
}
static void lv_without_reference(struct testdb *db)
{
    put_le32(data_of(db, LV, 6), 1);
}
static void lv_of_no_root(struct testdb *db)
{
    remove_line(db, LV, 0);
}
static void lv_piece_missing(struct testdb *db)
{
    remove_line(db, LV, 1);
}
static void lv_end_missing(struct testdb *db)
{
    remove_line(db, LV, 5);
}
static void lv_piece_too_short(struct testdb *db)
{
    put_le32(data_of(db, LV, 3) + 4, lv_chunk_default(db->page_size) / 4 + 11);
}
static void lv_piece_behind_the_end(struct testdb *db)
{
    put_le32(data_of(db, LV, 0) + 4, 10);
}
static void lv_dangling(struct testdb *db)
{
    put_le32(data_of(db, TABLE_LEAF, 0) + 9 + 2 + 3 + 4 + 1, 77);
}

static void lv_key_of_wrong_length(struct testdb *db)
{
    static const uint8_t key[6] = {0, 0, 0, 9};

    add_node(testdb_page(db, LV), db->page_size, 0, 0, key, 6, key, 4);
}

static void last_pointer_with_a_key(struct testdb *db)
{
    static const uint8_t key[1] = {0x80};

    remove_line(db, TABLE, 2);
    add_child(testdb_page(db, TABLE), db->page_size, key, 1, TABLE_LEAF + 2);
}
static void nodes_in_the_root(struct testdb *db)
{
    add_node(testdb_page(db, 1), db->page_size, 0, 0, "k", 1, "d", 1);
}
static void split_buffer_of_a_used_page(struct testdb *db)
{
    put_le32(space_of(db, 2), 3);
    put_le32(space_of(db, 2) + 4, 1);
}

/* In a catalogue row: bytes that stand there once become others of the same number. */
static void replace_in_row(struct testdb *db, pgno_t pgno, unsigned line, const void *from,
                           const void *to, size_t len)
{
    uint32_t n = page_node(whole(db, pgno), line).data.len;
    uint8_t *at = memmem(data_of(db, pgno, line), n, from, len);

    assert_non_null(at);
    memcpy(at, to, len);
}

enum { ROW_ID = 5, ROW_NAME = 6, ROW_PK = 8, ROW_INDEX = 9 }; /* lines of the catalogue */

static void shadow_has_another_name(struct testdb *db)
{
    replace_in_row(db, CATALOG_SHADOW_PGNO, ROW_INDEX, "by_name", "by_nome", 7);
}
static void shadow_has_another_default(struct testdb *db)
{
    replace_in_row(db, CATALOG_SHADOW_PGNO, ROW_NAME, "n07", "n08", 3);
}
static void shadow_has_other_segments(struct testdb *db)
{
    replace_in_row(db, CATALOG_SHADOW_PGNO, ROW_INDEX, "\0\0\x80\0", "\x40\0\x80\0", 4);
}
static void shadow_has_another_length(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, ROW_NAME) + 18, 254);
}
static void default_of_another_value(struct testdb *db)
{
    replace_in_row(db, CATALOG_PGNO, ROW_NAME, "n07", "n55", 3);
    replace_in_row(db, CATALOG_SHADOW_PGNO, ROW_NAME, "n07", "n55", 3);
}
static void index_of_no_column(struct testdb *db)
{
    replace_in_row(db, CATALOG_PGNO, ROW_INDEX, "\0\0\x80\0", "\0\0\x81\0", 4);
    replace_in_row(db, CATALOG_SHADOW_PGNO, ROW_INDEX, "\0\0\x80\0", "\0\0\x81\0", 4);
}
static void rows_without_numbers(struct testdb *db)
{
    remove_line(db, CATALOG_PGNO, ROW_PK);
    remove_line(db, CATALOG_SHADOW_PGNO, ROW_PK);
}
static void objids_of_another_type(struct testdb *db)
{
    uint8_t *row = data_of(db, OBJIDS, 3);

    row[page_node(whole(db, OBJIDS), 3).data.len - 2] = 4;
}
static void objids_of_no_tree(struct testdb *db)
{
    static const uint8_t one[4] = {11}, other[4] = {12};
    uint8_t *row = data_of(db, OBJIDS, 3);
    uint8_t *at = memmem(row, 60, one, 4);

    remove_line(db, OBJIDS, 5);
    remove_line(db, OBJIDS, 4);
    assert_non_null(at);
    memcpy(at, other, 4);
    at[0] = 99;
    key_of(db, OBJIDS, 3)[4] = 99;
}

static void header_copy_ruined(struct testdb *db)
{
    db->bytes[db->page_size + 100] ^= 1;
}
static void header_ruined(struct testdb *db)
{
    db->bytes[100] ^= 1;
}

/* offset of data_of(...): fixed part 4 + 4 + 1, variable 2 + 3, tagged 4 + 1 + 4 */
struct damage {
    const char *name;
    void (*make)(struct testdb *db);
    JET_ERR err;
    pgno_t pgno;
    const char *text;
};

#define DAMAGE(name_, err_, pgno_, text_)                                        \
    {                                                                            \
        .name = #name_, .make = name_, .err = err_, .pgno = pgno_, .text = text_ \
    }

static const struct damage damages[] = {
    DAMAGE(swapped_leaves, JET_errBadParentPageLink, TABLE_LEAF, "its keys are not those"),
    DAMAGE(swapped_leaves, JET_errBadParentPageLink, TABLE_LEAF + 1, "its keys are not those"),
    DAMAGE(foreign_objid, JET_errDatabaseCorrupted, TABLE_LEAF + 1, "object 99, not 10"),
    DAMAGE(lost_type_flag, JET_errDatabaseCorrupted, INDEX_LEAF, "another type"),
    DAMAGE(table_flagged_as_index, JET_errDatabaseCorrupted, TABLE, "another kind"),
    DAMAGE(leaf_flagged_as_parent, JET_errBadParentPageLink, TABLE_LEAF, "one level"),
    DAMAGE(older_neighbour, JET_errBadPageLink, TABLE_LEAF + 1, "links"),
    DAMAGE(leaf_before_the_first, JET_errBadPageLink, TABLE_LEAF, "a leaf before it"),
    DAMAGE(leaf_behind_the_last, JET_errBadPageLink, TABLE_LEAF + 2, "last leaf"),
    DAMAGE(child_of_another_tree, JET_errDatabaseCorrupted, INDEX_LEAF, "object 11, not 10"),
    DAMAGE(child_twice, JET_errBadPageLink, TABLE_LEAF, "reached before"),
    DAMAGE(child_is_the_root, JET_errDatabaseCorrupted, TABLE, "inside a tree is flagged as root"),
    DAMAGE(child_behind_the_end, JET_errFileIOBeyondEOF, 4000, "ends before"),
    DAMAGE(separator_too_low, JET_errBadParentPageLink, TABLE_LEAF, "its keys are not those"),
    DAMAGE(separator_too_high, JET_errBadParentPageLink, TABLE_LEAF + 1, "its keys are not those"),
    DAMAGE(versioned_pointer, JET_errNodeCorrupted, TABLE, "flags of a record"),
    DAMAGE(blank_leaf, JET_errPageNotInitialized, TABLE_LEAF + 1, "blank"),
    DAMAGE(rows_out_of_order, JET_errDatabaseCorrupted, TABLE_LEAF + 1, "not above the last"),
    DAMAGE(extent_of_two, JET_errSPOwnExtCorrupted, LV,
           "pages 17 to 17 are owned by the long values"
           " of table T and by index by_name"),
    DAMAGE(extent_not_of_the_table, JET_errSPOwnExtCorrupted, LV,
           "pages 21 to 23 are owned by the long values of table T, but not by table T"),
    DAMAGE(table_out_of_available, JET_errSPAvailExtCorrupted, 3,
           "pages 19 to 19 are available in the database, but owned by table T"),
    DAMAGE(used_and_available, JET_errSPAvailExtCorrupted, TABLE_LEAF, "in use in table T and"),
    DAMAGE(available_and_given_away, JET_errSPAvailExtCorrupted, TABLE, "owned by index by_name"),
    DAMAGE(not_owned_by_the_database, JET_errSPOwnExtCorrupted, 2, "its pages 1 to 1"),
    DAMAGE(owned_behind_the_end, JET_errSPOwnExtCorrupted, 2, "the file ends at page 32"),
    DAMAGE(space_from_another, JET_errDatabaseCorrupted, INDEX, "space from page 1, not 10"),
    DAMAGE(uniqueness_denied, JET_errDatabaseCorrupted, INDEX, "keys are unique"),
    DAMAGE(shelved_inside, JET_errSPAvailExtCorrupted, 3, "shelved where none can be"),
    DAMAGE(split_buffer_in_use, JET_errDatabaseCorrupted, 2, "kept for a split"),
    DAMAGE(shadow_differs, JET_errCatalogCorrupted, CATALOG_PGNO,
           "not the same in the shadow: root page"),
    DAMAGE(row_not_in_the_shadow, JET_errCatalogCorrupted, CATALOG_PGNO, "the shadow has none"),
    DAMAGE(row_in_the_shadow_only, JET_errCatalogCorrupted, CATALOG_SHADOW_PGNO,
           "the catalogue has none"),
    DAMAGE(catalog_elsewhere, JET_errCatalogCorrupted, CATALOG_PGNO, "at page 23, not 24"),
    DAMAGE(two_trees_with_one_root, JET_errCatalogCorrupted, INDEX, "same root page"),
    DAMAGE(two_trees_with_one_number, JET_errCatalogCorrupted, LV, "same object id"),
    DAMAGE(number_not_given_out, JET_errCatalogCorrupted, 0, "last number given out is 12"),
    DAMAGE(record_without_frame, JET_errDatabaseCorrupted, TABLE_LEAF + 1, "line 1"),
    DAMAGE(fixed_columns_end_elsewhere, JET_errDatabaseCorrupted, TABLE_LEAF + 2,
           "do not end where they must"),
    DAMAGE(fixed_column_of_nobody, JET_errDatabaseCorrupted, TABLE_LEAF + 2,
           "fixed column that the catalogue has not"),
    DAMAGE(key_of_another_record, JET_errDatabaseCorrupted, TABLE_LEAF + 1, "primary key"),
    DAMAGE(tagged_of_no_column, JET_errDatabaseCorrupted, TABLE_LEAF, "tagged column"),
    DAMAGE(entry_missing, JET_errSecondaryIndexCorrupted, INDEX_LEAF,
           "there is no entry for the record at page 13, line 1"),
    DAMAGE(entry_of_no_record, JET_errSecondaryIndexCorrupted, INDEX_LEAF + 1,
           "there is no record for the entry at page 16, line 0"),
    DAMAGE(entry_with_another_key, JET_errSecondaryIndexCorrupted, INDEX_LEAF,
           "its record does not have the entry at page 15, line 2"),
    DAMAGE(entry_with_another_key, JET_errSecondaryIndexCorrupted, INDEX_LEAF,
           "there is no entry for the record at page 13, line 1"),
    DAMAGE(entry_leads_elsewhere, JET_errSecondaryIndexCorrupted, INDEX_LEAF,
           "there is no record for the entry at page 15, line 2"),
    DAMAGE(deleted_but_indexed, JET_errSecondaryIndexCorrupted, INDEX_LEAF + 1,
           "there is no record for the entry at page 16, line 0"),
    DAMAGE(lv_counted_too_low, JET_errLVCorrupted, LV, "value 1 counts 1 references, there are 2"),
    DAMAGE(lv_counted_too_high, JET_errLVCorrupted, LV, "value 2 counts 3 references, there are 2"),
    DAMAGE(lv_without_reference, JET_errLVCorrupted, LV, "value 3"),
    DAMAGE(lv_of_no_root, JET_errLVCorrupted, LV, "pieces and no root"),
    DAMAGE(lv_of_no_root, JET_errLVCorrupted, TABLE_LEAF, "refers to long value 1"),
    DAMAGE(lv_piece_missing, JET_errLVCorrupted, LV, "value 1: a piece is missing"),
    DAMAGE(lv_end_missing, JET_errLVCorrupted, LV, "value 2: pieces are missing at its end"),
    DAMAGE(lv_piece_too_short, JET_errLVCorrupted, LV, "value 2"),
    DAMAGE(lv_piece_behind_the_end, JET_errLVCorrupted, LV, "value 1"),
    DAMAGE(lv_dangling, JET_errLVCorrupted, TABLE_LEAF, "refers to long value 4D"),
    DAMAGE(lv_key_of_wrong_length, JET_errLVCorrupted, LV, "key of a long value"),
    DAMAGE(last_pointer_with_a_key, JET_errBadParentPageLink, TABLE, "last pointer of a level"),
    DAMAGE(nodes_in_the_root, JET_errDatabaseCorrupted, 1, "nodes of its own"),
    DAMAGE(split_buffer_of_a_used_page, JET_errDatabaseCorrupted, 2,
           "page 3 is kept for a split, but in use"),
    DAMAGE(shadow_has_another_name, JET_errCatalogCorrupted, CATALOG_PGNO,
           "not the same in the shadow: name"),
    DAMAGE(shadow_has_another_default, JET_errCatalogCorrupted, CATALOG_PGNO,
           "not the same in the shadow: default"),
    DAMAGE(shadow_has_other_segments, JET_errCatalogCorrupted, CATALOG_PGNO,
           "not the same in the shadow: columns"),
    DAMAGE(shadow_has_another_length, JET_errCatalogCorrupted, CATALOG_PGNO,
           "not the same in the shadow: length"),
    DAMAGE(default_of_another_value, JET_errSecondaryIndexCorrupted, INDEX_LEAF + 1,
           "its record does not have the entry at page 16, line 0"),
    DAMAGE(index_of_no_column, JET_errCatalogCorrupted, 0, "a column that there is not"),
    DAMAGE(rows_without_numbers, JET_errDatabaseCorrupted, TABLE_LEAF, "does not have 4 bytes"),
    DAMAGE(objids_of_another_type, JET_errCatalogCorrupted, OBJIDS, "object 11 is of type 4"),
    DAMAGE(objids_of_no_tree, JET_errCatalogCorrupted, OBJIDS, "object 99, the catalogue has none"),
    DAMAGE(header_ruined, JET_errReadVerifyFailure, 0, "primary header"),
    DAMAGE(header_copy_ruined, JET_errReadVerifyFailure, 0, "shadow of the header"),
};

/* ---- tests ------------------------------------------------------------------------------------- */

static const uint32_t page_sizes[] = {4096, 8192, 16384, 32768};

static void sound_database_has_no_fault(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(page_sizes); i++) {
        struct testdb db;
        struct found fs;

        make_database(&db, page_sizes[i]);
        check(&db, &fs);
        assert_int_equal(fs.nr, 0);
        assert_int_equal(fs.nr_notes, 1); /* the value that waits for its deletion */
        testdb_done(&db);
    }
}

static void every_damage_is_told_at_its_page(void **state)
{
    unsigned nr_wrong = 0;

    (void)state;
    for (unsigned k = 0; k < ARRAY_LEN(page_sizes); k++) {
        for (unsigned i = 0; i < ARRAY_LEN(damages); i++) {
            const struct damage *d = &damages[i];
            struct testdb db;
            struct found fs;

            make_database(&db, page_sizes[k]);
            d->make(&db);
            check(&db, &fs);
            if (!has(&fs, d->err, d->pgno, d->text)) {
                print_message("%s (page size %u): not told at page %u: %s\n", d->name,
                              page_sizes[k], d->pgno, d->text);
                for (unsigned n = 0; n < fs.nr && n < FOUND_MAX; n++)
                    print_message("    told: page %u: %d %s\n", fs.e[n].pgno, fs.e[n].err,
                                  fs.e[n].text);
                nr_wrong++;
            }
            testdb_done(&db);
        }
    }
    assert_int_equal(nr_wrong, 0);
}

/* In a dirty database nothing that recovery may put right is a fault, and damage to a page itself is. */
static void dirty_database_has_notes_only(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(damages); i++) {
        struct testdb db;
        struct found fs;

        make_database(&db, 4096);
        put_header_field(&db, offsetof(struct dbhdr_disk, state), ESE_DB_DIRTY);
        damages[i].make(&db);
        check(&db, &fs);
        assert_int_equal(fs.nr_dirty, 1);
        if (fs.nr)
            print_message("%s: %s\n", damages[i].name, fs.e[0].text);
        assert_int_equal(fs.nr, 0);
        testdb_done(&db);
    }
}

static void ruined_page_is_a_fault_in_a_dirty_database(void **state)
{
    struct testdb db;
    struct found fs = {0};
    uint64_t nr;
    uint8_t b[4];
    int fd;

    (void)state;
    make_database(&db, 4096);
    put_header_field(&db, offsetof(struct dbhdr_disk, state), ESE_DB_DIRTY);
    fd = testdb_write(&db);
    assert_int_equal(pread(fd, b, 4, (TABLE_LEAF + 1) * 4096 + 1000), 4);
    b[0] ^= 0x13;
    b[3] ^= 0x40;
    assert_int_equal(pwrite(fd, b, 4, (TABLE_LEAF + 1) * 4096 + 1000), 4);
    assert_int_equal(ese_integrity(fd, "test.edb", take, &fs, NULL, NULL, &nr), JET_errSuccess);
    assert_int_equal(nr, 1);
    assert_true(has(&fs, JET_errReadVerifyFailure, TABLE_LEAF, "checksum"));
    testdb_done(&db);
}

/* ---- what is unusual and yet sound -------------------------------------------------------------- */

static void catalog_without_rows_of_its_own(struct testdb *db)
{
    for (unsigned i = 0; i < 4; i++) {
        remove_line(db, CATALOG_PGNO, 0);
        remove_line(db, CATALOG_SHADOW_PGNO, 0);
    }
    remove_line(db, OBJIDS, 1);
    remove_line(db, OBJIDS, 0);
}
static void objids_row_missing(struct testdb *db)
{
    remove_line(db, OBJIDS, 2);
}
static void split_buffer(struct testdb *db)
{
    put_le32(space_of(db, 2), 9);
    put_le32(space_of(db, 2) + 4, 2);
    key_of(db, 3, 0)[3] = 7;
    put_le32(data_of(db, 3, 0), 3);
}
static void shelved_pages(struct testdb *db)
{
    static const uint8_t key[5] = {0x80 | 2, 0, 0, 1, 0}, data[4] = {1};

    add_node(testdb_page(db, 3), db->page_size, 0, 0, key, 5, data, 4);
}
static void default_by_a_callback(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, ROW_NAME) + 22, 0x90);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, ROW_NAME) + 22, 0x90);
}
static void uniqueness_is_optional(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, ROW_INDEX) + 22, 0x9000f);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, ROW_INDEX) + 22, 0x9000f);
}
static void index_not_populated_yet(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, ROW_INDEX) + 22, 0x5000e);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, ROW_INDEX) + 22, 0x5000e);
    remove_line(db, INDEX_LEAF, 2);
}
static void deleted_column(struct testdb *db)
{
    put_le32(data_of(db, CATALOG_PGNO, 7) + 14, 0);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, 7) + 14, 0);
}
static void deleted_column_gone_from_the_catalogue(struct testdb *db)
{
    deleted_column(db);
    remove_line(db, CATALOG_PGNO, 7);
}
static void unicode_index(struct testdb *db) /* keys cannot be computed: bookmarks are compared */
{
    put_le32(data_of(db, CATALOG_PGNO, ROW_NAME) + 26, 1200);
    put_le32(data_of(db, CATALOG_SHADOW_PGNO, ROW_NAME) + 26, 1200);
}

static void unusual_databases_have_no_fault(void **state)
{
    static void (*const make[])(struct testdb *) = {
        catalog_without_rows_of_its_own,
        objids_row_missing,
        split_buffer,
        shelved_pages,
        default_by_a_callback,
        uniqueness_is_optional,
        index_not_populated_yet,
        deleted_column,
        deleted_column_gone_from_the_catalogue,
        unicode_index,
    };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(make) * ARRAY_LEN(page_sizes); i++) {
        struct testdb db;
        struct found fs;

        make_database(&db, page_sizes[i % ARRAY_LEN(page_sizes)]);
        make[i / ARRAY_LEN(page_sizes)](&db);
        check(&db, &fs);
        if (fs.nr)
            print_message("%u: page %u: %s\n", i / (unsigned)ARRAY_LEN(page_sizes), fs.e[0].pgno,
                          fs.e[0].text);
        assert_int_equal(fs.nr, 0);
        testdb_done(&db);
    }
}

/* Where keys are not known, that an entry is missing is told with its record, at the index's root. */
static void missing_unicode_entry_is_told(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    unicode_index(&db);
    entry_missing(&db);
    check(&db, &fs);
    assert_int_equal(fs.nr, 1);
    assert_true(
        has(&fs, JET_errSecondaryIndexCorrupted, INDEX, "for the record at page 13, line 1"));
    testdb_done(&db);
}

/* Where not even the number of entries is known, entries still must have records. */
static void entry_without_record_is_told_when_numbers_are_not_known(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    default_by_a_callback(&db);
    entry_leads_elsewhere(&db);
    check(&db, &fs);
    assert_true(has(&fs, JET_errSecondaryIndexCorrupted, INDEX_LEAF, "at page 15, line 2"));
    testdb_done(&db);
}

static void part_of_a_page_at_the_end_is_a_fault(void **state)
{
    struct testdb db;
    struct found fs = {0};
    uint64_t nr;
    int fd;

    (void)state;
    make_database(&db, 4096);
    fd = testdb_write(&db);
    assert_int_equal(ftruncate(fd, (NR_PAGES + 2) * 4096 + 100), 0);
    assert_int_equal(ese_integrity(fd, "test.edb", take, &fs, NULL, NULL, &nr), JET_errSuccess);
    assert_int_equal(nr, 1);
    assert_int_equal(fs.e[0].offset, (NR_PAGES + 2) * 4096);
    testdb_done(&db);
}

static JET_ERR read_from_file(void *ctx, uint32_t pgno, void *page)
{
    const int *fd = ctx;

    return pread(*fd, page, 4096, (off_t)(pgno + 1) * 4096) == 4096 ? JET_errSuccess
                                                                    : JET_errDiskIO;
}

static void pages_in_no_file_are_looked_at_likewise(void **state)
{
    uint8_t header[4096];
    struct testdb db;
    struct found fs = {0};
    uint64_t nr;
    int fd;
    struct ese_pages pages = {header, 4096, NR_PAGES, read_from_file, &fd};

    (void)state;
    make_database(&db, 4096);
    fd = testdb_write(&db);
    assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
    assert_int_equal(ese_integrity_pages(&pages, "p", take, &fs, NULL, NULL, &nr), JET_errSuccess);
    assert_int_equal(nr, 0);
    assert_int_equal(pwrite(fd, "damage", 6, (TABLE_LEAF + 1) * 4096 + 1000), 6);
    assert_int_equal(ese_integrity_pages(&pages, "p", take, &fs, NULL, NULL, &nr), JET_errSuccess);
    assert_int_equal(nr, 1);
    assert_true(has(&fs, JET_errReadVerifyFailure, TABLE_LEAF, "checksum"));
    pages.page_size = 2048;
    assert_int_equal(ese_integrity_pages(&pages, "p", NULL, NULL, NULL, NULL, &nr),
                     JET_errReadVerifyFailure);
    pages.page_size = 65536;
    assert_int_equal(ese_integrity_pages(&pages, "p", NULL, NULL, NULL, NULL, &nr),
                     JET_errInvalidParameter);
    testdb_done(&db);
}

/* What cannot be read is told once; what hangs on it is not blamed. */
static void one_damaged_leaf_is_one_fault(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    blank_leaf(&db);
    check(&db, &fs);
    assert_int_equal(fs.nr, 1);
    testdb_done(&db);
}

static void leaked_pages_are_a_note(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    put_space(&db, TABLE, 10, 1, 0, 0);
    check(&db, &fs);
    assert_int_equal(fs.nr, 0);
    assert_int_equal(fs.nr_notes, 2);
    testdb_done(&db);
}

static void missing_shadow_is_no_fault_when_it_is_switched_off(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    make_root(&db, CATALOG_SHADOW_PGNO, CATALOG_SHADOW_OBJID, 0);
    check(&db, &fs);
    assert_true(fs.nr > 0);
    put_header_field(&db, offsetof(struct dbhdr_disk, flags), 1);
    check(&db, &fs);
    assert_int_equal(fs.nr, 0);
    testdb_done(&db);
}

/* The shadow is there for this. */
static void ruined_catalogue_is_read_from_its_shadow(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    memset(testdb_page(&db, CATALOG_PGNO), 0, 4096);
    entry_missing(&db);
    check(&db, &fs);
    assert_true(has(&fs, JET_errPageNotInitialized, CATALOG_PGNO, "blank"));
    assert_true(has(&fs, JET_errSecondaryIndexCorrupted, INDEX_LEAF, "no entry for the record"));
    testdb_done(&db);
}

/* A page that was written after the header: the file was copied in use (seen: Catalog1.edb of plaso). */
static void newer_page_makes_notes_of_what_it_says(void **state)
{
    struct testdb db;
    struct found fs;

    (void)state;
    make_database(&db, 4096);
    entry_missing(&db);
    le64_put(&head_of(&db, INDEX_LEAF)->dbtime, 1001);
    check(&db, &fs);
    assert_int_equal(fs.nr, 0);
    assert_int_equal(fs.nr_notes, 3);
    testdb_done(&db);
}

static void no_database_is_refused(void **state)
{
    struct testdb db;
    struct found fs = {0};
    uint64_t nr = 0;

    (void)state;
    make_database(&db, 4096);
    memset(db.bytes, 0, 8192);
    assert_true(ese_integrity(testdb_write(&db), "test.edb", take, &fs, NULL, NULL, &nr) < 0);
    assert_int_equal(nr, fs.nr);
    assert_true(nr > 0);
    testdb_done(&db);
}

/* Any byte of any page may be anything: the check ends, and every fault has a place and a text. */
static void random_damage_never_stops_the_check(void **state)
{
    rnd_init("integrity");
    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        struct testdb db;
        struct found fs = {0};
        uint64_t nr;

        make_database(&db, page_sizes[i % 2]);
        for (unsigned n = (unsigned)(rnd() % 8); n < 8; n++) {
            pgno_t pgno = 1 + (pgno_t)(rnd() % NR_PAGES);
            uint32_t at = (uint32_t)(rnd() % db.page_size);
            if (rnd() & 1)
                at = rnd() & 1 ? at % 120 : db.page_size - 1 - at % 80;
            testdb_page(&db, pgno)[at] = (uint8_t)rnd();
        }
        if (ese_integrity(testdb_write(&db), "test.edb", take, &fs, NULL, NULL, &nr) >= 0)
            assert_int_equal(nr, fs.nr);
        testdb_done(&db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_database_has_no_fault),
        cmocka_unit_test(every_damage_is_told_at_its_page),
        cmocka_unit_test(dirty_database_has_notes_only),
        cmocka_unit_test(ruined_page_is_a_fault_in_a_dirty_database),
        cmocka_unit_test(unusual_databases_have_no_fault),
        cmocka_unit_test(missing_unicode_entry_is_told),
        cmocka_unit_test(entry_without_record_is_told_when_numbers_are_not_known),
        cmocka_unit_test(part_of_a_page_at_the_end_is_a_fault),
        cmocka_unit_test(pages_in_no_file_are_looked_at_likewise),
        cmocka_unit_test(one_damaged_leaf_is_one_fault),
        cmocka_unit_test(leaked_pages_are_a_note),
        cmocka_unit_test(missing_shadow_is_no_fault_when_it_is_switched_off),
        cmocka_unit_test(ruined_catalogue_is_read_from_its_shadow),
        cmocka_unit_test(newer_page_makes_notes_of_what_it_says),
        cmocka_unit_test(no_database_is_refused),
        cmocka_unit_test(random_damage_never_stops_the_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
