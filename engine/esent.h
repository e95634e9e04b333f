/*
 * esent.h - the public JET API of libesent.
 *
 * Numeric values, struct layouts and names are those of Windows x64: `unsigned long` of Microsoft's
 * documentation is uint32_t here, WCHAR is char16_t, handles are pointer-sized. Functions without suffix take UTF-8,
 * those with W UTF-16. A function that is not implemented does not appear here.
 *
 * What JET has no call for - headers, checks, dumps, recovery of files that nobody runs - is in engine.h.
 */
#ifndef ESENT_H
#define ESENT_H

#include <stdint.h>
#ifndef __cplusplus
#include <uchar.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t JET_ERR; /* < 0 error, 0 success, > 0 warning */
typedef uint32_t JET_GRBIT;
typedef uint32_t JET_COLTYP;
typedef uint32_t JET_COLUMNID;
typedef uint32_t JET_DBID;

/* Column types (JET_COLTYP). */
#define JET_coltypNil              0u
#define JET_coltypBit              1u
#define JET_coltypUnsignedByte     2u
#define JET_coltypShort            3u
#define JET_coltypLong             4u
#define JET_coltypCurrency         5u
#define JET_coltypIEEESingle       6u
#define JET_coltypIEEEDouble       7u
#define JET_coltypDateTime         8u
#define JET_coltypBinary           9u
#define JET_coltypText             10u
#define JET_coltypLongBinary       11u
#define JET_coltypLongText         12u
#define JET_coltypSLV              13u
#define JET_coltypUnsignedLong     14u
#define JET_coltypLongLong         15u
#define JET_coltypGUID             16u
#define JET_coltypUnsignedShort    17u
#define JET_coltypUnsignedLongLong 18u

/* ---- handles and scalar types ------------------------------------------------------------------ */

typedef uintptr_t JET_INSTANCE;
typedef uintptr_t JET_SESID;
typedef uintptr_t JET_TABLEID;
typedef uintptr_t JET_HANDLE;
typedef uintptr_t JET_API_PTR;
typedef uintptr_t JET_LS;
typedef uintptr_t JET_OSSNAPID; /* a session of snapshots */
typedef uint32_t JET_OBJTYP;
typedef uint32_t JET_SNP;
typedef uint32_t JET_SNT;
typedef uint32_t JET_CBTYP;
typedef uint32_t JET_ENGINEFORMATVERSION;
typedef double JET_DATESERIAL;
typedef char16_t JET_WCHAR; /* WCHAR of Windows: UTF-16 */

#define JET_instanceNil (~(JET_INSTANCE)0)
#define JET_sesidNil    (~(JET_SESID)0)
#define JET_tableidNil  (~(JET_TABLEID)0)
#define JET_dbidNil     0xFFFFFFFFu
#define JET_columnidNil 0u
#define JET_LSNil       (~(JET_LS)0)

#define JET_cbNameMost                64 /* bytes of a name of a table, column or index */
#define JET_cbFullNameMost            255
#define JET_cbColumnMost              255
#define JET_cbLVDefaultValueMost      255
#define JET_ccolKeyMost               16
#define JET_ccolMost                  0x0000fee0
#define JET_ccolFixedMost             0x0000007f
#define JET_ccolVarMost               0x00000080
#define JET_ccolTaggedMost            0x0000fde0
#define JET_cbKeyMost                 255
#define JET_cbKeyMostMin              255
#define JET_cbKeyMost2KBytePage       500
#define JET_cbKeyMost4KBytePage       1000
#define JET_cbKeyMost8KBytePage       2000
#define JET_cbBookmarkMost            256
#define JET_BASE_NAME_LENGTH          3
#define JET_MAX_COMPUTERNAME_LENGTH   15
#define JET_wszConfigStoreReadControl u"CsReadControl"

/* JetPrepareUpdate */
#define JET_prepInsert                    0u
#define JET_prepReplace                   2u
#define JET_prepCancel                    3u
#define JET_prepReplaceNoLock             4u
#define JET_prepInsertCopy                5u
#define JET_prepInsertCopyDeleteOriginal  7u
#define JET_prepReadOnlyCopy              8u
#define JET_prepInsertCopyReplaceOriginal 9u

/* JetMove: cRow */
#define JET_MoveFirst    ((int32_t)0x80000000)
#define JET_MovePrevious (-1)
#define JET_MoveNext     1
#define JET_MoveLast     0x7fffffff

/* JetGetDatabaseInfo */
#define JET_DbInfoFilename       0u
#define JET_DbInfoConnect        1u
#define JET_DbInfoCountry        2u
#define JET_DbInfoLCID           3u
#define JET_DbInfoCp             4u
#define JET_DbInfoCollate        5u
#define JET_DbInfoOptions        6u
#define JET_DbInfoTransactions   7u
#define JET_DbInfoVersion        8u
#define JET_DbInfoIsam           9u
#define JET_DbInfoFilesize       10u
#define JET_DbInfoSpaceOwned     11u
#define JET_DbInfoSpaceAvailable 12u
#define JET_DbInfoUpgrade        13u
#define JET_DbInfoMisc           14u
#define JET_DbInfoDBInUse        15u
#define JET_DbInfoPageSize       17u
#define JET_DbInfoFileType       19u
#define JET_DbInfoFilesizeOnDisk 21u

/* JetGetTableInfo */
#define JET_TblInfo                  0u
#define JET_TblInfoName              1u
#define JET_TblInfoDbid              2u
#define JET_TblInfoSpaceUsage        7u
#define JET_TblInfoSpaceAlloc        9u
#define JET_TblInfoSpaceOwned        10u
#define JET_TblInfoSpaceAvailable    11u
#define JET_TblInfoTemplateTableName 12u
#define JET_TblInfoLVChunkMax        13u

/* JetGetIndexInfo, JetGetTableIndexInfo */
#define JET_IdxInfo             0u
#define JET_IdxInfoList         1u
#define JET_IdxInfoSpaceAlloc   5u
#define JET_IdxInfoLCID         6u
#define JET_IdxInfoLangid       6u
#define JET_IdxInfoCount        7u
#define JET_IdxInfoVarSegMac    8u
#define JET_IdxInfoIndexId      9u
#define JET_IdxInfoKeyMost      10u
#define JET_IdxInfoCreateIndex  11u
#define JET_IdxInfoCreateIndex2 12u
#define JET_IdxInfoCreateIndex3 13u
#define JET_IdxInfoLocaleName   14u

/* JetGetColumnInfo, JetGetTableColumnInfo */
#define JET_ColInfo                           0u
#define JET_ColInfoList                       1u
#define JET_ColInfoBase                       4u
#define JET_ColInfoListCompact                5u
#define JET_ColInfoByColid                    6u
#define JET_ColInfoListSortColumnid           7u
#define JET_ColInfoBaseByColid                8u
#define JET_ColInfoGrbitNonDerivedColumnsOnly 0x80000000u
#define JET_ColInfoGrbitMinimalInfo           0x40000000u
#define JET_ColInfoGrbitSortByColumnid        0x20000000u

/* JetGetObjectInfo */
#define JET_ObjInfo            0u
#define JET_ObjInfoListNoStats 1u
#define JET_ObjInfoList        2u
#define JET_ObjInfoNoStats     5u

#define JET_objtypNil   0u
#define JET_objtypTable 1u

#define JET_filetypeUnknown      0u
#define JET_filetypeDatabase     1u
#define JET_filetypeLog          3u
#define JET_filetypeCheckpoint   4u
#define JET_filetypeTempDatabase 5u
#define JET_filetypeFlushMap     7u

#define JET_dbstateJustCreated   1u
#define JET_dbstateDirtyShutdown 2u
#define JET_dbstateCleanShutdown 3u

/* JET_PFNSTATUS */
#define JET_snpRepair          2u
#define JET_snpCompact         4u
#define JET_snpRestore         8u
#define JET_snpBackup          9u
#define JET_snpUpgrade         10u
#define JET_snpScrub           11u
#define JET_snpRecoveryControl 18u
#define JET_sntProgress        0u
#define JET_sntFail            3u
#define JET_sntBegin           5u
#define JET_sntComplete        6u
#define JET_sntRequirements    7u

/* JetGetSessionParameter, JetSetSessionParameter */
#define JET_sesparamCommitDefault        4097u
#define JET_sesparamCommitGenericContext 4098u
#define JET_sesparamTransactionLevel     4099u
#define JET_sesparamOperationContext     4100u
#define JET_sesparamCorrelationID        4101u

/* JET_CBTYP */
#define JET_cbtypNull                    0x0u
#define JET_cbtypFinalize                0x1u
#define JET_cbtypBeforeInsert            0x2u
#define JET_cbtypAfterInsert             0x4u
#define JET_cbtypBeforeReplace           0x8u
#define JET_cbtypAfterReplace            0x10u
#define JET_cbtypBeforeDelete            0x20u
#define JET_cbtypAfterDelete             0x40u
#define JET_cbtypUserDefinedDefaultValue 0x80u
#define JET_cbtypOnlineDefragCompleted   0x100u
#define JET_cbtypFreeCursorLS            0x200u
#define JET_cbtypFreeTableLS             0x400u

/* JET_paramEngineFormatVersion */
#define JET_efvUseEngineDefault           0x40000001u
#define JET_efvUsePersistedFormat         0x40000002u
#define JET_efvAllowHigherPersistedFormat 0x41000000u
#define JET_efvWindows10Rtm               8020u
#define JET_efvWindows10v2Rtm             8620u
#define JET_efvExchange2016Cu1Rtm         8920u

/* ---- structures: layout of Windows x64; engine/api/layout.c holds each against its offsets ------- */

typedef JET_ERR (*JET_PFNSTATUS)(JET_SESID sesid, JET_SNP snp, JET_SNT snt, void *pv);
typedef JET_ERR (*JET_CALLBACK)(JET_SESID sesid, JET_DBID dbid, JET_TABLEID tableid,
                                JET_CBTYP cbtyp, void *pvArg1, void *pvArg2, void *pvContext,
                                JET_API_PTR ulUnused);
typedef void *(*JET_PFNREALLOC)(void *pvContext, void *pv, uint32_t cb);

#pragma pack(push, 1)
typedef struct { /* seconds, minutes, ..; month 1..12, year - 1900 */
    char bSeconds, bMinutes, bHours, bDays, bMonth, bYear;
    union {
        char bFiller1;
        struct {
            unsigned char fTimeIsUTC : 1, bMillisecondsLow : 7;
        };
    };
    union {
        char bFiller2;
        struct {
            unsigned char fReserved : 1, bMillisecondsHigh : 3, fUnused : 4;
        };
    };
} JET_LOGTIME;
typedef struct {
    char bSeconds, bMinutes, bHours, bDays, bMonth, bYear;
    union {
        char bFiller1;
        struct {
            unsigned char fTimeIsUTC : 1, bMillisecondsLow : 7;
        };
    };
    union {
        char bFiller2;
        struct {
            unsigned char fOSSnapshot : 1, bMillisecondsHigh : 3, fReserved : 4;
        };
    };
} JET_BKLOGTIME;
typedef struct {
    uint16_t ib, isec;
    int32_t lGeneration;
} JET_LGPOS;
typedef struct {
    uint32_t ulRandom;
    JET_LOGTIME logtimeCreate;
    char szComputerName[JET_MAX_COMPUTERNAME_LENGTH + 1];
} JET_SIGNATURE;
typedef struct {
    JET_LGPOS lgposMark;
    union {
        JET_LOGTIME logtimeMark;
        JET_BKLOGTIME bklogtimeMark;
    };
    uint32_t genLow, genHigh;
} JET_BKINFO;
#pragma pack(pop)

#pragma pack(push, 4)
typedef struct {
    uint32_t cbStruct;
    unsigned char rgbIndexId[16];
} JET_INDEXID;
#pragma pack(pop)

typedef struct {
    uint32_t cbStruct, cunitDone, cunitTotal;
} JET_SNPROG;

typedef struct {
    char *szDatabaseName, *szNewDatabaseName;
} JET_RSTMAP_A;
typedef struct {
    JET_WCHAR *szDatabaseName, *szNewDatabaseName;
} JET_RSTMAP_W;
typedef struct {
    uint32_t cbStruct;
    JET_RSTMAP_A *rgrstmap;
    int32_t crstmap;
    JET_LGPOS lgposStop;
    JET_LOGTIME logtimeStop;
    JET_PFNSTATUS pfnStatus;
} JET_RSTINFO_A;
typedef struct {
    uint32_t cbStruct;
    JET_RSTMAP_W *rgrstmap;
    int32_t crstmap;
    JET_LGPOS lgposStop;
    JET_LOGTIME logtimeStop;
    JET_PFNSTATUS pfnStatus;
} JET_RSTINFO_W;

typedef struct {
    uint32_t cbSize, ulGenLow, ulGenHigh;
    char szBaseName[4];
} JET_LOGINFO_A;
typedef struct {
    uint32_t cbSize, ulGenLow, ulGenHigh;
    JET_WCHAR szBaseName[4];
} JET_LOGINFO_W;

typedef struct {
    uint32_t paramid;
    JET_API_PTR lParam;
    const char *sz;
    JET_ERR err;
} JET_SETSYSPARAM_A;
typedef struct {
    uint32_t paramid;
    JET_API_PTR lParam;
    const JET_WCHAR *sz;
    JET_ERR err;
} JET_SETSYSPARAM_W;

typedef struct {
    JET_INSTANCE hInstanceId;
    char *szInstanceName;
    JET_API_PTR cDatabases;
    char **szDatabaseFileName, **szDatabaseDisplayName, **szDatabaseSLVFileName_Obsolete;
} JET_INSTANCE_INFO_A;
typedef struct {
    JET_INSTANCE hInstanceId;
    JET_WCHAR *szInstanceName;
    JET_API_PTR cDatabases;
    JET_WCHAR **szDatabaseFileName, **szDatabaseDisplayName, **szDatabaseSLVFileName_Obsolete;
} JET_INSTANCE_INFO_W;

typedef struct {
    uint32_t cbStruct;
    JET_COLUMNID columnid;
    JET_COLTYP coltyp;
    uint16_t wCountry, langid, cp, wCollate;
    uint32_t cbMax;
    JET_GRBIT grbit;
} JET_COLUMNDEF;

typedef struct {
    uint32_t cbStruct;
    JET_COLUMNID columnid;
    JET_COLTYP coltyp;
    uint16_t wCountry, langid, cp, wFiller;
    uint32_t cbMax;
    JET_GRBIT grbit;
    char szBaseTableName[256], szBaseColumnName[256];
} JET_COLUMNBASE_A;
typedef struct {
    uint32_t cbStruct;
    JET_COLUMNID columnid;
    JET_COLTYP coltyp;
    uint16_t wCountry, langid, cp, wFiller;
    uint32_t cbMax;
    JET_GRBIT grbit;
    JET_WCHAR szBaseTableName[256], szBaseColumnName[256];
} JET_COLUMNBASE_W;

typedef struct {
    uint32_t cbStruct;
    JET_TABLEID tableid;
    uint32_t cRecord;
    JET_COLUMNID columnidPresentationOrder, columnidcolumnname, columnidcolumnid, columnidcoltyp,
        columnidCountry, columnidLangid, columnidCp, columnidCollate, columnidcbMax, columnidgrbit,
        columnidDefault, columnidBaseTableName, columnidBaseColumnName, columnidDefinitionName;
} JET_COLUMNLIST;

