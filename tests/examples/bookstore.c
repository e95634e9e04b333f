/*
 * A small bookshop: the JET API from its first call to its last; main() is at the end. The first
 * run makes a database in the directory, later ones find what was left. cc bookstore.c -lesent
 */
#include <esent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every call returns a JET_ERR: negative is an error, positive a warning. A larger program does
 * something better about an error than this: JetRollback, and try again or tell the user. */
static void check(JET_ERR err, const char *what)
{
    if (err >= 0)
        return;
    fprintf(stderr, "bookstore: %s: error %d\n", what, (int)err);
    exit(1);
}
#define CALL(call) check(call, #call)

static JET_INSTANCE instance;              /* an engine with its log and its databases */
static JET_SESID session;                  /* a thread of work in it; it has the transactions */
static JET_DBID database;                  /* one of its databases */
static JET_TABLEID authors, books, orders; /* cursors: an open table and a place in it */

static void add_column(JET_TABLEID table, const char *name, JET_COLTYP type, JET_GRBIT flags)
{
    JET_COLUMNDEF def = {.cbStruct = sizeof(def), .coltyp = type, .cp = 1252, .grbit = flags};
    const int32_t ten = 10; /* what an escrow column begins with: each new book comes ten times */
    const uint32_t len = flags & JET_bitColumnEscrowUpdate ? sizeof(ten) : 0;

    CALL(JetAddColumn(session, table, name, &def, &ten, len, NULL));
}

/* A key is a list of columns, "+" ascending or "-" descending, each ended by a zero byte, and one
 * more at the end: that of C. Rows lie in the order of the primary index; others lead to them. */
#define INDEX(table, name, flags, key) \
    CALL(JetCreateIndex(session, table, name, flags, key, sizeof(key), 100))

static void make_tables(void)
{
    CALL(JetCreateTable(session, database, "authors", 1, 100, &authors));
    add_column(authors, "id", JET_coltypLong, JET_bitColumnAutoincrement);
    add_column(authors, "name", JET_coltypText, JET_bitColumnNotNULL);
    INDEX(authors, "by id", JET_bitIndexPrimary, "+id\0");

    CALL(JetCreateTable(session, database, "books", 1, 100, &books));
    add_column(books, "isbn", JET_coltypText, JET_bitColumnNotNULL);
    add_column(books, "author", JET_coltypLong, JET_bitColumnNotNULL);
    add_column(books, "title", JET_coltypText, JET_bitColumnNotNULL);
    add_column(books, "price", JET_coltypCurrency, 0); /* 64 bits; here: cents */
    add_column(books, "stock", JET_coltypLong, JET_bitColumnEscrowUpdate);
    add_column(books, "blurb", JET_coltypLongText, 0); /* up to 2 GiB */
    INDEX(books, "by isbn", JET_bitIndexPrimary | JET_bitIndexUnique, "+isbn\0");
    INDEX(books, "by author and title", 0, "+author\0+title\0");
    INDEX(books, "by price", 0, "+price\0");

    CALL(JetCreateTable(session, database, "orders", 1, 100, &orders));
    add_column(orders, "id", JET_coltypLong, JET_bitColumnAutoincrement);
    add_column(orders, "isbn", JET_coltypText, JET_bitColumnNotNULL);
    add_column(orders, "count", JET_coltypLong, JET_bitColumnNotNULL);
    INDEX(orders, "by id", JET_bitIndexPrimary, "+id\0");
}

/* Columns have names, and are addressed by numbers. A program that is in a hurry asks once. */
static JET_COLUMNID column(JET_TABLEID table, const char *name)
{
    JET_COLUMNDEF def;

    CALL(JetGetTableColumnInfo(session, table, name, &def, sizeof(def), JET_ColInfo));
    return def.columnid;
}

/* Text is bytes of code page 1252 here, or would be UTF-16 with code page 1200. */
static void set_text(JET_TABLEID table, const char *name, const char *text)
{
    CALL(JetSetColumn(session, table, column(table, name), text, (uint32_t)strlen(text), 0, NULL));
}

