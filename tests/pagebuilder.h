/* Builds sound pages and database headers for tests, of any page size. */
#ifndef PAGEBUILDER_H
#define PAGEBUILDER_H

#include <string.h>

#include "page/cksum.h"
#include "page/dbhdrfmt.h"
#include "page/page.h"

/* An empty page; nodes are added with page_add in key order, page_seal ends it. */
__attribute__((unused)) static void page_make(uint8_t *b, uint32_t size, pgno_t pgno, objid_t objid,
                                              uint32_t flags, pgno_t prev, pgno_t next)
{
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;

    memset(b, 0, size);
    le64_put(&h->dbtime, 100 + pgno);
    le32_put(&h->pgno_prev, prev);
    le32_put(&h->pgno_next, next);
    le32_put(&h->objid_fdp, objid);
    le32_put(&h->flags, flags);
    le16_put(&h->itag_state, 1);
    le16_put(&h->cb_free, (uint16_t)(size - page_header_len(size) - 4));
    if (size > 8192)
        le32_put(&((struct page_hdr2_disk *)b)->pgno, pgno);
}

static inline void page_put_tag(uint8_t *b, uint32_t size, unsigned itag, const void *data,
                                uint32_t len)
{
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    uint16_t at = le16_get(h->ib_mic_free);
    uint8_t *t = b + size - 4 * (itag + 1);

    memcpy(b + page_header_len(size) + at, data, len);
    put_le16(t, (uint16_t)len);
    put_le16(t + 2, at);
    le16_put(&h->ib_mic_free, (uint16_t)(at + len));
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) - len));
}

/* The external header: a root's space header, or a prefix. Before any node. */
__attribute__((unused)) static void page_set_header(uint8_t *b, uint32_t size, const void *data,
                                                    uint32_t len)
{
    page_put_tag(b, size, 0, data, len);
}

__attribute__((unused)) static void page_add(uint8_t *b, uint32_t size, const void *key,
                                             uint32_t key_len, const void *data, uint32_t len)
{
    struct page_hdr_disk *h = (struct page_hdr_disk *)b;
    unsigned itag = le16_get(h->itag_state);
    uint8_t node[2048];

    put_le16(node, (uint16_t)key_len);
    memcpy(node + 2, key, key_len);
    memcpy(node + 2 + key_len, data, len);
    le16_put(&h->itag_state, (uint16_t)(itag + 1));
    le16_put(&h->cb_free, (uint16_t)(le16_get(h->cb_free) - 4));
    page_put_tag(b, size, itag, node, 2 + key_len + len);
}

/* Both copies of a header. */
__attribute__((unused)) static void header_make(uint8_t *file, uint32_t page_size, uint32_t state)
{
    struct dbhdr_disk *h = (struct dbhdr_disk *)file;

    memset(file, 0, page_size);
    le32_put(&h->magic, FILE_MAGIC);
    le32_put(&h->version, DB_VERSION);
    le32_put(&h->update_major, 20);
    le32_put(&h->page_size, page_size);
    le32_put(&h->state, state);
    le64_put(&h->dbtime, 1000);
    le32_put(&h->filetype, FILETYPE_DATABASE);
    memset(h->sign_db.b, 0x5a, sizeof(h->sign_db.b));
    le32_put(&h->checksum, cksum_xor(file, page_size));
    memcpy(file + page_size, file, page_size);
}

#endif
