/* What there is to trace on this machine, and what the host asks for. */
#ifndef STRATA_PROBES_AGENT_SURVEY_H
#define STRATA_PROBES_AGENT_SURVEY_H

#include "probes/probes.h"

/* A configuration made of the host's request (JSON text) and of what is found here. */
struct survey {
	struct probes_config config;
	bool own_device;      /* the VM was given one of the host's: that is the server's */
	bool capture;         /* no eBPF: packet sockets */
	bool wire;            /* requests are to be looked for here */
	char nginx_exe[64];   /* /proc/PID/exe; "" if nginx does not run */
	char nginx_path[256]; /* where that leads */
};

/* Fails with a sentence about the request. */
int survey_request(struct survey *s, const char *json);

/* Every physical network device serves; where there is none, every one but loopback. */
int survey_devices(struct survey *s);

/* After survey_devices(). */
void survey_nginx(struct survey *s);

#endif
