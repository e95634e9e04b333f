/* Where a cursor is and how it gets there (JetMove .. JetGotoPosition). */
#include "api/indexinfo.h"
#include "api/temptable.h"
#include "api/utf.h"

#include <stdio.h>
#include <stdlib.h>

JET_ERR JetMove(JET_SESID sesid, JET_TABLEID tableid, int32_t cRow, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (grbit & ~JET_bitMoveKeyNE)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    cursor_look(c);
    return api_leave(s, c->t ? temp_move(c->t, cRow)
                             : fucb_move(c->c, cRow, grbit & JET_bitMoveKeyNE));
}

JET_ERR JetMakeKey(JET_SESID sesid, JET_TABLEID tableid, const void *pvData, uint32_t cbData,
                   JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pvData && cbData)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    return api_leave(s, c->t ? temp_make_key(c->t, pvData, cbData, grbit)
                             : fucb_make_key(c->c, (struct slice){pvData, cbData}, grbit));
}

JET_ERR JetSeek(JET_SESID sesid, JET_TABLEID tableid, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    cursor_look(c);
    return api_leave(s, c->t ? temp_seek(c->t, grbit) : fucb_seek(c->c, grbit));
}

JET_ERR JetSetIndexRange(JET_SESID sesid, JET_TABLEID tableid, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    cursor_look(c);
    return api_leave(s, c->t ? temp_range(c->t, grbit) : fucb_set_range(c->c, grbit));
}

static JET_ERR put_bytes(struct slice what, void *buf, uint32_t cb, uint32_t *ret)
{
    if (ret)
        *ret = what.len;
    if (buf)
        memcpy(buf, what.p, what.len < cb ? what.len : cb);
    return what.len > cb ? JET_wrnBufferTruncated : JET_errSuccess;
}

JET_ERR JetRetrieveKey(JET_SESID sesid, JET_TABLEID tableid, void *pvKey, uint32_t cbMax,
                       uint32_t *pcbActual, JET_GRBIT grbit)
{
    uint8_t key[INDEX_KEY_LIMIT + 1];
    struct slice k = {key, 0};
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if ((!pvKey && cbMax) || grbit & ~JET_bitRetrieveCopy)
        return api_leave(
            s, RAISE(grbit & ~JET_bitRetrieveCopy ? JET_errInvalidGrbit : JET_errInvalidParameter));
    if (!(grbit & JET_bitRetrieveCopy))
        cursor_look(c);
    err = c->t ? temp_key(c->t, grbit & JET_bitRetrieveCopy, &k)
               : fucb_retrieve_key(c->c, grbit & JET_bitRetrieveCopy, key, sizeof(key), &k.len);
    return api_leave(s, err < 0 ? err : put_bytes(k, pvKey, cbMax, pcbActual));
}

JET_ERR JetGetBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbMax,
                       uint32_t *pcbActual)
{
    struct jsess *s;
    struct jcursor *c;
    uint64_t number;
    uint32_t len = 0;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pvBookmark && cbMax)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    cursor_look(c);
    if (c->t) {
        err = temp_bookmark(c->t, &number);
        len = sizeof(number);
        if (err >= 0 && cbMax < len)
            err = RAISE(JET_errBufferTooSmall);
        if (err >= 0)
            memcpy(pvBookmark, &number, len);
    } else {
        err = fucb_bookmark(c->c, pvBookmark, cbMax, &len);
    }
    if (pcbActual)
        *pcbActual = len;
    return api_leave(s, err);
}

JET_ERR JetGotoBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbBookmark)
{
    struct jsess *s;
    struct jcursor *c;
    uint64_t number;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pvBookmark || cbBookmark == 0)
        return api_leave(s, RAISE(JET_errInvalidBookmark));
    cursor_look(c);
    if (!c->t)
        return api_leave(s, fucb_goto_bookmark(c->c, (struct slice){pvBookmark, cbBookmark}));
    if (cbBookmark != sizeof(number))
        return api_leave(s, RAISE(JET_errInvalidBookmark));
    memcpy(&number, pvBookmark, sizeof(number));
    return api_leave(s, temp_goto(c->t, number));
}

JET_ERR JetGetSecondaryIndexBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvSecondaryKey,
                                     uint32_t cbSecondaryKeyMax, uint32_t *pcbSecondaryKeyActual,
                                     void *pvPrimaryBookmark, uint32_t cbPrimaryBookmarkMax,
                                     uint32_t *pcbPrimaryBookmarkActual, JET_GRBIT grbit)
{
    uint32_t key_len = 0, bm_len = 0;
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (grbit)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    if (cursor_is_private(c) || (!pvSecondaryKey && cbSecondaryKeyMax) ||
        (!pvPrimaryBookmark && cbPrimaryBookmarkMax))
        return api_leave(
            s, RAISE(cursor_is_private(c) ? JET_errIllegalOperation : JET_errInvalidParameter));
    err = fucb_index_bookmark(c->c, pvSecondaryKey, cbSecondaryKeyMax, &key_len, pvPrimaryBookmark,
                              cbPrimaryBookmarkMax, &bm_len);
    if (pcbSecondaryKeyActual)
        *pcbSecondaryKeyActual = key_len;
    if (pcbPrimaryBookmarkActual)
        *pcbPrimaryBookmarkActual = bm_len;
    return api_leave(s, err);
}

JET_ERR JetGotoSecondaryIndexBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvSecondaryKey,
                                      uint32_t cbSecondaryKey, void *pvPrimaryBookmark,
                                      uint32_t cbPrimaryBookmark, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (cursor_is_private(c))
        return api_leave(s, RAISE(JET_errIllegalOperation));
    return api_leave(
        s, fucb_goto_index_bookmark(c->c, (struct slice){pvSecondaryKey, cbSecondaryKey},
                                    (struct slice){pvPrimaryBookmark, cbPrimaryBookmark}, grbit));
}

/* ---- order ----------------------------------------------------------------------------------- */

static JET_ERR set_index(JET_SESID sesid, JET_TABLEID tableid, const char *name, JET_GRBIT grbit,
                         uint32_t itag)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (cursor_is_private(c))
        return api_leave(s, name && *name ? RAISE(JET_errIndexNotFound) : JET_errSuccess);
    if (grbit & ~(JET_bitNoMove | JET_bitMoveBeforeFirst))
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    if (grbit & JET_bitNoMove && grbit & JET_bitMoveBeforeFirst)
        return api_leave(s, RAISE(JET_errInvalidGrbit));
    err = fucb_set_index(c->c, name, grbit & JET_bitNoMove, itag ? itag : 1);
    if (err >= 0 && grbit & JET_bitMoveBeforeFirst)
        fucb_before_first(c->c);
    return api_leave(s, err);
}

static JET_ERR name_of_id(JET_SESID sesid, JET_TABLEID tableid, const JET_INDEXID *id,
                          char name[FCB_NAME_LEN])
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    return api_leave(s, cursor_is_private(c) ? RAISE(JET_errInvalidIndexId)
                                             : index_id_find(c->c, id, name));
}

JET_ERR JetSetCurrentIndex4(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                            JET_INDEXID *pindexid, JET_GRBIT grbit, uint32_t itagSequence)
{
    char name[FCB_NAME_LEN];
    JET_ERR err;

    if (!pindexid)
        return set_index(sesid, tableid, szIndexName, grbit, itagSequence);
    err = name_of_id(sesid, tableid, pindexid, name);
    return err < 0 ? err : set_index(sesid, tableid, name, grbit, itagSequence);
}

JET_ERR JetSetCurrentIndex3(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                            JET_GRBIT grbit, uint32_t itagSequence)
{
    return set_index(sesid, tableid, szIndexName, grbit, itagSequence);
}

JET_ERR JetSetCurrentIndex2(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                            JET_GRBIT grbit)
{
    return set_index(sesid, tableid, szIndexName, grbit, 1);
}

JET_ERR JetSetCurrentIndex(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName)
{
    return set_index(sesid, tableid, szIndexName, 0, 1);
}

JET_ERR JetSetCurrentIndex4W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                             JET_INDEXID *pindexid, JET_GRBIT grbit, uint32_t itagSequence)
{
    char *name;
    JET_ERR err = utf8_of(szIndexName, &name);

    if (err >= 0)
        err = JetSetCurrentIndex4(sesid, tableid, name, pindexid, grbit, itagSequence);
    free(name);
    return err;
}