typedef struct {
    uint32_t cbStruct;
    char *szColumnName;
    JET_COLTYP coltyp;
    uint32_t cbMax;
    JET_GRBIT grbit;
    void *pvDefault;
    uint32_t cbDefault, cp;
    JET_COLUMNID columnid;
    JET_ERR err;
} JET_COLUMNCREATE_A;
typedef struct {
    uint32_t cbStruct;
    JET_WCHAR *szColumnName;
    JET_COLTYP coltyp;
    uint32_t cbMax;
    JET_GRBIT grbit;
    void *pvDefault;
    uint32_t cbDefault, cp;
    JET_COLUMNID columnid;
    JET_ERR err;
} JET_COLUMNCREATE_W;

typedef struct {
    uint32_t lcid, dwMapFlags;
} JET_UNICODEINDEX;
typedef struct {
    JET_WCHAR *szLocaleName;
    uint32_t dwMapFlags;
} JET_UNICODEINDEX2;
typedef struct {
    uint32_t chLengthMin, chLengthMax, chToIndexMax, cchIncrement, ichStart;
} JET_TUPLELIMITS;

typedef struct {
    uint32_t cbStruct, ulInitialDensity, cbInitial;
    JET_GRBIT grbit;
    uint32_t ulMaintDensity, ulGrowth, cbMinExtent, cbMaxExtent;
} JET_SPACEHINTS;

typedef struct {
    uint32_t cbStruct;
    char *szColumnName;
    JET_GRBIT grbit;
} JET_CONDITIONALCOLUMN_A;
typedef struct {
    uint32_t cbStruct;
    JET_WCHAR *szColumnName;
    JET_GRBIT grbit;
} JET_CONDITIONALCOLUMN_W;

/* A type in parentheses would not be one. NOLINTBEGIN(bugprone-macro-parentheses) */
#define JET_INDEXCREATE_COMMON_(CHAR, COND) \
    uint32_t cbStruct;                      \
    CHAR *szIndexName, *szKey;              \
    uint32_t cbKey;                         \
    JET_GRBIT grbit;                        \
    uint32_t ulDensity;                     \
    union {                                 \
        uint32_t lcid;                      \
        JET_UNICODEINDEX *pidxunicode;      \
    };                                      \
    union {                                 \
        uint32_t cbVarSegMac;               \
        JET_TUPLELIMITS *ptuplelimits;      \
    };                                      \
    COND *rgconditionalcolumn;              \
    uint32_t cConditionalColumn;            \
    JET_ERR err
/* NOLINTEND(bugprone-macro-parentheses) */

typedef struct {
    JET_INDEXCREATE_COMMON_(char, JET_CONDITIONALCOLUMN_A);
} JET_INDEXCREATE_A;
typedef struct {
    JET_INDEXCREATE_COMMON_(JET_WCHAR, JET_CONDITIONALCOLUMN_W);
} JET_INDEXCREATE_W;
typedef struct {
    JET_INDEXCREATE_COMMON_(char, JET_CONDITIONALCOLUMN_A);
    uint32_t cbKeyMost;
} JET_INDEXCREATE1_A;
typedef struct {
    JET_INDEXCREATE_COMMON_(JET_WCHAR, JET_CONDITIONALCOLUMN_W);
    uint32_t cbKeyMost;
} JET_INDEXCREATE1_W;
typedef struct {
    JET_INDEXCREATE_COMMON_(char, JET_CONDITIONALCOLUMN_A);
    uint32_t cbKeyMost;
    JET_SPACEHINTS *pSpacehints;
} JET_INDEXCREATE2_A;
typedef struct {
    JET_INDEXCREATE_COMMON_(JET_WCHAR, JET_CONDITIONALCOLUMN_W);
    uint32_t cbKeyMost;
    JET_SPACEHINTS *pSpacehints;
} JET_INDEXCREATE2_W;
typedef struct { /* with the name of a locale instead of its number */
    uint32_t cbStruct;
    char *szIndexName, *szKey;
    uint32_t cbKey;
    JET_GRBIT grbit;
    uint32_t ulDensity;
    JET_UNICODEINDEX2 *pidxunicode;
    union {
        uint32_t cbVarSegMac;
        JET_TUPLELIMITS *ptuplelimits;
    };
    JET_CONDITIONALCOLUMN_A *rgconditionalcolumn;
    uint32_t cConditionalColumn;
    JET_ERR err;
    uint32_t cbKeyMost;
    JET_SPACEHINTS *pSpacehints;
} JET_INDEXCREATE3_A;
typedef struct {
    uint32_t cbStruct;
    JET_WCHAR *szIndexName, *szKey;
    uint32_t cbKey;
    JET_GRBIT grbit;
    uint32_t ulDensity;
    JET_UNICODEINDEX2 *pidxunicode;
    union {
        uint32_t cbVarSegMac;
        JET_TUPLELIMITS *ptuplelimits;
    };
    JET_CONDITIONALCOLUMN_W *rgconditionalcolumn;
    uint32_t cConditionalColumn;
    JET_ERR err;
    uint32_t cbKeyMost;
    JET_SPACEHINTS *pSpacehints;
} JET_INDEXCREATE3_W;

/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define JET_TABLECREATE_HEAD_(CHAR, COLUMN, INDEX) \
    uint32_t cbStruct;                             \
    CHAR *szTableName, *szTemplateTableName;       \
    uint32_t ulPages, ulDensity;                   \
    COLUMN *rgcolumncreate;                        \
    uint32_t cColumns;                             \
    INDEX *rgindexcreate;                          \
    uint32_t cIndexes
/* NOLINTEND(bugprone-macro-parentheses) */

typedef struct {
    JET_TABLECREATE_HEAD_(char, JET_COLUMNCREATE_A, JET_INDEXCREATE_A);
    JET_GRBIT grbit;
    JET_TABLEID tableid;
    uint32_t cCreated;
} JET_TABLECREATE_A;
typedef struct {
    JET_TABLECREATE_HEAD_(JET_WCHAR, JET_COLUMNCREATE_W, JET_INDEXCREATE_W);
    JET_GRBIT grbit;
    JET_TABLEID tableid;
    uint32_t cCreated;
} JET_TABLECREATE_W;
typedef struct {
    JET_TABLECREATE_HEAD_(char, JET_COLUMNCREATE_A, JET_INDEXCREATE_A);
    char *szCallback;
    JET_CBTYP cbtyp;
    JET_GRBIT grbit;
    JET_TABLEID tableid;
    uint32_t cCreated;
} JET_TABLECREATE2_A;
typedef struct {
    JET_TABLECREATE_HEAD_(JET_WCHAR, JET_COLUMNCREATE_W, JET_INDEXCREATE_W);
    JET_WCHAR *szCallback;
    JET_CBTYP cbtyp;
    JET_GRBIT grbit;
    JET_TABLEID tableid;
    uint32_t cCreated;
} JET_TABLECREATE2_W;
#define JET_TABLECREATE_TAIL_(CHAR)                 \
    CHAR *szCallback;                               \
    JET_CBTYP cbtyp;                                \
    JET_GRBIT grbit;                                \
    JET_SPACEHINTS *pSeqSpacehints, *pLVSpacehints; \
    uint32_t cbSeparateLV;                          \
    JET_TABLEID tableid;                            \
    uint32_t cCreated
typedef struct {
    JET_TABLECREATE_HEAD_(char, JET_COLUMNCREATE_A, JET_INDEXCREATE2_A);
    JET_TABLECREATE_TAIL_(char);
} JET_TABLECREATE3_A;
typedef struct {
    JET_TABLECREATE_HEAD_(JET_WCHAR, JET_COLUMNCREATE_W, JET_INDEXCREATE2_W);
    JET_TABLECREATE_TAIL_(JET_WCHAR);
} JET_TABLECREATE3_W;
typedef struct {
    JET_TABLECREATE_HEAD_(char, JET_COLUMNCREATE_A, JET_INDEXCREATE3_A);
    JET_TABLECREATE_TAIL_(char);
} JET_TABLECREATE4_A;
typedef struct {
    JET_TABLECREATE_HEAD_(JET_WCHAR, JET_COLUMNCREATE_W, JET_INDEXCREATE3_W);
    JET_TABLECREATE_TAIL_(JET_WCHAR);
} JET_TABLECREATE4_W;

typedef struct {
    uint32_t cbStruct;
    const JET_COLUMNDEF *prgcolumndef;
    uint32_t ccolumn;
    JET_UNICODEINDEX *pidxunicode;
    JET_GRBIT grbit;
    JET_COLUMNID *prgcolumnid;
    uint32_t cbKeyMost, cbVarSegMac;
    JET_TABLEID tableid;
} JET_OPENTEMPORARYTABLE;
typedef struct {
    uint32_t cbStruct;
    const JET_COLUMNDEF *prgcolumndef;
    uint32_t ccolumn;
    JET_UNICODEINDEX2 *pidxunicode;
    JET_GRBIT grbit;
    JET_COLUMNID *prgcolumnid;
    uint32_t cbKeyMost, cbVarSegMac;
    JET_TABLEID tableid;
} JET_OPENTEMPORARYTABLE2;

typedef struct {
    uint32_t cbStruct;
    JET_TABLEID tableid;
    uint32_t cRecord;
    JET_COLUMNID columnidindexname, columnidgrbitIndex, columnidcKey, columnidcEntry, columnidcPage,
        columnidcColumn, columnidiColumn, columnidcolumnid, columnidcoltyp, columnidCountry,
        columnidLangid, columnidCp, columnidCollate, columnidgrbitColumn, columnidcolumnname,
        columnidLCMapFlags;
} JET_INDEXLIST;
typedef struct {
    uint32_t cbStruct;
    JET_OBJTYP objtyp;
    JET_DATESERIAL dtCreate, dtUpdate; /* obsolete, 0 */
    JET_GRBIT grbit;
    uint32_t flags, cRecord, cPage;
} JET_OBJECTINFO;
typedef struct {
    uint32_t cbStruct;
    JET_TABLEID tableid;
    uint32_t cRecord;
    JET_COLUMNID columnidcontainername, columnidobjectname, columnidobjtyp, columniddtCreate,
        columniddtUpdate, columnidgrbit, columnidflags, columnidcRecord, columnidcPage;
} JET_OBJECTLIST;
typedef struct {
    uint32_t cbStruct;
    JET_TABLEID tableid;
    uint32_t cRecord;
    JET_COLUMNID columnidBookmark;
} JET_RECORDLIST;
typedef struct {
    uint32_t cbStruct;
    JET_TABLEID tableid;
    JET_GRBIT grbit;
} JET_INDEXRANGE;
typedef struct {
    uint32_t cbStruct, centriesLT, centriesInRange, centriesTotal;
} JET_RECPOS;

typedef struct {
    uint32_t cbStruct, ibLongValue, itagSequence;
} JET_SETINFO;
typedef struct {
    uint32_t cbStruct, ibLongValue, itagSequence;
    JET_COLUMNID columnidNextTagged;
} JET_RETINFO;
typedef struct {
    JET_COLUMNID columnid;
    const void *pvData;
    uint32_t cbData;
    JET_GRBIT grbit;
    uint32_t ibLongValue, itagSequence;
    JET_ERR err;
} JET_SETCOLUMN;
typedef struct {
    JET_COLUMNID columnid;
    void *pvData;
    uint32_t cbData, cbActual;
    JET_GRBIT grbit;
    uint32_t ibLongValue, itagSequence;
    JET_COLUMNID columnidNextTagged;
    JET_ERR err;
} JET_RETRIEVECOLUMN;
typedef struct {
    JET_COLUMNID columnid;
    uint32_t ctagSequence;
    uint32_t *rgtagSequence;
} JET_ENUMCOLUMNID;
typedef struct {
    uint32_t itagSequence;
    JET_ERR err;
    uint32_t cbData;
    void *pvData;
} JET_ENUMCOLUMNVALUE;
typedef struct {
    JET_COLUMNID columnid;
    JET_ERR err;
    union {
        struct { /* err is JET_errSuccess */
            uint32_t cEnumColumnValue;
            JET_ENUMCOLUMNVALUE *rgEnumColumnValue;
        };
        struct { /* err is JET_wrnColumnSingleValue */
            uint32_t cbData;
            void *pvData;
        };
    };
} JET_ENUMCOLUMN;

typedef struct {
    uint64_t cbData, cbLongValueData, cbOverhead, cbLongValueOverhead, cNonTaggedColumns,
        cTaggedColumns, cLongValues, cMultiValues;
} JET_RECSIZE;
typedef struct {
    uint64_t cbData, cbLongValueData, cbOverhead, cbLongValueOverhead, cNonTaggedColumns,
        cTaggedColumns, cLongValues, cMultiValues, cCompressedColumns, cbDataCompressed,
        cbLongValueDataCompressed;
} JET_RECSIZE2;

typedef struct {
    uint32_t cbStruct, cPageReferenced, cPageRead, cPagePreread, cPageDirtied, cPageRedirtied,
        cLogRecord, cbLogRecord;
} JET_THREADSTATS;
typedef struct {
    uint32_t cbStruct, cPageReferenced, cPageRead, cPagePreread, cPageDirtied, cPageRedirtied,
        cLogRecord, cbLogRecord;
    uint64_t cusecPageCacheMiss;
    uint32_t cPageCacheMiss;
} JET_THREADSTATS2;
typedef struct {
    uint32_t ulUserID;
    unsigned char nOperationID, nOperationType, nClientType, fFlags;
} JET_OPERATIONCONTEXT;
typedef struct {
    JET_SIGNATURE signLog;
    int32_t reserved;
    int64_t commitId;
} JET_COMMIT_ID;

typedef struct {
    uint32_t ulVersion, ulUpdate;
    JET_SIGNATURE signDb;
    uint32_t dbstate;
    JET_LGPOS lgposConsistent;
    JET_LOGTIME logtimeConsistent, logtimeAttach;
    JET_LGPOS lgposAttach;
    JET_LOGTIME logtimeDetach;
    JET_LGPOS lgposDetach;
    JET_SIGNATURE signLog;
    JET_BKINFO bkinfoFullPrev, bkinfoIncPrev, bkinfoFullCur;
    uint32_t fShadowingDisabled, fUpgradeDb, dwMajorVersion, dwMinorVersion, dwBuildNumber;
    int32_t lSPNumber;
    uint32_t cbPageSize;
} JET_DBINFOMISC;
typedef struct {
    JET_DBINFOMISC dbinfo;
    uint32_t genMinRequired, genMaxRequired;
    JET_LOGTIME logtimeGenMaxCreate;
    uint32_t ulRepairCount;
    JET_LOGTIME logtimeRepair;
    uint32_t ulRepairCountOld, ulECCFixSuccess;
    JET_LOGTIME logtimeECCFixSuccess;
    uint32_t ulECCFixSuccessOld, ulECCFixFail;
    JET_LOGTIME logtimeECCFixFail;
    uint32_t ulECCFixFailOld, ulBadChecksum;
    JET_LOGTIME logtimeBadChecksum;
    uint32_t ulBadChecksumOld, genCommitted;
    JET_BKINFO bkinfoCopyPrev, bkinfoDiffPrev;
} JET_DBINFOMISC4;

typedef struct {
    JET_COLUMNID columnid;
    uint32_t relop;
    void *pv;
    uint32_t cb;
    JET_GRBIT grbit;
} JET_INDEX_COLUMN;
typedef struct {
    JET_INDEX_COLUMN *rgStartColumns;
    uint32_t cStartColumns;
    JET_INDEX_COLUMN *rgEndColumns;
    uint32_t cEndColumns;
} JET_INDEX_RANGE;

