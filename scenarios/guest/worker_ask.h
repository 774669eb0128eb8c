/*
 * What the guests' application asks others: Redis, PostgreSQL, another server over HTTP.
 *
 * What they answer is hostile: it is bounded, and waiting for it ends in time. Threading: one
 * thread to a process; a connection to a database is kept by the process that opened it.
 */
#ifndef STRATA_GUEST_WORKER_ASK_H
#define STRATA_GUEST_WORKER_ASK_H

#include <netinet/in.h>

#include <stddef.h>

#define ASK_TEXT_MAX 256 /* of an answer, its end included */
#define ASK_WAIT_S   50
/* What a server or a client of one's own says takes no longer than this, head and all. */
#define ASK_HEAD_MAX 4096

/* Send and receive end after ASK_WAIT_S, and nothing is held back to be sent with more. */
void ask_bound_waiting(int fd);

/* -1: not all was taken. */
int ask_send(int fd, const char *data, size_t bytes);

/* Until what ends it is there: text is what came so far. -1: it did not come, or not in bounds.
 */
int ask_receive_until(int fd, const char *ends, char *text, size_t bytes);

/* One more at that key; the value there, or 0: it could not be asked, or answered with an
 * error. Over a connection that ends with it. */
long long ask_redis(const struct sockaddr_in *at, const char *key);

/* The text of the item of that name, over a connection that is kept. A database that is
 * starting is waited for. -1: it could not be asked, or has no such item. */
int ask_database(const struct sockaddr_in *at, const char *name, char text[ASK_TEXT_MAX]);

/* The body of GET path, which has to be answered with 200 and to fit, over a connection that
 * ends with it. */
int ask_http(const struct sockaddr_in *at, const char *path, char text[ASK_TEXT_MAX]);

#endif
