/*
 * The files whose content is made when they are opened: `control` (read), `status` and `events`. Each
 * open has one snapshot of the text; poll(2) tells when it is no longer the current one.
 */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "fs.h"

/* What tells the three apart: status.c, events.c, control.c. */
struct text_source {
    char *(*make)(struct snap_inst *inst, size_t *ret_len);
    uint64_t (*serial)(struct snap_inst *inst);      /* changes whenever the text does */
    struct timespec (*time)(struct snap_inst *inst); /* of the last change; NULL: the mount's */
    int (*size)(struct snap_inst *inst, off_t *ret);
    /* Whoever has read to the end of the snapshot sees what was added since, as in a growing file. */
    bool grows;
};
extern const struct text_source status_source, events_source, control_source;

struct texts *texts_new(void);
/* After the last request. */
void texts_free(struct texts *t);

int text_size(const struct node_id *id, off_t *ret);
struct timespec text_time(const struct fs *fs, const struct node_id *id);

/* The requests; node->id.kind is NODE_CONTROL, NODE_STATUS or NODE_EVENTS. */
void text_open(fuse_req_t req, struct node *n, struct fuse_file_info *fi);
void text_read(fuse_req_t req, size_t size, off_t off, struct fuse_file_info *fi);
void text_release(fuse_req_t req, struct fuse_file_info *fi);
void text_poll(fuse_req_t req, struct fuse_file_info *fi, struct fuse_pollhandle *ph);

/* The text of this kind changed: wakes who polls it. From any thread. */
void text_changed(struct fs *fs, const struct snap_inst *inst, enum node_kind kind);

#endif
