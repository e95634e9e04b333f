/*
 * Options: one table row per word of -o, one function per kind of value. The last of two equal
 * options wins, as with mount(8). Commas inside a value are written "\,".
 */
#include "options.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

struct parse {
    struct options *o;
    bool sloppy; /* -s: unknown options are ignored, as mount(8) asks of helpers */
    char *message;
    size_t message_len;
};

typedef bool opt_fn(struct parse *p, const char *name, const char *value);

static bool __attribute__((format(printf, 2, 3))) refuse(struct parse *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(p->message, p->message_len, fmt, ap);
    va_end(ap);
    return false;
}

static bool replace(struct parse *p, char **where, const char *value)
{
    char *copy = strdup(value);

    if (copy == NULL)
        return refuse(p, "out of memory");
    free(*where);
    *where = copy;
    return true;
}

static bool parse_u32(const char *text, int base, uint64_t max, uint32_t *ret)
{
    char *end;
    unsigned long v;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    v = strtoul(text, &end, base);
    if (errno != 0 || *end != '\0' || v > max)
        return false;
    *ret = (uint32_t)v;
    return true;
}

bool opts_parse_rate(const char *text, uint64_t *ret)
{
    char *end;
    unsigned long long v;
    unsigned shift = 0;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    v = strtoull(text, &end, 10);
    if (errno != 0 || v == 0)
        return false;
    switch (*end) {
    case 'K':
        shift = 10;
        break;
    case 'M':
        shift = 20;
        break;
    case 'G':
        shift = 30;
        break;
    case '\0':
        *ret = v;
        return true;
    default:
        return false;
    }
    if (end[1] != '\0' || v > UINT64_MAX >> shift)
        return false;
    *ret = (uint64_t)v << shift;
    return true;
}

static bool set_store(struct parse *p, const char *name, const char *value)
{
    if (*value == '\0')
        return refuse(p, "%s=: needs a directory", name);
    return replace(p, &p->o->store, value);
}

static bool set_offline(struct parse *p, const char *name, const char *value)
{
    if (strcmp(value, "copy") == 0)
        return true;
    if (strcmp(value, "recover") == 0)
        return refuse(p, "%s=recover: this version has no recovery; only %s=copy is available",
                      name, name);
    return refuse(p, "%s=%s: must be copy or recover", name, value);
}

static bool set_logs(struct parse *p, const char *name, const char *value)
{
    bool keep = strcmp(value, "keep") == 0;

    if (!keep && strcmp(value, "truncate") != 0)
        return refuse(p, "%s=%s: must be truncate or keep", name, value);
    p->o->keep_logs = keep;
    return true;
}

static bool set_keep(struct parse *p, const char *name, const char *value)
{
    if (snap_keep_check(value) < 0)
        return refuse(p, "%s=%s: must be like last:7,daily:14,weekly:8,monthly:12", name, value);
    return replace(p, &p->o->keep, value);
}

static bool set_rate(struct parse *p, const char *name, const char *value)
{
    if (!opts_parse_rate(value, &p->o->rate))
        return refuse(p, "%s=%s: must be a positive number of bytes, with K, M or G", name, value);
    return true;
}

static bool set_threads(struct parse *p, const char *name, const char *value)
{
    uint32_t v;

    if (!parse_u32(value, 10, 1024, &v) || v == 0)
        return refuse(p, "%s=%s: must be between 1 and 1024", name, value);
    p->o->threads = v;
    return true;
}

/* (uid_t)-1 means "unchanged" to the kernel and is nobody's. */
static bool set_uid(struct parse *p, const char *name, const char *value)
{
    uint32_t v;
    struct passwd *pw;

    if (!parse_u32(value, 10, UINT32_MAX - 1, &v)) {
        pw = getpwnam(value);
        if (pw == NULL)
            return refuse(p, "%s=%s: no such user", name, value);
        v = pw->pw_uid;
    }
    p->o->uid = v;
    p->o->uid_set = true;
    return true;
}

