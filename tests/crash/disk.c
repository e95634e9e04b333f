#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "crash.h"

#define SECTOR      512u
#define FILES_MAX   256u
#define CHANGES_MAX 65536u

enum what { WRITE, LENGTH, CREATE, RENAME, UNLINK };

struct file {
    dev_t dev;
    ino_t ino;
    int fd; /* our own */
};

struct change {
    enum what what;
    unsigned file; /* or directory */
    bool poisoned; /* a sync of it failed: no later one makes it durable */
    uint64_t off, len, old_size, new_size;
    uint8_t *old, *now;
    char from[80], to[80], kept[24]; /* kept: what was there, in the undo directory */
};

/* All under `lock`. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool on, lossy, torn_pages;
static uint64_t rng, cut_at;
static uint32_t page_size;
static int undo_fd = -1;
static unsigned nr_files, nr_changes, nr_kept;
static struct file files[FILES_MAX];
static struct change changes[CHANGES_MAX];

static _Atomic int fail_what, fail_file;
static _Atomic uint64_t fail_left;
static _Atomic bool fail_always, failing;

ssize_t __real_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __real_pread64(int fd, void *buf, size_t len, off_t off);
long __real_syscall(long nr, ...);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
int __real_unlinkat(int dirfd, const char *path, int flags);
int __real_ftruncate64(int fd, off_t len);
int __real_fallocate64(int fd, int mode, off_t off, off_t len);
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
int __real_posix_memalign(void **p, size_t align, size_t n);
char *__real_strdup(const char *s);
ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off);
ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t off);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __wrap_unlinkat(int dirfd, const char *path, int flags);
int __wrap_ftruncate64(int fd, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
long __wrap_syscall(long nr, ...);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
int __wrap_posix_memalign(void **p, size_t align, size_t n);
char *__wrap_strdup(const char *s);

static uint64_t rnd(void)
{
    rng ^= rng >> 12, rng ^= rng << 25, rng ^= rng >> 27;
    return rng * UINT64_C(2685821657736338717);
}

static bool chance(unsigned percent)
{
    return rnd() % 100 < percent;
}

/* ---- what is remembered ------------------------------------------------------------------------------- */

static void *need(void *p)
{
    if (!p)
        broken("the disk has no memory");
    return p;
}

static int find_file(int fd, struct stat *st)
{
    if (fstat(fd, st) < 0 || (st->st_nlink == 0 && !S_ISDIR(st->st_mode)))
        return -1;
    for (unsigned i = 0; i < nr_files; i++)
        if (files[i].dev == st->st_dev && files[i].ino == st->st_ino)
            return (int)i;
    if (nr_files == FILES_MAX)
        broken("the disk has too many files");
    files[nr_files] = (struct file){st->st_dev, st->st_ino, fcntl(fd, F_DUPFD_CLOEXEC, 200)};
    return (int)nr_files++;
}

static struct change *remember(enum what what, unsigned file)
{
    if (nr_changes == CHANGES_MAX)
        broken("the disk has too many changes");
    changes[nr_changes] = (struct change){.what = what, .file = file};
    return &changes[nr_changes++];
}

/* What is durable now, over what a failed sync has left in doubt. */
static void settle(const struct change *c)
{
    for (struct change *p = changes; p < c; p++) {
        const uint64_t from = p->off > c->off ? p->off : c->off;
        const uint64_t end = p->off + p->len < c->off + c->len ? p->off + p->len : c->off + c->len;
        if (!p->poisoned || p->file != c->file || p->what != WRITE || from >= end)
            continue;
        memcpy(p->old + (from - p->off), c->now + (from - c->off), end - from);
        memcpy(p->now + (from - p->off), c->now + (from - c->off), end - from);
    }
}

static void forget(unsigned file, bool dir)
{
    unsigned n = 0;

    for (unsigned i = 0; i < nr_changes && !dir; i++)
        if (changes[i].file == file && changes[i].what == WRITE && !changes[i].poisoned)
            settle(&changes[i]);

    for (unsigned i = 0; i < nr_changes; i++) {
        struct change *c = &changes[i];
        const bool of_dir = c->what == CREATE || c->what == RENAME || c->what == UNLINK;
        if (c->file != file || of_dir != dir || c->poisoned) {
            changes[n++] = *c;
            continue;
        }
        free(c->old);
        free(c->now);
        if (c->kept[0])
            (void)__real_unlinkat(undo_fd, c->kept, 0);
    }
    nr_changes = n;
}

static void poison(unsigned file)
{
    for (unsigned i = 0; i < nr_changes; i++)
        if (changes[i].file == file)
            changes[i].poisoned = true;
}

