/*
 * Kernel passthrough, by libfuse's API or by completing its replies. See passthrough.h.
 *
 * The hook needs no lock: libfuse sends the reply to a request from the thread, and within the call,
 * that answers it, so what is to be added waits in thread-local storage for the next writev.
 * Numbers of the protocol: include/uapi/linux/fuse.h of Linux 6.9 (the installed header may be older).
 */
#include "passthrough.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OVERLAYFS_MAGIC 0x794c7630

/* ---- what is known of this session, and the text of it ----------------------------------------- */

static atomic_bool usable;
static uint32_t stack_depth = 1; /* set before the loop */
static atomic_uint reason;
static pthread_mutex_t listener_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*listener)(void *ctx, const char *text);
static void *listener_ctx;

enum reason {
    REASON_NOT_MOUNTED,
    REASON_NONE,
    REASON_KERNEL,
    REASON_CAPABILITY,
    REASON_REFUSED_PERM,
    REASON_REFUSED_STACK,
    REASON_REFUSED_FS,
    REASON_REFUSED,
};

const char *passthrough_text(void)
{
    static const char *const texts[] = {
        [REASON_NOT_MOUNTED] = "buffered (not mounted yet)",
        [REASON_NONE] = "passthrough",
        [REASON_KERNEL] = "buffered (the kernel has no FUSE passthrough)",
        [REASON_CAPABILITY] = "buffered (passthrough needs CAP_SYS_ADMIN)",
        [REASON_REFUSED_PERM] = "buffered (the kernel does not permit passthrough here)",
        [REASON_REFUSED_STACK] = "buffered (the store lies on too many stacked filesystems)",
        [REASON_REFUSED_FS] = "buffered (the store's filesystem cannot be passed through)",
        [REASON_REFUSED] = "buffered (the kernel refused passthrough)",
    };

    return texts[atomic_load(&reason)];
}

void passthrough_listen(void (*fn)(void *ctx, const char *text), void *ctx)
{
    pthread_mutex_lock(&listener_lock);
    listener = fn;
    listener_ctx = ctx;
    pthread_mutex_unlock(&listener_lock);
}

static void set_reason(enum reason r)
{
    if (atomic_exchange(&reason, r) == (unsigned)r)
        return;
    pthread_mutex_lock(&listener_lock);
    if (listener != NULL)
        listener(listener_ctx, passthrough_text());
    pthread_mutex_unlock(&listener_lock);
}

static bool may_administer(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2];

    return syscall(SYS_capget, &h, d) == 0 &&
           (d[CAP_SYS_ADMIN / 32].effective >> (CAP_SYS_ADMIN % 32) & 1) != 0;
}

/* In the init handler. offered: by the kernel to this connection. */
static bool decide(bool offered)
{
    set_reason(!offered ? REASON_KERNEL : may_administer() ? REASON_NONE : REASON_CAPABILITY);
    atomic_store(&usable, atomic_load(&reason) == REASON_NONE);
    return atomic_load(&usable);
}

/* A refusal holds for this file; whether others fare better is asked each time. */
static int refused(int os)
{
    set_reason(os == EPERM        ? REASON_REFUSED_PERM
               : os == ELOOP      ? REASON_REFUSED_STACK
               : os == EOPNOTSUPP ? REASON_REFUSED_FS
                                  : REASON_REFUSED);
    return 0;
}

static void set_stack_depth(const char *store)
{
    struct statfs fs;

    /* 1 more than the filesystems stacked below us; the kernel allows 2 in all, so 2 only where it
     * must be: then nothing can be stacked on this mount. */
    stack_depth = statfs(store, &fs) == 0 && fs.f_type == OVERLAYFS_MAGIC ? 2 : 1;
}

/* ---- the bytes --------------------------------------------------------------------------------- */

#define OPCODE_INIT       26u
#define INIT_EXT          (1u << 30)
#define INIT2_PASSTHROUGH (1u << 5) /* FUSE_PASSTHROUGH is bit 37 of the 64 */
#define OPEN_PASSTHROUGH  (1u << 7)
/* fuse_in_header: len, opcode, unique, nodeid, uid, gid, pid, padding: 40 bytes; fuse_init_in after
 * it: major, minor, max_readahead, flags, flags2 */
#define IN_OPCODE      4
#define IN_INIT_FLAGS  (40 + 12)
#define IN_INIT_FLAGS2 (40 + 16)
/* fuse_init_out */
#define INIT_OUT_FLAGS       12
#define INIT_OUT_FLAGS2      32
#define INIT_OUT_STACK_DEPTH 36
/* fuse_open_out */
#define OPEN_OUT_FLAGS      8
#define OPEN_OUT_BACKING_ID 12

static uint32_t get_u32(const void *p, size_t off)
{
    uint32_t v;

    memcpy(&v, (const char *)p + off, sizeof(v)); /* the protocol is in host order */
    return v;
}

static void put_u32(void *p, size_t off, uint32_t v)
{
    memcpy((char *)p + off, &v, sizeof(v));
}

bool passthrough_offered(const void *request, size_t len)
{
    return len >= IN_INIT_FLAGS2 + 4 && get_u32(request, IN_OPCODE) == OPCODE_INIT &&
           (get_u32(request, IN_INIT_FLAGS) & INIT_EXT) != 0 &&
           (get_u32(request, IN_INIT_FLAGS2) & INIT2_PASSTHROUGH) != 0;
}

