/* What an index is, as JetGet...IndexInfo and JetSetCurrentIndex4 name it. */
#ifndef ESE_API_INDEXINFO_H
#define ESE_API_INDEXINFO_H

#include "api/api_int.h"

/* An id tells the index from any other one of the database, deleted ones too: object numbers are
 * not given twice. */
void index_id_put(const struct fcb *f, const struct fcb_index *ix, JET_INDEXID *ret);
/* Its name, as UTF-8: FCB_NAME_LEN bytes. JET_errInvalidIndexId. */
must_check JET_ERR index_id_find(struct fucb *c, const JET_INDEXID *id, char *ret_name);

#endif
