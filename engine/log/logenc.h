/*
 * The records that recovery writes, from the native form that logrec_decode gives: RecoveryUndo2, UndoInfo,
 * Undo, MacroAbort, Rollback, ShutDownMark, RecoveryQuit2.
 */
#ifndef ESE_LOG_LOGENC_H
#define ESE_LOG_LOGENC_H

#include "log/logrec.h"

/* Length of the encoded record. 0: a type that is not encoded here, or a part that its length field cannot
 * hold. */
uint32_t logrec_encoded_len(const struct logrec *r);
/* buf: logrec_encoded_len bytes. */
void logrec_encode(const struct logrec *r, uint8_t *buf);

#endif
