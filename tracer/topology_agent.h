/* The way to the agent in anyone's VM: what there is between its VMM and us. */
#ifndef STRATA_TRACER_TOPOLOGY_AGENT_H
#define STRATA_TRACER_TOPOLOGY_AGENT_H

#include "tracer/topology.h"

/*
 * Fills vm->agent with the address of its agent (tracer/channel.h), of vm->pid's VM:
 *
 *   memory     a file that the VMM maps and in which an agent has laid out its ring
 *   a socket   behind a virtio-serial port that is called strata.agent, as the command line of
 *              QEMU has it, libvirt's way or by hand
 *   a vsock    whose guest's context id the command line tells, if the agent answers there
 *
 * It stays "" if there is none.
 */
void topology_find_agent(struct topology_vm *vm);

/* The value of a key in a word of QEMU's command line, "a,key=value" or {"key":"value"}. */
bool word_value(const char *word, const char *key, char *value, size_t bytes);

/* The path that the Unix socket of that descriptor is bound to. */
bool socket_path(pid_t pid, int fd, char *path, size_t bytes);

#endif