JET_ERR JetSetCurrentIndex3W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                             JET_GRBIT grbit, uint32_t itagSequence)
{
    return JetSetCurrentIndex4W(sesid, tableid, szIndexName, NULL, grbit, itagSequence);
}

JET_ERR JetSetCurrentIndex2W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                             JET_GRBIT grbit)
{
    return JetSetCurrentIndex4W(sesid, tableid, szIndexName, NULL, grbit, 1);
}

JET_ERR JetSetCurrentIndexW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName)
{
    return JetSetCurrentIndex4W(sesid, tableid, szIndexName, NULL, 0, 1);
}

static JET_ERR current_index(JET_SESID sesid, JET_TABLEID tableid, void *buf, uint32_t cb,
                             bool wide)
{
    struct jsess *s;
    struct jcursor *c;
    const char *name;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    name = cursor_is_private(c) ? "" : fucb_index_name(c->c);
    if (!buf)
        err = RAISE(JET_errInvalidParameter);
    else if (wide)
        err = utf16_put(name, buf, cb, NULL);
    else if (cb <= strlen(name))
        err = RAISE(JET_errBufferTooSmall);
    else
        strcpy(buf, name);
    return api_leave(s, err);
}

JET_ERR JetGetCurrentIndex(JET_SESID sesid, JET_TABLEID tableid, char *szIndexName,
                           uint32_t cbIndexName)
{
    return current_index(sesid, tableid, szIndexName, cbIndexName, false);
}

JET_ERR JetGetCurrentIndexW(JET_SESID sesid, JET_TABLEID tableid, JET_WCHAR *szIndexName,
                            uint32_t cbIndexName)
{
    return current_index(sesid, tableid, szIndexName, cbIndexName, true);
}

/* ---- counting -------------------------------------------------------------------------------- */

JET_ERR JetIndexRecordCount2(JET_SESID sesid, JET_TABLEID tableid, uint64_t *pullRecords,
                             uint64_t ullRecordsMax)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pullRecords)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    cursor_look(c);
    return api_leave(s, c->t ? temp_count(c->t, ullRecordsMax, pullRecords)
                             : fucb_count(c->c, ullRecordsMax, pullRecords));
}

JET_ERR JetIndexRecordCount(JET_SESID sesid, JET_TABLEID tableid, uint32_t *pcrec, uint32_t crecMax)
{
    uint64_t nr = 0;
    JET_ERR err;

    if (!pcrec)
        return RAISE(JET_errInvalidParameter);
    err = JetIndexRecordCount2(sesid, tableid, &nr, crecMax);
    if (err >= 0)
        *pcrec = nr > UINT32_MAX ? UINT32_MAX : (uint32_t)nr;
    return err;
}

JET_ERR JetGetRecordPosition(JET_SESID sesid, JET_TABLEID tableid, JET_RECPOS *precpos,
                             uint32_t cbRecpos)
{
    uint64_t before, total;
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!precpos || cbRecpos < sizeof(*precpos))
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (c->t)
        return api_leave(s, RAISE(JET_errIllegalOperation));
    cursor_look(c);
    err = fucb_position(c->c, &before, &total);
    if (err >= 0) {
        while (total > UINT32_MAX) {
            total /= 2;
            before /= 2;
        }
        *precpos = (JET_RECPOS){sizeof(*precpos), (uint32_t)before, 1, (uint32_t)total};
    }
    return api_leave(s, err);
}

JET_ERR JetGotoPosition(JET_SESID sesid, JET_TABLEID tableid, JET_RECPOS *precpos)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!precpos || precpos->cbStruct != sizeof(*precpos) ||
        precpos->centriesLT > precpos->centriesTotal)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    if (c->t)
        return api_leave(s, RAISE(JET_errIllegalOperation));
    cursor_look(c);
    return api_leave(s, fucb_goto_position(c->c, precpos->centriesLT, precpos->centriesTotal));
}

