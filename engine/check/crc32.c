/* Eight bytes at a time: table k holds what a byte that has k bytes behind it adds to the sum. */
#include "check/crc32.h"

#include <pthread.h>

#include "base/le.h"

static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (unsigned b = 0; b < 256; b++) {
        uint32_t c = b;
        for (unsigned i = 0; i < 8; i++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        tables[0][b] = c;
    }
    for (unsigned k = 1; k < 8; k++)
        for (unsigned b = 0; b < 256; b++)
            tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 255];
}

uint32_t crc32_update(uint32_t crc, const void *p, size_t len)
{
    const uint8_t *b = p;

    pthread_once(&tables_once, make_tables);
    crc = ~crc;
    for (; len >= 8; len -= 8, b += 8) {
        uint32_t lo = get_le32(b) ^ crc, hi = get_le32(b + 4);
        crc = tables[7][lo & 255] ^ tables[6][lo >> 8 & 255] ^ tables[5][lo >> 16 & 255] ^
              tables[4][lo >> 24] ^ tables[3][hi & 255] ^ tables[2][hi >> 8 & 255] ^
              tables[1][hi >> 16 & 255] ^ tables[0][hi >> 24];
    }
    for (; len; len--, b++)
        crc = crc >> 8 ^ tables[0][(crc ^ *b) & 255];
    return ~crc;
}
