/* The command line of strata-load. */
#include "bench/load/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/number.h"

const char options_usage[] =
	"usage: strata load [OPTIONS] http://ADDRESS[:PORT][/PATH]\n"
	"\n"
	"Sends HTTP/1.1 requests, and times each from just before its write() to just after "
	"the\n"
	"read() of the reply's last byte. ADDRESS is a literal IPv4 or [IPv6] address.\n"
	"\n"
	"  --requests N         how many (200)\n"
	"  --connections C      how many at a time, each waiting for its reply (1)\n"
	"  --new                a fresh connection for each request\n"
	"  --mixed              a fresh connection for every second request\n"
	"  --rate R             R requests a second whatever the replies do; each is timed "
	"from\n"
	"                       the moment at which it should have been sent\n"
	"  --path P             the path, if not that of the URL\n"
	"  --timeout S          seconds to wait for a connection or a reply (5)\n"
	"  --wait S             seconds to wait for the server to come up (0)\n"
	"  --expect-bytes N     a reply with another number of bytes is an error\n"
	"  --expect-sha256 HEX  a reply with another content is an error\n"
	"  --samples FILE       write each request's times there, a JSON object a line\n"
	"  --json               print one JSON document, schema strata.load/1\n";

const char *mode_name(enum load_mode m)
{
	static const char *const names[] = {
		[MODE_KEEP_ALIVE] = "keep-alive",
		[MODE_NEW] = "new",
		[MODE_MIXED] = "mixed",
	};

	return names[m];
}

static int whole(const char *option, const char *text, double least, double most, uint64_t *out)
{
	double d;

	if (number_real(option, text, least, most, &d) < 0)
		return -1;
	if (d != floor(d))
		return err_set("--%s %s: a whole number is needed", option, text);
	*out = d;
	return 0;
}

static int sha256(const char *text, uint8_t out[SHA256_BYTES])
{
	size_t len = strlen(text);

	if (len != 2 * SHA256_BYTES || strspn(text, "0123456789abcdefABCDEF") != len)
		return err_set("--expect-sha256 %s: 64 hexadecimal digits are needed", text);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		sscanf(text + 2 * i, "%2hhx", &out[i]);
	return 0;
}

static int check_path(const char *path)
{
	if (path[0] != '/')
		return err_set("the path \"%s\" does not begin with \"/\"", path);
	if (strlen(path) > 4096)
		return err_set("the path is longer than 4096 bytes");
	for (const char *p = path; *p; p++)
		if (!isgraph((unsigned char)*p))
			return err_set("the path \"%s\" has a character that must be written "
				       "as %%%02X",
				       path, (unsigned char)*p);
	return 0;
}

/* "ADDRESS", "ADDRESS:PORT", "[ADDRESS]" or "[ADDRESS]:PORT", len bytes of it. */
static int authority(struct load_options *o, const char *text, size_t len)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV},
			*found;
	char *address = o->host + (text[0] == '['), *end, copy[sizeof(o->host)];
	const char *port = "80";

	if (len == 0 || len >= sizeof(o->host))
		return err_set("%s: there is no address in it", o->url);
	memcpy(o->host, text, len);
	o->host[len] = '\0';
	end = text[0] == '[' ? strchr(o->host, ']') : strchr(o->host, ':');
	if (text[0] == '[' && !end)
		return err_set("%s: the \"]\" is missing", o->url);
	if (!end)
		end = o->host + len;
	memcpy(copy, address, end - address);
	copy[end - address] = '\0';
	end += *end == ']';
	if (*end == ':')
		port = end + 1;
	else if (*end)
		return err_set("%s: what is \"%s\"?", o->url, end);
	if (strspn(port, "0123456789") != strlen(port) || atol(port) < 1 || atol(port) > 65535)
		return err_set("%s: \"%s\" is no port", o->url, port);
	if (getaddrinfo(copy, port, &hints, &found) != 0)
		return err_set(
			"%s: \"%s\" is no IPv4 or IPv6 address (names are not looked up)",
			o->url, copy);
	memcpy(&o->address, found->ai_addr, found->ai_addrlen);
	o->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int options_url(struct load_options *o, const char *url)
{
	static const char scheme[] = "http://";
	const char *rest = url + strlen(scheme);
	size_t len;

	o->url = url;
	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return err_set("%s: an URL that begins with \"http://\" is needed", url);
	len = strcspn(rest, "/?#");
	if (authority(o, rest, len) < 0)
		return -1;
	if (!o->path)
		o->path = rest[len] ? rest + len : "/";
	return check_path(o->path);
}

