/*
 * The text of `status`. One part is made when the instance is looked at (databases, logs, what is wrong
 * with them), the rest from what runs and what ran. The text is kept; it is made anew when something
 * happened and twice a second while a backup runs, and its serial number rises when it differs.
 */
#include "snap_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

#define FAULTS_SHOWN 20u

/* ---- the instance's files --------------------------------------------------------------------- */

static void put_name(FILE *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = percent_encode(slash ? slash + 1 : path, "");

    fputs(name ? name : "?", out);
    free(name);
}

/* LOGTIME: second, minute, hour, day, month, year - 1900, then flags (ESE: log.hxx). */
static void put_logtime(FILE *out, const ese_logtime *t)
{
    fprintf(out, "%04u-%02u-%02uT%02u:%02u:%02u%s", 1900u + t->b[5], t->b[4], t->b[3], t->b[2],
            t->b[1], t->b[0], t->b[6] & 1 ? "Z" : "");
}

static void put_mark(FILE *out, const char *what, const struct ese_bkinfo *b)
{
    fprintf(out, ", last %s backup ", what);
    if (b->gen_low)
        put_logtime(out, &b->time);
    else
        fputs("none", out);
}

static void put_database(FILE *out, const struct ese_file *f)
{
    const struct ese_db_info *db = &f->header.db;

    put_name(out, f->path);
    if (!f->header_ok) {
        fprintf(out, " (header: %s)", ese_err_name(f->err));
        return;
    }
    fprintf(out, " (pages %" PRIu64 ", page size %u, %s",
            f->size / db->page_size > 2 ? f->size / db->page_size - 2 : 0, db->page_size,
            db->state == ESE_DB_CLEAN ? "clean" : "dirty");
    put_mark(out, "full", &db->full_prev);
    put_mark(out, "incremental", &db->inc_prev);
    fputc(')', out);
}

static void put_databases(FILE *out, const struct ese_instance *inst)
{
    bool any = false;

    fputs("Databases: ", out);
    for (unsigned i = 0; i < inst->nr_files; i++) {
        if (inst->files[i].kind != ESE_KIND_DATABASE)
            continue;
        fputs(any ? ", " : "", out);
        put_database(out, &inst->files[i]);
        any = true;
    }
    fputs(any ? "\n" : "none\n", out);
}

static void put_logs(FILE *out, const struct ese_instance *inst)
{
    const struct ese_file *last = NULL, *chk = NULL;
    uint32_t low = 0, high = 0;

    for (unsigned i = 0; i < inst->nr_files; i++) {
        const struct ese_file *f = &inst->files[i];
        if (f->kind == ESE_KIND_LOG && f->gen) {
            low = low && low < f->gen ? low : f->gen;
            high = f->gen > high ? f->gen : high;
            last = f->header_ok ? f : last;
        }
        if (f->kind == ESE_KIND_CHECKPOINT && f->header_ok)
            chk = f;
    }
    if (!high) {
        fputs("Logs: none\n", out);
        return;
    }
    fprintf(out, "Logs: base %s, generations 0x%X-0x%X, checkpoint ", inst->base, low, high);
    if (chk)
        fprintf(out, "0x%X", (uint32_t)(chk->header.chk.lgpos_checkpoint >> 32));
    else
        fputs("none", out);
    fprintf(out, ", circular %s\n", !last ? "unknown" : last->header.log.flags & 2 ? "yes" : "no");
}

static void put_faults(FILE *out, const struct ese_instance *inst)
{
    unsigned shown = 0, more = 0;
    char text[700];

    for (unsigned i = 0; i < inst->nr_faults; i++) {
        if (inst->faults[i].severity != ESE_FAULT)
            continue;
        if (shown == FAULTS_SHOWN) {
            more++;
            continue;
        }
        shown++;
        ese_fault_str(&inst->faults[i], text, sizeof(text));
        one_line(text);
        fprintf(out, "Fault: %s\n", text);
    }
    if (more)
        fprintf(out, "Fault: %u more\n", more);
}

void status_describe(struct snap_inst *i, const struct ese_instance *found)
{
    char *body = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&body, &len);

    if (!out)
        return;
    put_databases(out, found);
    put_logs(out, found);
    put_faults(out, found);
    if (fclose(out) != 0) {
        free(body);
        return;
    }
    pthread_mutex_lock(&i->lock);
    free(i->body);
    i->body = body;
    i->state = found->state;
    pthread_mutex_unlock(&i->lock);
}

/* ---- what runs and what ran ------------------------------------------------------------------- */

static const char *state_text(const struct snap_inst *i)
{
    if (i->job.kind == JOB_BACKUP)
        return "backing up";
    switch (i->state) {
    case ESE_IDLE:
        return "idle";
    case ESE_DIRTY:
        return "dirty (needs recovery)";
    default:
        return "damaged";
    }
}

