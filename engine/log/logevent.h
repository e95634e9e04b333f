/* Event ids of log and checkpoint faults (ESE: jetmsg.mc). */
#ifndef ESE_LOG_LOGEVENT_H
#define ESE_LOG_LOGEVENT_H

enum {
    EVENT_LOG_BAD_VERSION = 411,
    EVENT_LOG_HEADER_READ = 412,    /* a header field that cannot be, or the file's size */
    EVENT_LOG_HEADER_CORRUPT = 440, /* the header's checksum */
    EVENT_PRIMARY_HEADER_BAD = 456,
    EVENT_LOG_TORN_WRITE = 462, /* torn, and not at the end of the current log */
    EVENT_LOG_USING_SHADOW = 466,
    EVENT_SHADOW_HEADER_BAD = 472,
    EVENT_LOG_PREV_CHECKSUM = 543, /* accumulated checksum of the generation before */
    EVENT_LOG_CORRUPT = 552,
    EVENT_LOG_BIT_CORRECTED = 554,
    EVENT_LOG_GAP = 558,
};

#endif
