/*
 * The step that takes the object from S3: small ones whole and checked, large
 * ones straight through to the client.
 */
#ifndef RESPOND_RECEIVE_H
#define RESPOND_RECEIVE_H

#include "respond/serving.h"

/* Fetch what S asks for.  Returns STEP_ANSWER with s->answer, s->body and the
 * flags set, or STEP_DONE where the answer went through already or the client
 * is gone. */
enum step receive_object(struct serving *s);

#endif
