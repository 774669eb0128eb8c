/* To a collector over HTTP: see post.h. */
#include "reports/export/post.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/version.h"
#include "lib/stop.h"

#define TRIES        5
#define PAUSE_MAX_S  30
#define CONNECT_S    10L
#define REQUEST_S    60L
#define REPLY_MAX    4096 /* bytes of it that are looked at */
#define DEFAULT_PATH "/v1/traces"

struct post {
	CURL *curl;
	struct curl_slist *headers;
	char *url;
	FILE *f;
	char *text;
	size_t bytes;
	unsigned long count;
	bool nobody; /* the last try met no collector, or lost it */
	size_t reply_bytes;
	char reply[REPLY_MAX + 1];
	char why[CURL_ERROR_SIZE];
};

static size_t take_reply(char *bytes, size_t size, size_t n, void *ctx)
{
	struct post *p = ctx;
	size_t room = REPLY_MAX - p->reply_bytes, take = size * n < room ? size * n : room;

	memcpy(p->reply + p->reply_bytes, bytes, take);
	p->reply_bytes += take;
	return size * n;
}

/* Not 0 ends the transfer. */
static int interrupted(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	(void)ctx;
	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return stop_asked;
}

static char *whole_url(const char *url)
{
	CURLU *u = curl_url();
	char *path = NULL, *whole = NULL, *copy = NULL;

	if (u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
	    !curl_url_get(u, CURLUPART_PATH, &path, 0) &&
	    (strcmp(path, "/") || !curl_url_set(u, CURLUPART_PATH, DEFAULT_PATH, 0)) &&
	    !curl_url_get(u, CURLUPART_URL, &whole, 0))
		copy = strdup(whole);
	curl_free(path);
	curl_free(whole);
	curl_url_cleanup(u);
	if (!copy)
		err_set("%s: no URL that can be sent to", url);
	return copy;
}

static int prepare(struct post *p, const char *content_type)
{
	char header[128];

	snprintf(header, sizeof(header), "Content-Type: %s", content_type);
	p->headers = curl_slist_append(NULL, header);
	p->curl = curl_easy_init();
	p->f = open_memstream(&p->text, &p->bytes);
	if (!p->headers || !p->curl || !p->f)
		return err_set("out of memory for the connection");
	curl_easy_setopt(p->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(p->curl, CURLOPT_URL, p->url);
	curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(p->curl, CURLOPT_USERAGENT, "strata/" STRATA_VERSION);
	curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(p->curl, CURLOPT_ERRORBUFFER, p->why);
	curl_easy_setopt(p->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(p->curl, CURLOPT_TIMEOUT, REQUEST_S);
	curl_easy_setopt(p->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(p->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(p->curl, CURLOPT_XFERINFOFUNCTION, interrupted);
	return 0;
}

struct post *post_open(const char *url, const char *content_type)
{
	struct post *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set("out of memory for the connection");
		return NULL;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	p->url = whole_url(url);
	if (p->url && !prepare(p, content_type))
		return p;
	post_close(p);
	return NULL;
}

void post_close(struct post *p)
{
	if (!p)
		return;
	curl_easy_cleanup(p->curl);
	curl_slist_free_all(p->headers);
	curl_global_cleanup();
	if (p->f)
		fclose(p->f);
	free(p->text);
	free(p->url);
	free(p);
}

FILE *post_stream(struct post *p)
{
	return p->f;
}

unsigned long post_count(const struct post *p)
{
	return p->count;
}

/* ---- one document ---- */

static bool met_nobody(CURLcode error)
{
	return error == CURLE_COULDNT_CONNECT || error == CURLE_COULDNT_RESOLVE_HOST ||
	       error == CURLE_OPERATION_TIMEDOUT || error == CURLE_SEND_ERROR ||
	       error == CURLE_RECV_ERROR || error == CURLE_GOT_NOTHING;
}

/* The status, or 0 if there was none. */
static long try_once(struct post *p)
{
	long status = 0;
	CURLcode error;

	p->reply_bytes = 0;
	p->why[0] = '\0';
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->bytes);
	curl_easy_setopt(p->curl, CURLOPT_POSTFIELDS, p->text);
	error = curl_easy_perform(p->curl);
	p->nobody = met_nobody(error);
	if (!error)
		curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
	p->reply[p->reply_bytes] = '\0';
	return status;
}

static bool worth_another(const struct post *p, long status)
{
	return p->nobody || status == 429 || (status >= 502 && status <= 504);
}

/* An error's words are the collector's, and hostile to a terminal. */
static const char *printable(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	return text;
}

/* What was taken only in part. */
static int check_partial(struct post *p)
{
	json_t *reply = json_loadb(p->reply, p->reply_bytes, 0, NULL);
	json_t *partial = json_object_get(reply, "partialSuccess");
	json_t *rejected = json_object_get(partial, "rejectedSpans");
	long long n = json_is_string(rejected) ? atoll(json_string_value(rejected))
					       : json_integer_value(rejected);
	const char *message = json_string_value(json_object_get(partial, "errorMessage"));
	int result = 0;

	if (n > 0) {
		char text[256];

		snprintf(text, sizeof(text), "%s", message ? message : "it does not say why");
		result = err_set("%s: the collector rejected %lld spans: %s", p->url, n,
				 printable(text));
	}
	json_decref(reply);
	return result;
}

static int failure(struct post *p, long status)
{
	if (stop_asked)
		return stop_check();
	if (!status)
		return err_set("%s: %s", p->url,
			       p->why[0] ? p->why : "the collector did not answer");
	p->reply[200] = '\0';
	return err_set("%s: the collector answered %ld: %s", p->url, status,
		       printable(p->reply));
}

static void pause_before(const struct post *p, unsigned int try)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(p->curl, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds <= 0)
		seconds = 1 << try;
	if (seconds > PAUSE_MAX_S)
		seconds = PAUSE_MAX_S;
	progress("%s: no answer that helps; once more in %d s", p->url, (int)seconds);
	sleep((unsigned int)seconds); /* a signal ends it */
}

int post_send(void *ctx)
{
	struct post *p = ctx;
	long status;

	if (fflush(p->f))
		return err_errno("out of memory for a document");
	if (!p->bytes)
		return stop_check();
	status = try_once(p);
	for (unsigned int try = 0; worth_another(p, status) && try + 1 < TRIES && !stop_asked;
	     try++) {
		pause_before(p, try);
		status = try_once(p);
	}
	if (status < 200 || status >= 300)
		return failure(p, status);
	p->count++;
	rewind(p->f);
	return check_partial(p) || stop_check() ? -1 : 0;
}