enum {
	OPT_REQUESTS = 256,
	OPT_CONNECTIONS,
	OPT_NEW,
	OPT_MIXED,
	OPT_RATE,
	OPT_PATH,
	OPT_TIMEOUT,
	OPT_WAIT,
	OPT_BYTES,
	OPT_SHA256,
	OPT_SAMPLES,
	OPT_JSON,
	OPT_HELP
};

static const struct option longs[] = {
	{"requests", required_argument, NULL, OPT_REQUESTS},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"new", no_argument, NULL, OPT_NEW},
	{"mixed", no_argument, NULL, OPT_MIXED},
	{"rate", required_argument, NULL, OPT_RATE},
	{"path", required_argument, NULL, OPT_PATH},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"wait", required_argument, NULL, OPT_WAIT},
	{"expect-bytes", required_argument, NULL, OPT_BYTES},
	{"expect-sha256", required_argument, NULL, OPT_SHA256},
	{"samples", required_argument, NULL, OPT_SAMPLES},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static int take(struct load_options *o, int opt, const char *name)
{
	uint64_t n = 0;
	int ret = 0;

	switch (opt) {
	case OPT_REQUESTS:
		ret = whole(name, optarg, 1, REQUESTS_MAX, &n);
		o->requests = n;
		return ret;
	case OPT_CONNECTIONS:
		ret = whole(name, optarg, 1, CONNECTIONS_MAX, &n);
		o->connections = n;
		return ret;
	case OPT_NEW:
	case OPT_MIXED:
		if (o->mode != MODE_KEEP_ALIVE)
			return err_set("--new and --mixed: only one of them is possible");
		o->mode = opt == OPT_NEW ? MODE_NEW : MODE_MIXED;
		return 0;
	case OPT_RATE:
		return number_real(name, optarg, 0.001, 1e6, &o->rate);
	case OPT_PATH:
		o->path = optarg;
		return 0;
	case OPT_TIMEOUT:
		return number_real(name, optarg, 0.001, 86400, &o->timeout_s);
	case OPT_WAIT:
		return number_real(name, optarg, 0, 86400, &o->wait_s);
	case OPT_BYTES:
		o->check_bytes = true;
		return whole(name, optarg, 0, 1e15, &o->expect_bytes);
	case OPT_SHA256:
		o->check_sha256 = true;
		return sha256(optarg, o->expect_sha256);
	case OPT_SAMPLES:
		o->samples_path = optarg;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	default:
		o->help = true;
		return 0;
	}
}

int options_parse(struct load_options *o, int argc, char **argv)
{
	int opt, index = 0;

	*o = (struct load_options){.requests = 200, .connections = 1, .timeout_s = 5};
	opterr = 0;
	optind = 1;
	while ((opt = getopt_long(argc, argv, ":", longs, &index)) != -1) {
		if (opt == ':')
			return err_set("%s needs a value", argv[optind - 1]);
		if (opt == '?')
			return err_set("unknown option \"%s\"", argv[optind - 1]);
		if (take(o, opt, longs[index].name) < 0)
			return -1;
	}
	if (o->help)
		return 0;
	if (optind != argc - 1)
		return err_set("exactly one URL is needed");
	if (o->connections > o->requests)
		o->connections = o->requests;
	return options_url(o, argv[optind]);
}