bool passthrough_patch_init(void *payload, size_t len, uint32_t depth)
{
    if (len < INIT_OUT_STACK_DEPTH + 4)
        return false;
    put_u32(payload, INIT_OUT_FLAGS, get_u32(payload, INIT_OUT_FLAGS) | INIT_EXT);
    put_u32(payload, INIT_OUT_FLAGS2, get_u32(payload, INIT_OUT_FLAGS2) | INIT2_PASSTHROUGH);
    put_u32(payload, INIT_OUT_STACK_DEPTH, depth);
    return true;
}

bool passthrough_patch_open(void *payload, size_t len, int backing_id)
{
    if (len < OPEN_OUT_BACKING_ID + 4)
        return false;
    put_u32(payload, OPEN_OUT_FLAGS, get_u32(payload, OPEN_OUT_FLAGS) | OPEN_PASSTHROUGH);
    put_u32(payload, OPEN_OUT_BACKING_ID, (uint32_t)backing_id);
    return true;
}

#ifdef HAVE_FUSE_PASSTHROUGH

/* ---- libfuse >= 3.17 --------------------------------------------------------------------------- */

bool passthrough_attach(struct fuse_session *se, const char *store)
{
    (void)se;
    set_stack_depth(store);
    return true;
}

void passthrough_init(struct fuse_conn_info *conn)
{
    if (!decide((conn->capable & FUSE_CAP_PASSTHROUGH) != 0))
        return;
    (void)fuse_set_feature_flag(conn, FUSE_CAP_PASSTHROUGH);
    conn->max_backing_stack_depth = stack_depth - 1; /* libfuse adds our own layer */
}

int passthrough_open(fuse_req_t req, int fd)
{
    int id;

    if (!atomic_load(&usable))
        return 0;
    errno = 0;
    id = fuse_passthrough_open(req, fd);
    return id > 0 ? id : refused(errno);
}

void passthrough_close(fuse_req_t req, int backing_id)
{
    (void)fuse_passthrough_close(req, backing_id);
}

int passthrough_reply_open(fuse_req_t req, struct fuse_file_info *fi, int backing_id)
{
    fi->backing_id = backing_id;
    return fuse_reply_open(req, fi);
}

#else

/* ---- an older libfuse, completed --------------------------------------------------------------- */

struct backing_map { /* struct fuse_backing_map */
    int32_t fd;
    uint32_t flags;
    uint64_t padding;
};
#define BACKING_OPEN  _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

struct addition {
    enum { ADD_NOTHING, ADD_TO_INIT, ADD_TO_OPEN } to;
    int backing_id;
};
static _Thread_local struct addition next_reply;

static atomic_int device = -1; /* the session's /dev/fuse */
static atomic_bool offered;

static ssize_t hook_read(int fd, void *buf, size_t len, void *userdata)
{
    ssize_t n = read(fd, buf, len);

    (void)userdata;
    if (n > 0 && passthrough_offered(buf, (size_t)n))
        atomic_store(&offered, true);
    return n;
}

/* The payload of both replies is one piece behind the header; it is completed in a copy. */
static ssize_t hook_writev(int fd, struct iovec *iov, int count, void *userdata)
{
    struct addition add = next_reply;
    char payload[256];
    struct iovec out[2];

    (void)userdata;
    next_reply.to = ADD_NOTHING;
    if (add.to == ADD_NOTHING || count != 2 || iov[1].iov_len > sizeof(payload))
        return writev(fd, iov, count);
    memcpy(payload, iov[1].iov_base, iov[1].iov_len);
    out[0] = iov[0];
    out[1] = (struct iovec){.iov_base = payload, .iov_len = iov[1].iov_len};
    if (add.to == ADD_TO_INIT)
        (void)passthrough_patch_init(payload, out[1].iov_len, stack_depth);
    else
        (void)passthrough_patch_open(payload, out[1].iov_len, add.backing_id);
    return writev(fd, out, 2);
}

bool passthrough_attach(struct fuse_session *se, const char *store)
{
    static const struct fuse_custom_io io = {.read = hook_read, .writev = hook_writev};

    set_stack_depth(store);
    atomic_store(&device, fuse_session_fd(se));
    /* The descriptor that libfuse mounted with, so that it also unmounts as ever. */
    return fuse_session_custom_io(se, &io, fuse_session_fd(se)) == 0;
}

void passthrough_init(struct fuse_conn_info *conn)
{
    (void)conn;
    if (decide(atomic_load(&offered)))
        next_reply = (struct addition){.to = ADD_TO_INIT};
}

int passthrough_open(fuse_req_t req, int fd)
{
    struct backing_map map = {.fd = fd};
    int id;

    (void)req;
    if (!atomic_load(&usable))
        return 0;
    id = ioctl(atomic_load(&device), BACKING_OPEN, &map);
    return id > 0 ? id : refused(errno);
}

void passthrough_close(fuse_req_t req, int backing_id)
{
    uint32_t id = (uint32_t)backing_id;

    (void)req;
    (void)ioctl(atomic_load(&device), BACKING_CLOSE, &id);
}

int passthrough_reply_open(fuse_req_t req, struct fuse_file_info *fi, int backing_id)
{
    int err;

    next_reply = (struct addition){.to = ADD_TO_OPEN, .backing_id = backing_id};
    err = fuse_reply_open(req, fi);
    next_reply.to = ADD_NOTHING;
    return err;
}

#endif
