/* The checksums compiled for AVX2 (flags in meson.build); called only where the processor has it. */
#define VEC_BYTES 32
#include "page/cksum_template.h"
#include "page/cksum_impl.h"

const struct cksum_variant cksum_avx2 = {"avx2", xor32, ecc};
