/*
 * What is measured of a system that serves: nginx, iperf3, fio, ping and stress-ng, asked from
 * where the client is. A system is bare, a container or a machine of any monitor:
 * context->guest, which the subject brought up. Each: 0, or -1 with a sentence.
 */
#ifndef STRATA_BENCH_MEASURE_WORK_H
#define STRATA_BENCH_MEASURE_WORK_H

#include "bench/peers/guest.h"
#include "bench/suite/subject.h"

/* strata-load: so many requests over so many connections. rate: requests per second, open loop,
 * each timed from when it should have been sent; 0: closed loop. fresh: a connection for each.
 */
struct work_load {
	unsigned int requests, connections;
	double rate;
	bool fresh;
};

struct work_reply {
	double per_second;      /* that were answered */
	double p50, p99, p99_9; /* ns */
};

int work_load(const struct bench_context *c, const struct work_load *l, struct work_reply *r);

/* Its command line. -1 with a sentence. */
int work_load_words(const struct work_load *l, const char *address, struct words *w);

/* The same of so many machines at the same time: p99 of all their requests together, in ns;
 * one without an answer counts as 30 s. */
int work_load_many(const struct bench_context *c, const struct work_load *l,
		   const struct guest *guests, unsigned int count, double *p99);

/* The same for as many requests as take about limits->seconds. */
int work_load_on(const struct bench_context *c, const struct work_load *l,
		 struct work_reply *r);

/* nginx's latencies at a fixed rate: its three quantiles. */
int work_latency(const struct bench_context *c, double rate, double figure[FIGURES_MAX]);

/* One iperf3 run with these further words ("--reverse"); a figure of its end.NAME (a sum's name
 * and the key in it). */
int work_iperf(const struct bench_context *c, const char *words, const char *sum,
	       const char *key, double *value);

/* Datagrams of 64 bytes, as many as one socket can send: those sent, lost, and in how long. */
int work_iperf_udp(const struct bench_context *c, double *sent, double *lost, double *seconds);

/* Round trips of limits->requests echo requests: their three quantiles. */
int work_ping(const struct bench_context *c, double figure[FIGURES_MAX]);

/* 0 if the system has a disk. */
int work_needs_disk(const struct bench_context *c);

/* One fio run on the system's disk. */
struct work_fio {
	const char *rw; /* as fio has it: "randread" */
	const char *bs; /* "4k" */
	unsigned int depth;
	bool fsync; /* after every write */
};

/* The figure at these keys of fio's first job; the list ends with NULL. */
int work_fio(const struct bench_context *c, const struct work_fio *f, const char *const *keys,
	     double *value);

/* One of stress-ng's stressors, one process, its results verified; method: of "cpu", else NULL.
 * Operations a second. */
int work_stress(const struct bench_context *c, const char *stressor, const char *method,
		double *per_second);

#endif
