/*
 * Filters: what a pcap expression is true of must be what libpcap says of a segment with all
 * its other bytes set; what is refused is refused with its reason; one text, read and written.
 */
#include <arpa/inet.h>
#include <pcap/pcap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "tracer/filter.h"
#include "tracer/model.h"

/* ---- expressions, against libpcap ---- */

struct end {
	const char *address;
	uint16_t port;
};

static const struct end ends[] = {
	{"10.77.0.1", 80},    {"10.77.0.2", 40001},
	{"192.168.7.9", 443}, {"10.78.255.255", 8080},
	{"fd77::1", 80},      {"fd77::2", 40001},
	{"2001:db8::9", 443}, {"fe80::1", 8081},
	{"127.0.0.1", 65535}, {"::1", 1},
};

#define ENDS (sizeof(ends) / sizeof(ends[0]))

static bool address_of(const struct end *e, uint8_t to[16])
{
	bool v4 = !strchr(e->address, ':');

	memset(to, 0, 16);
	memset(to + 10, v4 ? 0xff : 0, 2);
	assert_int_equal(inet_pton(v4 ? AF_INET : AF_INET6, e->address, v4 ? to + 12 : to), 1);
	return v4;
}

/* A segment as it is on the wire: all that is no address and no port has some value. */
static bool pcap_says(struct bpf_program *p, const struct end *from, const struct end *to)
{
	uint8_t frame[128], src[16], dst[16];
	struct pcap_pkthdr h = {.caplen = sizeof(frame), .len = sizeof(frame)};
	bool v4 = address_of(from, src);
	uint8_t *ip = frame + 14, *tcp = ip + (v4 ? 20 : 40);
	uint16_t ports[2] = {htons(from->port), htons(to->port)};

	memset(frame, 0x5a, sizeof(frame));
	address_of(to, dst);
	if (v4) {
		memcpy(frame + 12, "\x08\x00\x45", 3);
		memcpy(ip + 6, "\x40\x00\x40\x06", 4); /* do not fragment; TTL; TCP */
		memcpy(ip + 12, src + 12, 4);
		memcpy(ip + 16, dst + 12, 4);
	} else {
		memcpy(frame + 12, "\x86\xdd\x60", 3);
		ip[6] = 6;
		memcpy(ip + 8, src, 16);
		memcpy(ip + 24, dst, 16);
	}
	memcpy(tcp, ports, sizeof(ports));
	return pcap_offline_filter(p, &h, frame);
}

static void compare_with_pcap(const char *expression)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	struct filter f = {.sample = 0};
	struct bpf_program p;

	if (filter_set(&f, "filter", expression))
		fail_msg("%s", err_text());
	assert_int_equal(pcap_compile(pcap, &p, expression, 1, PCAP_NETMASK_UNKNOWN), 0);
	for (size_t i = 0; i < ENDS * ENDS; i++) {
		const struct end *client = &ends[i / ENDS], *server = &ends[i % ENDS];
		uint8_t one[16], other[16];
		bool pcaps, ours;

		if (address_of(client, one) != address_of(server, other))
			continue;
		pcaps = pcap_says(&p, client, server) || pcap_says(&p, server, client);
		ours = filter_flow(&f, one, other, client->port, server->port);
		if (ours != pcaps)
			fail_msg("\"%s\" of %s:%u to %s:%u: %d, libpcap says %d", expression,
				 client->address, client->port, server->address, server->port,
				 ours, pcaps);
	}
	pcap_freecode(&p);
	pcap_close(pcap);
}

