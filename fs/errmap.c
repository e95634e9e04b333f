/*
 * The table, grouped by errno as the contract's is. What is not in it is EIO; the exact JET error is
 * in `status` and `events` in every case.
 */
#include "errmap.h"

#include <errno.h>
#include <stddef.h>

#include "say.h"

static const struct {
    JET_ERR err;
    int os;
} table[] = {
    /* something else has hold of it */
    {JET_errBackupInProgress, EBUSY},
    {JET_errSurrogateBackupInProgress, EBUSY},
    {JET_errBackupNotAllowedYet, EBUSY},
    {JET_errRestoreInProgress, EBUSY},
    {JET_errDatabaseInUse, EBUSY}, /* the files changed while they were copied */
    {JET_errDatabaseSharingViolation, EBUSY},
    {JET_errDatabaseLocked, EBUSY},
    {JET_errSystemPathInUse, EBUSY},
    {JET_errLogFilePathInUse, EBUSY},
    {JET_errInitInProgress, EAGAIN},
    {JET_errOutOfThreads, EAGAIN},
    {JET_errTermInProgress, ESHUTDOWN},
    {JET_errInstanceUnavailable, ESHUTDOWN},
    {JET_errClientRequestToStopJetService, ESHUTDOWN},

    /* a checksum is wrong */
    {JET_errReadVerifyFailure, EBADMSG},
    {JET_errReadPgnoVerifyFailure, EBADMSG},
    {JET_errDiskReadVerificationFailure, EBADMSG},
    {JET_errLogReadVerifyFailure, EBADMSG},

    /* the structure is damaged, something is missing or belongs elsewhere */
    {JET_errPageNotInitialized, EUCLEAN},
    {JET_errPageInitializedMismatch, EUCLEAN},
    {JET_errReadLostFlushVerifyFailure, EUCLEAN},
    {JET_errFileSystemCorruption, EUCLEAN},
    {JET_errRecoveryVerifyFailure, EUCLEAN},
    {JET_errDatabaseCorrupted, EUCLEAN},
    {JET_errDatabaseCorruptedNoRepair, EUCLEAN},
    {JET_errDatabaseDuplicate, EUCLEAN}, /* two of one file name: a backup has no directories */
    {JET_errDatabaseInvalidPages, EUCLEAN},
    {JET_errInvalidDatabase, EUCLEAN},
    {JET_errDatabaseNotFound, EUCLEAN},
    {JET_errAttachedDatabaseMismatch, EUCLEAN},
    {JET_errPartiallyAttachedDB, EUCLEAN},
    {JET_errCatalogCorrupted, EUCLEAN},
    {JET_errPageSizeMismatch, EUCLEAN},
    {JET_errBadPageLink, EUCLEAN},
    {JET_errBadParentPageLink, EUCLEAN},
    {JET_errBadEmptyPage, EUCLEAN},
    {JET_errBadLineCount, EUCLEAN},
    {JET_errPageTagCorrupted, EUCLEAN},
    {JET_errNodeCorrupted, EUCLEAN},
    {JET_errDbTimeCorrupted, EUCLEAN},
    {JET_errDbTimeTooOld, EUCLEAN},
    {JET_errDbTimeTooNew, EUCLEAN},
    {JET_errDbTimeBeyondMaxRequired, EUCLEAN},
    {JET_errSPAvailExtCorrupted, EUCLEAN},
    {JET_errSPOwnExtCorrupted, EUCLEAN},
    {JET_errLVCorrupted, EUCLEAN},
    {JET_errPrimaryIndexCorrupted, EUCLEAN},
    {JET_errSecondaryIndexCorrupted, EUCLEAN},
    {JET_errLogFileCorrupt, EUCLEAN},
    {JET_errLogCorrupted, EUCLEAN},
    {JET_errCommittedLogFileCorrupt, EUCLEAN},
    {JET_errLogCorruptDuringHardRestore, EUCLEAN},
    {JET_errLogCorruptDuringHardRecovery, EUCLEAN},
    {JET_errLogTornWriteDuringHardRestore, EUCLEAN},
    {JET_errLogTornWriteDuringHardRecovery, EUCLEAN},
    {JET_errInvalidLogSequence, EUCLEAN},
    {JET_errInvalidLogDataSequence, EUCLEAN},
    {JET_errLogSequenceChecksumMismatch, EUCLEAN},
    {JET_errLogSequenceEnd, EUCLEAN},
    {JET_errLogGenerationMismatch, EUCLEAN},
    {JET_errLogFileSizeMismatch, EUCLEAN},
    {JET_errLogOperationInconsistentWithDatabase, EUCLEAN},
    {JET_errMissingLogFile, EUCLEAN},
    {JET_errMissingPreviousLogFile, EUCLEAN},
    {JET_errMissingCurrentLogFiles, EUCLEAN},
    {JET_errMissingFileToBackup, EUCLEAN},
    {JET_errRequiredLogFilesMissing, EUCLEAN},
    {JET_errCommittedLogFilesMissing, EUCLEAN},
    {JET_errBadLogSignature, EUCLEAN},
    {JET_errBadDbSignature, EUCLEAN},
    {JET_errBadCheckpointSignature, EUCLEAN},
    {JET_errCheckpointCorrupt, EUCLEAN},
    {JET_errCheckpointFileNotFound, EUCLEAN},
    {JET_errConsistentTimeMismatch, EUCLEAN},
    {JET_errDatabaseLogSetMismatch, EUCLEAN},
    {JET_errGivenLogFileHasBadSignature, EUCLEAN},
    {JET_errGivenLogFileIsNotContiguous, EUCLEAN},
    {JET_errExistingLogFileHasBadSignature, EUCLEAN},
    {JET_errExistingLogFileIsNotContiguous, EUCLEAN},
    {JET_errInvalidBackup, EUCLEAN},
    {JET_errBadBackupDatabaseSize, EUCLEAN},
    {JET_errDecompressionFailed, EUCLEAN},
    {JET_errFileIOBeyondEOF, EUCLEAN}, /* shorter than its header says */

    /* cannot be done with this instance, or not by this version */
    {JET_errLoggingDisabled, EOPNOTSUPP},
    {JET_errInvalidBackupSequence, EOPNOTSUPP},
    {JET_errFeatureNotAvailable, EOPNOTSUPP},
    {JET_errDisabledFunctionality, EOPNOTSUPP},
    {JET_errInvalidDatabaseVersion, EPROTONOSUPPORT},
    {JET_errBadLogVersion, EPROTONOSUPPORT},
    {JET_errDatabase200Format, EPROTONOSUPPORT},
    {JET_errDatabase400Format, EPROTONOSUPPORT},
    {JET_errDatabase500Format, EPROTONOSUPPORT},
    {JET_errEngineFormatVersionNotYetImplementedTooHigh, EPROTONOSUPPORT},
    {JET_errEngineFormatVersionNoLongerSupportedTooLow, EPROTONOSUPPORT},

    /* names */
    {JET_errMissingFullBackup, ENOENT}, /* an incremental without its base */
    {JET_errFileNotFound, ENOENT},
    {JET_errNoBackup, ENOENT},
    {JET_errNoBackupDirectory, ENOENT},
    {JET_errObjectNotFound, ENOENT},
    {JET_errFileAlreadyExists, EEXIST},
    {JET_errBackupDirectoryNotEmpty, EEXIST},
    {JET_errInvalidName, EINVAL},
    {JET_errInvalidParameter, EINVAL},
    {JET_errInvalidFilename, EINVAL},
    {JET_errInvalidPath, ENAMETOOLONG},

    /* resources */
    {JET_errDiskFull, ENOSPC},
    {JET_errLogDiskFull, ENOSPC},
    {JET_errFileAccessDenied, EACCES},
    {JET_errAccessDenied, EACCES},
    {JET_errPermissionDenied, EACCES},
    {JET_errDatabaseFileReadOnly, EACCES},
    {JET_errOutOfMemory, ENOMEM},
    {JET_errOutOfBuffers, ENOMEM},
    {JET_errOutOfFileHandles, ENFILE},
    {JET_errBackupAbortByServer, ECANCELED},
};

/* Only these: another errno that happens to be in a fault must not leak past the table. */
static int refine(int os, const struct ese_fault *why)
{
    if (why == NULL)
        return os;
    if (os == ENOSPC && why->os_errno == EDQUOT)
        return EDQUOT;
    if (os == ECANCELED && why->os_errno == EINTR)
        return EINTR;
    if (os == EACCES && why->os_errno == EROFS)
        return EROFS;
    return os;
}

int errmap(JET_ERR err, const struct ese_fault *why)
{
    if (err >= 0)
        return 0;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].err == err)
            return refine(table[i].os, why);
    return EIO;
}

int errmap_reply(JET_ERR err, const struct ese_fault *why, const char *doing)
{
    int os = errmap(err, why);

    if (os == EIO)
        say("%s: %s (%d): %s", doing, ese_err_name(err), (int)err,
            why != NULL && why->text[0] != '\0' ? why->text : ese_err_text(err));
    return -os;
}
