#!/usr/bin/python3
"""Values that lib/statistics.c is tested against, computed by NumPy and SciPy.

    apt-get install python3-scipy
    tests/unit/lib/statistics_reference.py >tests/unit/lib/statistics_reference.h

Samples are log-normal, as latencies are; some are rounded, so that there are ties.
"""
import random

import numpy as np
import scipy
from scipy import stats

draw = random.Random(20240229)


def sample(n, scale, spread, digits):
    return [round(scale * draw.lognormvariate(0, spread), digits) for _ in range(n)]


def one(v):
    q1, q3 = np.quantile(v, [0.25, 0.75])
    far = 3 * (q3 - q1)
    ci = stats.bootstrap((v,), np.median, method="percentile", n_resamples=99999, vectorized=True,
                         random_state=1).confidence_interval
    return dict(median=np.median(v), q1=q1, q90=np.quantile(v, 0.9), low=ci.low, high=ci.high,
                outliers=sum(1 for x in v if x < q1 - far or x > q3 + far))


def two(a, b):
    rank = stats.rankdata(a + b)
    expected = len(a) * (len(a) + len(b) + 1) / 2
    exact = stats.permutation_test((rank[:len(a)], rank[len(a):]),
                                   lambda x, y, axis: abs(np.sum(x, axis=axis) - expected), vectorized=True,
                                   alternative="greater", n_resamples=200000, random_state=1)
    ratio = stats.bootstrap((a, b), lambda x, y, axis: np.median(x, axis=axis) / np.median(y, axis=axis),
                            method="percentile", n_resamples=99999, vectorized=True,
                            random_state=1).confidence_interval
    return dict(p=exact.pvalue, low=ratio.low, high=ratio.high)


def paired(d):
    return stats.permutation_test((d,), lambda x, axis: abs(np.mean(x, axis=axis)), vectorized=True,
                                  permutation_type="samples", alternative="greater", n_resamples=200000,
                                  random_state=1).pvalue


def row(v):
    return "{" + ", ".join(repr(float(x)) for x in v) + "}"


print(f"/* Made by statistics_reference.py with NumPy {np.__version__}, SciPy {scipy.__version__}. */")
print("/* clang-format off */")
print("static const struct {\n\tsize_t n;\n\tdouble v[40], median, q1, q90, low, high;\n"
      "\tsize_t outliers;\n} reference_one[] = {")
for v in (sample(5, 10, 0.3, 3), sample(10, 700, 0.05, 2), sample(20, 700, 0.2, 1),
          sample(15, 5, 0.1, 1) + [40.0, 0.1], sample(40, 1200, 0.5, 0)):
    o = one(v)
    print(f"\t{{{len(v)}, {row(v)},\n\t {o['median']!r}, {o['q1']!r}, {o['q90']!r}, {o['low']!r}, "
          f"{o['high']!r}, {o['outliers']}}},")
print("};\n\nstatic const struct {\n\tsize_t na, nb;\n\tdouble a[40], b[40], p, low, high;\n} reference_two[] = {")
for a, b in ((sample(5, 10, 0.2, 2), sample(5, 13, 0.2, 2)), (sample(8, 10, 0.2, 2), sample(8, 10, 0.2, 2)),
             (sample(6, 5, 0.2, 0), sample(7, 6, 0.2, 0)), (sample(4, 5, 0.1, 1), sample(9, 7, 0.1, 1)),
             (sample(10, 100, 0.1, 1), sample(10, 108, 0.1, 1)), (sample(20, 100, 0.1, 1), sample(20, 105, 0.1, 1)),
             (sample(40, 100, 0.3, 0), sample(30, 100, 0.3, 0))):
    o = two(a, b)
    print(f"\t{{{len(a)}, {len(b)}, {row(a)},\n\t {row(b)},\n\t {o['p']!r}, {o['low']!r}, {o['high']!r}}},")
print("};\n\nstatic const struct {\n\tsize_t n;\n\tdouble v[40], p;\n} reference_paired[] = {")
for d in ([round(draw.gauss(0.5, 1), 2) for _ in range(8)], [round(draw.gauss(0, 1), 2) for _ in range(12)],
          [round(draw.gauss(0.3, 1), 2) for _ in range(30)]):
    print(f"\t{{{len(d)}, {row(d)}, {paired(d)!r}}},")
print("};\n/* clang-format on */")
