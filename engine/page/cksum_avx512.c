/* The checksums compiled for AVX-512F (flags in meson.build); called only where the processor has it. */
#define VEC_BYTES 64
#include "page/cksum_template.h"
#include "page/cksum_impl.h"

const struct cksum_variant cksum_avx512 = {"avx512", xor32, ecc};
