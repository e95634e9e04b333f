/* Commands: their table, the parser, and what each does. */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "snap_priv.h"

enum argument { ARG_NONE, ARG_NAME, ARG_NUMBER };

static const struct {
    const char *word;
    enum control_verb verb;
    enum argument arg;
} commands[] = {
    {"full", CONTROL_FULL, ARG_NAME},          {"copy", CONTROL_COPY, ARG_NAME},
    {"cancel", CONTROL_CANCEL, ARG_NONE},      {"verify", CONTROL_VERIFY, ARG_NAME},
    {"hold", CONTROL_HOLD, ARG_NAME},          {"release", CONTROL_RELEASE, ARG_NAME},
    {"wait", CONTROL_WAIT, ARG_NONE},          {"atomic", CONTROL_ENGINE, ARG_NAME},
    {"incremental", CONTROL_ENGINE, ARG_NAME}, {"truncate", CONTROL_ENGINE, ARG_NONE},
    {"prove", CONTROL_ENGINE, ARG_NAME},       {"freeze", CONTROL_ENGINE, ARG_NUMBER},
    {"thaw", CONTROL_ENGINE, ARG_NONE},
};

static JET_ERR refuse(JET_ERR err, const char *text, const char **why_text)
{
    *why_text = text;
    return err;
}

/* A name may hold blanks: it is the whole rest of the line. */
static JET_ERR parse_name(const char *arg, size_t len, struct control *ret, const char **why_text)
{
    JET_ERR err;

    if (!len)
        return refuse(JET_errInvalidParameter, "the command needs the name of a backup", why_text);
    if (len >= sizeof(ret->name))
        return refuse(JET_errInvalidPath, "the name is too long", why_text);
    memcpy(ret->name, arg, len);
    ret->name[len] = '\0';
    err = snap_name_check(ret->name);
    if (err < 0)
        return refuse(err,
                      err == JET_errInvalidPath ? "the name is too long"
                                                : "not a legal name for a backup",
                      why_text);
    return JET_errSuccess;
}

static JET_ERR parse_argument(enum argument kind, const char *arg, size_t len, struct control *ret,
                              const char **why_text)
{
    switch (kind) {
    case ARG_NAME:
        return parse_name(arg, len, ret, why_text);
    case ARG_NONE:
        return len ? refuse(JET_errInvalidParameter, "the command takes no argument", why_text)
                   : JET_errSuccess;
    default:
        if (!len || len > 9 || strspn(arg, "0123456789") < len)
            return refuse(JET_errInvalidParameter, "the command needs a number of seconds",
                          why_text);
        return JET_errSuccess;
    }
}

JET_ERR control_parse(const char *line, struct control *ret, const char **why_text)
{
    size_t len = strlen(line), word = strcspn(line, " \t\n");
    const char *arg;

    memset(ret, 0, sizeof(*ret));
    if (len && line[len - 1] == '\n')
        len--;
    if (memchr(line, '\n', len))
        return refuse(JET_errInvalidParameter, "one command per write", why_text);
    arg = line + word;
    while (arg < line + len && (*arg == ' ' || *arg == '\t'))
        arg++;
    for (size_t k = 0; k < sizeof(commands) / sizeof(commands[0]); k++) {
        if (strlen(commands[k].word) != word || memcmp(commands[k].word, line, word) != 0)
            continue;
        ret->verb = commands[k].verb;
        ret->word = commands[k].word;
        return parse_argument(commands[k].arg, arg, (size_t)(line + len - arg), ret, why_text);
    }
    return refuse(JET_errInvalidParameter, "no such command", why_text);
}

const char *snap_command_help(void)
{
    return "full NAME\n"
           "copy NAME\n"
           "cancel\n"
           "verify NAME\n"
           "hold NAME\n"
           "release NAME\n"
           "wait\n";
}

/* ---- what they do ----------------------------------------------------------------------------- */

static JET_ERR check_backup(struct snap_inst *i, const char *name, struct ese_fault *why)
{
    JET_ERR err = snap_name_check(name);

    if (err < 0)
        return why_set(why, err, name, "not a legal name for a backup");
    if (i->snap->ro || i->dirfd < 0) {
        err = why_set(why, JET_errFileAccessDenied, "",
                      i->snap->ro ? "the mount is read-only"
                                  : "the store has no place for this instance");
        if (why)
            why->os_errno = EROFS;
        return err;
    }
    if (catalogue_has(i, name))
        return why_set(why, JET_errFileAlreadyExists, name, "a backup of this name exists");
    return JET_errSuccess;
}

JET_ERR snap_take(struct snap_inst *i, const char *name, snap_stop_fn *should_stop, void *ctx,
                  struct ese_fault *why)
{
    JET_ERR err = check_backup(i, name, why);

    if (err >= 0)
        err = job_begin(i, JOB_BACKUP, name, why);
    return err < 0 ? err : job_run(i, should_stop, ctx, why);
}

static JET_ERR start(struct snap_inst *i, enum job_kind kind, const char *name,
                     struct ese_fault *why)
{
    JET_ERR err = JET_errSuccess;

    if (kind == JOB_BACKUP)
        err = check_backup(i, name, why);
    else if (!catalogue_has(i, name))
        err = why_set(why, JET_errFileNotFound, name, "no such backup");
    if (err >= 0)
        err = job_begin(i, kind, name, why);
    return err < 0 ? err : job_background(i, why);
}

JET_ERR snap_command(struct snap_inst *i, const char *line, snap_stop_fn *should_stop, void *ctx,
                     struct ese_fault *why)
{
    struct control c;
    const char *text;
    JET_ERR err = control_parse(line, &c, &text);

    if (err < 0)
        return why_set(why, err, c.name, "%s", text);
    switch (c.verb) {
    case CONTROL_FULL:
    case CONTROL_COPY:
        return start(i, JOB_BACKUP, c.name, why);
    case CONTROL_VERIFY:
        return start(i, JOB_VERIFY, c.name, why);
    case CONTROL_HOLD:
    case CONTROL_RELEASE:
        return snap_hold(i, c.name, c.verb == CONTROL_HOLD, why);
    case CONTROL_CANCEL:
        job_cancel(i);
        return JET_errSuccess;
    case CONTROL_WAIT:
        return job_wait(i, should_stop, ctx, why);
    default:
        return why_set(why, JET_errFeatureNotAvailable, "",
                       "%s needs the engine that writes, which this version does not have", c.word);
    }
}
