/* The variants of cksum_template.h, for cksum.c alone. */
#ifndef ESE_PAGE_CKSUM_IMPL_H
#define ESE_PAGE_CKSUM_IMPL_H

#include "page/cksum.h"

extern const struct cksum_variant cksum_portable;
#if defined(__x86_64__)
extern const struct cksum_variant cksum_avx2;
extern const struct cksum_variant cksum_avx512;
#endif

#endif