static void test_expressions(void **state)
{
	static const char *const expressions[] = {
		"tcp",
		"ip",
		"ip6",
		"not ip6",
		"port 80",
		"tcp port 80",
		"tcp dst port 443",
		"src port 80 or dst port 8080",
		"not port 80",
		"portrange 80-443",
		"tcp src portrange 8080-8081",
		"host 10.77.0.1",
		"src host 10.77.0.1 and dst host 10.77.0.2",
		"net 10.77.0.0/24",
		"net 10.76.0.0/14 and not net 10.77.0.0/16",
		"host fd77::1",
		"ip6 net fd77::/16",
		"src net 2001:db8::/32 or src host 127.0.0.1",
		"(host 10.77.0.1 or host fd77::1) and not (port 443 or port 1)",
		"tcp and (port 80 or portrange 8000-9000) and not host 192.168.7.9",
		"tcp[0:2] = 80",
		"tcp[2:2] > 1023 and tcp[0:2] & 1 = 1",
		"ip[12] = 10",
		"ip[12:4] + 1 = 0x0a4d0002",
		"ip proto 6 and ip[16:2] = 0x0a4d",
		"port 80 or port 443 or port 8080 or port 8081 or port 1 or port 65535",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++)
		compare_with_pcap(expressions[i]);
}

static void test_refused_expressions(void **state)
{
	static const char *const refused[][2] = {
		{"port 80 and", "syntax error"},
		{"tcp[13] & 2 != 0", "looks at byte 47 of a packet"},
		{"ip[8] < 5", "looks at byte 22 of a packet"},
		{"ether host 1:2:3:4:5:6", "of a packet"},
		{"greater 100", "asks for a packet's length"},
		{"len > 100", "asks for a packet's length"},
		{"udp", "true of no TCP connection"},
		{"udp port 53", "true of no TCP connection"},
		{"icmp or arp", "true of no TCP connection"},
		{"vlan 5", "true of no TCP connection"},
	};
	char lengthy[FILTER_EXPRESSION_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct filter f = {.sample = 7};

		assert_int_equal(filter_set(&f, "filter", refused[i][0]), -1);
		if (!strstr(err_text(), refused[i][1]))
			fail_msg("\"%s\" was refused so: %s", refused[i][0], err_text());
		assert_true(f.sample == 7 && !f.flows.count && !f.expression[0]);
	}
	memset(lengthy, ' ', sizeof(lengthy));
	memcpy(lengthy, "tcp", 3);
	lengthy[sizeof(lengthy) - 1] = '\0';
	assert_int_equal(filter_set(&(struct filter){0}, "filter", lengthy), -1);
	/* more instructions than there is room for in a probe */
	lengthy[0] = '\0';
	for (unsigned int i = 0; i < 40; i++)
		snprintf(lengthy + strlen(lengthy), sizeof(lengthy) - strlen(lengthy),
			 "%sport %u", i ? " or " : "", i + 1);
	assert_int_equal(filter_set(&(struct filter){0}, "filter", lengthy), -1);
	assert_non_null(strstr(err_text(), "too long"));
}

/* ---- one text ---- */

