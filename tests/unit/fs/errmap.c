/* The contract's table of errors, row by row. */
#include "errmap.h"

#include <errno.h>

#include "testutil.h"

static void each_row_of_the_contract_has_its_errno(void **state)
{
    static const struct {
        const char *reason;
        JET_ERR err;
        int os_errno, expected;
    } rows[] = {
        {"a backup is running", JET_errBackupInProgress, 0, EBUSY},
        {"on hold, or changed while copied", JET_errDatabaseInUse, 0, EBUSY},
        {"restoring", JET_errRestoreInProgress, 0, EBUSY},
        {"initialising", JET_errInitInProgress, 0, EAGAIN},
        {"stopping", JET_errTermInProgress, 0, ESHUTDOWN},
        {"page checksum", JET_errReadVerifyFailure, 0, EBADMSG},
        {"log checksum", JET_errLogReadVerifyFailure, 0, EBADMSG},
        {"structure", JET_errDatabaseCorrupted, 0, EUCLEAN},
        {"blank page in use", JET_errPageNotInitialized, 0, EUCLEAN},
        {"log missing", JET_errMissingLogFile, 0, EUCLEAN},
        {"required logs missing", JET_errRequiredLogFilesMissing, 0, EUCLEAN},
        {"log of another stream", JET_errBadLogSignature, 0, EUCLEAN},
        {"logs out of sequence", JET_errInvalidLogSequence, 0, EUCLEAN},
        {"attached database not found", JET_errDatabaseNotFound, 0, EUCLEAN},
        {"database of another stream", JET_errBadDbSignature, 0, EUCLEAN},
        {"checkpoint", JET_errCheckpointCorrupt, 0, EUCLEAN},
        {"logging disabled", JET_errLoggingDisabled, 0, EOPNOTSUPP},
        {"needs the engine", JET_errFeatureNotAvailable, 0, EOPNOTSUPP},
        {"unknown database version", JET_errInvalidDatabaseVersion, 0, EPROTONOSUPPORT},
        {"unknown log version", JET_errBadLogVersion, 0, EPROTONOSUPPORT},
        {"incremental without its base", JET_errMissingFullBackup, 0, ENOENT},
        {"no such backup", JET_errFileNotFound, 0, ENOENT},
        {"name exists", JET_errFileAlreadyExists, 0, EEXIST},
        {"name not legal", JET_errInvalidName, 0, EINVAL},
        {"unknown command", JET_errInvalidParameter, 0, EINVAL},
        {"name too long", JET_errInvalidPath, 0, ENAMETOOLONG},
        {"store full", JET_errDiskFull, ENOSPC, ENOSPC},
        {"store too small", JET_errDiskFull, 0, ENOSPC},
        {"over quota", JET_errDiskFull, EDQUOT, EDQUOT},
        {"permission", JET_errFileAccessDenied, EACCES, EACCES},
        {"read-only", JET_errFileAccessDenied, EROFS, EROFS},
        {"memory", JET_errOutOfMemory, 0, ENOMEM},
        {"cancelled", JET_errBackupAbortByServer, 0, ECANCELED},
        {"interrupted mkdir", JET_errBackupAbortByServer, EINTR, EINTR},
        {"everything else", JET_errDiskIO, EIO, EIO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ese_fault why = {.err = rows[i].err, .os_errno = rows[i].os_errno};
        int os = errmap(rows[i].err, &why);

        if (os != rows[i].expected)
            fail_msg("%s: errno %d instead of %d", rows[i].reason, os, rows[i].expected);
    }
}

static void success_and_warnings_are_no_errors(void **state)
{
    (void)state;
    assert_int_equal(errmap(JET_errSuccess, NULL), 0);
    assert_int_equal(errmap(JET_wrnBufferTruncated, NULL), 0);
    assert_int_equal(errmap_reply(JET_errSuccess, NULL, "nothing"), 0);
}

/* An errno in a fault refines only the codes that stand for several; it never replaces the table. */
static void no_errno_leaks_past_the_table(void **state)
{
    static const JET_ERR errors[] = {JET_errReadVerifyFailure, JET_errDiskIO,
                                     JET_errFileAlreadyExists, JET_errOutOfMemory};

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        for (int os = 1; os < 134; os++) {
            struct ese_fault why = {.err = errors[i], .os_errno = os};

            assert_int_equal(errmap(errors[i], &why), errmap(errors[i], NULL));
        }
}

static void every_error_has_some_errno(void **state)
{
    (void)state;
    for (JET_ERR err = -12000; err < 0; err++) {
        int os = errmap(err, NULL);

        assert_true(os > 0 && os < 134);
    }
    assert_int_equal(errmap(INT32_MIN, NULL), EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_contract_has_its_errno),
        cmocka_unit_test(success_and_warnings_are_no_errors),
        cmocka_unit_test(no_errno_leaks_past_the_table),
        cmocka_unit_test(every_error_has_some_errno),
    };

    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
