/*
 * Named values for people and for programs: the same calls print "Name: value" lines or one JSON
 * object. Also the one JSON string escaper of the tree.
 */
#ifndef ESE_BASE_FIELDS_H
#define ESE_BASE_FIELDS_H

#include <stdio.h>

#include "base/types.h"

struct fields {
    FILE *out;
    bool json;
    bool comma; /* something stands before in the current object or array */
    int depth;  /* text form: indentation by 4 */
};

/* An object; nested objects and arrays take a name (NULL inside an array). In text form a nested
 * one is its name on a line and its members indented. The outermost ends with a newline. */
void fields_begin(struct fields *f, FILE *out, bool json);
void fields_end(struct fields *f);
void fields_open(struct fields *f, const char *name);
void fields_close(struct fields *f);
void fields_open_list(struct fields *f, const char *name);
void fields_close_list(struct fields *f);

void fields_str(struct fields *f, const char *name, const char *value); /* UTF-8; NULL: null */
void fields_fmt(struct fields *f, const char *name, const char *fmt, ...) printf_like(3, 4);
void fields_u64(struct fields *f, const char *name, uint64_t value); /* decimal */
void fields_hex(struct fields *f, const char *name, uint64_t value); /* text: 0x1A; JSON: number */
void fields_bool(struct fields *f, const char *name, bool value);    /* yes/no; true/false */
void fields_lgpos(struct fields *f, const char *name, lgpos_t value);
void fields_logtime(struct fields *f, const char *name, struct logtime value);
void fields_signature(struct fields *f, const char *name, const struct signature *value);
void fields_bytes(struct fields *f, const char *name, const void *value, size_t len); /* hex */

/* A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *s, size_t len);

#endif