/* Without suffix: the A variants, or, where JET_UNICODE is defined, the W ones. */
#ifdef JET_UNICODE
#define JET_AW_(name) name##_W
#else
#define JET_AW_(name) name##_A
#endif
typedef JET_AW_(JET_RSTMAP) JET_RSTMAP;
typedef JET_AW_(JET_RSTINFO) JET_RSTINFO;
typedef JET_AW_(JET_LOGINFO) JET_LOGINFO;
typedef JET_AW_(JET_SETSYSPARAM) JET_SETSYSPARAM;
typedef JET_AW_(JET_INSTANCE_INFO) JET_INSTANCE_INFO;
typedef JET_AW_(JET_COLUMNBASE) JET_COLUMNBASE;
typedef JET_AW_(JET_COLUMNCREATE) JET_COLUMNCREATE;
typedef JET_AW_(JET_CONDITIONALCOLUMN) JET_CONDITIONALCOLUMN;
typedef JET_AW_(JET_INDEXCREATE) JET_INDEXCREATE;
typedef JET_AW_(JET_INDEXCREATE1) JET_INDEXCREATE1;
typedef JET_AW_(JET_INDEXCREATE2) JET_INDEXCREATE2;
typedef JET_AW_(JET_INDEXCREATE3) JET_INDEXCREATE3;
typedef JET_AW_(JET_TABLECREATE) JET_TABLECREATE;
typedef JET_AW_(JET_TABLECREATE2) JET_TABLECREATE2;
typedef JET_AW_(JET_TABLECREATE3) JET_TABLECREATE3;
typedef JET_AW_(JET_TABLECREATE4) JET_TABLECREATE4;

/* ---- flags ------------------------------------------------------------------------------------ */

/* Online defragmentation (JetDefragment/JetDefragment2) options */
#define JET_bitDefragmentBatchStart          0x1u
#define JET_bitDefragmentBatchStop           0x2u
#define JET_bitDefragmentAvailSpaceTreesOnly 0x40u
#define JET_bitDefragmentNoPartialMerges     0x80u
#define JET_bitDefragmentBTree               0x100u
#define JET_bitDefragmentBTreeBatch          0x200u
#define JET_bitOld2Start                     0x1u
#define JET_bitOld2Suspend                   0x2u
#define JET_bitOld2Resume                    0x4u
#define JET_bitOld2End                       0x8u

/* JET_OBJECTINFO.grbit */
#define JET_bitTableInfoUpdatable 0x1u
#define JET_bitTableInfoBookmark  0x2u
#define JET_bitTableInfoRollback  0x4u

/* JET_OBJECTINFO.flags */
#define JET_bitObjectSystem                                0x80000000u
#define JET_bitObjectTableFixedDDL                         0x40000000u
#define JET_bitObjectTableTemplate                         0x20000000u
#define JET_bitObjectTableDerived                          0x10000000u
#define JET_bitObjectSystemDynamic                         (JET_bitObjectSystem | 0x8000000u)
#define JET_bitObjectTableNoFixedVarColumnsInDerivedTables 0x4000000u
#define JET_bitNil                                         0u

/* JET_paramLegacyFileNames */
#define JET_bitESE98FileNames          0x1u
#define JET_bitEightDotThreeSoftCompat 0x2u

/* JetInit2, JetInit3 */
#define JET_bitReplayReplicatedLogFiles                   0x1u
#define JET_bitReplayIgnoreMissingDB                      0x4u
#define JET_bitRecoveryWithoutUndo                        0x8u
#define JET_bitTruncateLogsAfterRecovery                  0x10u
#define JET_bitReplayMissingMapEntryDB                    0x20u
#define JET_bitLogStreamMustExist                         0x40u
#define JET_bitReplayIgnoreLostLogs                       0x80u
#define JET_bitAllowMissingCurrentLog                     0x100u
#define JET_bitAllowSoftRecoveryOnBackup                  0x200u
#define JET_bitSkipLostLogsEvent                          0x400u
#define JET_bitExternalRecoveryControl                    0x800u
#define JET_bitKeepDbAttachedAtEndOfRecovery              0x1000u
#define JET_bitReplayIgnoreLogRecordsBeforeMinRequiredLog 0x2000u
#define JET_bitReplayInferCheckpointFromRstmapDbs         0x4000u

/* JetTerm2 */
#define JET_bitTermComplete   0x1u
#define JET_bitTermAbrupt     0x2u
#define JET_bitTermStopBackup 0x4u
#define JET_bitTermDirty      0x8u

/* JetIdle */
#define JET_bitIdleFlushBuffers         0x1u
#define JET_bitIdleCompact              0x2u
#define JET_bitIdleStatus               0x4u
#define JET_bitIdleVersionStoreTest     0x8u
#define JET_bitIdleCompactAsync         0x10u
#define JET_bitIdleAvailBuffersStatus   0x20u
#define JET_bitIdleWaitForAsyncActivity 0x40u

/* JetEndSession */
#define JET_bitForceSessionClosed 0x1u

/* JetAttachDatabase/JetOpenDatabase */
#define JET_bitDbReadOnly                    0x1u
#define JET_bitDbExclusive                   0x2u
#define JET_bitDbSingleExclusive             0x2u
#define JET_bitDbDeleteCorruptIndexes        0x10u
#define JET_bitDbRebuildCorruptIndexes       0x20u
#define JET_bitDbDeleteUnicodeIndexes        0x400u
#define JET_bitDbUpgrade                     0x200u
#define JET_bitDbEnableBackgroundMaintenance 0x800u
#define JET_bitDbPurgeCacheOnAttach          0x1000u

/* JetDetachDatabase2 */
#define JET_bitForceDetach         0x1u
#define JET_bitForceCloseAndDetach (0x2u | JET_bitForceDetach)

/* JetCreateDatabase */
#define JET_bitDbRecoveryOff         0x8u
#define JET_bitDbVersioningOff       0x40u
#define JET_bitDbShadowingOff        0x80u
#define JET_bitDbOverwriteExisting   0x200u
#define JET_bitBackupIncremental     0x1u
#define JET_bitKeepOldLogs           0x2u
#define JET_bitBackupAtomic          0x4u
#define JET_bitBackupFullWithAllLogs 0x8u
#define JET_bitBackupSnapshot        0x10u
#define JET_bitBackupSurrogate       0x20u
#define JET_bitInternalCopy          0x40u

/* JetEndExternalBackupInstance2, JetEndSurrogateBackup */
#define JET_bitBackupEndNormal        0x1u
#define JET_bitBackupEndAbort         0x2u
#define JET_bitBackupTruncateDone     0x100u
#define JET_bitBackupNoDbHeaderUpdate 0x200u

/* JetCreateTableColumnIndex */
#define JET_bitTableCreateFixedDDL                         0x1u
#define JET_bitTableCreateTemplateTable                    0x2u
#define JET_bitTableCreateNoFixedVarColumnsInDerivedTables 0x4u
#define JET_bitTableCreateSystemTable                      0x80000000u

/* JetAddColumn, JetGetColumnInfo, JetOpenTempTable */
#define JET_bitColumnFixed                                  0x1u
#define JET_bitColumnTagged                                 0x2u
#define JET_bitColumnNotNULL                                0x4u
#define JET_bitColumnVersion                                0x8u
#define JET_bitColumnAutoincrement                          0x10u
#define JET_bitColumnUpdatable                              0x20u
#define JET_bitColumnTTKey                                  0x40u
#define JET_bitColumnTTDescending                           0x80u
#define JET_bitColumnMultiValued                            0x400u
#define JET_bitColumnEscrowUpdate                           0x800u
#define JET_bitColumnUnversioned                            0x1000u
#define JET_bitColumnMaybeNull                              0x2000u
#define JET_bitColumnFinalize                               0x4000u
#define JET_bitColumnUserDefinedDefault                     0x8000u
#define JET_bitColumnRenameConvertToPrimaryIndexPlaceholder 0x10000u
#define JET_bitColumnDeleteOnZero                           0x20000u
#define JET_bitColumnVariable                               0x40000u
#define JET_bitColumnCompressed                             0x80000u
#define JET_bitColumnEncrypted                              0x100000u

/* JetDeleteColumn */
#define JET_bitDeleteColumnIgnoreTemplateColumns 0x1u

/* JetSetCurrentIndex */
#define JET_bitMoveFirst       0x0u
#define JET_bitMoveBeforeFirst 0x1u
#define JET_bitNoMove          0x2u

/* JetMakeKey */
#define JET_bitNewKey                             0x1u
#define JET_bitStrLimit                           0x2u
#define JET_bitSubStrLimit                        0x4u
#define JET_bitNormalizedKey                      0x8u
#define JET_bitKeyDataZeroLength                  0x10u
#define JET_bitKeyOverridePrimaryIndexPlaceholder 0x20u
#define JET_bitFullColumnStartLimit               0x100u
#define JET_bitFullColumnEndLimit                 0x200u
#define JET_bitPartialColumnStartLimit            0x400u
#define JET_bitPartialColumnEndLimit              0x800u

/* JetSetIndexRange */
#define JET_bitRangeInclusive       0x1u
#define JET_bitRangeUpperLimit      0x2u
#define JET_bitRangeInstantDuration 0x4u
#define JET_bitRangeRemove          0x8u

/* JetGetLock */
#define JET_bitReadLock  0x1u
#define JET_bitWriteLock 0x2u
#define JET_bitKeyLock   0x4u

/* JetMove */
#define JET_bitMoveKeyNE 0x1u

/* JetSeek */
#define JET_bitSeekEQ          0x1u
#define JET_bitSeekLT          0x2u
#define JET_bitSeekLE          0x4u
#define JET_bitSeekGE          0x8u
#define JET_bitSeekGT          0x10u
#define JET_bitSetIndexRange   0x20u
#define JET_bitCheckUniqueness 0x40u

/* JetGotoSecondaryIndexBookmark */
#define JET_bitBookmarkPermitVirtualCurrency 0x1u

/* JET_CONDITIONALCOLUMN */
#define JET_bitIndexColumnMustBeNull    0x1u
#define JET_bitIndexColumnMustBeNonNull 0x2u

/* JET_INDEXRANGE */
#define JET_bitRecordInIndex    0x1u
#define JET_bitRecordNotInIndex 0x2u

/* JetCreateIndex */
#define JET_bitIndexUnique             0x1u
#define JET_bitIndexPrimary            0x2u
#define JET_bitIndexDisallowNull       0x4u
#define JET_bitIndexIgnoreNull         0x8u
#define JET_bitIndexClustered40        0x10u
#define JET_bitIndexIgnoreAnyNull      0x20u
#define JET_bitIndexIgnoreFirstNull    0x40u
#define JET_bitIndexLazyFlush          0x80u
#define JET_bitIndexEmpty              0x100u
#define JET_bitIndexUnversioned        0x200u
#define JET_bitIndexSortNullsHigh      0x400u
#define JET_bitIndexUnicode            0x800u
#define JET_bitIndexTuples             0x1000u
#define JET_bitIndexTupleLimits        0x2000u
#define JET_bitIndexCrossProduct       0x4000u
#define JET_bitIndexKeyMost            0x8000u
#define JET_bitIndexDisallowTruncation 0x10000u
#define JET_bitIndexNestedTable        0x20000u
#define JET_bitIndexDotNetGuid         0x40000u

/* index key definition */
#define JET_bitKeyAscending  0x0u
#define JET_bitKeyDescending 0x1u

/* JetOpenTable */
#define JET_bitTableDenyWrite       0x1u
#define JET_bitTableDenyRead        0x2u
#define JET_bitTableReadOnly        0x4u
#define JET_bitTableUpdatable       0x8u
#define JET_bitTablePermitDDL       0x10u
#define JET_bitTableNoCache         0x20u
#define JET_bitTablePreread         0x40u
#define JET_bitTableOpportuneRead   0x80u
#define JET_bitTableAllowOutOfDate  0x100u
#define JET_bitTableSequential      0x8000u
#define JET_bitTableTryPurgeOnClose 0x1000000u
#define JET_bitTableDelete          0x10000000u
#define JET_bitTableCreate          0x20000000u
#define JET_bitTableClassMask       0x1F0000u
#define JET_bitTableClassNone       0x0u
#define JET_bitLSReset              0x1u
#define JET_bitLSCursor             0x2u
#define JET_bitLSTable              0x4u

/* JetSetTableSequential and JetPrereadIndexRanges */
#define JET_bitPrereadForward       0x1u
#define JET_bitPrereadBackward      0x2u
#define JET_bitPrereadFirstPage     0x4u
#define JET_bitPrereadNormalizedKey 0x8u

/* JetOpenTempTable */
#define JET_bitTTIndexed                   0x1u
#define JET_bitTTUnique                    0x2u
#define JET_bitTTUpdatable                 0x4u
#define JET_bitTTScrollable                0x8u
#define JET_bitTTSortNullsHigh             0x10u
#define JET_bitTTForceMaterialization      0x20u
#define JET_bitTTErrorOnDuplicateInsertion JET_bitTTForceMaterialization
#define JET_bitTTForwardOnly               0x40u
#define JET_bitTTIntrinsicLVsOnly          0x80u
#define JET_bitTTDotNetGuid                0x100u

/* JetSetColumn */
#define JET_bitSetAppendLV                    0x1u
#define JET_bitSetOverwriteLV                 0x4u
#define JET_bitSetSizeLV                      0x8u
#define JET_bitSetZeroLength                  0x20u
#define JET_bitSetSeparateLV                  0x40u
#define JET_bitSetUniqueMultiValues           0x80u
#define JET_bitSetUniqueNormalizedMultiValues 0x100u
#define JET_bitSetRevertToDefaultValue        0x200u
#define JET_bitSetIntrinsicLV                 0x400u
#define JET_bitSetUncompressed                0x10000u
#define JET_bitSetCompressed                  0x20000u
#define JET_bitSetContiguousLV                0x40000u

/* Space Hint Flags / JET_SPACEHINTS */
#define JET_bitSpaceHintsUtilizeParentSpace  0x1u
#define JET_bitCreateHintAppendSequential    0x2u
#define JET_bitCreateHintHotpointSequential  0x4u
#define JET_bitRetrieveHintReserve1          0x8u
#define JET_bitRetrieveHintTableScanForward  0x10u
#define JET_bitRetrieveHintTableScanBackward 0x20u
#define JET_bitRetrieveHintReserve2          0x40u
#define JET_bitRetrieveHintReserve3          0x80u
#define JET_bitDeleteHintTableSequential     0x100u
#define JET_bitSpaceHintsUtilizeExactExtents 0x200u

/* JetUpdate */
#define JET_bitUpdateCheckESE97Compatibility 0x1u
#define JET_bitUpdateNoVersion               0x2u

/* JetEscrowUpdate */
#define JET_bitEscrowNoRollback 0x1u

/* JetRetrieveColumn */
#define JET_bitRetrieveCopy                0x1u
#define JET_bitRetrieveFromIndex           0x2u
#define JET_bitRetrieveFromPrimaryBookmark 0x4u
#define JET_bitRetrieveTag                 0x8u
#define JET_bitRetrieveNull                0x10u
#define JET_bitRetrieveIgnoreDefault       0x20u
#define JET_bitRetrieveLongId              0x40u
#define JET_bitRetrieveLongValueRefCount   0x80u

/* JetRetrieveColumn (more) */
#define JET_bitRetrieveTuple              0x800u
#define JET_bitRetrievePageNumber         0x1000u
#define JET_bitRetrieveCopyIntrinsic      0x2000u
#define JET_bitRetrievePrereadOnly        0x4000u
#define JET_bitRetrievePrereadMany        0x8000u
#define JET_bitRetrievePhysicalSize       0x10000u
#define JET_bitRetrieveAsRefIfNotInRecord 0x20000u

