/*
 * What mount.esefs says outside of the tree: one line to stderr until it has detached, to syslog
 * afterwards. What happens to an instance belongs into its `events`, not here.
 */
#ifndef FS_SAY_H
#define FS_SAY_H

/* A line that names the option or path and the reason; without full stop or newline. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Like say(), for what the user may want to change but need not. */
void say_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* From now on to syslog. Called once, when the terminal is let go. */
void say_to_syslog(void);

#endif
