/* What strata-load was asked to do. */
#ifndef STRATA_BENCH_LOAD_OPTIONS_H
#define STRATA_BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define REQUESTS_MAX    10000000
#define CONNECTIONS_MAX 256
#define SHA256_BYTES    32

enum load_mode {
	MODE_KEEP_ALIVE, /* a connection carries many requests */
	MODE_NEW,        /* each request has a connection of its own */
	MODE_MIXED,      /* every second request as in MODE_NEW */
};

struct load_options {
	unsigned int requests;
	unsigned int connections;
	enum load_mode mode;
	double rate; /* requests per second, open loop; 0: closed loop */
	double timeout_s;
	double wait_s;
	bool json;
	const char *samples_path;

	const char *url;
	struct sockaddr_storage address;
	socklen_t address_len;
	char host[128];   /* as the Host header has it */
	const char *path; /* of the URL or --path */

	bool check_bytes;
	uint64_t expect_bytes;
	bool check_sha256;
	uint8_t expect_sha256[SHA256_BYTES];
};

/* 0, 1 if help was asked for and given, or -1 with a sentence on what is wrong with the command
 * line. */
int options_parse(struct load_options *o, int argc, char **argv);

/* "http://ADDRESS[:PORT][/PATH]" into address, host and path. */
int options_url(struct load_options *o, const char *url);

const char *mode_name(enum load_mode m);

#endif
