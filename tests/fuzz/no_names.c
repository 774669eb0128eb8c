/* libpcap looks words up that could be names; a fuzzer asks nobody. */
#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **result)
{
	(void)node;
	(void)service;
	(void)hints;
	*result = NULL;
	return EAI_NONAME;
}

struct netent *getnetbyname(const char *name)
{
	(void)name;
	return NULL;
}
