/*
 * The manifest of a finished backup: a text file `.manifest` in its directory, from which a mount
 * lists the backup without reading it. Written once, before the commit.
 */
#ifndef SNAPSHOT_MANIFEST_H
#define SNAPSHOT_MANIFEST_H

#include "snapshot.h"
#include "sysio.h"

#define MANIFEST_NAME ".manifest"
#define MANIFEST_MAX  (64u << 20) /* bytes; some 400,000 files */
#define SUMS_NAME     "SHA256SUMS"

/* Owns every string that m points to. */
struct manifest {
    struct snap_manifest m;
    char *text;              /* the strings */
    struct snap_file *files; /* m.files */
};

/* Text of m; malloc'd. m->files must be sorted by name. */
must_check JET_ERR manifest_encode(const struct snap_manifest *m, char **ret, size_t *ret_len);
/* Any bytes. JET_errInvalidDatabaseVersion: a version that is not known; JET_errReadVerifyFailure: its
 * own checksum is wrong; JET_errInvalidBackup: anything else. */
must_check JET_ERR manifest_parse(const char *buf, size_t len, struct manifest **ret);
void manifest_free(struct manifest *m);

/* The text of SHA256SUMS, as sha256sum(1) writes it; malloc'd. SHA256SUMS itself is left out. */
must_check JET_ERR sums_encode(const struct snap_file *files, unsigned nr, char **ret,
                               size_t *ret_len);

#endif
