/*
 * Campaigns of crashes and faults.
 *
 *     crash kill  [rounds]     SIGKILL at a random moment, also while it recovers
 *     crash cut   [rounds]     the power goes at a random change of a file; what was not synced is lost, torn or kept
 *     crash fault [rounds]     a random call for memory or to the disk fails, once or from then on
 *     crash short              some of each: the test of the ordinary build
 *
 * Every round prints its seed when it fails; TEST_SEED=seed and 1 round run it again (threads may then take another course:
 * a few hundred rounds with the same configuration find it again). CRASH_DIR: where (default /tmp). CRASH_TORN=1: the disk tears the
 * pages of databases too, which may end in JET_errReadVerifyFailure, but in nothing that is silently wrong.
 */
#include "crash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "disk.h"

#define PATIENCE_S 120 /* a child that takes longer hangs */

static uint64_t rng;
static char top[64], undo[96];
static unsigned nr_kills, nr_cuts, nr_faults, nr_recovery_cuts, nr_torn;

static uint64_t rnd(void)
{
    rng ^= rng >> 12, rng ^= rng << 25, rng ^= rng >> 27;
    return rng * UINT64_C(2685821657736338717);
}

/* ---- directories ------------------------------------------------------------------------------------------- */

static void empty(const char *path)
{
    DIR *dp = opendir(path);
    struct dirent *e;

    while (dp && (e = readdir(dp)))
        (void)unlinkat(dirfd(dp), e->d_name, 0);
    if (dp)
        closedir(dp);
}

static void make_top(void)
{
    const char *in = getenv("CRASH_DIR");

    snprintf(top, sizeof(top), "%.40s/crash-XXXXXX", in ? in : "/tmp");
    if (!mkdtemp(top))
        broken("no directory");
    snprintf(conf.dir, sizeof(conf.dir), "%s/db", top);
    snprintf(undo, sizeof(undo), "%s/undo", top);
    if (mkdir(conf.dir, 0700) < 0 || mkdir(undo, 0700) < 0)
        broken("no directory");
    snprintf(conf.db, sizeof(conf.db), "%s/c.edb", conf.dir);
}

static void remove_top(void)
{
    empty(conf.dir);
    empty(undo);
    (void)rmdir(conf.dir);
    (void)rmdir(undo);
    (void)rmdir(top);
}

/* A new database, by a seed. */
static void configure(uint64_t seed)
{
    static const uint32_t sizes[] = {4096, 8192, 16384, 32768};
    static const uint32_t caches[] = {60, 200, 2000};
    static const uint32_t depths[] = {1 << 14, 1 << 16, 1 << 18, 1 << 20, 20 << 20};

    empty(conf.dir);
    empty(undo);
    rng = mix(seed) | 1;
    conf.seed = rnd();
    conf.workers = 1 + (unsigned)(rnd() % WORKERS_MAX);
    conf.page_size = sizes[rnd() % 4];
    conf.cache_pages = caches[rnd() % 3];
    conf.depth = depths[rnd() % 5];
    conf.circular = rnd() % 2;
    conf.threads = rnd() % 2;
    conf.may_fail = false;
    memset(sh, 0, sizeof(*sh));
}

/* ---- children ------------------------------------------------------------------------------------------------ */

static pid_t child_is(void (*fn)(const void *arg), const void *arg)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid < 0)
        broken("no process");
    if (pid == 0) {
        alarm(PATIENCE_S);
        fn(arg);
        exit(ENDED);
    }
    return pid;
}