/* "11.2/25.6 GiB": both in the unit that suits the larger. */
static void put_amount(FILE *out, uint64_t done, uint64_t total)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned u = 0;
    double div = 1;

    while (u < 5 && (double)total / div >= 1024) {
        div *= 1024;
        u++;
    }
    fprintf(out, u ? "%.1f/%.1f %s" : "%.0f/%.0f %s", (double)done / div, (double)total / div,
            units[u]);
}

static void put_speed(FILE *out, double per_second)
{
    static const char *const units[] = {"B/s", "kB/s", "MB/s", "GB/s"};
    unsigned u = 0;

    while (u < 3 && per_second >= 1000) {
        per_second /= 1000;
        u++;
    }
    fprintf(out, u ? "%.1f %s" : "%.0f %s", per_second, units[u]);
}

static void put_duration(FILE *out, uint64_t seconds)
{
    fprintf(out, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600, seconds / 60 % 60,
            seconds % 60);
}

/* The rest at the speed so far; nothing is promised before there is a speed. */
static void put_progress(FILE *out, const struct job *job)
{
    uint64_t done = atomic_load(&job->done), total = atomic_load(&job->total);
    uint64_t ms = sys_monotonic_ms() - job->started_ms;
    double speed = ms ? (double)done * 1000 / (double)ms : 0;

    fprintf(out, "%s: %s %s ", job->kind == JOB_BACKUP ? "Backup" : "Verify", job->name,
            KIND_OFFLINE);
    if (job->waiting) {
        fputs("waiting for its turn\n", out);
        return;
    }
    fprintf(out, "%.1f%% ", total ? (double)done * 100 / (double)total : 0.0);
    put_amount(out, done, total);
    fputc(' ', out);
    put_speed(out, speed);
    fputs(" eta ", out);
    if (speed > 0 && total >= done)
        put_duration(out, (uint64_t)((double)(total - done) / speed + 0.999));
    else
        fputs("unknown", out);
    fputc('\n', out);
}

static void put_last_backup(FILE *out, const struct snap_inst *i)
{
    const struct snap_backup *b = catalogue_newest(i);
    const struct snap_manifest *m = b ? &b->man->m : NULL;
    char when[TIME_TEXT_LEN];

    if (!m) {
        fputs("LastBackup: none\n", out);
        return;
    }
    fprintf(out, "LastBackup: %s %s %s ", b->name, m->kind, time_text(m->created, false, when));
    put_duration(out, (m->duration_ms + 500) / 1000);
    fprintf(out, " pages %" PRIu64 " logs %" PRIu64 "\n", m->pages_verified, m->logs);
}

static void put_all(FILE *out, const struct snap_inst *i, const char *reads)
{
    char *name = percent_encode(i->name, "");

    fprintf(out, "Instance: %s\nState: %s\n%s", name ? name : "?", state_text(i),
            i->body ? i->body : "");
    free(name);
    if (i->job.kind != JOB_NONE)
        put_progress(out, &i->job);
    put_last_backup(out, i);
    if (i->verify_line)
        fprintf(out, "LastVerify: %s\n", i->verify_line);
    fprintf(out, "LastError: %s\n", i->error_line ? i->error_line : "none");
    if (i->no_flock)
        fputs("Lock: none, the source's filesystem has no flock\n", out);
    if (i->dirfd < 0)
        fputs("Store: none, read-only\n", out);
    if (reads)
        fprintf(out, "Reads: %s\n", reads);
}

char *status_reads(struct snap *s)
{
    char *reads;

    pthread_mutex_lock(&s->lock);
    reads = s->reads ? strdup(s->reads) : NULL;
    pthread_mutex_unlock(&s->lock);
    return reads;
}

bool status_rebuild(struct snap_inst *i, const char *reads)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return false;
    put_all(out, i, reads);
    if (fclose(out) != 0 ||
        (i->status && len == i->status_len && memcmp(text, i->status, len) == 0)) {
        free(text);
        return false;
    }
    free(i->status);
    i->status = text;
    i->status_len = len;
    i->status_serial++;
    i->status_time = sys_now();
    return true;
}

void status_refresh(struct snap_inst *i)
{
    char *reads = status_reads(i->snap);
    bool changed;

    pthread_mutex_lock(&i->lock);
    changed = status_rebuild(i, reads);
    pthread_mutex_unlock(&i->lock);
    free(reads);
    if (changed)
        snap_tell(i, SNAP_STATUS, NULL, NULL);
}

void snap_set_reads(struct snap *s, const char *text)
{
    char *copy = text ? strdup(text) : NULL, *old;
    struct snap_inst **list;
    unsigned nr;

    if (copy)
        one_line(copy);
    pthread_mutex_lock(&s->lock);
    old = s->reads;
    s->reads = copy;
    pthread_mutex_unlock(&s->lock);
    free(old);
    if (snap_insts(s, &list, &nr) < 0)
        return;
    for (unsigned k = 0; k < nr; k++)
        status_refresh(list[k]);
    snap_insts_free(list, nr);
}