/* JET_INDEX_COLUMN */
#define JET_bitZeroLength 0x1u

/* JetEnumerateColumns */
#define JET_bitEnumerateCopy                     JET_bitRetrieveCopy
#define JET_bitEnumerateIgnoreDefault            JET_bitRetrieveIgnoreDefault
#define JET_bitEnumerateLocal                    0x10000u
#define JET_bitEnumeratePresenceOnly             0x20000u
#define JET_bitEnumerateTaggedOnly               0x40000u
#define JET_bitEnumerateCompressOutput           0x80000u
#define JET_bitEnumerateIgnoreUserDefinedDefault 0x100000u
#define JET_bitEnumerateInRecordOnly             0x200000u
#define JET_bitEnumerateAsRefIfNotInRecord       0x400000u

/* JetGetRecordSize */
#define JET_bitRecordSizeInCopyBuffer          0x1u
#define JET_bitRecordSizeRunningTotal          0x2u
#define JET_bitRecordSizeLocal                 0x4u
#define JET_bitRecordSizeIncludeDefaultValues  0x8u
#define JET_bitRecordSizeSecondaryIndexKeyOnly 0x10u
#define JET_bitRecordSizeIntrinsicPhysicalOnly 0x20u
#define JET_bitRecordSizeExtrinsicLogicalOnly  0x40u

/* JetBeginTransaction2 */
#define JET_bitTransactionReadOnly    0x1u
#define JET_bitDistributedTransaction 0x2u

/* JetCommitTransaction */
#define JET_bitCommitLazyFlush      0x1u
#define JET_bitWaitLastLevel0Commit 0x2u
#define JET_bitWaitAllLevel0Commit  0x8u
#define JET_bitForceNewLog          0x10u
#define JET_bitCommitRedoCallback   0x20u

/* JetRollback */
#define JET_bitRollbackAll          0x1u
#define JET_bitRollbackRedoCallback 0x20u

/* JetOSSnapshotPrepare */
#define JET_bitIncrementalSnapshot 0x1u
#define JET_bitCopySnapshot        0x2u
#define JET_bitContinueAfterThaw   0x4u
#define JET_bitExplicitPrepare     0x8u

/* JetOSSnapshotTruncateLog & JetOSSnapshotTruncateLogInstance */
#define JET_bitAllDatabasesSnapshot 0x1u

/* JetOSSnapshotEnd */
#define JET_bitAbortSnapshot 0x1u

/* Compact Options */
#define JET_bitCompactStats            0x20u
#define JET_bitCompactRepair           0x40u
#define JET_bitCompactPreserveOriginal 0x100u

/* JetResizeDatabase */
#define JET_bitResizeDatabaseOnlyGrow         0x1u
#define JET_bitResizeDatabaseOnlyShrink       0x2u
#define JET_bitStopServiceAll                 0x0u
#define JET_bitStopServiceBackgroundUserTasks 0x2u
#define JET_bitStopServiceQuiesceCaches       0x4u
#define JET_bitStopServiceResume              0x80000000u
#define JET_bitStopServiceStopAndEmitLog      0x8u

/* JetConfigureProcessForCrashDump */
#define JET_bitDumpMinimum                    0x1u
#define JET_bitDumpMaximum                    0x2u
#define JET_bitDumpCacheMinimum               0x4u
#define JET_bitDumpCacheMaximum               0x8u
#define JET_bitDumpCacheIncludeDirtyPages     0x10u
#define JET_bitDumpCacheIncludeCachedPages    0x20u
#define JET_bitDumpCacheIncludeCorruptedPages 0x40u
#define JET_bitDumpCacheNoDecommit            0x80u

/* System parameters (JetSetSystemParameter). */
#define JET_paramSystemPath                                      0u
#define JET_paramTempPath                                        1u
#define JET_paramLogFilePath                                     2u
#define JET_paramBaseName                                        3u
#define JET_paramEventSource                                     4u
#define JET_paramMaxSessions                                     5u
#define JET_paramMaxOpenTables                                   6u
#define JET_paramPreferredMaxOpenTables                          7u
#define JET_paramMaxCursors                                      8u
#define JET_paramMaxVerPages                                     9u
#define JET_paramMaxTemporaryTables                              10u
#define JET_paramLogFileSize                                     11u
#define JET_paramLogBuffers                                      12u
#define JET_paramWaitLogFlush                                    13u
#define JET_paramLogCheckpointPeriod                             14u
#define JET_paramLogWaitingUserMax                               15u
#define JET_paramCommitDefault                                   16u
#define JET_paramCircularLog                                     17u
#define JET_paramDbExtensionSize                                 18u
#define JET_paramPageTempDBMin                                   19u
#define JET_paramPageFragment                                    20u
#define JET_paramPageReadAheadMax                                21u
#define JET_paramBatchIOBufferMax                                22u
#define JET_paramCacheSizeMax                                    23u
#define JET_paramCheckpointDepthMax                              24u
#define JET_paramLRUKCorrInterval                                25u
#define JET_paramLRUKHistoryMax                                  26u
#define JET_paramLRUKPolicy                                      27u
#define JET_paramLRUKTimeout                                     28u
#define JET_paramLRUKTrxCorrInterval                             29u
#define JET_paramOutstandingIOMax                                30u
#define JET_paramStartFlushThreshold                             31u
#define JET_paramStopFlushThreshold                              32u
#define JET_paramRecovery                                        34u
#define JET_paramEnableOnlineDefrag                              35u
#define JET_paramAssertAction                                    36u
#define JET_paramPrintFunction                                   37u
#define JET_paramTransactionLevel                                38u
#define JET_paramRFS2IOsPermitted                                39u
#define JET_paramRFS2AllocsPermitted                             40u
#define JET_paramCacheSize                                       41u
#define JET_paramCacheRequests                                   42u
#define JET_paramCacheHits                                       43u
#define JET_paramCheckFormatWhenOpenFail                         44u
#define JET_paramEnableIndexChecking                             45u
#define JET_paramEnableTempTableVersioning                       46u
#define JET_paramIgnoreLogVersion                                47u
#define JET_paramDeleteOldLogs                                   48u
#define JET_paramEventSourceKey                                  49u
#define JET_paramNoInformationEvent                              50u
#define JET_paramEventLoggingLevel                               51u
#define JET_paramDeleteOutOfRangeLogs                            52u
#define JET_paramAccessDeniedRetryPeriod                         53u
#define JET_paramEnableIndexCleanup                              54u
#define JET_paramElasticWaypointLatency                          56u
#define JET_paramCacheSizeMin                                    60u
#define JET_paramLogFileFailoverPath                             61u
#define JET_paramEnableImprovedSeekShortcut                      62u
#define JET_paramPreferredVerPages                               63u
#define JET_paramDatabasePageSize                                64u
#define JET_paramDisableCallbacks                                65u
#define JET_paramBackupChunkSize                                 66u
#define JET_paramBackupOutstandingReads                          67u
#define JET_paramLogFileCreateAsynch                             69u
#define JET_paramErrorToString                                   70u
#define JET_paramZeroDatabaseDuringBackup                        71u
#define JET_paramUnicodeIndexDefault                             72u
#define JET_paramRuntimeCallback                                 73u
#define JET_paramEnableSortedRetrieveColumns                     76u
#define JET_paramCleanupMismatchedLogFiles                       77u
#define JET_paramRecordUpgradeDirtyLevel                         78u
#define JET_paramRecoveryCurrentLogfile                          79u
#define JET_paramGlobalMinVerPages                               81u
#define JET_paramOSSnapshotTimeout                               82u
#define JET_paramExceptionAction                                 98u
#define JET_paramEventLogCache                                   99u
#define JET_paramCreatePathIfNotExist                            100u
#define JET_paramPageHintCacheSize                               101u
#define JET_paramOneDatabasePerSession                           102u
#define JET_paramMaxDatabasesPerInstance                         103u
#define JET_paramMaxInstances                                    104u
#define JET_paramVersionStoreTaskQueueMax                        105u
#define JET_paramIdleFlushTime                                   106u
#define JET_paramDisablePerfmon                                  107u
#define JET_paramAbortRetryFailCallback                          108u
#define JET_paramVAReserve                                       109u
#define JET_paramIndexTuplesLengthMin                            110u
#define JET_paramIndexTuplesLengthMax                            111u
#define JET_paramIndexTuplesToIndexMax                           112u
#define JET_paramAlternateDatabaseRecoveryPath                   113u
#define JET_paramDBAPageAvailMin                                 120u
#define JET_paramDBAPageAvailThreshold                           121u
#define JET_paramDBAK1                                           122u
#define JET_paramDBAK2                                           123u
#define JET_paramMaxRandomIOSize                                 124u
#define JET_paramCachedClosedTables                              125u
#define JET_paramEnableFileCache                                 126u
#define JET_paramEnableViewCache                                 127u
#define JET_paramVerPageSize                                     128u
#define JET_paramConfiguration                                   129u
#define JET_paramEnableAdvanced                                  130u
#define JET_paramMaxColtyp                                       131u
#define JET_paramIndexTupleIncrement                             132u
#define JET_paramIndexTupleStart                                 133u
#define JET_paramKeyMost                                         134u
#define JET_paramCheckpointIOMax                                 135u
#define JET_paramLegacyFileNames                                 136u
#define JET_paramIOPriority                                      152u
#define JET_paramWaypointLatency                                 153u
#define JET_paramCheckpointTooDeep                               154u
#define JET_paramDisableBlockVerification                        155u
#define JET_paramEnablePersistedCallbacks                        156u
#define JET_paramAggressiveLogRollover                           157u
#define JET_paramPeriodicLogRolloverLLR                          158u
#define JET_paramUsePageDependencies                             159u
#define JET_paramDefragmentSequentialBTrees                      160u
#define JET_paramDefragmentSequentialBTreesDensityCheckFrequency 161u
#define JET_paramIOThrottlingTimeQuanta                          162u
#define JET_paramLVChunkSizeMost                                 163u
#define JET_paramMaxCoalesceReadSize                             164u
#define JET_paramMaxCoalesceWriteSize                            165u
#define JET_paramMaxCoalesceReadGapSize                          166u
#define JET_paramMaxCoalesceWriteGapSize                         167u
#define JET_paramEnableDBScanInRecovery                          169u
#define JET_paramDbScanThrottle                                  170u
#define JET_paramDbScanIntervalMinSec                            171u
#define JET_paramDbScanIntervalMaxSec                            172u
#define JET_paramEnableExternalAutoHealing                       175u
#define JET_paramCachePriority                                   177u
#define JET_paramMaxTransactionSize                              178u
#define JET_paramPrereadIOMax                                    179u
#define JET_paramMinDataForXpress                                183u
#define JET_paramEnableShrinkDatabase                            184u
#define JET_paramProcessFriendlyName                             186u
#define JET_paramDurableCommitCallback                           187u
#define JET_paramZeroDatabaseUnusedSpace                         191u
#define JET_paramDisableVerifications                            192u
#define JET_paramPersistedLostFlushDetection                     193u
#define JET_paramEngineFormatVersion                             194u
#define JET_paramReplayThrottlingLevel                           195u
#define JET_paramRecordSizeMost                                  213u
#define JET_paramUseFlushForWriteDurability                      214u
#define JET_paramPerfmonRefreshInterval                          217u
#define JET_paramDeferredIndexPopulateRowsPerTransaction         219u

