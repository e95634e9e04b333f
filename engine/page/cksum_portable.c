/* The checksums in plain C; compilers turn the 16-byte vectors into SSE2, NEON or scalar code. */
#define VEC_BYTES 16
#include "page/cksum_template.h"
#include "page/cksum_impl.h"

const struct cksum_variant cksum_portable = {"portable", xor32, ecc};
