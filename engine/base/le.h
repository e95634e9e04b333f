/*
 * Little-endian integers as they lie on disk.
 *
 * One-member structs holding bytes: alignment 1, so an on-disk struct needs no `packed` and no
 * unaligned access can happen; mixing one with an int does not compile. gcc and clang make each
 * accessor a single mov.
 */
#ifndef ESE_BASE_LE_H
#define ESE_BASE_LE_H

#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t b[2];
} le16;
typedef struct {
    uint8_t b[4];
} le32;
typedef struct {
    uint8_t b[8];
} le64;

/* From plain bytes, for the decoders that walk byte streams. */
static inline uint16_t get_le16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t get_le32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t get_le64(const void *p)
{
    const uint8_t *b = p;
    return (uint64_t)get_le32(b) | (uint64_t)get_le32(b + 4) << 32;
}

static inline void put_le16(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}

static inline void put_le32(void *p, uint32_t v)
{
    put_le16(p, (uint16_t)v);
    put_le16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void put_le64(void *p, uint64_t v)
{
    put_le32(p, (uint32_t)v);
    put_le32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

static inline uint32_t get_be32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
}

static inline uint16_t le16_get(le16 v)
{
    return get_le16(v.b);
}
static inline uint32_t le32_get(le32 v)
{
    return get_le32(v.b);
}
static inline uint64_t le64_get(le64 v)
{
    return get_le64(v.b);
}
static inline void le16_put(le16 *p, uint16_t v)
{
    put_le16(p->b, v);
}
static inline void le32_put(le32 *p, uint32_t v)
{
    put_le32(p->b, v);
}
static inline void le64_put(le64 *p, uint64_t v)
{
    put_le64(p->b, v);
}

#endif