/* Errors and warnings. */
#define JET_errSuccess                                              0
#define JET_errRfsFailure                                           (-100)
#define JET_errRfsNotArmed                                          (-101)
#define JET_errFileClose                                            (-102)
#define JET_errOutOfThreads                                         (-103)
#define JET_errTooManyIO                                            (-105)
#define JET_errTaskDropped                                          (-106)
#define JET_errInternalError                                        (-107)
#define JET_errDisabledFunctionality                                (-112)
#define JET_errUnloadableOSFunctionality                            (-113)
#define JET_errDeviceMissing                                        (-114)
#define JET_errDeviceMisconfigured                                  (-115)
#define JET_errDeviceTimeout                                        (-116)
#define JET_errDeviceFailure                                        (-118)
#define JET_errDatabaseBufferDependenciesCorrupted                  (-255)
#define JET_errPreviousVersion                                      (-322)
#define JET_errPageBoundary                                         (-323)
#define JET_errKeyBoundary                                          (-324)
#define JET_errBadPageLink                                          (-327)
#define JET_errBadBookmark                                          (-328)
#define JET_errNTSystemCallFailed                                   (-334)
#define JET_errBadParentPageLink                                    (-338)
#define JET_errSPAvailExtCacheOutOfSync                             (-340)
#define JET_errSPAvailExtCorrupted                                  (-341)
#define JET_errSPAvailExtCacheOutOfMemory                           (-342)
#define JET_errSPOwnExtCorrupted                                    (-343)
#define JET_errDbTimeCorrupted                                      (-344)
#define JET_errKeyTruncated                                         (-346)
#define JET_errDatabaseLeakInSpace                                  (-348)
#define JET_errBadEmptyPage                                         (-351)
#define JET_errBadLineCount                                         (-354)
#define JET_errPageTagCorrupted                                     (-357)
#define JET_errNodeCorrupted                                        (-358)
#define JET_errKeyTooBig                                            (-408)
#define JET_errCannotSeparateIntrinsicLV                            (-416)
#define JET_errSeparatedLongValue                                   (-421)
#define JET_errMustBeSeparateLongValue                              (-423)
#define JET_errInvalidPreread                                       (-424)
#define JET_errInvalidColumnReference                               (-426)
#define JET_errStaleColumnReference                                 (-427)
#define JET_errCompressionIntegrityCheckFailed                      (-431)
#define JET_errIndexDeferredPopulateCurrentlyUnavailable            (-434)
#define JET_errInvalidLoggedOperation                               (-500)
#define JET_errLogFileCorrupt                                       (-501)
#define JET_errNoBackupDirectory                                    (-503)
#define JET_errBackupDirectoryNotEmpty                              (-504)
#define JET_errBackupInProgress                                     (-505)
#define JET_errRestoreInProgress                                    (-506)
#define JET_errMissingPreviousLogFile                               (-509)
#define JET_errLogWriteFail                                         (-510)
#define JET_errLogDisabledDueToRecoveryFailure                      (-511)
#define JET_errCannotLogDuringRecoveryRedo                          (-512)
#define JET_errLogGenerationMismatch                                (-513)
#define JET_errBadLogVersion                                        (-514)
#define JET_errInvalidLogSequence                                   (-515)
#define JET_errLoggingDisabled                                      (-516)
#define JET_errLogBufferTooSmall                                    (-517)
#define JET_errLogSequenceEnd                                       (-519)
#define JET_errNoBackup                                             (-520)
#define JET_errInvalidBackupSequence                                (-521)
#define JET_errBackupNotAllowedYet                                  (-523)
#define JET_errDeleteBackupFileFail                                 (-524)
#define JET_errMakeBackupDirectoryFail                              (-525)
#define JET_errInvalidBackup                                        (-526)
#define JET_errRecoveredWithErrors                                  (-527)
#define JET_errMissingLogFile                                       (-528)
#define JET_errLogDiskFull                                          (-529)
#define JET_errBadLogSignature                                      (-530)
#define JET_errBadDbSignature                                       (-531)
#define JET_errBadCheckpointSignature                               (-532)
#define JET_errCheckpointCorrupt                                    (-533)
#define JET_errMissingPatchPage                                     (-534)
#define JET_errBadPatchPage                                         (-535)
#define JET_errRedoAbruptEnded                                      (-536)
#define JET_errPatchFileMissing                                     (-538)
#define JET_errDatabaseLogSetMismatch                               (-539)
#define JET_errDatabaseStreamingFileMismatch                        (-540)
#define JET_errLogFileSizeMismatch                                  (-541)
#define JET_errCheckpointFileNotFound                               (-542)
#define JET_errRequiredLogFilesMissing                              (-543)
#define JET_errSoftRecoveryOnBackupDatabase                         (-544)
#define JET_errLogFileSizeMismatchDatabasesConsistent               (-545)
#define JET_errLogSectorSizeMismatch                                (-546)
#define JET_errLogSectorSizeMismatchDatabasesConsistent             (-547)
#define JET_errLogSequenceEndDatabasesConsistent                    (-548)
#define JET_errStreamingDataNotLogged                               (-549)
#define JET_errDatabaseDirtyShutdown                                (-550)
#define JET_errConsistentTimeMismatch                               (-551)
#define JET_errDatabasePatchFileMismatch                            (-552)
#define JET_errEndingRestoreLogTooLow                               (-553)
#define JET_errStartingRestoreLogTooHigh                            (-554)
#define JET_errGivenLogFileHasBadSignature                          (-555)
#define JET_errGivenLogFileIsNotContiguous                          (-556)
#define JET_errMissingRestoreLogFiles                               (-557)
#define JET_errMissingFullBackup                                    (-560)
#define JET_errBadBackupDatabaseSize                                (-561)
#define JET_errDatabaseAlreadyUpgraded                              (-562)
#define JET_errDatabaseIncompleteUpgrade                            (-563)
#define JET_errMissingCurrentLogFiles                               (-565)
#define JET_errDbTimeTooOld                                         (-566)
#define JET_errDbTimeTooNew                                         (-567)
#define JET_errMissingFileToBackup                                  (-569)
#define JET_errLogTornWriteDuringHardRestore                        (-570)
#define JET_errLogTornWriteDuringHardRecovery                       (-571)
#define JET_errLogCorruptDuringHardRestore                          (-573)
#define JET_errLogCorruptDuringHardRecovery                         (-574)
#define JET_errMustDisableLoggingForDbUpgrade                       (-575)
#define JET_errBadRestoreTargetInstance                             (-577)
#define JET_errRecoveredWithoutUndo                                 (-579)
#define JET_errDatabasesNotFromSameSnapshot                         (-580)
#define JET_errSoftRecoveryOnSnapshot                               (-581)
#define JET_errCommittedLogFilesMissing                             (-582)
#define JET_errSectorSizeNotSupported                               (-583)
#define JET_errRecoveredWithoutUndoDatabasesConsistent              (-584)
#define JET_errCommittedLogFileCorrupt                              (-586)
#define JET_errLogSequenceChecksumMismatch                          (-590)
#define JET_errPageInitializedMismatch                              (-596)
#define JET_errUnicodeTranslationBufferTooSmall                     (-601)
#define JET_errUnicodeTranslationFail                               (-602)
#define JET_errUnicodeNormalizationNotSupported                     (-603)
#define JET_errUnicodeLanguageValidationFailure                     (-604)
#define JET_errExistingLogFileHasBadSignature                       (-610)
#define JET_errExistingLogFileIsNotContiguous                       (-611)
#define JET_errLogReadVerifyFailure                                 (-612)
#define JET_errCheckpointDepthTooDeep                               (-614)
#define JET_errRestoreOfNonBackupDatabase                           (-615)
#define JET_errLogFileNotCopied                                     (-616)
#define JET_errSurrogateBackupInProgress                            (-617)
#define JET_errTransactionTooLong                                   (-618)
#define JET_errEngineFormatVersionNoLongerSupportedTooLow           (-619)
#define JET_errEngineFormatVersionNotYetImplementedTooHigh          (-620)
#define JET_errEngineFormatVersionParamTooLowForRequestedFeature    (-621)
#define JET_errEngineFormatVersionSpecifiedTooLowForLogVersion      (-622)
#define JET_errEngineFormatVersionSpecifiedTooLowForDatabaseVersion (-623)
#define JET_errDbTimeBeyondMaxRequired                              (-625)
#define JET_errLogOperationInconsistentWithDatabase                 (-626)
#define JET_errBackupAbortByServer                                  (-801)
#define JET_errInvalidGrbit                                         (-900)
#define JET_errTermInProgress                                       (-1000)
#define JET_errFeatureNotAvailable                                  (-1001)
#define JET_errInvalidName                                          (-1002)
#define JET_errInvalidParameter                                     (-1003)
#define JET_errDatabaseFileReadOnly                                 (-1008)
#define JET_errInvalidDatabaseId                                    (-1010)
#define JET_errOutOfMemory                                          (-1011)
#define JET_errOutOfDatabaseSpace                                   (-1012)
#define JET_errOutOfCursors                                         (-1013)
#define JET_errOutOfBuffers                                         (-1014)
#define JET_errTooManyIndexes                                       (-1015)
#define JET_errTooManyKeys                                          (-1016)
#define JET_errRecordDeleted                                        (-1017)
#define JET_errReadVerifyFailure                                    (-1018)
#define JET_errPageNotInitialized                                   (-1019)
#define JET_errOutOfFileHandles                                     (-1020)
#define JET_errDiskReadVerificationFailure                          (-1021)
#define JET_errDiskIO                                               (-1022)
#define JET_errInvalidPath                                          (-1023)
#define JET_errInvalidSystemPath                                    (-1024)
#define JET_errInvalidLogDirectory                                  (-1025)
#define JET_errRecordTooBig                                         (-1026)
#define JET_errTooManyOpenDatabases                                 (-1027)
#define JET_errInvalidDatabase                                      (-1028)
#define JET_errNotInitialized                                       (-1029)
#define JET_errAlreadyInitialized                                   (-1030)
#define JET_errInitInProgress                                       (-1031)
#define JET_errFileAccessDenied                                     (-1032)
#define JET_errQueryNotSupported                                    (-1034)
#define JET_errSQLLinkNotSupported                                  (-1035)
#define JET_errBufferTooSmall                                       (-1038)
#define JET_errTooManyColumns                                       (-1040)
#define JET_errContainerNotEmpty                                    (-1043)
#define JET_errInvalidFilename                                      (-1044)
#define JET_errInvalidBookmark                                      (-1045)
#define JET_errColumnInUse                                          (-1046)
#define JET_errInvalidBufferSize                                    (-1047)
#define JET_errColumnNotUpdatable                                   (-1048)
#define JET_errIndexInUse                                           (-1051)
#define JET_errLinkNotSupported                                     (-1052)
#define JET_errNullKeyDisallowed                                    (-1053)
#define JET_errNotInTransaction                                     (-1054)
#define JET_errMustRollback                                         (-1057)
#define JET_errTooManyActiveUsers                                   (-1059)
#define JET_errInvalidCountry                                       (-1061)
#define JET_errInvalidLanguageId                                    (-1062)
#define JET_errInvalidCodePage                                      (-1063)
#define JET_errInvalidLCMapStringFlags                              (-1064)
#define JET_errVersionStoreEntryTooBig                              (-1065)
#define JET_errVersionStoreOutOfMemoryAndCleanupTimedOut            (-1066)
#define JET_errVersionStoreOutOfMemory                              (-1069)
#define JET_errCurrencyStackOutOfMemory                             (-1070)
#define JET_errCannotIndex                                          (-1071)
#define JET_errRecordNotDeleted                                     (-1072)
#define JET_errTooManyMempoolEntries                                (-1073)
#define JET_errOutOfObjectIDs                                       (-1074)
#define JET_errOutOfLongValueIDs                                    (-1075)
#define JET_errOutOfAutoincrementValues                             (-1076)
#define JET_errOutOfDbtimeValues                                    (-1077)
#define JET_errOutOfSequentialIndexValues                           (-1078)
#define JET_errRunningInOneInstanceMode                             (-1080)
#define JET_errRunningInMultiInstanceMode                           (-1081)
#define JET_errSystemParamsAlreadySet                               (-1082)
#define JET_errSystemPathInUse                                      (-1083)
#define JET_errLogFilePathInUse                                     (-1084)
#define JET_errTempPathInUse                                        (-1085)
#define JET_errInstanceNameInUse                                    (-1086)
#define JET_errSystemParameterConflict                              (-1087)
#define JET_errInstanceUnavailable                                  (-1090)
#define JET_errDatabaseUnavailable                                  (-1091)
#define JET_errInstanceUnavailableDueToFatalLogDiskFull             (-1092)
#define JET_errInvalidSesparamId                                    (-1093)
#define JET_errTooManyRecords                                       (-1094)
#define JET_errInvalidDbparamId                                     (-1095)
#define JET_errOutOfSessions                                        (-1101)
#define JET_errWriteConflict                                        (-1102)
#define JET_errTransTooDeep                                         (-1103)
#define JET_errInvalidSesid                                         (-1104)
#define JET_errWriteConflictPrimaryIndex                            (-1105)
#define JET_errInTransaction                                        (-1108)
#define JET_errRollbackRequired                                     (-1109)
#define JET_errTransReadOnly                                        (-1110)
#define JET_errSessionWriteConflict                                 (-1111)
#define JET_errRecordTooBigForBackwardCompatibility                 (-1112)
#define JET_errCannotMaterializeForwardOnlySort                     (-1113)
#define JET_errSesidTableIdMismatch                                 (-1114)
#define JET_errInvalidInstance                                      (-1115)
#define JET_errDirtyShutdown                                        (-1116)
#define JET_errReadPgnoVerifyFailure                                (-1118)
#define JET_errReadLostFlushVerifyFailure                           (-1119)
#define JET_errFileSystemCorruption                                 (-1121)
#define JET_errRecoveryVerifyFailure                                (-1123)
#define JET_errFilteredMoveNotSupported                             (-1124)
#define JET_errMustCommitDistributedTransactionToLevel0             (-1150)
#define JET_errDistributedTransactionAlreadyPreparedToCommit        (-1151)
#define JET_errNotInDistributedTransaction                          (-1152)
#define JET_errDistributedTransactionNotYetPreparedToCommit         (-1153)
#define JET_errCannotNestDistributedTransactions                    (-1154)
#define JET_errDTCMissingCallback                                   (-1160)
#define JET_errDTCMissingCallbackOnRecovery                         (-1161)
#define JET_errDTCCallbackUnexpectedError                           (-1162)
#define JET_errDatabaseDuplicate                                    (-1201)
#define JET_errDatabaseInUse                                        (-1202)
#define JET_errDatabaseNotFound                                     (-1203)
#define JET_errDatabaseInvalidName                                  (-1204)
#define JET_errDatabaseInvalidPages                                 (-1205)
#define JET_errDatabaseCorrupted                                    (-1206)
#define JET_errDatabaseLocked                                       (-1207)
#define JET_errCannotDisableVersioning                              (-1208)
#define JET_errInvalidDatabaseVersion                               (-1209)
#define JET_errDatabase200Format                                    (-1210)
#define JET_errDatabase400Format                                    (-1211)
#define JET_errDatabase500Format                                    (-1212)
#define JET_errPageSizeMismatch                                     (-1213)
#define JET_errTooManyInstances                                     (-1214)
#define JET_errDatabaseSharingViolation                             (-1215)
#define JET_errAttachedDatabaseMismatch                             (-1216)
#define JET_errDatabaseInvalidPath                                  (-1217)
#define JET_errDatabaseIdInUse                                      (-1218)
#define JET_errForceDetachNotAllowed                                (-1219)
#define JET_errCatalogCorrupted                                     (-1220)
#define JET_errPartiallyAttachedDB                                  (-1221)
#define JET_errDatabaseSignInUse                                    (-1222)
#define JET_errDatabaseCorruptedNoRepair                            (-1224)
#define JET_errInvalidCreateDbVersion                               (-1225)
#define JET_errDatabaseIncompleteIncrementalReseed                  (-1226)
#define JET_errDatabaseInvalidIncrementalReseed                     (-1227)
#define JET_errDatabaseFailedIncrementalReseed                      (-1228)
#define JET_errNoAttachmentsFailedIncrementalReseed                 (-1229)
#define JET_errDatabaseNotReady                                     (-1230)
#define JET_errDatabaseAttachedForRecovery                          (-1231)
#define JET_errTransactionsNotReadyDuringRecovery                   (-1232)
#define JET_errTableLocked                                          (-1302)
#define JET_errTableDuplicate                                       (-1303)
#define JET_errTableInUse                                           (-1304)
#define JET_errObjectNotFound                                       (-1305)
#define JET_errDensityInvalid                                       (-1307)
#define JET_errTableNotEmpty                                        (-1308)
#define JET_errInvalidTableId                                       (-1310)
#define JET_errTooManyOpenTables                                    (-1311)
#define JET_errIllegalOperation                                     (-1312)
#define JET_errTooManyOpenTablesAndCleanupTimedOut                  (-1313)
#define JET_errObjectDuplicate                                      (-1314)
#define JET_errInvalidObject                                        (-1316)
#define JET_errCannotDeleteTempTable                                (-1317)
#define JET_errCannotDeleteSystemTable                              (-1318)
#define JET_errCannotDeleteTemplateTable                            (-1319)
#define JET_errExclusiveTableLockRequired                           (-1322)
#define JET_errFixedDDL                                             (-1323)
#define JET_errFixedInheritedDDL                                    (-1324)
#define JET_errCannotNestDDL                                        (-1325)
#define JET_errDDLNotInheritable                                    (-1326)
#define JET_errInvalidSettings                                      (-1328)
#define JET_errClientRequestToStopJetService                        (-1329)
#define JET_errCannotAddFixedVarColumnToDerivedTable                (-1330)
#define JET_errIndexCantBuild                                       (-1401)
#define JET_errIndexHasPrimary                                      (-1402)
#define JET_errIndexDuplicate                                       (-1403)
#define JET_errIndexNotFound                                        (-1404)
#define JET_errIndexMustStay                                        (-1405)
#define JET_errIndexInvalidDef                                      (-1406)
#define JET_errInvalidCreateIndex                                   (-1409)
#define JET_errTooManyOpenIndexes                                   (-1410)
#define JET_errMultiValuedIndexViolation                            (-1411)
#define JET_errIndexBuildCorrupted                                  (-1412)
#define JET_errPrimaryIndexCorrupted                                (-1413)
#define JET_errSecondaryIndexCorrupted                              (-1414)
#define JET_errInvalidIndexId                                       (-1416)
#define JET_errCantUseDeferredPopulateIndex                         (-1419)
#define JET_errIndexTuplesSecondaryIndexOnly                        (-1430)
#define JET_errIndexTuplesTooManyColumns                            (-1431)
#define JET_errIndexTuplesNonUniqueOnly                             (-1432)
#define JET_errIndexTuplesTextBinaryColumnsOnly                     (-1433)
#define JET_errIndexTuplesVarSegMacNotAllowed                       (-1434)
#define JET_errIndexTuplesInvalidLimits                             (-1435)
#define JET_errIndexTuplesCannotRetrieveFromIndex                   (-1436)
#define JET_errIndexTuplesKeyTooSmall                               (-1437)
#define JET_errInvalidLVChunkSize                                   (-1438)
#define JET_errColumnCannotBeEncrypted                              (-1439)
#define JET_errCannotIndexOnEncryptedColumn                         (-1440)
#define JET_errColumnLong                                           (-1501)
#define JET_errColumnNoChunk                                        (-1502)
#define JET_errColumnDoesNotFit                                     (-1503)
#define JET_errNullInvalid                                          (-1504)
#define JET_errColumnIndexed                                        (-1505)
#define JET_errColumnTooBig                                         (-1506)
#define JET_errColumnNotFound                                       (-1507)
#define JET_errColumnDuplicate                                      (-1508)
#define JET_errMultiValuedColumnMustBeTagged                        (-1509)
#define JET_errColumnRedundant                                      (-1510)
#define JET_errInvalidColumnType                                    (-1511)
#define JET_errTaggedNotNULL                                        (-1514)
#define JET_errNoCurrentIndex                                       (-1515)
#define JET_errKeyIsMade                                            (-1516)
#define JET_errBadColumnId                                          (-1517)
#define JET_errBadItagSequence                                      (-1518)
#define JET_errColumnInRelationship                                 (-1519)
#define JET_errCannotBeTagged                                       (-1521)
#define JET_errDefaultValueTooBig                                   (-1524)
#define JET_errMultiValuedDuplicate                                 (-1525)
#define JET_errLVCorrupted                                          (-1526)
#define JET_errMultiValuedDuplicateAfterTruncation                  (-1528)
#define JET_errDerivedColumnCorruption                              (-1529)
#define JET_errInvalidPlaceholderColumn                             (-1530)
#define JET_errColumnCannotBeCompressed                             (-1538)
#define JET_errColumnNoEncryptionKey                                (-1540)
#define JET_errRecordNotFound                                       (-1601)
#define JET_errRecordNoCopy                                         (-1602)
#define JET_errNoCurrentRecord                                      (-1603)
#define JET_errRecordPrimaryChanged                                 (-1604)
#define JET_errKeyDuplicate                                         (-1605)
#define JET_errAlreadyPrepared                                      (-1607)
#define JET_errKeyNotMade                                           (-1608)
#define JET_errUpdateNotPrepared                                    (-1609)
#define JET_errDataHasChanged                                       (-1611)
#define JET_errLanguageNotSupported                                 (-1619)
#define JET_errDecompressionFailed                                  (-1620)
#define JET_errUpdateMustVersion                                    (-1621)
#define JET_errDecryptionFailed                                     (-1622)
#define JET_errEncryptionBadItag                                    (-1623)
#define JET_errSetAutoIncrementTooHigh                              (-1624)
#define JET_errAutoIncrementNotSet                                  (-1625)
#define JET_errTooManySorts                                         (-1701)
#define JET_errInvalidOnSort                                        (-1702)
#define JET_errTempFileOpenError                                    (-1803)
#define JET_errTooManyAttachedDatabases                             (-1805)
#define JET_errDiskFull                                             (-1808)
#define JET_errPermissionDenied                                     (-1809)
#define JET_errFileNotFound                                         (-1811)
#define JET_errFileInvalidType                                      (-1812)
#define JET_errFileAlreadyExists                                    (-1814)
#define JET_errAfterInitialization                                  (-1850)
#define JET_errLogCorrupted                                         (-1852)
#define JET_errInvalidOperation                                     (-1906)
#define JET_errAccessDenied                                         (-1907)
#define JET_errTooManySplits                                        (-1909)
#define JET_errSessionSharingViolation                              (-1910)
#define JET_errEntryPointNotFound                                   (-1911)
#define JET_errSessionContextAlreadySet                             (-1912)
#define JET_errSessionContextNotSetByThisThread                     (-1913)
#define JET_errSessionInUse                                         (-1914)
#define JET_errRecordFormatConversionFailed                         (-1915)
#define JET_errOneDatabasePerSession                                (-1916)
#define JET_errRollbackError                                        (-1917)
#define JET_errFlushMapVersionUnsupported                           (-1918)
#define JET_errFlushMapDatabaseMismatch                             (-1919)
#define JET_errFlushMapUnrecoverable                                (-1920)
#define JET_errRBSFileCorrupt                                       (-1921)
#define JET_errRBSHeaderCorrupt                                     (-1922)
#define JET_errRBSDbMismatch                                        (-1923)
#define JET_errBadRBSVersion                                        (-1925)
#define JET_errOutOfRBSSpace                                        (-1926)
#define JET_errRBSInvalidSign                                       (-1927)
#define JET_errRBSInvalidRecord                                     (-1928)
#define JET_errRBSRCInvalidRBS                                      (-1929)
#define JET_errRBSRCNoRBSFound                                      (-1930)
#define JET_errRBSRCBadDbState                                      (-1931)
#define JET_errRBSMissingReqLogs                                    (-1932)
#define JET_errRBSLogDivergenceFailed                               (-1933)
#define JET_errRBSRCCopyLogsRevertState                             (-1934)
#define JET_errDatabaseIncompleteRevert                             (-1935)
#define JET_errRBSRCRevertCancelled                                 (-1936)
#define JET_errRBSRCInvalidDbFormatVersion                          (-1937)
#define JET_errRBSCannotDetermineDivergence                         (-1938)
#define JET_errRBSDeleteTableTooBig                                 (-1941)
#define JET_errRBSDeleteTableTooSoon                                (-1942)
#define JET_errRBSFDPToBeDeleted                                    (-1943)
#define JET_errRBSRevertableDeleteNotPossible                       (-1944)
#define JET_errRBSRedeleteFDPUnexpected                             (-1947)
#define JET_errRBSRCPageFDPDeleteFileCorrupt                        (-1948)
#define JET_errDatabaseAlreadyRunningMaintenance                    (-2004)
#define JET_errRootSpaceLeakEstimationAlreadyRunning                (-2006)
#define JET_errCallbackFailed                                       (-2101)
#define JET_errCallbackNotResolved                                  (-2102)
#define JET_errSpaceHintsInvalid                                    (-2103)
#define JET_errOSSnapshotInvalidSequence                            (-2401)
#define JET_errOSSnapshotTimeOut                                    (-2402)
#define JET_errOSSnapshotNotAllowed                                 (-2403)
#define JET_errOSSnapshotInvalidSnapId                              (-2404)
#define JET_errTooManyTestInjections                                (-2501)
#define JET_errTestInjectionNotSupported                            (-2502)
#define JET_errInvalidLogDataSequence                               (-2601)
#define JET_errLSCallbackNotSpecified                               (-3000)
#define JET_errLSAlreadySet                                         (-3001)
#define JET_errLSNotSet                                             (-3002)
#define JET_errFileIOSparse                                         (-4000)
#define JET_errFileIOBeyondEOF                                      (-4001)
#define JET_errFileIOAbort                                          (-4002)
#define JET_errFileIORetry                                          (-4003)
#define JET_errFileIOFail                                           (-4004)
#define JET_errFileCompressed                                       (-4005)
#define JET_errClientSpaceBegin                                     (-10000)
#define JET_errClientSpaceEnd                                       (-11999)
#define JET_wrnNyi                                                  (-1)
#define JET_wrnRemainingVersions                                    321
#define JET_wrnUniqueKey                                            345
#define JET_wrnSeparateLongValue                                    406
#define JET_wrnNoMoreRecords                                        428
#define JET_wrnIndexDeferredPopulateIncomplete                      432
#define JET_wrnIndexDeferredPopulateHalted                          433
#define JET_wrnExistingLogFileHasBadSignature                       558
#define JET_wrnExistingLogFileIsNotContiguous                       559
#define JET_wrnSkipThisRecord                                       564
#define JET_wrnTargetInstanceRunning                                578
#define JET_wrnCommittedLogFilesLost                                585
#define JET_wrnCommittedLogFilesRemoved                             587
#define JET_wrnFinishWithUndo                                       588
#define JET_wrnDatabaseRepaired                                     595
#define JET_wrnColumnNull                                           1004
#define JET_wrnBufferTruncated                                      1006
#define JET_wrnDatabaseAttached                                     1007
#define JET_wrnSortOverflow                                         1009
#define JET_wrnSeekNotEqual                                         1039
#define JET_wrnNoErrorInfo                                          1055
#define JET_wrnNoIdleActivity                                       1058
#define JET_wrnNoWriteLock                                          1067
#define JET_wrnColumnSetNull                                        1068
#define JET_wrnShrinkNotPossible                                    1122
#define JET_wrnDTCCommitTransaction                                 1163
#define JET_wrnDTCRollbackTransaction                               1164
#define JET_wrnTableEmpty                                           1301
#define JET_wrnTableInUseBySystem                                   1327
#define JET_wrnCorruptIndexDeleted                                  1415
#define JET_wrnPrimaryIndexOutOfDate                                1417
#define JET_wrnSecondaryIndexOutOfDate                              1418
#define JET_wrnColumnMaxTruncated                                   1512
#define JET_wrnCopyLongValue                                        1520
#define JET_wrnTaggedColumnsRemaining                               1523
#define JET_wrnColumnSkipped                                        1531
#define JET_wrnColumnNotLocal                                       1532
#define JET_wrnColumnMoreTags                                       1533
#define JET_wrnColumnTruncated                                      1534
#define JET_wrnColumnPresent                                        1535
#define JET_wrnColumnSingleValue                                    1536
#define JET_wrnColumnDefault                                        1537
#define JET_wrnColumnNotInRecord                                    1539
#define JET_wrnColumnReference                                      1541
#define JET_wrnDataHasChanged                                       1610
#define JET_wrnKeyChanged                                           1618
#define JET_wrnFileOpenReadOnly                                     1813
#define JET_wrnIdleFull                                             1908
#define JET_wrnDefragAlreadyRunning                                 2000
#define JET_wrnDefragNotRunning                                     2001
#define JET_wrnDatabaseScanAlreadyRunning                           2002
#define JET_wrnDatabaseScanNotRunning                               2003
#define JET_wrnCallbackNotRegistered                                2100
#define JET_wrnPreviousLogFileIncomplete                            2602