static void keep(struct change *c, int dirfd, const char *name)
{
    snprintf(c->kept, sizeof(c->kept), "k%u", nr_kept++);
    if (linkat(dirfd, name, undo_fd, c->kept, 0) < 0)
        c->kept[0] = '\0';
}

/* ---- the end -------------------------------------------------------------------------------------------- */

static const char *name_of(int fd, char name[256])
{
    char proc[40];
    ssize_t n;

    snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
    n = readlink(proc, name, 255);
    name[n < 0 ? 0 : n] = '\0';
    return name;
}

static bool is_database(int fd)
{
    char name[256];

    return strstr(name_of(fd, name), ".edb") != NULL;
}

static void write_kept(const struct change *c, bool database, unsigned percent)
{
    const bool whole = chance(60), kept = chance(percent);

    for (uint64_t at = 0, n; at < c->len; at += n) {
        const bool page = database && !torn_pages && c->off + at >= 2u * page_size;
        n = page ? page_size : SECTOR;
        if (n > c->len - at)
            n = c->len - at;
        if ((page ? chance(percent) : whole ? kept : chance(percent)))
            (void)!__real_pwrite64(files[c->file].fd, c->now + at, n, (off_t)(c->off + at));
    }
}

/* Back to what was synced, then forward again with what has got to the disk of its own. */
static void lose_data(unsigned percent)
{
    for (unsigned i = nr_changes; i-- > 0;) {
        const struct change *c = &changes[i];
        if (c->what != WRITE && c->what != LENGTH)
            continue;
        if (c->old)
            (void)!__real_pwrite64(files[c->file].fd, c->old, c->len, (off_t)c->off);
        (void)!__real_ftruncate64(files[c->file].fd, (off_t)c->old_size);
    }
    for (unsigned i = 0; i < nr_changes; i++) {
        const struct change *c = &changes[i];
        struct stat st;
        if (c->what == WRITE)
            write_kept(c, is_database(files[c->file].fd), percent);
        if ((c->what == WRITE || c->what == LENGTH) && c->new_size != c->old_size &&
            chance(percent) && fstat(files[c->file].fd, &st) == 0 &&
            (c->what == LENGTH || (uint64_t)st.st_size < c->new_size))
            (void)!__real_ftruncate64(files[c->file].fd, (off_t)c->new_size);
    }
}

static void undo_name(const struct change *c)
{
    const int dir = files[c->file].fd;

    if (c->what == CREATE)
        (void)__real_unlinkat(dir, c->from, 0);
    if (c->what == RENAME)
        (void)__real_renameat(dir, c->to, dir, c->from);
    if (c->kept[0] && linkat(undo_fd, c->kept, dir, c->what == RENAME ? c->to : c->from, 0) < 0 &&
        errno != EEXIST)
        abort();
}

static void lose_names(void)
{
    unsigned nr = 0, keep_nr;

    for (unsigned i = 0; i < nr_changes; i++)
        nr += changes[i].what > LENGTH;
    keep_nr = chance(30) ? nr : (unsigned)(rnd() % (nr + 1));
    for (unsigned i = nr_changes; i-- > 0 && nr > keep_nr;)
        if (changes[i].what > LENGTH) {
            undo_name(&changes[i]);
            nr--;
        }
}

static _Atomic bool cutting; /* files are being put back: nobody may see that and go on */

static void cut_locked(void)
{
    static const unsigned percents[] = {0, 10, 50, 90, 100};

    atomic_store(&cutting, true);
    if (lossy) {
        lose_data(percents[rnd() % 5]);
        lose_names();
    }
    _exit(CUT);
}

void disk_cut(void)
{
    pthread_mutex_lock(&lock);
    cut_locked();
    abort();
}

/* ---- failing -------------------------------------------------------------------------------------------- */

static bool is_log(const char *name)
{
    return strstr(name, ".log") || strstr(name, ".jrs") || strstr(name, ".jtx");
}

static bool concerns(int fd, const char *path)
{
    char name[256];
    const int which = atomic_load(&fail_file);

    if (which == ANY_FILE || (fd < 0 && !path))
        return true;
    if (!path)
        path = name_of(fd, name);
    return which == DB_FILE ? strstr(path, ".edb") != NULL : is_log(path);
}

static bool is_armed(enum what_fails what)
{
    return atomic_load(&failing) && atomic_load(&fail_what) == (int)what;
}

