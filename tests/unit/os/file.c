/* Opening hostile directories, and every errno that has a JET error of its own. */
#include "testutil.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "os/file.h"

static char dir[] = "/tmp/esefs-os-XXXXXX";
static int dirfd_;

static int setup(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    char cmd[200];

    (void)state;
    if (!mkdtemp(dir) || chdir(dir) < 0 || s < 0)
        return -1;
    strcpy(a.sun_path, "socket");
    snprintf(cmd, sizeof(cmd),
             "mkdir -p sub && echo data >sub/file && ln -s sub/file link && ln -s / root"
             " && ln -s sub dirlink && mkfifo fifo && mknod dev c 1 3 2>/dev/null");
    if (system(cmd) < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0)
        return -1;
    close(s);
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    return dirfd_ < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    char cmd[100];

    (void)state;
    close(dirfd_);
    if (chdir("/") < 0)
        return -1;
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    return system(cmd);
}

static void only_regular_files_beneath_are_opened(void **state)
{
    static const struct {
        const char *path;
        JET_ERR err;
    } table[] = {
        {"sub/file", JET_errSuccess},         {"link", JET_errInvalidPath},
        {"dirlink/file", JET_errInvalidPath}, {"root/etc/passwd", JET_errInvalidPath},
        {"../etc", JET_errInvalidPath},       {"sub/../../x", JET_errInvalidPath},
        {"fifo", JET_errFileInvalidType},     {"socket", JET_errFileInvalidType},
        {"sub", JET_errFileInvalidType},      {"none", JET_errFileNotFound},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        int fd = -1;
        JET_ERR err = os_open_beneath(dirfd_, table[i].path, &fd);

        if (err != table[i].err)
            fail_msg("%s: %s", table[i].path, err_name(err));
        if (fd >= 0)
            close(fd);
    }
}

static void a_device_is_not_a_file(void **state)
{
    int fd;

    (void)state;
    if (access("dev", F_OK) != 0) {
        print_message("skipped: not allowed to make a device\n");
        skip();
    }
    assert_int_equal(os_open_beneath(dirfd_, "dev", &fd), JET_errFileInvalidType);
    assert_int_equal(os_open_file("/dev/null", &fd), JET_errFileInvalidType);
}

static void reads_end_with_the_file(void **state)
{
    char buf[10];
    size_t n;
    int fd;

    (void)state;
    assert_int_equal(os_open_file("link", &fd), JET_errSuccess); /* the caller chose it */
    assert_int_equal(os_pread(fd, buf, sizeof(buf), 0, &n), JET_errSuccess);
    assert_int_equal(n, 5);
    assert_int_equal(os_pread_all(fd, buf, 5, 0), JET_errSuccess);
    assert_int_equal(os_pread_all(fd, buf, 6, 0), JET_errFileIOBeyondEOF);
    close(fd);
    assert_int_equal(os_pread(fd, buf, 1, 0, &n), JET_errDiskIO); /* EBADF */
    assert_int_equal(os_fsync(fd), JET_errDiskIO);
}

static void holes_are_found(void **state)
{
    uint64_t at;
    int fd = open("sparse", O_RDWR | O_CREAT, 0600);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(os_pwrite_all(fd, "x", 1, 1 << 20), JET_errSuccess);
    assert_int_equal(os_next_data(fd, 0, &at), JET_errSuccess);
    assert_true(at == 1 << 20 || at == 0); /* 0: a filesystem without holes */
    assert_int_equal(os_next_data(fd, (1 << 20) + 1, &at), JET_errSuccess);
    assert_int_equal(at, (1 << 20) + 1);
    close(fd);
}

static void a_file_made_longer_ends_in_zeroes(void **state)
{
    uint8_t b[3000], bytes[100];
    size_t len;
    FILE *f = tmpfile();

    (void)state;
    assert_non_null(f);
    memset(bytes, 7, sizeof(bytes));
    assert_int_equal(os_pwrite_all(fileno(f), bytes, sizeof(bytes), 0), JET_errSuccess);
    assert_int_equal(os_extend(fileno(f), 100, 2500), JET_errSuccess);
    assert_int_equal(os_pread(fileno(f), b, sizeof(b), 0, &len), JET_errSuccess);
    assert_int_equal(len, 2500);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(b[i], i < 100 ? 7 : 0);
    fclose(f);
}

static void errno_comes_in_by_one_table(void **state)
{
    static const int in[] = {ENOENT, EACCES, EROFS, ENOSPC, EDQUOT, ENOMEM,
                             EMFILE, EEXIST, ELOOP, EINTR,  EIO};
    static const JET_ERR out[] = {JET_errFileNotFound,
                                  JET_errFileAccessDenied,
                                  JET_errFileAccessDenied,
                                  JET_errDiskFull,
                                  JET_errDiskFull,
                                  JET_errOutOfMemory,
                                  JET_errOutOfFileHandles,
                                  JET_errFileAlreadyExists,
                                  JET_errInvalidPath,
                                  JET_errBackupAbortByServer,
                                  JET_errDiskIO};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(in); i++)
        assert_int_equal(os_error(in[i]), out[i]);
}

static void names_change_places_in_one_step(void **state)
{
    char mine[] = "/tmp/unit-os-XXXXXX";
    int fd, one, other;
    JET_ERR err;

    (void)state;
    assert_non_null(mkdtemp(mine));
    fd = open(mine, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(os_mkdir_beneath(fd, "a"), 0);
    assert_int_equal(os_mkdir_beneath(fd, "b"), 0);
    assert_int_equal(os_open_dir_beneath(fd, "a", &one), 0);
    assert_int_equal(os_create_beneath(one, "file", &other), 0);
    close(other);
    err = os_exchange_at(fd, "a", "b");
    assert_true(err == JET_errSuccess || err == JET_errFeatureNotAvailable);
    if (err == JET_errSuccess) {
        assert_int_equal(os_open_beneath(fd, "b/file", &other), 0);
        close(other);
        assert_int_equal(os_exchange_at(fd, "b", "a"), 0);
    }
    assert_int_equal(os_exchange_at(fd, "a", "c"), JET_errFileNotFound);
    close(one);

    assert_int_equal(os_open_dir_beneath(fd, "a", &one), 0);
    assert_int_equal(os_open_dir_beneath(fd, "b", &other), 0);
    assert_int_equal(os_link_at(one, "file", other), 0);
    assert_int_equal(os_link_at(one, "file", other), JET_errFileAlreadyExists);
    assert_int_equal(os_remove_dir_at(fd, "b"), JET_errFileAlreadyExists); /* not empty */
    assert_int_equal(os_unlink_beneath(other, "file"), 0);
    assert_int_equal(os_unlink_beneath(one, "file"), 0);
    assert_int_equal(os_remove_dir_at(fd, "a"), 0);
    assert_int_equal(os_remove_dir_at(fd, "b"), 0);
    close(one);
    close(other);
    close(fd);
    assert_int_equal(rmdir(mine), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_regular_files_beneath_are_opened),
        cmocka_unit_test(a_device_is_not_a_file),
        cmocka_unit_test(reads_end_with_the_file),
        cmocka_unit_test(holes_are_found),
        cmocka_unit_test(a_file_made_longer_ends_in_zeroes),
        cmocka_unit_test(names_change_places_in_one_step),
        cmocka_unit_test(errno_comes_in_by_one_table),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}