/* ==== functions ==== */
#pragma GCC visibility push(default) /* the library is built with everything else hidden */

/* ---- instances and parameters ----------------------------------------------------------------------- */

JET_ERR JetCreateInstance(JET_INSTANCE *pinstance, const char *szInstanceName);
JET_ERR JetCreateInstanceW(JET_INSTANCE *pinstance, const JET_WCHAR *szInstanceName);
JET_ERR JetCreateInstance2(JET_INSTANCE *pinstance, const char *szInstanceName,
                           const char *szDisplayName, JET_GRBIT grbit);
JET_ERR JetCreateInstance2W(JET_INSTANCE *pinstance, const JET_WCHAR *szInstanceName,
                            const JET_WCHAR *szDisplayName, JET_GRBIT grbit);
/* lParam: numbers; szParam: text. Before an instance exists: for those to come. */
JET_ERR JetSetSystemParameter(JET_INSTANCE *pinstance, JET_SESID sesid, uint32_t paramid,
                              JET_API_PTR lParam, const char *szParam);
JET_ERR JetSetSystemParameterW(JET_INSTANCE *pinstance, JET_SESID sesid, uint32_t paramid,
                               JET_API_PTR lParam, const JET_WCHAR *szParam);
/* cbMax: bytes, also of the W function; a longer text is cut. */
JET_ERR JetGetSystemParameter(JET_INSTANCE instance, JET_SESID sesid, uint32_t paramid,
                              JET_API_PTR *plParam, char *szParam, uint32_t cbMax);
JET_ERR JetGetSystemParameterW(JET_INSTANCE instance, JET_SESID sesid, uint32_t paramid,
                               JET_API_PTR *plParam, JET_WCHAR *szParam, uint32_t cbMax);
JET_ERR JetEnableMultiInstance(JET_SETSYSPARAM_A *psetsysparam, uint32_t csetsysparam,
                               uint32_t *pcsetsucceed);
JET_ERR JetInit(JET_INSTANCE *pinstance);
/* JET_wrnCommittedLogFilesLost, JET_wrnCommittedLogFilesRemoved (JET_bitReplayIgnoreLostLogs): it has started, and something that
 * was committed is gone. JET_errRecoveredWithoutUndo, JET_errRecoveredWithoutUndoDatabasesConsistent
 * (JET_bitRecoveryWithoutUndo, lgposStop): all went well, and it has not started. After any error from the recovery on the
 * instance is gone. */
JET_ERR JetInit2(JET_INSTANCE *pinstance, JET_GRBIT grbit);
/* lgposStop: the last record that is replayed; isec and ib 0: the last generation. pfnStatus: JET_snpRestore, on this thread. */
JET_ERR JetInit3W(JET_INSTANCE *pinstance, JET_RSTINFO_W *prstInfo, JET_GRBIT grbit);
/* JET_errTooManyActiveUsers: a transaction is open. */
JET_ERR JetTerm(JET_INSTANCE instance);
JET_ERR JetTerm2(JET_INSTANCE instance, JET_GRBIT grbit);
JET_ERR JetStopServiceInstance(JET_INSTANCE instance);
JET_ERR JetStopServiceInstance2(JET_INSTANCE instance, JET_GRBIT grbit);
JET_ERR JetGetVersion(JET_SESID sesid, uint32_t *pwVersion);
JET_ERR JetGetInstanceInfo(uint32_t *pcInstanceInfo, JET_INSTANCE_INFO_A **paInstanceInfo);
JET_ERR JetGetInstanceInfoW(uint32_t *pcInstanceInfo, JET_INSTANCE_INFO_W **paInstanceInfo);
JET_ERR JetGetInstanceMiscInfo(JET_INSTANCE instance, void *pvResult, uint32_t cbMax,
                               uint32_t InfoLevel);
/* what JetGetInstanceInfo gave. */
JET_ERR JetFreeBuffer(char *pbBuf);

/* ---- restore ---------------------------------------------------------------------------------------------- */

/*
 * The instance exists and has not started; its parameters say where logs and checkpoint go. sz: a backup's directory, or
 * the parent of an atomic one. szDest: where the databases go; NULL: where they were. Logs in the instance's directory that
 * go on from the backup are replayed too. pfn (or NULL): JET_snpRestore with JET_sntBegin, _Progress (JET_SNPROG, percent),
 * and at the end _Complete or _Fail; an error that it returns ends the restore and is what the call gives.
 */
JET_ERR JetRestoreInstance(JET_INSTANCE instance, const char *sz, const char *szDest,
                           JET_PFNSTATUS pfn);
JET_ERR JetRestoreInstanceW(JET_INSTANCE instance, const JET_WCHAR *sz, const JET_WCHAR *szDest,
                            JET_PFNSTATUS pfn);
/* The same for the default instance. */
JET_ERR JetRestore(const char *szSource, JET_PFNSTATUS pfn);
JET_ERR JetRestoreW(const JET_WCHAR *wszSource, JET_PFNSTATUS pfn);
JET_ERR JetRestore2(const char *sz, const char *szDest, JET_PFNSTATUS pfn);
JET_ERR JetRestore2W(const JET_WCHAR *wsz, const JET_WCHAR *wszDest, JET_PFNSTATUS pfn);
/* Databases that the program has copied out of a backup already: rgrstmap says what the logs call them and where they are;
 * others are passed over. Paths are directories. Logs genLow .. genHigh are in szBackupLogPath. */
JET_ERR JetExternalRestore(const char *szCheckpointFilePath, const char *szLogPath,
                           JET_RSTMAP_A *rgrstmap, int32_t crstfilemap, const char *szBackupLogPath,
                           int32_t genLow, int32_t genHigh, JET_PFNSTATUS pfn);
