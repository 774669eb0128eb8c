/* The command line of strata-load. */
#include "bench/load/options.h"

#include <ctype.h>
#include <getopt.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/options.h"

static const char help[] =
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
	"  --json               print one JSON document, schema strata.load/1\n"
	"  --help               this text\n";

const char *mode_name(enum load_mode m)
{
	static const char *const names[] = {
		[MODE_KEEP_ALIVE] = "keep-alive",
		[MODE_NEW] = "new",
		[MODE_MIXED] = "mixed",
	};

	return names[m];
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

static int take_mode(void *into, const char *name, char *text)
{
	struct load_options *o = into;

	(void)text;
	if (o->mode != MODE_KEEP_ALIVE)
		return err_set("--new and --mixed: only one of them is possible");
	o->mode = strcmp(name, "new") ? MODE_MIXED : MODE_NEW;
	return 0;
}

static int take_sha256(void *into, const char *name, char *text)
{
	struct load_options *o = into;

	(void)name;
	o->check_sha256 = true;
	return sha256(text, o->expect_sha256);
}

#define AT(field) offsetof(struct load_options, field)
enum { EXPECT_BYTES };
static const struct option_row rows[] = {
	[EXPECT_BYTES] = OPTION(NUMBER, "expect-bytes", AT(expect_bytes), 0, 1000000000000000),
	OPTION(UNSIGNED, "requests", AT(requests), 1, REQUESTS_MAX),
	OPTION(UNSIGNED, "connections", AT(connections), 1, CONNECTIONS_MAX),
	OPTION(DO, "new", .take = take_mode),
	OPTION(DO, "mixed", .take = take_mode),
	OPTION(REAL, "rate", AT(rate), .low = 0.001, .high = 1e6),
	OPTION(TEXT, "path", AT(path)),
	OPTION(REAL, "timeout", AT(timeout_s), .low = 0.001, .high = 86400),
	OPTION(REAL, "wait", AT(wait_s), .low = 0, .high = 86400),
	OPTION(TAKE, "expect-sha256", .take = take_sha256),
	OPTION(TEXT, "samples", AT(samples_path)),
	OPTION(SET, "json", AT(json)),
	OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

int options_parse(struct load_options *o, int argc, char **argv)
{
	uint64_t given = 0;
	int result;

	*o = (struct load_options){.requests = 200, .connections = 1, .timeout_s = 5};
	result = options_read(&table, o, argc, argv, &given);
	if (result)
		return result;
	o->check_bytes = given & 1u << EXPECT_BYTES;
	if (optind != argc - 1)
		return err_set("exactly one URL is needed");
	if (o->connections > o->requests)
		o->connections = o->requests;
	return options_url(o, argv[optind]);
}