/* Its exit status; 128 + signal. */
static int outcome(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool say_failed(const char *what, uint64_t seed, int how)
{
    printf("FAILED: %s, TEST_SEED=0x%llx, %u workers%s, pages of %u, cache %u, depth %u%s: ", what,
           (unsigned long long)seed, conf.workers, conf.threads ? " in threads" : "",
           conf.page_size, conf.cache_pages, conf.depth, conf.circular ? ", circular" : "");
    if (how == 128 + SIGALRM)
        printf("hangs\n");
    else if (how > 128)
        printf("signal %d\n", how - 128);
    else
        printf("exit status %d\n", how);
    fflush(stdout);
    return false;
}

/* Starts, looks, ends, looks at the file. */
static void check_life(const void *arg)
{
    JET_INSTANCE inst;

    (void)arg;
    must(start(&inst), "JetInit");
    must(check_law(inst), "looking at what is there");
    must(JetTerm(inst), "JetTerm");
    check_files();
}

/* ---- SIGKILL ---------------------------------------------------------------------------------------------------- */

static void endless_life(const void *arg)
{
    JET_INSTANCE inst;

    (void)arg;
    must(start(&inst), "JetInit");
    must(check_law(inst), "looking at what is there");
    must(run_workers(inst, 0), "working");
}

static void wait_ms(uint64_t ms)
{
    const struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

/* Waits until the child has found its database as it must be, or is gone. */
static void wait_checked(pid_t pid)
{
    siginfo_t info = {0};

    while (!atomic_load(&sh->checked) && info.si_pid == 0) {
        wait_ms(1);
        (void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    }
}

static int kill_one(void)
{
    pid_t pid;

    atomic_store(&sh->checked, false);
    pid = child_is(endless_life, NULL);
    if (rnd() % 3) { /* while it works; else at any moment */
        wait_checked(pid);
        wait_ms(rnd() % 8 ? rnd() % 250 : rnd() % 3000);
    } else {
        wait_ms(rnd() % 8 ? rnd() % 40 : rnd() % 400);
    }
    (void)kill(pid, SIGKILL);
    nr_kills++;
    return outcome(pid);
}

static bool kill_round(uint64_t seed)
{
    const unsigned lives = 2 + (unsigned)(mix(seed) % 12);

    configure(seed);
    for (unsigned i = 0; i < lives; i++) {
        int how = kill_one();
        if (how != 128 + SIGKILL)
            return say_failed("kill", seed, how);
        if (rnd() % 3 == 0 && (how = outcome(child_is(check_life, NULL))) != ENDED)
            return say_failed("kill, looking", seed, how);
    }
    const int how = outcome(child_is(check_life, NULL));
    return how == ENDED || say_failed("kill, looking", seed, how);
}

/* ---- power ----------------------------------------------------------------------------------------------------- */

struct cut {
    uint64_t seed, at;
    unsigned nr; /* transactions of each worker */
};

static void cut_life(const void *arg)
{
    const struct cut *cut = arg;
    JET_INSTANCE inst;

    disk_begin(cut->seed, cut->at != 0, cut->at, conf.page_size, conf.torn, undo);
    must(start(&inst), "JetInit");
    must(check_law(inst), "looking at what is there");
    must(run_workers(inst, cut->nr), "working");
    must(JetTerm(inst), "JetTerm");
    disk_end();
    check_files();
}

static bool look_again(const char *what, uint64_t seed)
{
    const int how = outcome(child_is(check_life, NULL));

    empty(undo);
    nr_torn += how == TORN;
    return how == ENDED || how == TORN || say_failed(what, seed, how);
}

/* The same database again and again, each life cut somewhere, some cut once more while they recover. */
static bool cut_round(uint64_t seed)
{
    struct cut cut = {seed, 0, 0};
    const unsigned torn_before = nr_torn;
    uint64_t total;
    int how;

    configure(seed);
    cut.nr = 3 + (unsigned)(rnd() % 60);
    if (rnd() % 4 == 0)
        cut.nr *= 5;
    how = outcome(child_is(cut_life, &cut));
    if (how != ENDED)
        return say_failed("cut, without a cut", seed, how);
    total = atomic_load(&sh->changes) + 1;
    if (rnd() % 3 == 0) { /* its birth too */
        empty(conf.dir);
        memset(sh, 0, sizeof(*sh));
    }
    for (unsigned i = 0; i < 8; i++) {
        cut.seed = rnd();
        cut.at = 1 + rnd() % (rnd() % 3 && atomic_load(&sh->made) ? total : 1 + total / 8);
        how = outcome(child_is(cut_life, &cut));
        empty(undo);
        if (how != CUT && how != ENDED && how != TORN)
            return say_failed("cut", seed, how);
        nr_torn += how == TORN;
        nr_cuts += how == CUT;
        nr_recovery_cuts += how == CUT && i > 0 && !atomic_load(&sh->checked);
        atomic_store(&sh->checked, false);
        if ((conf.torn || rnd() % 2) && !look_again("cut, looking", seed))
            return false;
        if (nr_torn > torn_before)
            return true;
    }
    return look_again("cut, looking", seed);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

struct fault {
    uint64_t seed, at;
    enum what_fails what;
    enum which_file file;
    bool always, from_start, lossy;
    unsigned nr;
};

static const char *const fault_names[] = {"none", "memory", "read", "write",
                                          "sync", "space",  "name"};

static void arm(const struct fault *f)
{
    disk_fail(f->what, f->file, f->at, f->always);
}

/* One life in which something fails, up to and with its end. */
static JET_ERR failing_life(const struct fault *f)
{
    JET_INSTANCE inst;
    JET_ERR err, err2;

    if (f->from_start)
        arm(f);
    TRY(start(&inst)); /* a failed one leaves nothing behind */
    err = check_law(inst);
    if (err >= 0) {
        if (!f->from_start)
            arm(f);
        err = run_workers(inst, f->nr);
    }
    if (is_down(inst))
        err = err < 0 ? err : JET_errInstanceUnavailable;
    else if (err == JET_errLogWriteFail)
        broken("the log could not be written, and the instance goes on");
    err2 = JetTerm2(inst, err < 0 ? JET_bitTermAbrupt : JET_bitTermComplete);
    if (err2 == JET_errTooManyActiveUsers)
        broken("JetTerm2: %s", ese_err_name(err2));
    return err < 0 ? err : err2;
}

static void fault_life(const void *arg)
{
    const struct fault *f = arg;
    JET_ERR err;

    disk_begin(f->seed, f->lossy, 0, conf.page_size, false, undo);
    conf.may_fail = true;
    conf.log_lost =
        f->always && f->file == LOG_FILE && (f->what == FAIL_WRITE || f->what == FAIL_SYNC);
    err = failing_life(f);
    disk_heal();
    if (err < 0 && !atomic_load(&sh->hit))
        broken("%s, and nothing has failed", ese_err_name(err));
    if (f->lossy)
        disk_cut();
    disk_end();
    conf.may_fail = conf.log_lost = false;
    check_life(NULL);
}

static uint64_t count_calls(const struct fault *f)
{
    struct fault count = *f;

    count.at = UINT64_MAX;
    count.lossy = false;
    if (outcome(child_is(fault_life, &count)) != ENDED)
        return 0;
    return atomic_load(&sh->counted[f->what]);
}

static bool say_fault(const struct fault *f, uint64_t seed, int how)
{
    static const char *const file_names[] = {"any file", "the database", "the log"};

    printf("%s %llu of %s fails%s%s%s\n", fault_names[f->what], (unsigned long long)f->at,
           file_names[f->file], f->always ? ", and all after it" : "",
           f->from_start ? ", from the start" : "", f->lossy ? ", what is not synced is lost" : "");
    return say_failed("fault", seed, how);
}

static bool fault_round(uint64_t seed)
{
    struct fault f = {0};
    uint64_t total;

    configure(seed);
    f.what = FAIL_MEMORY + (unsigned)(rnd() % (FAIL_KINDS - 1));
    f.file = (enum which_file)(rnd() % 3);
    f.from_start = rnd() % 3 == 0;
    f.nr = 3 + (unsigned)(rnd() % 60);
    total = count_calls(&f);
    if (total == 0 && atomic_load(&sh->counted[f.what]) == 0) /* no such call */
        return atomic_load(&sh->made) || say_fault(&f, seed, 1);
    for (unsigned i = 0; i < 8; i++) {
        int how;
        f.seed = rnd();
        f.at = 1 + rnd() % (total + 2);
        f.always = rnd() % 2;
        f.lossy = rnd() % 2;
        atomic_store(&sh->hit, false);
        how = outcome(child_is(fault_life, &f));
        if (how != ENDED && !(how == CUT && f.lossy))
            return say_fault(&f, seed, how);
        empty(undo);
        nr_faults += atomic_load(&sh->hit);
        if (f.lossy && rnd() % 2 && (how = outcome(child_is(check_life, NULL))) != ENDED)
            return say_fault(&f, seed, how);
        f.from_start = f.from_start || f.lossy; /* the next one fails while it recovers */
    }
    const int how = outcome(child_is(check_life, NULL));
    return how == ENDED || say_fault(&f, seed, how);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static bool run(bool (*round)(uint64_t seed), uint64_t seed, uint64_t nr)
{
    bool good = true;

    for (uint64_t i = 0; i < nr; i++)
        good = round(seed + i) && good;
    return good;
}

static int usage(void)
{
    fprintf(stderr, "usage: crash kill|cut|fault [ROUNDS] | short\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *seed_text = getenv("TEST_SEED");
    const uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0)
                                    : mix((uint64_t)time(NULL) << 20 ^ (uint64_t)getpid());
    const uint64_t nr = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    const char *what = argc > 1 ? argv[1] : "";
    bool good = true;

    sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sh == MAP_FAILED)
        return 1;
    conf.torn = getenv("CRASH_TORN") != NULL;
    make_top();
    printf("crash %s: TEST_SEED=0x%llx\n", what, (unsigned long long)seed);
    if (strcmp(what, "kill") == 0)
        good = run(kill_round, seed, nr);
    else if (strcmp(what, "cut") == 0)
        good = run(cut_round, seed, nr);
    else if (strcmp(what, "fault") == 0)
        good = run(fault_round, seed, nr);
    else if (strcmp(what, "short") == 0)
        good = run(kill_round, seed, 1) && run(cut_round, seed, 5) && run(fault_round, seed, 10);
    else
        good = usage() == 0;
    printf("crash %s: %u kills, %u cuts (%u of them before it had started), %u faults, %u torn "
           "databases: %s\n",
           what, nr_kills, nr_cuts, nr_recovery_cuts, nr_faults, nr_torn, good ? "good" : "FAILED");
    if (good || !getenv("CRASH_KEEP"))
        remove_top();
    return !good;
}
