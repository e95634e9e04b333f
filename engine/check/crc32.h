/* CRC-32 as zlib's crc32(): polynomial 0xEDB88320, reflected. */
#ifndef ESE_CHECK_CRC32_H
#define ESE_CHECK_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* crc: 0 at first, then what the call before returned. */
uint32_t crc32_update(uint32_t crc, const void *p, size_t len);

#endif
