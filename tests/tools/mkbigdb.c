/*
 * mkbigdb SRC.edb DEST SIZE_MIB - a database as large as one likes, for benchmarks and for tests that
 * need a backup to take a while: SRC as it is, then its used pages again and again under new page
 * numbers, links and children pointing into the same copy, sealed with right checksums. Every page
 * passes verification; the copies are in no catalogue, as space leaked by a real engine is not.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "page/dbhdr.h"
#include "page/page.h"

struct source {
    int fd;
    uint32_t page_size;
    pgno_t nr_pages, nr_used;
    pgno_t *used;  /* page numbers that are not blank, ascending */
    pgno_t *index; /* page number -> position in used + 1, 0 blank */
};

static void die(const char *what)
{
    fprintf(stderr, "mkbigdb: %s\n", what);
    exit(1);
}

static void put_pgno(uint8_t *at, const struct source *s, pgno_t base)
{
    pgno_t old = get_le32(at);
    if (old && old <= s->nr_pages && s->index[old])
        put_le32(at, base + s->index[old]);
}

static void relocate(uint8_t *b, const struct source *s, pgno_t base)
{
    struct page p = {b, s->page_size};
    struct slice h = page_external_header(p);
    uint32_t flags = page_flags(p);

    put_pgno(b + offsetof(struct page_hdr_disk, pgno_prev), s, base);
    put_pgno(b + offsetof(struct page_hdr_disk, pgno_next), s, base);
    for (unsigned i = 0; !(flags & PAGE_LEAF) && i < page_nr_lines(p); i++)
        put_pgno(b + (page_node(p, i).data.p - b), s, base);
    if ((flags & PAGE_ROOT) && !(flags & PAGE_SPACE_TREE) && h.len >= 16) {
        uint8_t *sh = b + (h.p - b) + (h.len > 16);
        if (sh[8] & SPACE_MULTIPLE)
            put_pgno(sh + 12, s, base);
    }
}

static void load(struct source *s, const char *path)
{
    struct reporter r = {.file = path};
    struct ese_db_info info;
    struct os_stat st;
    uint8_t buf[PAGE_SIZE_MAX];

    if (os_open_file(path, &s->fd) < 0 || os_stat_fd(s->fd, &st) < 0 ||
        dbhdr_read(s->fd, &r, &info) < 0)
        die("cannot read the source");
    s->page_size = info.page_size;
    s->nr_pages = (pgno_t)(st.size / s->page_size - 2);
    s->used = calloc(s->nr_pages + 1, sizeof(pgno_t));
    s->index = calloc(s->nr_pages + 1, sizeof(pgno_t));
    if (!s->used || !s->index)
        die("out of memory");
    for (pgno_t n = 1; n <= s->nr_pages; n++) {
        if (os_pread_all(s->fd, buf, s->page_size, ((uint64_t)n + 1) * s->page_size) < 0)
            die("cannot read the source");
        if (page_is_zero(buf, s->page_size))
            continue;
        s->used[s->nr_used++] = n;
        s->index[n] = s->nr_used;
    }
}

int main(int argc, char **argv)
{
    struct source s = {0};
    uint8_t buf[PAGE_SIZE_MAX];
    uint64_t pages;
    FILE *out;

    if (argc != 4)
        die("usage: mkbigdb SRC.edb DEST SIZE_MIB");
    load(&s, argv[1]);
    pages = strtoull(argv[3], NULL, 10) * 1048576 / s.page_size;
    out = fopen(argv[2], "wb");
    if (!out)
        die("cannot create the destination");
    for (uint64_t i = 0; i < s.nr_pages + 2ull; i++) {
        if (os_pread_all(s.fd, buf, s.page_size, i * s.page_size) < 0 ||
            fwrite(buf, s.page_size, 1, out) != 1)
            die("copying failed");
    }
    for (pgno_t base = s.nr_pages; base + s.nr_used + 2ull <= pages; base += s.nr_used) {
        for (pgno_t i = 0; i < s.nr_used; i++) {
            pgno_t n = base + i + 1;
            if (os_pread_all(s.fd, buf, s.page_size, (s.used[i] + 1ull) * s.page_size) < 0)
                die("cannot read the source");
            relocate(buf, &s, base);
            if (s.page_size > 8192)
                put_le32(buf + offsetof(struct page_hdr2_disk, pgno), n);
            page_seal(buf, s.page_size, n);
            if (fwrite(buf, s.page_size, 1, out) != 1)
                die("writing failed");
        }
    }
    if (fclose(out) != 0)
        die("writing failed");
    free(s.used);
    free(s.index);
    close(s.fd);
    return 0;
}
