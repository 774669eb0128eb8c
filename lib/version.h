/* The one place that knows which version of strata this is. */
#ifndef STRATA_LIB_VERSION_H
#define STRATA_LIB_VERSION_H

#define STRATA_VERSION "0.1.0"

#endif