static bool fails_at(enum what_fails what, int fd, const char *path)
{
    if (!is_armed(what) || !concerns(fd, path))
        return false;
    atomic_fetch_add(&sh->counted[what], 1);
    if (atomic_load(&fail_left) == 0) {
        if (!atomic_load(&fail_always) || !atomic_load(&sh->hit))
            return false;
        return true;
    }
    if (atomic_fetch_sub(&fail_left, 1) != 1)
        return false;
    atomic_store(&sh->hit, true);
    return true;
}

static bool fails(enum what_fails what, int fd)
{
    return fails_at(what, fd, NULL);
}

static bool grows(int fd, off_t end)
{
    struct stat st;

    return fstat(fd, &st) == 0 && end > st.st_size;
}

static int failure(int error)
{
    errno = error;
    return -1;
}

void disk_fail(enum what_fails what, enum which_file file, uint64_t n, bool always)
{
    atomic_store(&fail_what, (int)what);
    atomic_store(&fail_file, (int)file);
    atomic_store(&fail_always, always);
    atomic_store(&fail_left, n);
    atomic_store(&failing, true);
}

void disk_heal(void)
{
    atomic_store(&failing, false);
}

/* ---- the calls ------------------------------------------------------------------------------------------- */

static void change(void)
{
    if (on && atomic_fetch_add(&sh->changes, 1) + 1 == cut_at)
        cut_locked();
}

static void note_write(int fd, const void *buf, size_t len, uint64_t off)
{
    struct stat st;
    struct change *c;
    int file;

    if (!on || !lossy || (file = find_file(fd, &st)) < 0)
        return;
    c = remember(WRITE, (unsigned)file);
    c->off = off;
    c->len = len;
    c->old_size = (uint64_t)st.st_size;
    c->new_size = off + len > c->old_size ? off + len : c->old_size;
    c->old = need(__real_calloc(1, len));
    c->now = need(__real_malloc(len));
    (void)!__real_pread64(fd, c->old, len, (off_t)off);
    memcpy(c->now, buf, len);
}

static void note_length(int fd, uint64_t len, bool grow_only)
{
    struct stat st;
    struct change *c;
    int file;

    if (!on || !lossy || (file = find_file(fd, &st)) < 0)
        return;
    if (grow_only && len < (uint64_t)st.st_size)
        len = (uint64_t)st.st_size;
    c = remember(LENGTH, (unsigned)file);
    c->old_size = (uint64_t)st.st_size;
    c->new_size = len;
    if (len < c->old_size) { /* what is cut off */
        c->off = len;
        c->len = c->old_size - len;
        c->old = need(__real_malloc(c->len));
        (void)!__real_pread64(fd, c->old, c->len, (off_t)len);
    }
}

ssize_t __wrap_pwrite64(int fd, const void *buf, size_t len, off_t off)
{
    ssize_t n;

    if (fails(FAIL_WRITE, fd))
        return failure(EIO);
    if (is_armed(FAIL_SPACE) && grows(fd, off + (off_t)len) && fails(FAIL_SPACE, fd))
        return failure(ENOSPC);
    if (!on)
        return __real_pwrite64(fd, buf, len, off);
    pthread_mutex_lock(&lock);
    change();
    note_write(fd, buf, len, (uint64_t)off);
    n = __real_pwrite64(fd, buf, len, off);
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t off)
{
    const ssize_t ret = fails(FAIL_READ, fd) ? failure(EIO) : __real_pread64(fd, buf, len, off);

    while (atomic_load(&cutting)) /* what was read may be lost already; the process ends */
        pause();
    return ret;
}

static int synced(int fd, int (*real)(int fd))
{
    const bool bad = fails(FAIL_SYNC, fd);
    struct stat st;
    int file;

    if (!on)
        return bad ? failure(EIO) : real(fd);
    pthread_mutex_lock(&lock);
    change();
    file = lossy ? find_file(fd, &st) : -1;
    if (file >= 0 && bad)
        poison((unsigned)file);
    else if (file >= 0)
        forget((unsigned)file, S_ISDIR(st.st_mode));
    pthread_mutex_unlock(&lock);
    return bad ? failure(EIO) : 0; /* the machine goes on: the real one need not be waited for */
}

int __wrap_fsync(int fd)
{
    return synced(fd, __real_fsync);
}

int __wrap_fdatasync(int fd)
{
    return synced(fd, __real_fdatasync);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    struct change *c;
    struct stat st;
    int ret, dir;

    if (fails_at(FAIL_NAME, -1, to))
        return failure(EIO);
    if (!on)
        return __real_renameat(a, from, b, to);
    pthread_mutex_lock(&lock);
    change();
    dir = lossy ? find_file(a, &st) : -1;
    if (dir >= 0) {
        c = remember(RENAME, (unsigned)dir);
        snprintf(c->from, sizeof(c->from), "%s", from);
        snprintf(c->to, sizeof(c->to), "%s", to);
        keep(c, b, to);
    }
    ret = __real_renameat(a, from, b, to);
    if (ret < 0 && dir >= 0)
        nr_changes--;
    pthread_mutex_unlock(&lock);
    return ret;
}

