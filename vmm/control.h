/*
 * The control socket: requests are JSON objects, one a line, {"do":"status"}; each gets
 * one line back, {"ok":true,...} or {"ok":false,"error":"..."}.
 *
 * Whoever may open the socket may do anything with the machine, so its mode is 0600. What
 * comes in is nevertheless checked like a stranger's: bad requests get errors, long ones are
 * cut off.
 *
 * Threading: a thread of its own, an event loop.
 */
#ifndef STRATA_VMM_CONTROL_H
#define STRATA_VMM_CONTROL_H

#include <stddef.h>

struct control;
struct machine;

/* Listen at path. A socket that a dead process left there is replaced, a living one's is not.
 */
struct control *control_start(struct machine *m, const char *path);
void control_stop(struct control *c);

/* Answer one request (apart for fuzzing): the reply without its newline, to be freed; NULL: no
 * memory. */
char *control_answer(struct machine *m, const char *request, size_t length);

#endif
