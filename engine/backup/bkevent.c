#include "backup/bkevent.h"

#include <stdio.h>

static const struct {
    uint32_t event;
    const char *text;
} texts[] = {
    {EVENT_MISS_FULL_BACKUP, "it had no full backup that an incremental one could build on"},
    {EVENT_START_FULL, "a full backup begins"},
    {EVENT_START_INCREMENTAL, "an incremental backup begins"},
    {EVENT_STOP, "the backup is complete"},
    {EVENT_STOP_ERROR, "the backup has failed"},
    {EVENT_ABORT_BY_CALLER, "the backup was given up by whoever asked for it"},
    {EVENT_ERROR_FOR_ONE_DATABASE, "the backup cannot read this database"},
    {EVENT_ERROR_READ_FILE, "the backup cannot read this file"},
    {EVENT_ERROR_INFO_UPDATE, "the backup is complete, but headers could not be told"},
    {EVENT_FILE_START, "its copy begins"},
    {EVENT_FILE_STOP_OK, "its copy is complete"},
    {EVENT_FILE_STOP_BEFORE_END, "it was closed before all of it was read"},
    {EVENT_LOG_FILES_START, "the logs of the backup follow"},
    {EVENT_TRUNCATE_LOG_FILES, "logs that are no longer needed are deleted"},
    {EVENT_NO_TRUNCATE, "there is no log to delete"},
    {EVENT_ABORT_BY_SERVER, "the backup was stopped"},
    {EVENT_FOUND_MISSING, "logs that were to be deleted are not there"},
    {EVENT_LOG_FILE_MISSING, "the backup needs this log, and it is not there"},
    {EVENT_LOG_NOT_COPIED, "logs were not read to their end, so none is deleted"},
};

static const char *text_of(uint32_t event)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].event == event)
            return texts[i].text;
    return "";
}

void bkevent(struct inst *in, uint32_t event, JET_ERR err, const char *a, const char *b,
             const char *c)
{
    const char *const strings[] = {a, b, c, NULL};
    struct reporter r = in->r;

    r.file = event == EVENT_FOUND_MISSING ? NULL : a; /* a number */
    fault_event(&r, event, err, strings, "%s", text_of(event));
}

void bkevent_err(struct inst *in, uint32_t event, JET_ERR err, const char *name)
{
    char number[16];
    const char *const strings[] = {number, name, NULL};
    struct reporter r = in->r;

    snprintf(number, sizeof(number), "%d", (int)err);
    r.file = name;
    fault_event(&r, event, err, strings, "%s", text_of(event));
}
