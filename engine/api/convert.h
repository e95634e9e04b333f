/* Definitions of tables, columns and indexes as programs give them, in all their variants, to those
 * of rec/ddl.h. */
#ifndef ESE_API_CONVERT_H
#define ESE_API_CONVERT_H

#include "api/api_int.h"

/* Memory of a conversion, freed at once. */
struct conv_mem;
struct conv {
    const struct params *params;
    bool wide; /* texts are UTF-16 */
    struct conv_mem *mem;
};
void conv_done(struct conv *c);
/* NULL stays NULL. */
must_check JET_ERR conv_text(struct conv *c, const void *text, const char **ret);

/* JET_INDEXCREATE and JET_INDEXCREATE1 (lcid, 72 or 80 bytes), JET_INDEXCREATE2 (88),
 * JET_INDEXCREATE3 (88, a locale's name). */
enum conv_index { CONV_INDEX1, CONV_INDEX2, CONV_INDEX3 };
/* One behind the other, each as long as it says. JET_errInvalidParameter, JET_errInvalidLanguageId.
 * */
must_check JET_ERR conv_indexes(struct conv *c, const void *from, uint32_t nr, enum conv_index kind,
                                struct ddl_index **ret);
/* Each one's err, back to where it came from. */
void conv_index_errors(void *from, uint32_t nr, const struct ddl_index *ix);

must_check JET_ERR conv_columns(struct conv *c, const JET_COLUMNCREATE_A *from, uint32_t nr,
                                struct ddl_column **ret);
void conv_column_results(JET_COLUMNCREATE_A *from, uint32_t nr, const struct ddl_column *columns);

/* NULL stays NULL. JET_errInvalidParameter: cbStruct. */
must_check JET_ERR conv_hints(struct conv *c, const JET_SPACEHINTS *from,
                              const struct space_hints **ret);

/* ---- locales: locale.c ----------------------------------------------------------------------- */

/* "de-DE" of 0x407; NULL: not known. */
const char *locale_of_lcid(uint32_t lcid);
/* 0: not known. */
uint32_t lcid_of_locale(const char *name);

#endif