JET_ERR JetExternalRestoreW(const JET_WCHAR *szCheckpointFilePath, const JET_WCHAR *szLogPath,
                            JET_RSTMAP_W *rgrstmap, int32_t crstfilemap,
                            const JET_WCHAR *szBackupLogPath, int32_t genLow, int32_t genHigh,
                            JET_PFNSTATUS pfn);
/* The target's directories, both or none, are used instead of the first two and its logs are replayed, unless it runs
 * (JET_wrnTargetInstanceRunning). */
JET_ERR JetExternalRestore2(const char *szCheckpointFilePath, const char *szLogPath,
                            JET_RSTMAP_A *rgrstmap, int32_t crstfilemap,
                            const char *szBackupLogPath, JET_LOGINFO_A *pLogInfo,
                            const char *szTargetInstanceName, const char *szTargetInstanceLogPath,
                            const char *szTargetInstanceCheckpointPath, JET_PFNSTATUS pfn);
JET_ERR JetExternalRestore2W(const JET_WCHAR *szCheckpointFilePath, const JET_WCHAR *szLogPath,
                             JET_RSTMAP_W *rgrstmap, int32_t crstfilemap,
                             const JET_WCHAR *szBackupLogPath, JET_LOGINFO_W *pLogInfo,
                             const JET_WCHAR *szTargetInstanceName,
                             const JET_WCHAR *szTargetInstanceLogPath,
                             const JET_WCHAR *szTargetInstanceCheckpointPath, JET_PFNSTATUS pfn);

/* ---- sessions and transactions ---------------------------------------------------------------------- */

JET_ERR JetBeginSession(JET_INSTANCE instance, JET_SESID *psesid, const char *szUserName,
                        const char *szPassword);
JET_ERR JetBeginSessionW(JET_INSTANCE instance, JET_SESID *psesid, const JET_WCHAR *szUserName,
                         const JET_WCHAR *szPassword);
JET_ERR JetDupSession(JET_SESID sesid, JET_SESID *psesid);
JET_ERR JetEndSession(JET_SESID sesid, JET_GRBIT grbit);
JET_ERR JetSetSessionContext(JET_SESID sesid, JET_API_PTR ulContext);
JET_ERR JetResetSessionContext(JET_SESID sesid);
JET_ERR JetGetSessionParameter(JET_SESID sesid, uint32_t sesparamid, void *pvParam,
                               uint32_t cbParamMax, uint32_t *pcbParamActual);
JET_ERR JetSetSessionParameter(JET_SESID sesid, uint32_t sesparamid, void *pvParam,
                               uint32_t cbParam);
/* Functions for changes of a table's rows, called on the thread that makes the change; they may use its session. cbtyp: one
 * or more of JET_cbtypFinalize .. AfterDelete. An error of one Before a change is what the changing call gives, and nothing
 * is changed; one After it is not looked at. They stay until the database is closed. A row that goes by itself
 * (JET_bitColumnDeleteOnZero) is not told. JET_errInvalidParameter; JET_errIllegalOperation: a temporary table. */
JET_ERR JetRegisterCallback(JET_SESID sesid, JET_TABLEID tableid, JET_CBTYP cbtyp,
                            JET_CALLBACK pCallback, void *pvContext, JET_HANDLE *phCallbackId);
JET_ERR JetUnregisterCallback(JET_SESID sesid, JET_TABLEID tableid, JET_CBTYP cbtyp,
                              JET_HANDLE hCallbackId);
JET_ERR JetGetThreadStats(void *pvResult, uint32_t cbMax);
JET_ERR JetBeginTransaction(JET_SESID sesid);
JET_ERR JetBeginTransaction2(JET_SESID sesid, JET_GRBIT grbit);
JET_ERR JetBeginTransaction3(JET_SESID sesid, int64_t trxid, JET_GRBIT grbit);
JET_ERR JetCommitTransaction(JET_SESID sesid, JET_GRBIT grbit);
/* cmsecDurableCommit: milliseconds. */
JET_ERR JetCommitTransaction2(JET_SESID sesid, JET_GRBIT grbit, uint32_t cmsecDurableCommit,
                              JET_COMMIT_ID *pCommitId);
JET_ERR JetRollback(JET_SESID sesid, JET_GRBIT grbit);
/* JET_bitIdleFlushBuffers: writes all pages that are changed. */
JET_ERR JetIdle(JET_SESID sesid, JET_GRBIT grbit);

/* ---- databases -------------------------------------------------------------------------------------- */

JET_ERR JetCreateDatabase(JET_SESID sesid, const char *szFilename, const char *szConnect,
                          JET_DBID *pdbid, JET_GRBIT grbit);
JET_ERR JetCreateDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename, const JET_WCHAR *szConnect,
                           JET_DBID *pdbid, JET_GRBIT grbit);
/* cpgDatabaseSizeMax: pages; 0: no limit. */
JET_ERR JetCreateDatabase2(JET_SESID sesid, const char *szFilename, uint32_t cpgDatabaseSizeMax,
                           JET_DBID *pdbid, JET_GRBIT grbit);
JET_ERR JetCreateDatabase2W(JET_SESID sesid, const JET_WCHAR *szFilename,
                            uint32_t cpgDatabaseSizeMax, JET_DBID *pdbid, JET_GRBIT grbit);
JET_ERR JetAttachDatabase(JET_SESID sesid, const char *szFilename, JET_GRBIT grbit);
JET_ERR JetAttachDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename, JET_GRBIT grbit);
JET_ERR JetAttachDatabase2(JET_SESID sesid, const char *szFilename, uint32_t cpgDatabaseSizeMax,
                           JET_GRBIT grbit);
JET_ERR JetAttachDatabase2W(JET_SESID sesid, const JET_WCHAR *szFilename,
                            uint32_t cpgDatabaseSizeMax, JET_GRBIT grbit);
JET_ERR JetDetachDatabase(JET_SESID sesid, const char *szFilename);
JET_ERR JetDetachDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename);
JET_ERR JetDetachDatabase2(JET_SESID sesid, const char *szFilename, JET_GRBIT grbit);
JET_ERR JetDetachDatabase2W(JET_SESID sesid, const JET_WCHAR *szFilename, JET_GRBIT grbit);
JET_ERR JetOpenDatabase(JET_SESID sesid, const char *szFilename, const char *szConnect,
                        JET_DBID *pdbid, JET_GRBIT grbit);
JET_ERR JetOpenDatabaseW(JET_SESID sesid, const JET_WCHAR *szFilename, const JET_WCHAR *szConnect,
                         JET_DBID *pdbid, JET_GRBIT grbit);
JET_ERR JetCloseDatabase(JET_SESID sesid, JET_DBID dbid, JET_GRBIT grbit);
/* cbMax: bytes, here and in all the following JetGet.... */
JET_ERR JetGetDatabaseInfo(JET_SESID sesid, JET_DBID dbid, void *pvResult, uint32_t cbMax,
                           uint32_t InfoLevel);
JET_ERR JetGetDatabaseInfoW(JET_SESID sesid, JET_DBID dbid, void *pvResult, uint32_t cbMax,
                            uint32_t InfoLevel);
JET_ERR JetGetDatabaseFileInfo(const char *szDatabaseName, void *pvResult, uint32_t cbMax,
                               uint32_t InfoLevel);
JET_ERR JetGetDatabaseFileInfoW(const JET_WCHAR *szDatabaseName, void *pvResult, uint32_t cbMax,
                                uint32_t InfoLevel);
/* cpg: pages more; *pcpgReal: pages of the file then. */
JET_ERR JetGrowDatabase(JET_SESID sesid, JET_DBID dbid, uint32_t cpg, uint32_t *pcpgReal);
/* pages; the file never shrinks: JET_wrnShrinkNotPossible. */
JET_ERR JetResizeDatabase(JET_SESID sesid, JET_DBID dbid, uint32_t cpgTarget, uint32_t *pcpgActual,
                          JET_GRBIT grbit);
JET_ERR JetSetDatabaseSize(JET_SESID sesid, const char *szDatabaseName, uint32_t cpg,
                           uint32_t *pcpgReal);
JET_ERR JetSetDatabaseSizeW(JET_SESID sesid, const JET_WCHAR *szDatabaseName, uint32_t cpg,
                            uint32_t *pcpgReal);

/* ---- tables ----------------------------------------------------------------------------------------- */

/* lPages: at the start; lDensity: percent, 0: 80. */
JET_ERR JetCreateTable(JET_SESID sesid, JET_DBID dbid, const char *szTableName, uint32_t lPages,
                       uint32_t lDensity, JET_TABLEID *ptableid);
JET_ERR JetCreateTableColumnIndex(JET_SESID sesid, JET_DBID dbid, JET_TABLECREATE_A *ptablecreate);
JET_ERR JetCreateTableColumnIndex2(JET_SESID sesid, JET_DBID dbid,
                                   JET_TABLECREATE2_A *ptablecreate);
JET_ERR JetCreateTableColumnIndex2W(JET_SESID sesid, JET_DBID dbid,
                                    JET_TABLECREATE2_W *ptablecreate);
JET_ERR JetCreateTableColumnIndex3W(JET_SESID sesid, JET_DBID dbid,
                                    JET_TABLECREATE3_W *ptablecreate);
JET_ERR JetCreateTableColumnIndex4W(JET_SESID sesid, JET_DBID dbid,
                                    JET_TABLECREATE4_W *ptablecreate);
JET_ERR JetDeleteTable(JET_SESID sesid, JET_DBID dbid, const char *szTableName);
JET_ERR JetDeleteTableW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName);
JET_ERR JetRenameTable(JET_SESID sesid, JET_DBID dbid, const char *szName, const char *szNameNew);
JET_ERR JetRenameTableW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szName,
                        const JET_WCHAR *szNameNew);
JET_ERR JetOpenTable(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                     const void *pvParameters, uint32_t cbParameters, JET_GRBIT grbit,
                     JET_TABLEID *ptableid);
JET_ERR JetOpenTableW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName,
                      const void *pvParameters, uint32_t cbParameters, JET_GRBIT grbit,
                      JET_TABLEID *ptableid);
JET_ERR JetCloseTable(JET_SESID sesid, JET_TABLEID tableid);
JET_ERR JetDupCursor(JET_SESID sesid, JET_TABLEID tableid, JET_TABLEID *ptableid, JET_GRBIT grbit);
JET_ERR JetGetObjectInfo(JET_SESID sesid, JET_DBID dbid, JET_OBJTYP objtyp,
                         const char *szContainerName, const char *szObjectName, void *pvResult,
                         uint32_t cbMax, uint32_t InfoLevel);
JET_ERR JetGetObjectInfoW(JET_SESID sesid, JET_DBID dbid, JET_OBJTYP objtyp,
                          const JET_WCHAR *szContainerName, const JET_WCHAR *szObjectName,
                          void *pvResult, uint32_t cbMax, uint32_t InfoLevel);
JET_ERR JetGetTableInfo(JET_SESID sesid, JET_TABLEID tableid, void *pvResult, uint32_t cbMax,
                        uint32_t InfoLevel);
JET_ERR JetGetTableInfoW(JET_SESID sesid, JET_TABLEID tableid, void *pvResult, uint32_t cbMax,
                         uint32_t InfoLevel);

/* ---- columns ---------------------------------------------------------------------------------------- */

JET_ERR JetAddColumn(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName,
                     const JET_COLUMNDEF *pcolumndef, const void *pvDefault, uint32_t cbDefault,
                     JET_COLUMNID *pcolumnid);
JET_ERR JetAddColumnW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szColumnName,
                      const JET_COLUMNDEF *pcolumndef, const void *pvDefault, uint32_t cbDefault,
                      JET_COLUMNID *pcolumnid);
JET_ERR JetDeleteColumn(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName);
JET_ERR JetDeleteColumn2(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName,
                         JET_GRBIT grbit);
JET_ERR JetDeleteColumn2W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szColumnName,
                          JET_GRBIT grbit);
JET_ERR JetRenameColumn(JET_SESID sesid, JET_TABLEID tableid, const char *szName,
                        const char *szNameNew, JET_GRBIT grbit);
JET_ERR JetRenameColumnW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szName,
                         const JET_WCHAR *szNameNew, JET_GRBIT grbit);
JET_ERR JetSetColumnDefaultValue(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                                 const char *szColumnName, const void *pvData, uint32_t cbData,
                                 JET_GRBIT grbit);
JET_ERR JetGetTableColumnInfo(JET_SESID sesid, JET_TABLEID tableid, const char *szColumnName,
                              void *pvResult, uint32_t cbMax, uint32_t InfoLevel);
JET_ERR JetGetTableColumnInfoW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szColumnName,
                               void *pvResult, uint32_t cbMax, uint32_t InfoLevel);
JET_ERR JetGetColumnInfo(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                         const char *pColumnNameOrId, void *pvResult, uint32_t cbMax,
                         uint32_t InfoLevel);
JET_ERR JetGetColumnInfoW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName,
                          const JET_WCHAR *pwColumnNameOrId, void *pvResult, uint32_t cbMax,
                          uint32_t InfoLevel);

/* ---- indexes ---------------------------------------------------------------------------------------- */

JET_ERR JetCreateIndex(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                       JET_GRBIT grbit, const char *szKey, uint32_t cbKey, uint32_t lDensity);
JET_ERR JetCreateIndex2(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE_A *pindexcreate,
                        uint32_t cIndexCreate);
JET_ERR JetCreateIndex2W(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE_W *pindexcreate,
                         uint32_t cIndexCreate);
JET_ERR JetCreateIndex3W(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE2_W *pindexcreate,
                         uint32_t cIndexCreate);
JET_ERR JetCreateIndex4W(JET_SESID sesid, JET_TABLEID tableid, JET_INDEXCREATE3_W *pindexcreate,
                         uint32_t cIndexCreate);
JET_ERR JetDeleteIndex(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName);
JET_ERR JetDeleteIndexW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName);
JET_ERR JetGetTableIndexInfo(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                             void *pvResult, uint32_t cbResult, uint32_t InfoLevel);
JET_ERR JetGetTableIndexInfoW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                              void *pvResult, uint32_t cbResult, uint32_t InfoLevel);
JET_ERR JetGetIndexInfo(JET_SESID sesid, JET_DBID dbid, const char *szTableName,
                        const char *szIndexName, void *pvResult, uint32_t cbResult,
                        uint32_t InfoLevel);
JET_ERR JetGetIndexInfoW(JET_SESID sesid, JET_DBID dbid, const JET_WCHAR *szTableName,
                         const JET_WCHAR *szIndexName, void *pvResult, uint32_t cbResult,
                         uint32_t InfoLevel);
JET_ERR JetSetCurrentIndex(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName);
JET_ERR JetSetCurrentIndexW(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName);
JET_ERR JetSetCurrentIndex2(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                            JET_GRBIT grbit);
JET_ERR JetSetCurrentIndex2W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                             JET_GRBIT grbit);
/* itagSequence: from 1; 0: 1. */
JET_ERR JetSetCurrentIndex3(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                            JET_GRBIT grbit, uint32_t itagSequence);
JET_ERR JetSetCurrentIndex3W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                             JET_GRBIT grbit, uint32_t itagSequence);
JET_ERR JetSetCurrentIndex4(JET_SESID sesid, JET_TABLEID tableid, const char *szIndexName,
                            JET_INDEXID *pindexid, JET_GRBIT grbit, uint32_t itagSequence);
JET_ERR JetSetCurrentIndex4W(JET_SESID sesid, JET_TABLEID tableid, const JET_WCHAR *szIndexName,
                             JET_INDEXID *pindexid, JET_GRBIT grbit, uint32_t itagSequence);
