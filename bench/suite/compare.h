/* strata bench compare: are two results different, and is it certain? */
#ifndef STRATA_BENCH_SUITE_COMPARE_H
#define STRATA_BENCH_SUITE_COMPARE_H

/* "compare" and its arguments. The exit code: 1 if anything is worse, or could not be read. */
int compare_main(int argc, char **argv);

#endif
