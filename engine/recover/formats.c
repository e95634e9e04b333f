#include "recover/formats.h"

/* Every pair of versions between these differs in features that are not written here, and would only claim
 * more than the files hold. */
static const struct format_version formats[] = {
    {8020, 20, 0, 4, 3},       /* Windows 10 */
    {8620, 20, 0, 5, 14},      /* Windows 10 1511 */
    {8920, 20, 0, 5, 16},      /* Windows 10 1607 and later, until a program asks for more */
    {9180, 110, 240, 60, 140}, /* Windows 10 21H2 */
};

JET_ERR format_find(uint32_t efv, const struct format_version **ret)
{
    const uint32_t last = formats[ARRAY_LEN(formats) - 1].efv;

    if (efv == EFV_USE_ENGINE_DEFAULT || efv == EFV_USE_PERSISTED ||
        efv == EFV_ALLOW_HIGHER_PERSISTED)
        efv = EFV_DEFAULT;
    else if ((efv & EFV_ALLOW_HIGHER_PERSISTED) == EFV_ALLOW_HIGHER_PERSISTED)
        efv &= ~(uint32_t)EFV_ALLOW_HIGHER_PERSISTED;
    for (unsigned i = 0; i < ARRAY_LEN(formats); i++)
        if (formats[i].efv == efv) {
            *ret = &formats[i];
            return JET_errSuccess;
        }
    return efv > last ? RAISE(JET_errEngineFormatVersionNotYetImplementedTooHigh)
                      : RAISE(JET_errEngineFormatVersionNoLongerSupportedTooLow);
}