static void test_text(void **state)
{
	/* what is read, and what is written of it; NULL: refused, for that reason */
	static const struct {
		const char *text, *written, *why;
	} cases[] = {
		{"", "", NULL},
		{"  \t", "", NULL},
		{"port 80", "port 80", NULL},
		{"  port\t80 ", "port 80", NULL},
		{"--slower-than 5ms", "--slower-than 5000000ns", NULL},
		{"--slower-than=1.5us", "--slower-than 1500ns", NULL},
		{"port 80 and --status 5xx,404", "port 80 and --status 5xx,404", NULL},
		{"--status 404 and tcp && --sample 1/16",
		 "tcp and --status 404 and --sample 1/16", NULL},
		{"--sample 16", "--sample 1/16", NULL},
		{"--sample 1", "", NULL},
		{"port 80 or port 81 and --path /x*", "port 80 or port 81 and --path /x*",
		 NULL},
		{"--path /x and ( port 80 or port 81 )", "( port 80 or port 81 ) and --path /x",
		 NULL},
		{"--path '/a b' and --vm=\"web's\"", "--path '/a b' and --vm \"web's\"", NULL},
		{"not port 80 and --vm 2", "not port 80 and --vm 2", NULL},
		{"--vm 2 and not port 80", "not port 80 and --vm 2", NULL},
		{"port 80 or --status 404", NULL, "\"or\" before an option"},
		{"not --status 404", NULL, "\"not\" before an option"},
		{"--status 404 or port 80", NULL, "\"or\" after an option"},
		{"--status 404 and port 80 or port 81", NULL, "\"or\" after an option"},
		{"--status 404 and port 80||port 81", NULL, "after an option"},
		{"( port 80 and --status 404 ) or port 81", NULL, "within parentheses"},
		{"(port 80 and --status 404)", NULL, "within parentheses"},
		{"--colour red", NULL, "no option \"--colour\""},
		{"--filter tcp", NULL, "no option \"--filter\""},
		{"--status", NULL, "--status needs a value"},
		{"--status 40", NULL, "expected a status"},
		{"--status 4040", NULL, "expected a status"},
		{"--status 0xx", NULL, "expected a status"},
		{"--status 404,", NULL, "expected a status"},
		{"--status 1xx,2xx,3xx,4xx,5xx,100,101,102,103", NULL, "up to 8"},
		{"--slower-than soon", NULL, "--slower-than"},
		{"--sample 1/0", NULL, "--sample 1/0"},
		{"--sample 2/3", NULL, "--sample 2/3"},
		{"--path ''", NULL, "expected 1 to 127 characters"},
		{"--path a'b\"c", NULL, "quotes of one kind"},
		{"port http80", NULL, "pcap-filter(7)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter f = {.sample = 0}, again = {.sample = 0};
		char text[FILTER_TEXT_MAX];
		int failed = filter_parse(&f, cases[i].text);

		filter_text(&f, text, sizeof(text));
		if (failed != (cases[i].written ? 0 : -1))
			fail_msg("\"%s\": %s", cases[i].text,
				 failed ? err_text() : "should have been refused");
		assert_string_equal(text, cases[i].written ? cases[i].written : "");
		if (failed && !strstr(err_text(), cases[i].why))
			fail_msg("\"%s\" was refused so: %s", cases[i].text, err_text());
		assert_int_equal(filter_is_empty(&f), !text[0]);
		assert_int_equal(filter_parse(&again, text), 0);
		assert_memory_equal(&again.flows, &f.flows, sizeof(f.flows));
		assert_true(again.slower_than_ns == f.slower_than_ns &&
			    again.status_count == f.status_count &&
			    !strcmp(again.path, f.path) && !strcmp(again.vm, f.vm));
	}
}

static void test_text_adds(void **state)
{
	struct filter f = {.sample = 0};
	char text[FILTER_TEXT_MAX];

	(void)state;
	assert_int_equal(filter_parse(&f, "port 80 and --status 404"), 0);
	assert_int_equal(filter_parse(&f, "--slower-than 1s and --status 5xx"), 0);
	assert_int_equal(filter_parse(&f, "--path /x and --status"), -1);
	filter_text(&f, text, sizeof(text));
	assert_string_equal(text, "port 80 and --slower-than 1000000000ns and --status 5xx");
	assert_true(filter_knows("slower-than") && filter_knows("filter") &&
		    !filter_knows("slow") && !filter_knows(""));
	assert_int_equal(filter_set(&f, "slow", "1s"), -1);
}

/* ---- which requests ---- */

static bool wanted(const char *text, const struct model *m, const struct request *r)
{
	struct filter f = {.sample = 0};

	if (filter_parse(&f, text))
		fail_msg("%s", err_text());
	return filter_request(&f, m, r);
}

static void test_requests(void **state)
{
	struct model *m = model_create(1);
	struct request r = {.measured = true,
			    .end_to_end_ns = 2000000,
			    .vm = 2,
			    .http = {.answered = true,
				     .status = 404,
				     .path = "/api/v1/list?n=5",
				     .client_port = 40001,
				     .server_port = 80}};

	(void)state;
	address_of(&ends[1], r.http.client_addr);
	address_of(&ends[0], r.http.server_addr);
	m->domain_count = 3;
	m->domains[1].vm = 1;
	m->domains[2].vm = 2;
	strcpy(m->domains[1].name, "guest:db");
	strcpy(m->domains[2].name, "guest:web");
	assert_true(wanted("", m, &r));
	assert_true(wanted("--slower-than 1999us", m, &r));
	assert_false(wanted("--slower-than 2ms", m, &r));
	assert_true(wanted("--status 404", m, &r) && wanted("--status 200,4xx", m, &r));
	assert_false(wanted("--status 403", m, &r) || wanted("--status 2xx,5xx", m, &r));
	assert_true(wanted("--path '/api/*'", m, &r) && wanted("--path *n=[0-9]", m, &r));
	assert_false(wanted("--path /api", m, &r));
	assert_true(wanted("--vm web", m, &r) && wanted("--vm 2", m, &r));
	assert_false(wanted("--vm db", m, &r) || wanted("--vm 1", m, &r) ||
		     wanted("--vm we", m, &r));
	assert_true(wanted("src host 10.77.0.1 and --vm web and --status 4xx", m, &r));
	assert_false(wanted("port 80 and --status 5xx", m, &r) || wanted("port 81", m, &r));
	/* without hops, the wire's own time counts; without a reply, none */
	r.measured = false;
	r.http.reply_last_ns = 5000000;
	assert_true(wanted("--slower-than 4ms", m, &r));
	r.http.answered = false;
	assert_false(wanted("--slower-than 4ms", m, &r) || wanted("--status 404", m, &r));
	assert_true(wanted("--path '/api/*'", m, &r));
	/* a server that is in no VM */
	r.vm = 0;
	assert_false(wanted("--vm web", m, &r) || wanted("--vm 0", m, &r));
	model_free(m);
}

/* The same connections whatever asks; one in so many. */
static void test_sample(void **state)
{
	struct filter f = {.sample = 8};
	unsigned int taken = 0;
	uint8_t client[16], server[16];

	(void)state;
	address_of(&ends[1], client);
	address_of(&ends[0], server);
	for (unsigned int port = 1; port <= 8000; port++)
		taken += filter_flow(&f, client, server, (uint16_t)port, 80);
	assert_in_range(taken, 800, 1200);
}

/* ---- programs from elsewhere ---- */

static void test_programs(void **state)
{
	static const char *const refused[] = {
		"0",
		"002800000000000c00",               /* not whole instructions */
		"002800000000000c",                 /* does not return */
		"00200000000000ff0006000000000001", /* loads from beyond the packet */
		"00050000000000ff0006000000000001", /* jumps beyond the end */
		"00150101000000000006000000000001", /* so does a condition */
		"00340000000000000006000000000001", /* divides by 0 */
		"006000000000ffff0006000000000001", /* word 65535 of sixteen */
		"zz28000000000000",
	};
	struct filter f = {.sample = 0};
	struct flow_filter back;
	json_t *json;

	(void)state;
	assert_int_equal(filter_set(&f, "filter", "host fd77::1 and not port 80"), 0);
	json = flow_filter_json(&f.flows);
	assert_int_equal(flow_filter_from_json(&back, json), 0);
	assert_int_equal(back.count, f.flows.count);
	assert_memory_equal(back.code, f.flows.code, back.count * sizeof(back.code[0]));
	json_decref(json);
	assert_null(flow_filter_json(&(struct flow_filter){.count = 0}));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		json = json_string(refused[i]);
		if (!flow_filter_from_json(&back, json))
			fail_msg("%s was taken for a program", refused[i]);
		assert_int_equal(back.count, 0);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions), cmocka_unit_test(test_refused_expressions),
		cmocka_unit_test(test_text),        cmocka_unit_test(test_text_adds),
		cmocka_unit_test(test_requests),    cmocka_unit_test(test_sample),
		cmocka_unit_test(test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
