/*
 * Records as bytes, from the native form that logrec_decode gives. Encoded is what a running engine and recovery write;
 * types that only other engines write (ScanCheck, PageMove, ..) are not. For these types decoding and encoding give back
 * the same bytes.
 */
#ifndef ESE_LOG_LOGENC_H
#define ESE_LOG_LOGENC_H

#include "log/logrec.h"

/* Length of the encoded record. 0: a type that is not encoded here, or a part that its length field cannot
 * hold. */
uint32_t logrec_encoded_len(const struct logrec *r);
/* buf: logrec_encoded_len bytes, all of which are written. */
void logrec_encode(const struct logrec *r, uint8_t *buf);

#endif
