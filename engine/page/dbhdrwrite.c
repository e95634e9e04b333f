#include "page/dbhdrwrite.h"

#include "os/file.h"
#include "page/cksum.h"

/* SIGNATURE: a random number, the time, no computer name. */
static JET_ERR fresh_signature(struct signature *s, struct logtime now)
{
    memset(s, 0, sizeof(*s));
    memcpy(s->b + 4, now.b, sizeof(now.b));
    return os_random(s->b, 4);
}

static JET_ERR write_copy(int fd, const void *page, uint32_t page_size, uint64_t off,
                          struct reporter *r)
{
    JET_ERR err = os_pwrite_all(fd, page, page_size, off);

    if (err >= 0)
        err = os_fsync(fd);
    return err < 0 ? fault_io(r, err, off, "writing the database header") : JET_errSuccess;
}

JET_ERR dbhdr_write(int fd, void *page, uint32_t page_size, struct logtime now, struct reporter *r)
{
    struct dbhdr_disk *h = page;
    JET_ERR err = fresh_signature(&h->sign_header_flush, now);

    if (err < 0)
        return err;
    memset(&h->sign_flushmap_flush, 0, sizeof(h->sign_flushmap_flush));
    le32_put(&h->checksum, cksum_xor(page, page_size));
    err = write_copy(fd, page, page_size, 0, r);
    return err < 0 ? err : write_copy(fd, page, page_size, page_size, r);
}