#define SET(table, name, from) \
    CALL(JetSetColumn(session, table, column(table, name), from, sizeof(*(from)), 0, NULL))

/* A row is prepared, its columns are set, JetUpdate puts it into the table and its indexes. The
 * number that the engine gives it is in the copy that is being prepared. */
static int32_t add_author(const char *name)
{
    int32_t id;

    CALL(JetPrepareUpdate(session, authors, JET_prepInsert));
    CALL(JetRetrieveColumn(session, authors, column(authors, "id"), &id, sizeof(id), NULL,
                           JET_bitRetrieveCopy, NULL));
    set_text(authors, "name", name);
    CALL(JetUpdate(session, authors, NULL, 0, NULL));
    return id;
}

static JET_ERR add_book(const char *isbn, int32_t author, const char *title, int64_t cents)
{
    const char line[] = "It was a dark and stormy night. ";
    const JET_COLUMNID blurb = column(books, "blurb");
    JET_ERR err;

    CALL(JetPrepareUpdate(session, books, JET_prepInsert));
    set_text(books, "isbn", isbn);
    SET(books, "author", &author);
    set_text(books, "title", title);
    SET(books, "price", &cents);
    for (int i = 0; i < 100; i++) /* a long value can grow piece by piece */
        CALL(JetSetColumn(session, books, blurb, line, sizeof(line) - 1, JET_bitSetAppendLV, NULL));
    if ((err = JetUpdate(session, books, NULL, 0, NULL)) < 0)
        CALL(JetPrepareUpdate(session, books, JET_prepCancel));
    return err;
}

static void fill(void)
{
    int32_t austen, melville;

    CALL(JetBeginTransaction(session));
    austen = add_author("Jane Austen");
    melville = add_author("Herman Melville");
    CALL(add_book("978-0141439518", austen, "Pride and Prejudice", 899));
    CALL(add_book("978-0141439587", austen, "Emma", 999));
    CALL(add_book("978-0142437247", melville, "Moby-Dick", 1450));
    CALL(add_book("978-0141439662", austen, "Sense and Sensibility", 850));
    if (add_book("978-0141439587", melville, "Typee", 1200) == JET_errKeyDuplicate)
        puts("An ISBN is there once only.");
    CALL(JetCommitTransaction(session, 0)); /* all of it, or nothing; on the disk when it returns */
}

/* A key is made column by column, then sought: in the index that was set; NULL: the primary one. */
static JET_ERR find_book(const char *isbn)
{
    CALL(JetSetCurrentIndex(session, books, NULL));
    CALL(JetMakeKey(session, books, isbn, (uint32_t)strlen(isbn), JET_bitNewKey));
    return JetSeek(session, books, JET_bitSeekEQ);
}

#define GET(table, name, to) \
    CALL(JetRetrieveColumn(session, table, column(table, name), to, sizeof(*(to)), NULL, 0, NULL))

static void print_book(void)
{
    char title[128];
    const JET_COLUMNID title_id = column(books, "title"), blurb_id = column(books, "blurb");
    int64_t cents;
    int32_t stock;
    uint32_t len, blurb;

    CALL(JetRetrieveColumn(session, books, title_id, title, sizeof(title), &len, 0, NULL));
    GET(books, "price", &cents);
    GET(books, "stock", &stock);
    /* no buffer: only its length is wanted, and the warning that it is longer than that */
    CALL(JetRetrieveColumn(session, books, blurb_id, NULL, 0, &blurb, 0, NULL));
    printf("    %-24.*s %2d.%02d  stock %2d  blurb %u bytes\n", (int)len, title, (int)(cents / 100),
           (int)(cents % 100), (int)stock, (unsigned)blurb);
}