static bool set_gid(struct parse *p, const char *name, const char *value)
{
    uint32_t v;
    struct group *gr;

    if (!parse_u32(value, 10, UINT32_MAX - 1, &v)) {
        gr = getgrnam(value);
        if (gr == NULL)
            return refuse(p, "%s=%s: no such group", name, value);
        v = gr->gr_gid;
    }
    p->o->gid = v;
    p->o->gid_set = true;
    return true;
}

static bool set_umask(struct parse *p, const char *name, const char *value)
{
    uint32_t v;

    if (!parse_u32(value, 8, 0777, &v))
        return refuse(p, "%s=%s: must be octal, 0 to 777", name, value);
    p->o->umask = v;
    p->o->umask_set = true;
    return true;
}

static bool set_flag(struct parse *p, const char *name, const char *value)
{
    static const struct {
        const char *name;
        size_t off;
        bool value;
    } flags[] = {
        {"ro", offsetof(struct options, ro), true},
        {"rw", offsetof(struct options, ro), false},
        {"allow_other", offsetof(struct options, allow_other), true},
        {"foreground", offsetof(struct options, foreground), true},
        {"debug", offsetof(struct options, debug), true},
        {"noexec", offsetof(struct options, noexec), true},
        {"exec", offsetof(struct options, noexec), false},
        {"noatime", offsetof(struct options, noatime), true},
        {"atime", offsetof(struct options, noatime), false},
        {"sync", offsetof(struct options, sync), true},
        {"async", offsetof(struct options, sync), false},
        {"dirsync", offsetof(struct options, dirsync), true},
    };

    (void)value;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strcmp(flags[i].name, name) == 0)
            *((bool *)((char *)p->o + flags[i].off)) = flags[i].value;
    return true;
}

static bool ignore(struct parse *p, const char *name, const char *value)
{
    (void)p;
    (void)name;
    (void)value;
    return true;
}

static bool refuse_remount(struct parse *p, const char *name, const char *value)
{
    (void)value;
    return refuse(p, "%s: not possible; unmount and mount again", name);
}

enum arity { BARE, VALUE, EITHER };

static const struct {
    const char *name;
    enum arity arity;
    opt_fn *fn;
} table[] = {
    /* ours, in the contract's order */
    {"store", VALUE, set_store},
    {"offline", VALUE, set_offline},
    {"logs", VALUE, set_logs},
    {"keep", VALUE, set_keep},
    {"rate", VALUE, set_rate},
    {"threads", VALUE, set_threads},
    {"ro", BARE, set_flag},
    {"rw", BARE, set_flag},
    {"uid", VALUE, set_uid},
    {"gid", VALUE, set_gid},
    {"umask", VALUE, set_umask},
    {"allow_other", BARE, set_flag},
    {"foreground", BARE, set_flag},
    {"debug", BARE, set_flag},
    /* the kernel's, or always on here */
    {"noexec", BARE, set_flag},
    {"exec", BARE, set_flag},
    {"noatime", BARE, set_flag},
    {"atime", BARE, set_flag},
    {"sync", BARE, set_flag},
    {"async", BARE, set_flag},
    {"dirsync", BARE, set_flag},
    {"nosuid", BARE, ignore},
    {"nodev", BARE, ignore},
    {"default_permissions", BARE, ignore},
    {"relatime", BARE, ignore},
    {"nodiratime", BARE, ignore},
    /* fstab's and mount(8)'s: mean nothing to a helper, which must accept them */
    {"defaults", BARE, ignore},
    {"auto", BARE, ignore},
    {"noauto", BARE, ignore},
    {"user", EITHER, ignore},
    {"nouser", BARE, ignore},
    {"users", BARE, ignore},
    {"nousers", BARE, ignore},
    {"owner", BARE, ignore},
    {"group", BARE, ignore},
    {"_netdev", BARE, ignore},
    {"nofail", BARE, ignore},
    {"comment", VALUE, ignore},
    {"remount", BARE, refuse_remount},
};