JET_ERR JetGetCursorInfo(JET_SESID sesid, JET_TABLEID tableid, void *pvResult, uint32_t cbMax,
                         uint32_t InfoLevel)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (cbMax || InfoLevel || pvResult)
        return api_leave(s, RAISE(JET_errInvalidParameter));
    /* JET_errWriteConflict: somebody else is changing the record */
    return api_leave(s, c->t ? JET_errSuccess : fucb_check_conflict(c->c));
}

/* ---- preread --------------------------------------------------------------------------------- */

/* Whether the keys go one way, as they must (ESE: rec.cxx ErrIsamValidatePrereadKeysArguments). */
static bool are_in_order(const void *const *keys, const uint32_t *lens, int32_t nr, bool forward)
{
    for (int32_t i = 1; i < nr; i++) {
        const uint32_t least = lens[i - 1] < lens[i] ? lens[i - 1] : lens[i];
        int cmp = memcmp(keys[i - 1], keys[i], least);
        cmp = cmp ? cmp : (lens[i - 1] > lens[i]) - (lens[i - 1] < lens[i]);
        if (forward ? cmp > 0 : cmp < 0)
            return false;
    }
    return true;
}

static JET_ERR preread(struct jcursor *c, const void *const *keys, const uint32_t *lens, int32_t nr,
                       int32_t *ret_nr, JET_GRBIT grbit)
{
    JET_ERR err = JET_errSuccess;

    if (ret_nr)
        *ret_nr = 0;
    if (c->t)
        return RAISE(JET_errIllegalOperation);
    if (grbit != JET_bitPrereadForward && grbit != JET_bitPrereadBackward)
        return RAISE(JET_errInvalidGrbit);
    if (!keys || !lens || nr <= 0)
        return RAISE(JET_errInvalidParameter);
    for (int32_t i = 0; i < nr; i++)
        if (!keys[i] || lens[i] == 0 || lens[i] > INDEX_KEY_LIMIT)
            return RAISE(JET_errInvalidParameter);
    if (!are_in_order(keys, lens, nr, grbit == JET_bitPrereadForward))
        return RAISE(JET_errInvalidPreread);
    for (int32_t i = 0; i < nr && err >= 0; i++) {
        err = fucb_preread(c->c, (struct slice){keys[i], lens[i]});
        if (err >= 0 && ret_nr)
            *ret_nr = i + 1;
    }
    return err;
}

JET_ERR JetPrereadKeys(JET_SESID sesid, JET_TABLEID tableid, const void **rgpvKeys,
                       const uint32_t *rgcbKeys, int32_t ckeys, int32_t *pckeysPreread,
                       JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    return api_leave(s, preread(c, rgpvKeys, rgcbKeys, ckeys, pckeysPreread, grbit));
}

/* ---- local storage --------------------------------------------------------------------------- */

JET_ERR JetSetLS(JET_SESID sesid, JET_TABLEID tableid, JET_LS ls, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (grbit & ~(JET_bitLSReset | JET_bitLSCursor))
        return api_leave(
            s, RAISE(grbit & JET_bitLSTable ? JET_errFeatureNotAvailable : JET_errInvalidGrbit));
    if (grbit & JET_bitLSReset) {
        if (ls != JET_LSNil)
            return api_leave(s, RAISE(JET_errInvalidParameter));
    } else if (c->ls != JET_LSNil) {
        return api_leave(s, RAISE(JET_errLSAlreadySet));
    }
    c->ls = ls;
    return api_leave(s, JET_errSuccess);
}

JET_ERR JetGetLS(JET_SESID sesid, JET_TABLEID tableid, JET_LS *pls, JET_GRBIT grbit)
{
    struct jsess *s;
    struct jcursor *c;
    JET_ERR err = api_enter_cursor(sesid, tableid, &s, &c);

    if (err < 0)
        return err;
    if (!pls || grbit & ~(JET_bitLSReset | JET_bitLSCursor))
        return api_leave(s, RAISE(pls ? JET_errInvalidGrbit : JET_errInvalidParameter));
    *pls = c->ls;
    err = c->ls == JET_LSNil ? RAISE(JET_errLSNotSet) : JET_errSuccess;
    if (grbit & JET_bitLSReset)
        c->ls = JET_LSNil;
    return api_leave(s, err);
}