/* In the order of an index, from entries that begin with `from` to those that begin with `to`. */
static void print_books(const char *index, const void *from, const void *to, uint32_t len)
{
    JET_ERR err;

    CALL(JetSetCurrentIndex(session, books, index));
    CALL(JetMakeKey(session, books, from, len, JET_bitNewKey));
    err = JetSeek(session, books, JET_bitSeekGE);
    if (err >= 0) { /* a place to begin; now the end: behind all keys that begin so */
        CALL(JetMakeKey(session, books, to, len, JET_bitNewKey | JET_bitFullColumnEndLimit));
        err = JetSetIndexRange(session, books, JET_bitRangeInclusive | JET_bitRangeUpperLimit);
    }
    for (; err >= 0; err = JetMove(session, books, JET_MoveNext, 0))
        print_book();
}

/* An order takes books out of the stock. JetEscrowUpdate adds without a lock on the row: many
 * sessions may sell the same book. With too few of them the transaction is taken back. */
static void sell(const char *isbn, int32_t count)
{
    int32_t delta = -count, before;

    CALL(JetBeginTransaction(session));
    CALL(JetPrepareUpdate(session, orders, JET_prepInsert));
    set_text(orders, "isbn", isbn);
    SET(orders, "count", &count);
    CALL(JetUpdate(session, orders, NULL, 0, NULL));
    CALL(find_book(isbn));
    CALL(JetEscrowUpdate(session, books, column(books, "stock"), &delta, sizeof(delta), &before,
                         sizeof(before), NULL, 0));
    if (before < count) {
        CALL(JetRollback(session, 0));
        printf("%d of %s cannot be sold: %d are left.\n", (int)count, isbn, (int)before);
        return;
    }
    CALL(JetCommitTransaction(session, 0));
    printf("%d of %s sold.\n", (int)count, isbn);
}

/* The logs lie where the program runs (or in JET_paramLogFilePath). If it was killed the last time,
 * JetInit brings the databases in order: nothing that was committed is lost. */
static void start(void)
{
    JET_ERR err;

    CALL(JetCreateInstance(&instance, "bookstore"));
    CALL(JetSetSystemParameter(&instance, 0, JET_paramCircularLog, 1, NULL));
    CALL(JetInit(&instance));
    CALL(JetBeginSession(instance, &session, NULL, NULL));
    err = JetAttachDatabase(session, "bookstore.edb", 0);
    if (err == JET_errFileNotFound) {
        CALL(JetCreateDatabase(session, "bookstore.edb", NULL, &database, 0));
        make_tables();
        fill();
        return;
    }
    check(err, "JetAttachDatabase");
    CALL(JetOpenDatabase(session, "bookstore.edb", NULL, &database, 0));
    CALL(JetOpenTable(session, database, "authors", NULL, 0, 0, &authors));
    CALL(JetOpenTable(session, database, "books", NULL, 0, 0, &books));
    CALL(JetOpenTable(session, database, "orders", NULL, 0, 0, &orders));
    puts("The shop was here before.");
}

int main(int argc, char **argv)
{
    const int32_t austen = 1;
    const int64_t free_of_charge = 0, cheap = 900;
    uint32_t nr_orders;

    if (argc != 2 || chdir(argv[1]) != 0) {
        fputs("usage: bookstore DIRECTORY\n", stderr);
        return 1;
    }
    start();
    sell("978-0141439587", 7);
    sell("978-0142437247", 1);
    CALL(find_book("978-0142437247")); /* a row that is there is changed like a new one is made */
    CALL(JetPrepareUpdate(session, books, JET_prepReplace));
    SET(books, "price", &cheap);
    CALL(JetUpdate(session, books, NULL, 0, NULL));
    puts("Jane Austen, by title:");
    print_books("by author and title", &austen, &austen, sizeof(austen));
    puts("Up to 9.00, by price:");
    print_books("by price", &free_of_charge, &cheap, sizeof(cheap));
    CALL(JetMove(session, orders, JET_MoveFirst, 0));
    CALL(JetIndexRecordCount(session, orders, &nr_orders, 0));
    printf("%u orders.\n", (unsigned)nr_orders);
    CALL(JetTerm(instance)); /* closes everything; the database is whole by itself then */
    return 0;
}