static bool apply_option(struct parse *p, char *text)
{
    char *value = strchr(text, '=');

    if (strncmp(text, "x-", 2) == 0 || strncmp(text, "X-", 2) == 0)
        return true;
    if (value != NULL)
        *value++ = '\0';
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, text) != 0)
            continue;
        if (table[i].arity == VALUE && value == NULL)
            return refuse(p, "%s: needs a value (%s=...)", text, text);
        if (table[i].arity == BARE && value != NULL)
            return refuse(p, "%s=%s: takes no value", text, value);
        return table[i].fn(p, text, value);
    }
    return p->sloppy || refuse(p, "%s: unknown option", text);
}

/* Splits at commas; a backslash takes the next character as it is. keep= alone has commas of its own:
 * "keep=last:7,daily:14" goes on as long as what follows looks like another rule (WORD:NUMBER). */
static bool is_keep_rule(const char *text)
{
    size_t word = strspn(text, "abcdefghijklmnopqrstuvwxyz");
    size_t digits = text[word] == ':' ? strspn(text + word + 1, "0123456789") : 0;
    char after = digits > 0 ? text[word + 1 + digits] : 'x';

    return word > 0 && (after == ',' || after == '\0');
}

static bool apply_list(struct parse *p, const char *list)
{
    char *item = malloc(strlen(list) + 1);
    bool ok = true;

    if (item == NULL)
        return refuse(p, "out of memory");
    while (ok && *list != '\0') {
        size_t n = 0;

        for (; *list != '\0'; list++) {
            if (*list == ',' &&
                !(n > 5 && strncmp(item, "keep=", 5) == 0 && is_keep_rule(list + 1)))
                break;
            if (*list == '\\' && list[1] != '\0')
                list++;
            item[n++] = *list;
        }
        item[n] = '\0';
        if (*list == ',')
            list++;
        ok = n == 0 || apply_option(p, item);
    }
    free(item);
    return ok;
}

/* The -t that mount(8) hands over names us, or something is wired wrongly. */
static bool check_type(struct parse *p, const char *type)
{
    if (strcmp(type, "esefs") == 0 || strcmp(type, "fuse.esefs") == 0)
        return true;
    return refuse(p, "-t %s: this is mount.esefs", type);
}

static bool positional(struct parse *p, const char *arg)
{
    if (*arg == '\0')
        return refuse(p, "empty argument: %s expected",
                      p->o->source == NULL ? "SOURCE" : "MOUNTPOINT");
    if (p->o->source == NULL)
        return replace(p, &p->o->source, arg);
    if (p->o->mountpoint == NULL)
        return replace(p, &p->o->mountpoint, arg);
    return refuse(p, "%s: one argument too many", arg);
}

/* One argument that is a cluster of flags, "-nv" or "-oro,rate=1M" or "-o" with the value in the next.
 * *i is advanced past a value that was taken. */
static bool flags(struct parse *p, int argc, char *const argv[], int *i)
{
    for (const char *c = argv[*i] + 1; *c != '\0'; c++) {
        if (*c == 'o' || *c == 't') {
            const char *value = c[1] != '\0' ? c + 1 : *i + 1 < argc ? argv[++*i] : NULL;

            if (value == NULL)
                return refuse(p, "-%c: needs a value", *c);
            return *c == 'o' ? apply_list(p, value) : check_type(p, value);
        }
        switch (*c) {
        case 'f':
            p->o->foreground = true;
            break;
        case 'd':
            p->o->debug = true;
            break;
        case 'v':
            p->o->verbose = true;
            break;
        case 'n': /* no mtab: there is none */
            break;
        case 's': /* seen before the rest was read */
            break;
        case 'r':
            p->o->ro = true;
            break;
        case 'w':
            p->o->ro = false;
            break;
        default:
            return refuse(p, "-%c: unknown option", *c);
        }
    }
    return true;
}