JET_ERR JetGetCurrentIndex(JET_SESID sesid, JET_TABLEID tableid, char *szIndexName,
                           uint32_t cbIndexName);
JET_ERR JetGetCurrentIndexW(JET_SESID sesid, JET_TABLEID tableid, JET_WCHAR *szIndexName,
                            uint32_t cbIndexName);

/* ---- records ---------------------------------------------------------------------------------------- */

JET_ERR JetPrepareUpdate(JET_SESID sesid, JET_TABLEID tableid, uint32_t prep);
JET_ERR JetUpdate(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbBookmark,
                  uint32_t *pcbActual);
JET_ERR JetUpdate2(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbBookmark,
                   uint32_t *pcbActual, JET_GRBIT grbit);
JET_ERR JetDelete(JET_SESID sesid, JET_TABLEID tableid);
/* cbData: bytes, below 2 GiB. */
JET_ERR JetSetColumn(JET_SESID sesid, JET_TABLEID tableid, JET_COLUMNID columnid,
                     const void *pvData, uint32_t cbData, JET_GRBIT grbit, JET_SETINFO *psetinfo);
JET_ERR JetSetColumns(JET_SESID sesid, JET_TABLEID tableid, JET_SETCOLUMN *psetcolumn,
                      uint32_t csetcolumn);
JET_ERR JetRetrieveColumn(JET_SESID sesid, JET_TABLEID tableid, JET_COLUMNID columnid, void *pvData,
                          uint32_t cbData, uint32_t *pcbActual, JET_GRBIT grbit,
                          JET_RETINFO *pretinfo);
JET_ERR JetRetrieveColumns(JET_SESID sesid, JET_TABLEID tableid,
                           JET_RETRIEVECOLUMN *pretrievecolumn, uint32_t cretrievecolumn);
/* pfnRealloc: as realloc, and frees with cb 0; cbDataMost: longer values are cut. */
JET_ERR JetEnumerateColumns(JET_SESID sesid, JET_TABLEID tableid, uint32_t cEnumColumnId,
                            JET_ENUMCOLUMNID *rgEnumColumnId, uint32_t *pcEnumColumn,
                            JET_ENUMCOLUMN **prgEnumColumn, JET_PFNREALLOC pfnRealloc,
                            void *pvReallocContext, uint32_t cbDataMost, JET_GRBIT grbit);
JET_ERR JetEscrowUpdate(JET_SESID sesid, JET_TABLEID tableid, JET_COLUMNID columnid, void *pv,
                        uint32_t cbMax, void *pvOld, uint32_t cbOldMax, uint32_t *pcbOldActual,
                        JET_GRBIT grbit);
JET_ERR JetGetLock(JET_SESID sesid, JET_TABLEID tableid, JET_GRBIT grbit);
/* adds to *precsize with JET_bitRecordSizeRunningTotal. */
JET_ERR JetGetRecordSize(JET_SESID sesid, JET_TABLEID tableid, JET_RECSIZE *precsize,
                         JET_GRBIT grbit);
JET_ERR JetGetRecordSize2(JET_SESID sesid, JET_TABLEID tableid, JET_RECSIZE2 *precsize,
                          JET_GRBIT grbit);

/* ---- places ----------------------------------------------------------------------------------------- */

JET_ERR JetMakeKey(JET_SESID sesid, JET_TABLEID tableid, const void *pvData, uint32_t cbData,
                   JET_GRBIT grbit);
JET_ERR JetSeek(JET_SESID sesid, JET_TABLEID tableid, JET_GRBIT grbit);
/* cRow: entries, or JET_MoveFirst, JET_MoveLast. */
JET_ERR JetMove(JET_SESID sesid, JET_TABLEID tableid, int32_t cRow, JET_GRBIT grbit);
JET_ERR JetSetIndexRange(JET_SESID sesid, JET_TABLEID tableid, JET_GRBIT grbit);
JET_ERR JetRetrieveKey(JET_SESID sesid, JET_TABLEID tableid, void *pvKey, uint32_t cbMax,
                       uint32_t *pcbActual, JET_GRBIT grbit);
JET_ERR JetGetBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark, uint32_t cbMax,
                       uint32_t *pcbActual);
JET_ERR JetGotoBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvBookmark,
                        uint32_t cbBookmark);
JET_ERR JetGetSecondaryIndexBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvSecondaryKey,
                                     uint32_t cbSecondaryKeyMax, uint32_t *pcbSecondaryKeyActual,
                                     void *pvPrimaryBookmark, uint32_t cbPrimaryBookmarkMax,
                                     uint32_t *pcbPrimaryBookmarkActual, JET_GRBIT grbit);
JET_ERR JetGotoSecondaryIndexBookmark(JET_SESID sesid, JET_TABLEID tableid, void *pvSecondaryKey,
                                      uint32_t cbSecondaryKey, void *pvPrimaryBookmark,
                                      uint32_t cbPrimaryBookmark, JET_GRBIT grbit);
/* crecMax: counts no further; 0: no limit. */
JET_ERR JetIndexRecordCount(JET_SESID sesid, JET_TABLEID tableid, uint32_t *pcrec,
                            uint32_t crecMax);
JET_ERR JetIndexRecordCount2(JET_SESID sesid, JET_TABLEID tableid, uint64_t *pullRecords,
                             uint64_t ullRecordsMax);
JET_ERR JetGetRecordPosition(JET_SESID sesid, JET_TABLEID tableid, JET_RECPOS *precpos,
                             uint32_t cbRecpos);
JET_ERR JetGotoPosition(JET_SESID sesid, JET_TABLEID tableid, JET_RECPOS *precpos);
JET_ERR JetGetCursorInfo(JET_SESID sesid, JET_TABLEID tableid, void *pvResult, uint32_t cbMax,
                         uint32_t InfoLevel);
/* rgcb: bytes of each key. */
JET_ERR JetPrereadKeys(JET_SESID sesid, JET_TABLEID tableid, const void **rgpvKeys,
                       const uint32_t *rgcbKeys, int32_t ckeys, int32_t *pckeysPreread,
                       JET_GRBIT grbit);
JET_ERR JetSetLS(JET_SESID sesid, JET_TABLEID tableid, JET_LS ls, JET_GRBIT grbit);
JET_ERR JetGetLS(JET_SESID sesid, JET_TABLEID tableid, JET_LS *pls, JET_GRBIT grbit);

/* ---- temporary tables ------------------------------------------------------------------------------- */

/* rows in memory; they go with the cursor. */
JET_ERR JetOpenTempTable(JET_SESID sesid, const JET_COLUMNDEF *prgcolumndef, uint32_t ccolumn,
                         JET_GRBIT grbit, JET_TABLEID *ptableid, JET_COLUMNID *prgcolumnid);
JET_ERR JetOpenTempTable2(JET_SESID sesid, const JET_COLUMNDEF *prgcolumndef, uint32_t ccolumn,
                          uint32_t lcid, JET_GRBIT grbit, JET_TABLEID *ptableid,
                          JET_COLUMNID *prgcolumnid);
JET_ERR JetOpenTempTable3(JET_SESID sesid, const JET_COLUMNDEF *prgcolumndef, uint32_t ccolumn,
                          JET_UNICODEINDEX *pidxunicode, JET_GRBIT grbit, JET_TABLEID *ptableid,
                          JET_COLUMNID *prgcolumnid);
JET_ERR JetOpenTemporaryTable(JET_SESID sesid, JET_OPENTEMPORARYTABLE *popentemporarytable);
JET_ERR JetOpenTemporaryTable2(JET_SESID sesid, JET_OPENTEMPORARYTABLE2 *popentemporarytable);

/* ---- backups ---------------------------------------------------------------------------------------- */

/*
 * JET_bitBackupIncremental, JET_bitBackupAtomic. Path NULL or "": nothing is backed up, logs below the checkpoint are deleted.
 * pfnStatus (or NULL): JET_snpBackup with JET_sntBegin, -Progress, -Complete, -Fail; pv: JET_SNPROG, in percent; an error that
 * it returns at Begin or Progress ends the backup. When it succeeds all of it is on stable storage; when it fails nothing of it
 * is in the directory, and no log is gone.
 */
JET_ERR JetBackup(const char *szBackupPath, JET_GRBIT grbit, JET_PFNSTATUS pfnStatus);
JET_ERR JetBackupW(const JET_WCHAR *szBackupPath, JET_GRBIT grbit, JET_PFNSTATUS pfnStatus);
JET_ERR JetBackupInstance(JET_INSTANCE instance, const char *szBackupPath, JET_GRBIT grbit,
                          JET_PFNSTATUS pfnStatus);
JET_ERR JetBackupInstanceW(JET_INSTANCE instance, const JET_WCHAR *szBackupPath, JET_GRBIT grbit,
                           JET_PFNSTATUS pfnStatus);
/* From any thread: the backup that runs gets JET_errBackupAbortByServer. */
JET_ERR JetStopBackup(void);
JET_ERR JetStopBackupInstance(JET_INSTANCE instance);

/* The program reads the files itself: databases first (not of an incremental one), then logs. Lists are texts one behind the
 * other with one more NUL; a NULL buffer: only their length, in bytes. */
JET_ERR JetBeginExternalBackup(JET_GRBIT grbit);
JET_ERR JetBeginExternalBackupInstance(JET_INSTANCE instance, JET_GRBIT grbit);
JET_ERR JetGetAttachInfo(char *szzDatabases, uint32_t cbMax, uint32_t *pcbActual);
JET_ERR JetGetAttachInfoInstance(JET_INSTANCE instance, char *szzDatabases, uint32_t cbMax,
                                 uint32_t *pcbActual);
JET_ERR JetGetAttachInfoInstanceW(JET_INSTANCE instance, JET_WCHAR *wszzDatabases, uint32_t cbMax,
                                  uint32_t *pcbActual);
JET_ERR JetOpenFile(const char *szFileName, JET_HANDLE *phfFile, uint32_t *pulFileSizeLow,
                    uint32_t *pulFileSizeHigh);
JET_ERR JetOpenFileInstance(JET_INSTANCE instance, const char *szFileName, JET_HANDLE *phfFile,
                            uint32_t *pulFileSizeLow, uint32_t *pulFileSizeHigh);
JET_ERR JetOpenFileInstanceW(JET_INSTANCE instance, const JET_WCHAR *wszFileName,
                             JET_HANDLE *phfFile, uint32_t *pulFileSizeLow,
                             uint32_t *pulFileSizeHigh);
/* pv: aligned to 4096; cb: whole pages, three at least at first; of a log a multiple of 4096, 8192 at least at first.
 * *pcbActual 0: there is no more. */
JET_ERR JetReadFile(JET_HANDLE hfFile, void *pv, uint32_t cb, uint32_t *pcbActual);
JET_ERR JetReadFileInstance(JET_INSTANCE instance, JET_HANDLE hfFile, void *pv, uint32_t cb,
                            uint32_t *pcbActual);
JET_ERR JetCloseFile(JET_HANDLE hfFile);
JET_ERR JetCloseFileInstance(JET_INSTANCE instance, JET_HANDLE hfFile);
/* The first call ends the current generation. */
JET_ERR JetGetLogInfo(char *szzLogs, uint32_t cbMax, uint32_t *pcbActual);
JET_ERR JetGetLogInfoInstance(JET_INSTANCE instance, char *szzLogs, uint32_t cbMax,
                              uint32_t *pcbActual);
JET_ERR JetGetLogInfoInstanceW(JET_INSTANCE instance, JET_WCHAR *wszzLogs, uint32_t cbMax,
                               uint32_t *pcbActual);
JET_ERR JetGetLogInfoInstance2(JET_INSTANCE instance, char *szzLogs, uint32_t cbMax,
                               uint32_t *pcbActual, JET_LOGINFO_A *pLogInfo);
JET_ERR JetGetLogInfoInstance2W(JET_INSTANCE instance, JET_WCHAR *wszzLogs, uint32_t cbMax,
                                uint32_t *pcbActual, JET_LOGINFO_W *pLogInfo);
JET_ERR JetGetTruncateLogInfoInstance(JET_INSTANCE instance, char *szzLogs, uint32_t cbMax,
                                      uint32_t *pcbActual);
JET_ERR JetGetTruncateLogInfoInstanceW(JET_INSTANCE instance, JET_WCHAR *wszzLogs, uint32_t cbMax,
                                       uint32_t *pcbActual);
/* Only after the copies are on stable storage. */
JET_ERR JetTruncateLog(void);
JET_ERR JetTruncateLogInstance(JET_INSTANCE instance);
JET_ERR JetEndExternalBackup(void);
JET_ERR JetEndExternalBackupInstance(JET_INSTANCE instance);
JET_ERR JetEndExternalBackupInstance2(JET_INSTANCE instance, JET_GRBIT grbit);

/* A replica is backed up elsewhere, with its logs [lgenFirst, lgenLast]; grbit: JET_bitBackupIncremental or 0. Until it ends no
 * other backup begins, and no database comes or goes: JET_errSurrogateBackupInProgress. When it ends well the headers of all
 * databases tell of it, as of a snapshot; with JET_bitBackupTruncateDone it is one that incrementals go on from. */
JET_ERR JetBeginSurrogateBackup(JET_INSTANCE instance, uint32_t lgenFirst, uint32_t lgenLast,
                                JET_GRBIT grbit);
JET_ERR JetEndSurrogateBackup(JET_INSTANCE instance, JET_GRBIT grbit);

/* ---- snapshots of volumes ---------------------------------------------------------------------------- */

/*
 * Between Freeze and Thaw nothing of the instances is written, for JET_paramOSSnapshotTimeout at most; a copy of their files, made
 * then, is recovered as after a crash. One session at a time in a process: JET_errOSSnapshotNotAllowed. Another id:
 * JET_errOSSnapshotInvalidSnapId; another order: JET_errOSSnapshotInvalidSequence; Thaw after the time: JET_errOSSnapshotTimeOut.
 * JET_bitContinueAfterThaw: the session goes on to TruncateLog and End.
 */
JET_ERR JetOSSnapshotPrepare(JET_OSSNAPID *psnapId, const JET_GRBIT grbit);
/* With JET_bitExplicitPrepare. */
JET_ERR JetOSSnapshotPrepareInstance(JET_OSSNAPID snapId, JET_INSTANCE instance,
                                     const JET_GRBIT grbit);
/* The list is for JetFreeBuffer. */
JET_ERR JetOSSnapshotFreeze(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                            JET_INSTANCE_INFO_A **paInstanceInfo, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotFreezeW(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                             JET_INSTANCE_INFO_W **paInstanceInfo, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotGetFreezeInfo(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                                   JET_INSTANCE_INFO_A **paInstanceInfo, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotGetFreezeInfoW(const JET_OSSNAPID snapId, uint32_t *pcInstanceInfo,
                                    JET_INSTANCE_INFO_W **paInstanceInfo, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotThaw(const JET_OSSNAPID snapId, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotTruncateLog(const JET_OSSNAPID snapId, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotTruncateLogInstance(const JET_OSSNAPID snapId, JET_INSTANCE instance,
                                         const JET_GRBIT grbit);
JET_ERR JetOSSnapshotEnd(const JET_OSSNAPID snapId, const JET_GRBIT grbit);
JET_ERR JetOSSnapshotAbort(const JET_OSSNAPID snapId, const JET_GRBIT grbit);

#pragma GCC visibility pop
/* ==== end of functions ==== */

#ifdef __cplusplus
}
#endif

#endif
