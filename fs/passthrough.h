/*
 * Reads of finished backups served by the kernel itself from the file in the store (FUSE passthrough,
 * Linux >= 6.9), with nothing of ours in between. Two ways to the same thing, chosen at build time:
 *
 *   libfuse >= 3.17 has it in its API;
 *   an older one is completed from outside: its replies to INIT and OPEN pass through a hook that
 *   fills in the fields which that libfuse does not know yet.
 *
 * At run time it falls back silently to reading from a descriptor; passthrough_text() says so.
 *
 * The kernel's rules, which callers keep: one backing id and one way of reading per inode for as long
 * as it is open; the id lives until the last release; not together with keep_cache or direct_io; and
 * since the kernel opens the backing file again with the client's flags, only O_RDONLY gets here.
 */
#ifndef FS_PASSTHROUGH_H
#define FS_PASSTHROUGH_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* After fuse_session_mount(), before the loop. store: directory that backing files lie in. False: out
 * of memory. */
bool passthrough_attach(struct fuse_session *se, const char *store);

/* In the init handler: asks the kernel for it if it can. */
void passthrough_init(struct fuse_conn_info *conn);

/* Registers the file behind fd with the kernel. > 0: the backing id; 0: not possible, read it from a
 * descriptor. The descriptor may be closed afterwards. */
int passthrough_open(fuse_req_t req, int fd);
void passthrough_close(fuse_req_t req, int backing_id);

/* Answers an open whose file the kernel is to read by itself. Returns as fuse_reply_open() does. */
int passthrough_reply_open(fuse_req_t req, struct fuse_file_info *fi, int backing_id);

/* "passthrough" or "buffered (reason)": for the line `Reads:` of status. Never NULL; a static text. */
const char *passthrough_text(void);
/* Called whenever that text becomes another one; NULL: nobody. */
void passthrough_listen(void (*fn)(void *ctx, const char *text), void *ctx);

/* ---- the bytes, apart from any session (exposed for the tests) --------------------------------- */

/* Does this request, as read from /dev/fuse, offer passthrough in an INIT? */
bool passthrough_offered(const void *request, size_t len);
/* Completes the payload of an INIT reply. False: too short to carry the fields. */
bool passthrough_patch_init(void *payload, size_t len, uint32_t stack_depth);
/* Completes the payload of an OPEN reply. */
bool passthrough_patch_open(void *payload, size_t len, int backing_id);

#endif