/* mount(8) puts -s before or after -o as it likes. */
static bool has_sloppy(int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            return false;
        if ((strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "-t") == 0) && i + 1 < argc) {
            i++;
            continue;
        }
        if (argv[i][0] == '-' && argv[i][strspn(argv[i], "-nvfdrw")] == 's')
            return true;
    }
    return false;
}

static enum opts_act parse_args(struct parse *p, int argc, char *const argv[])
{
    bool only_positional = false;

    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        bool ok;

        if (only_positional || a[0] != '-' || a[1] == '\0')
            ok = positional(p, a);
        else if (strcmp(a, "--") == 0)
            ok = only_positional = true;
        else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)
            return OPTS_HELP;
        else if (strcmp(a, "--version") == 0 || strcmp(a, "-V") == 0)
            return OPTS_VERSION;
        else if (strcmp(a, "--foreground") == 0)
            ok = p->o->foreground = true;
        else if (strcmp(a, "--debug") == 0)
            ok = p->o->debug = true;
        else if (a[1] == '-')
            ok = refuse(p, "%s: unknown option", a);
        else
            ok = flags(p, argc, argv, &i);
        if (!ok)
            return OPTS_USAGE;
    }
    return OPTS_MOUNT;
}

enum opts_act opts_parse(int argc, char *const argv[], struct options *ret, char *message,
                         size_t message_len)
{
    struct parse p = {.o = ret, .message = message, .message_len = message_len};
    enum opts_act act;

    memset(ret, 0, sizeof(*ret));
    message[0] = '\0';
    p.sloppy = has_sloppy(argc, argv);
    act = parse_args(&p, argc, argv);
    if (act != OPTS_MOUNT)
        return act;
    if (ret->mountpoint == NULL) {
        (void)refuse(&p, "%s is missing: mount.esefs SOURCE MOUNTPOINT [-o opt[,opt...]]",
                     ret->source == NULL ? "SOURCE" : "MOUNTPOINT");
        return OPTS_USAGE;
    }
    ret->foreground = ret->foreground || ret->debug;
    return OPTS_MOUNT;
}

void opts_done(struct options *o)
{
    free(o->source);
    free(o->mountpoint);
    free(o->store);
    free(o->keep);
    memset(o, 0, sizeof(*o));
}

const char *opts_help(void)
{
    return "usage: mount.esefs SOURCE MOUNTPOINT [-o opt[,opt...]]\n"
           "       mount -t esefs SOURCE MOUNTPOINT [-o opt[,opt...]]\n"
           "\n"
           "Mounts the ESE instances in the directory SOURCE. `mkdir INSTANCE/backups/NAME` takes "
           "a\n"
           "verified backup. See mount.esefs(8).\n"
           "\n"
           "  -o store=DIR         where finished backups are kept (SOURCE/.esefs)\n"
           "  -o offline=copy      instances that no process runs are verified and copied\n"
           "  -o logs=truncate|keep  whether a backup deletes logs that a restore does not need\n"
           "  -o keep=SPEC         retention: last:7,daily:14,weekly:8,monthly:12\n"
           "  -o rate=BYTES[K|M|G] ceiling for a backup's reading, per second\n"
           "  -o threads=N         worker threads (number of processors)\n"
           "  -o ro                refuse every change\n"
           "  -o uid=U,gid=G,umask=M  owner and modes as shown (owner of SOURCE)\n"
           "  -o allow_other       others than the mounting user may enter\n"
           "  -o foreground, -f    stay in the foreground\n"
           "  -o debug, -d         print every request; stays in the foreground\n"
           "  -s -n -v -t TYPE     as mount(8) passes them to its helpers\n"
           "  --help, --version\n";
}
