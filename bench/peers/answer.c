/* Does a web server answer? See answer.h. */
#include "bench/peers/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/netns.h"

/* A socket belongs to the namespace that it was made in. */
static int socket_in(int netns)
{
	int home = netns_of_pid(0), s = -1;

	if (home >= 0 && !setns(netns, CLONE_NEWNET)) {
		s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (setns(home, CLONE_NEWNET)) {
			close(s);
			s = -1;
		}
	}
	if (home >= 0)
		close(home);
	return s;
}

static bool ask(int s, const char *address)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n", good[] = "HTTP/1.1 200 ";
	const struct timeval patience = {.tv_usec = 500000};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
	char reply[sizeof(good) - 1];

	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return inet_pton(AF_INET, address, &to.sin_addr) == 1 &&
	       !connect(s, (struct sockaddr *)&to, sizeof(to)) &&
	       send(s, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1 &&
	       recv(s, reply, sizeof(reply), MSG_WAITALL) == sizeof(reply) &&
	       !memcmp(reply, good, sizeof(reply));
}

bool answer_once(int netns, const char *address)
{
	int s = socket_in(netns);
	bool answered = s >= 0 && ask(s, address);

	if (s >= 0)
		close(s);
	return answered;
}