int __wrap_unlinkat(int dirfd, const char *path, int flags)
{
    struct change *c;
    struct stat st;
    int ret, dir;

    if (fails_at(FAIL_NAME, -1, path))
        return failure(EIO);
    if (!on)
        return __real_unlinkat(dirfd, path, flags);
    pthread_mutex_lock(&lock);
    change();
    dir = lossy ? find_file(dirfd, &st) : -1;
    if (dir >= 0) {
        c = remember(UNLINK, (unsigned)dir);
        snprintf(c->from, sizeof(c->from), "%s", path);
        keep(c, dirfd, path);
    }
    ret = __real_unlinkat(dirfd, path, flags);
    if (ret < 0 && dir >= 0)
        nr_changes--;
    pthread_mutex_unlock(&lock);
    return ret;
}

int __wrap_ftruncate64(int fd, off_t len)
{
    int ret;

    if (fails(FAIL_WRITE, fd))
        return failure(EIO);
    if (is_armed(FAIL_SPACE) && grows(fd, len) && fails(FAIL_SPACE, fd))
        return failure(ENOSPC);
    if (!on)
        return __real_ftruncate64(fd, len);
    pthread_mutex_lock(&lock);
    change();
    note_length(fd, (uint64_t)len, false);
    ret = __real_ftruncate64(fd, len);
    pthread_mutex_unlock(&lock);
    return ret;
}

int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
    int ret;

    if (fails(FAIL_WRITE, fd))
        return failure(EIO);
    if (fails(FAIL_SPACE, fd))
        return failure(ENOSPC);
    if (!on)
        return __real_fallocate64(fd, mode, off, len);
    pthread_mutex_lock(&lock);
    change();
    if (mode == 0)
        note_length(fd, (uint64_t)(off + len), true);
    ret = __real_fallocate64(fd, mode, off, len);
    pthread_mutex_unlock(&lock);
    return ret;
}

/* A file that is opened, and made if how says so. */
static long opened(int dirfd, const char *path, const struct open_how *how, size_t size)
{
    struct stat st;
    long ret;
    int dir;

    if (how->flags & O_CREAT && fails_at(FAIL_SPACE, -1, path))
        return failure(ENOSPC);
    if (how->flags & O_CREAT && fails_at(FAIL_NAME, -1, path))
        return failure(EIO);
    if (!on || !(how->flags & O_CREAT))
        return __real_syscall(SYS_openat2, dirfd, path, how, size);
    pthread_mutex_lock(&lock);
    change();
    ret = __real_syscall(SYS_openat2, dirfd, path, how, size);
    dir = ret >= 0 && lossy ? find_file(dirfd, &st) : -1;
    if (dir >= 0) {
        struct change *c = remember(CREATE, (unsigned)dir);
        snprintf(c->from, sizeof(c->from), "%s", path);
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

long __wrap_syscall(long nr, ...)
{
    long a[6];
    va_list ap;

    va_start(ap, nr);
    for (unsigned i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (nr == SYS_openat2)
        return opened((int)a[0], (const char *)a[1], (const struct open_how *)a[2], (size_t)a[3]);
    return __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void *__wrap_malloc(size_t n)
{
    return fails(FAIL_MEMORY, -1) ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
    return fails(FAIL_MEMORY, -1) ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails(FAIL_MEMORY, -1) ? NULL : __real_realloc(p, n);
}

int __wrap_posix_memalign(void **p, size_t align, size_t n)
{
    return fails(FAIL_MEMORY, -1) ? ENOMEM : __real_posix_memalign(p, align, n);
}

char *__wrap_strdup(const char *s)
{
    return fails(FAIL_MEMORY, -1) ? NULL : __real_strdup(s);
}

/* ---- starting --------------------------------------------------------------------------------------------- */

void disk_begin(uint64_t seed, bool loses, uint64_t cut, uint32_t page, bool torn,
                const char *undo_dir)
{
    rng = seed | 1;
    lossy = loses;
    cut_at = cut;
    page_size = page;
    torn_pages = torn;
    undo_fd = open(undo_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    nr_changes = 0;
    atomic_store(&sh->changes, 0);
    on = true;
}

void disk_end(void)
{
    disk_heal();
    pthread_mutex_lock(&lock);
    on = false;
    pthread_mutex_unlock(&lock);
}
