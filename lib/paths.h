/* Where strata's own things lie, found from where the running program lies. */
#ifndef STRATA_LIB_PATHS_H
#define STRATA_LIB_PATHS_H

#include <stddef.h>

/* Path of strata's program of that name ("strata-vmm"), beside the running one. -1 with a
 * sentence if it is not there. */
int path_program(char *path, size_t bytes, const char *name);

/* Path of something under build/ ("guest/vmlinux"). -1 with a sentence that names the make
 * target if it is not there. */
int path_built(char *path, size_t bytes, const char *relative, const char *make_target);

/* Path of something in the project's folder, above build/. -1 with a sentence if it is not
 * there. */
int path_project(char *path, size_t bytes, const char *relative);

/* Create a folder and its parents. -1 with a sentence. */
int path_make_folder(const char *path);

#endif
