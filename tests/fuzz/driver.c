/*
 * Runs a fuzz target over given inputs, without libFuzzer: the regression files that once were finds,
 * and a few inputs that every decoder must survive. For the ordinary build, any compiler, and for
 * coverage.
 *
 *   fuzz_NAME [FILE|DIRECTORY]...     a directory: every file in it, by name
 *
 * A path that is not there is said and passed over: a target without finds has no directory yet.
 *
 * The bytes are handed over in a heap block of exactly their length, so that a sanitizer sees every
 * read beyond it.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned nr_run;

static void die(const char *what, const char *path)
{
    fprintf(stderr, "fuzz driver: %s: %s\n", path, what);
    exit(2);
}

static void run(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        die("out of memory", "input");
    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
    nr_run++;
}

static void run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes;
    long len = -1;

    if (f && fseek(f, 0, SEEK_END) == 0)
        len = ftell(f);
    if (len < 0)
        die("cannot be read", path);
    rewind(f);
    bytes = malloc((size_t)len + 1);
    if (!bytes || fread(bytes, 1, (size_t)len, f) != (size_t)len)
        die("cannot be read", path);
    fclose(f);
    /* Told before: should it crash, this is the last line. */
    if (getenv("FUZZ_VERBOSE"))
        fprintf(stderr, "%s\n", path);
    run(bytes, (size_t)len);
    free(bytes);
}

static void run_path(const char *path)
{
    struct dirent **names;
    struct stat st;
    int n;

    if (stat(path, &st) < 0) {
        printf("%s: not there\n", path);
        return;
    }
    if (!S_ISDIR(st.st_mode)) {
        run_file(path);
        return;
    }
    n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        die("cannot be listed", path);
    for (int i = 0; i < n; i++) {
        char child[4096];

        if (names[i]->d_name[0] != '.') {
            if (snprintf(child, sizeof(child), "%s/%s", path, names[i]->d_name) >=
                (int)sizeof(child))
                die("path too long", path);
            run_path(child);
        }
        free(names[i]);
    }
    free(names);
}

/* Nothing, one byte, blank pages, and bytes without any sense. */
static void run_trivial(void)
{
    uint8_t *b = calloc(1, 65536);

    if (!b)
        die("out of memory", "input");
    run(b, 0);
    run(b, 1);
    run(b, 4096);
    run(b, 65536);
    for (unsigned i = 0; i < 65536; i++)
        b[i] = (uint8_t)(i * 2654435761u >> 24);
    run(b, 65536);
    memset(b, 0xff, 65536);
    run(b, 65536);
    free(b);
}

int main(int argc, char **argv)
{
    run_trivial();
    for (int i = 1; i < argc; i++)
        run_path(argv[i]);
    printf("%u inputs\n", nr_run);
    return 0;
}
