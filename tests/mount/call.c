/*
 * call NAME ARGUMENT... - one system call, and the name of its errno ("ok" for success) on stdout: what a
 * shell cannot tell. Exits 2 when it is called wrongly, so that no misspelling passes for an errno.
 *
 *   mkdir|rmdir|unlink|mknod|readlink|list|umount PATH
 *   open PATH FLAG[|FLAG...]       rdonly wronly rdwr creat trunc append
 *   write PATH TEXT                one write to a file opened O_WRONLY
 *   rename|link|symlink A B, rename2 A B FLAGS
 *   truncate PATH SIZE, chmod PATH OCTAL, utime PATH, setxattr PATH NAME
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int wrong(const char *what)
{
    fprintf(stderr, "call: %s\n", what);
    exit(2);
}

static int open_flags(const char *text)
{
    static const struct {
        const char *name;
        int flag;
    } words[] = {{"rdonly", O_RDONLY}, {"wronly", O_WRONLY}, {"rdwr", O_RDWR},
                 {"creat", O_CREAT},   {"trunc", O_TRUNC},   {"append", O_APPEND}};
    char copy[64];
    int flags = 0;

    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *w = strtok(copy, "|"); w != NULL; w = strtok(NULL, "|")) {
        size_t i = 0;

        while (i < sizeof(words) / sizeof(words[0]) && strcmp(words[i].name, w) != 0)
            i++;
        if (i == sizeof(words) / sizeof(words[0]))
            wrong(w);
        flags |= words[i].flag;
    }
    return flags;
}

static int do_open(const char *path, const char *flags)
{
    int fd = open(path, open_flags(flags), 0600);

    return fd < 0 ? -1 : close(fd);
}

static int do_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int do_list(const char *path)
{
    DIR *d = opendir(path);

    if (d == NULL)
        return -1;
    errno = 0;
    while (readdir(d) != NULL)
        ;
    return errno != 0 ? -1 : 0;
}

static int one(const char *call, const char *path)
{
    char buf[4096];

    if (strcmp(call, "mkdir") == 0)
        return mkdir(path, 0777);
    if (strcmp(call, "rmdir") == 0)
        return rmdir(path);
    if (strcmp(call, "unlink") == 0)
        return unlink(path);
    if (strcmp(call, "mknod") == 0)
        return mknod(path, S_IFREG | 0600, 0);
    if (strcmp(call, "readlink") == 0)
        return readlink(path, buf, sizeof(buf)) < 0 ? -1 : 0;
    if (strcmp(call, "list") == 0)
        return do_list(path);
    if (strcmp(call, "umount") == 0)
        return umount2(path, 0);
    if (strcmp(call, "utime") == 0)
        return utimensat(AT_FDCWD, path, NULL, 0);
    return wrong(call);
}

static int two(const char *call, const char *a, const char *b)
{
    if (strcmp(call, "open") == 0)
        return do_open(a, b);
    if (strcmp(call, "write") == 0)
        return do_write(a, b);
    if (strcmp(call, "rename") == 0)
        return rename(a, b);
    if (strcmp(call, "link") == 0)
        return link(a, b);
    if (strcmp(call, "symlink") == 0)
        return symlink(a, b);
    if (strcmp(call, "truncate") == 0)
        return truncate(a, atol(b));
    if (strcmp(call, "chmod") == 0)
        return chmod(a, (mode_t)strtoul(b, NULL, 8));
    if (strcmp(call, "setxattr") == 0)
        return setxattr(a, b, "x", 1, 0);
    return wrong(call);
}

int main(int argc, char *argv[])
{
    int result;

    if (argc == 3)
        result = one(argv[1], argv[2]);
    else if (argc == 4)
        result = two(argv[1], argv[2], argv[3]);
    else if (argc == 5 && strcmp(argv[1], "rename2") == 0)
        result = renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3], (unsigned)atoi(argv[4]));
    else
        result = wrong("see the comment at its head");
    puts(result == 0 ? "ok" : strerrorname_np(errno));
    return 0;
}
