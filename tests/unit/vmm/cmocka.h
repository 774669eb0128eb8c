/* cmocka wants these before itself. */
#ifndef STRATA_TESTS_CMOCKA_H
#define STRATA_TESTS_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
