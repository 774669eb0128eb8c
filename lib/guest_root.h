/*
 * The guest image's tree, in which its nginx runs on this kernel, too: the same program and the
 * same configuration with and without a VM.
 */
#ifndef STRATA_LIB_GUEST_ROOT_H
#define STRATA_LIB_GUEST_ROOT_H

#include <limits.h>
#include <stdbool.h>

/*
 * Its path, to change root to. The first time (*ready is false) a tmpfs and the host's devices
 * are mounted in it: be in a mount namespace of your own, with which they vanish. -1 with a
 * sentence.
 */
int guest_root(char root[PATH_MAX], bool *ready);

#endif
