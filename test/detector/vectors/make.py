"""
Makes the vectors of test/detector/vectors with mpmath at 60 digits:

    pip install mpmath==1.4.1 gmpy2      (gmpy2 only makes it faster; about a minute with it)
    python3 make.py

Inputs are doubles and are taken as exact; each expected value is rounded once, to the nearest double. The methods differ
from those under test: tails of counts are sums of their mass function, the incomplete beta function is its power series
with positive terms (or, where that is slow, the continued fraction DLMF 8.17.22 evaluated backwards), the Cauchy
combination and the evidence are their textbook formulas. Some values are checked against mpmath's own functions below.
"""

import json
import math
import os
import platform
import random

import mpmath as mp

mp.mp.dps = 60
LN_P_MIN = -690
HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, columns, points):
    made = f"mpmath {mp.__version__}, {mp.mp.dps} digits, Python {platform.python_version()}, make.py"
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        file.write('{"made":%s,"columns":%s,"points":[\n' % (json.dumps(made), json.dumps(columns)))
        file.write(",\n".join(json.dumps(point, separators=(",", ":")) for point in points))
        file.write("\n]}\n")
    print(name, len(points), flush=True)


# --- gamma ---------------------------------------------------------------------------------------------------------


def stirling_error(z):
    return mp.loggamma(z) - ((z - mp.mpf(1) / 2) * mp.log(z) - z + mp.log(2 * mp.pi) / 2)


def make_gamma():
    zs = [1e-3, 1e-2, 0.1, 0.25, 0.5, 0.9, 1.0, 1.2, 1.5, 2.0, 2.5, 3.7, 5.0, 6.9, 6.999999, 7.0, 7.1, 8.5, 10.0, 14.2]
    zs += [20.0, 33.3, 100.0, 512.25, 1e3, 12345.678, 1e5, 1e6, 1e8, 1e12]
    write("gamma", ["z", "lnGamma", "stirlingError"],
          [[z, float(mp.loggamma(mp.mpf(z))), float(stirling_error(mp.mpf(z)))] for z in zs])


def make_gamma_ratio():
    points = []
    for z in [1.0, 2.0, 5.5, 9.0, 11.0, 100.0, 4097.0, 1e6, 1e9]:
        for w in [-0.999, -0.5, 1e-3, 0.3, 1.0, 7.25, 49.0, 1e3]:
            value = mp.loggamma(mp.mpf(z) + mp.mpf(w)) - mp.loggamma(mp.mpf(z))
            points.append([z, w, float(value)])
    write("gamma-ratio", ["z", "w", "lnGammaRatio"], points)


def ln_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def make_beta():
    grid = [1e-3, 0.04, 0.5, 1.0, 2.5, 9.5, 60.0, 1e3, 3e4, 1e6]
    write("beta", ["a", "b", "lnBeta"],
          [[a, b, float(ln_beta(mp.mpf(a), mp.mpf(b)))] for a in grid for b in grid if a <= b])


# --- incomplete beta -----------------------------------------------------------------------------------------------


def ln_kernel(x, y, a, b):
    return a * mp.log(x) + b * mp.log(y) - ln_beta(a, b)


def series(x, y, a, b, terms):
    """x^a y^b/(a B(a, b)) * 2F1(a + b, 1; a + 1; x), DLMF 8.17.8; None when it takes more than `terms` terms."""
    term = total = mp.mpf(1)
    for n in range(terms):
        growth = (a + b + n) / (a + 1 + n) * x
        term *= growth
        total += term
        if growth < 1 and term < total * mp.mpf(10) ** -58:
            return ln_kernel(x, y, a, b) - mp.log(a) + mp.log(total)
    return None


def fraction(x, y, a, b):
    depth, previous = 64, None
    while True:
        f = mp.mpf(0)
        for m in range(depth, 0, -1):
            even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            f = even / (1 + odd / (1 + f))
        f = 1 / (1 - (a + b) * x / (a + 1) / (1 + f))
        if previous is not None and abs(f / previous - 1) < mp.mpf(10) ** -35:
            return ln_kernel(x, y, a, b) - mp.log(a) + mp.log(f)
        previous, depth = f, depth * 2


def ln_lower(x, y, a, b):
    value = series(x, y, a, b, 3000)
    return fraction(x, y, a, b) if value is None else value


def ln_complement(ln_q):
    return mp.log1p(-mp.exp(ln_q)) if ln_q < -1 else mp.log(-mp.expm1(ln_q))


def ln_incomplete_beta(x, y, a, b):
    if x <= (a + 1) / (a + b + 2):
        return ln_lower(x, y, a, b)
    return ln_complement(ln_lower(y, x, b, a))


def make_incomplete_beta():
    points = []

    def add(x, y, a, b):
        # One of x and y is a double taken as exact, the other is its complement.
        exact_x, exact_y = (mp.mpf(x), 1 - mp.mpf(x)) if y is None else (1 - mp.mpf(y), mp.mpf(y))
        a_, b_ = mp.mpf(a), mp.mpf(b)
        if not 0 < exact_x < 1 or ln_kernel(exact_x, exact_y, a_, b_) < -715:
            return
        value = ln_incomplete_beta(exact_x, exact_y, a_, b_)
        if LN_P_MIN <= value <= mp.mpf("-1e-250"):
            points.append([x if y is None else None, y, a, b, float(value)])

    grid = [1e-3, 0.1, 1.0, 3.7, 20.0, 1234.5, 1e6]
    for a in grid:
        for b in grid:
            mean = (a + 1) / (a + b + 2)
            sd = math.sqrt(mean * (1 - mean) / (a + b + 3))
            for x in [mean * 1e-6, mean * 0.3, mean - 30 * sd, mean - 8 * sd, mean - sd / 4, mean + sd / 4, mean + 8 * sd]:
                add(x, None, a, b)
            add(None, (1 - mean) * 1e-3, a, b)
    # x given by its complement alone, as for a count far below a huge mean, and down to the floor of ln p.
    for y, a, b in [(1e-18, 5.0, 0.3), (1e-12, 1e6, 0.05), (3e-7, 1e6, 2.0), (1e-9, 1e3, 1e-3)]:
        add(None, y, a, b)
    for x, a, b in [(1e-300, 1.0, 2.0), (1e-150, 2.0, 0.7), (1e-3, 100.0, 3.0), (0.5, 990.0, 8.0), (0.9, 6550.0, 1.0)]:
        add(x, None, a, b)
    for x, a, b in [(0.3, 2.5, 4.0), (0.9, 0.5, 3.0), (0.01, 7.0, 7.0)]:
        own = mp.log(mp.betainc(a, b, 0, mp.mpf(x), regularized=True))
        assert abs(ln_incomplete_beta(mp.mpf(x), 1 - mp.mpf(x), mp.mpf(a), mp.mpf(b)) - own) < mp.mpf(10) ** -45
    write("incomplete-beta", ["x", "y", "a", "b", "lnI"], points)


# --- negative binomial ---------------------------------------------------------------------------------------------


def nb_ln_pmf(x, mu, r):
    q = mu / (mu + r)
    return mp.loggamma(x + r) - mp.loggamma(x + 1) - mp.loggamma(r) + x * mp.log(q) + r * mp.log(r / (mu + r))


def nb_ln_tail(x, mu, r):
    q = mu / (mu + r)
    if x > mu and (1 - q) * 20000 > 60:
        term = total = mp.mpf(1)
        i = x
        while term > total * mp.mpf(10) ** -58:
            term *= (i + r) / (i + 1) * q
            i += 1
            total += term
        return nb_ln_pmf(x, mu, r) + mp.log(total)
    term = mp.exp(nb_ln_pmf(0, mu, r))
    total = mp.mpf(0)
    for i in range(x):
        total += term
        term *= (i + r) / (i + 1) * q
    return mp.log1p(-total)


def make_negative_binomial():
    random.seed(20)
    points = []
    cases = []
    for mu in [1e-6, 0.01, 0.7, 5.0, 60.0, 1e3, 2e4]:
        for r in [0.01, 0.4, 1.5, 12.0, 900.0, 1e6]:
            sd = math.sqrt(mu + mu * mu / r)
            for x in {1, 2, 3, math.ceil(mu), math.ceil(mu + 3 * sd), math.ceil(mu + 10 * sd), math.ceil(mu + 25 * sd)}:
                cases.append((x, mu, r))
    for x, mu, r in random.sample(sorted(c for c in cases if c[0] <= 60000), 170):
        mu_, r_ = mp.mpf(mu), mp.mpf(r)
        tail = nb_ln_tail(x, mu_, r_)
        active = mp.log(-mp.expm1(-r_ * mp.log1p(mu_ / r_)))
        if tail >= LN_P_MIN:
            points.append([x, mu, r, float(tail), float(tail - active), float(nb_ln_pmf(x, mu_, r_))])
    write("negative-binomial", ["x", "mu", "r", "lnTail", "lnTailActive", "lnPmf"], points)


# --- Beta-Binomial -------------------------------------------------------------------------------------------------


def bb_pmf(k, n, a, b):
    choose = mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1)
    return mp.exp(choose + ln_beta(k + a, n - k + b) - ln_beta(a, b))


def bb_ln_tail(k, n, a, b):
    """Sums the shorter side, from its end towards k, so that no term is left out."""
    if n - k <= k:
        term = total = bb_pmf(n, n, a, b)
        for i in range(n, k, -1):
            term = term * i * (n - i + b) / ((n - i + 1) * (i - 1 + a))
            total += term
        return mp.log(total)
    term, total = bb_pmf(0, n, a, b), mp.mpf(0)
    for i in range(k):
        total += term
        term = term * (n - i) * (i + a) / ((i + 1) * (n - i - 1 + b))
    assert 1 - total > mp.mpf(10) ** -40
    return mp.log1p(-total)


def bb_cases(sizes, strengths, means, deviations):
    for n in sizes:
        for strength in strengths:
            for mean in means:
                a, b = strength * mean, strength * (1 - mean)
                sd = math.sqrt(mean * (1 - mean) * (strength + n) / (n * (strength + 1)))
                for z in deviations:
                    k = math.ceil(n * (mean + z * sd))
                    if 1 <= k <= n:
                        yield k, n, a, b


def make_beta_binomial():
    random.seed(21)
    small = sorted(set(bb_cases([1, 8, 37, 200, 1000], [0.5, 4.0, 50.0], [1e-3, 0.05, 0.5, 0.97], [-1, 0.1, 2, 5, 9])))
    large = sorted(set(bb_cases([5000, 40000], [0.5, 4.0, 50.0], [1e-4, 0.02, 0.5, 0.97], [-1, 0.1, 2, 5])))
    huge = sorted(set(bb_cases([1000000], [2.0, 50.0], [1e-3, 0.5], [0.5, 3])))
    points = []
    for k, n, a, b in random.sample(small, 90) + random.sample(large, 36) + huge:
        a_, b_ = mp.mpf(a), mp.mpf(b)
        points.append([k, n, a, b, float(bb_ln_tail(k, n, a_, b_)), float(mp.log(bb_pmf(k, n, a_, b_)))])
    write("beta-binomial", ["k", "n", "alpha", "beta", "lnTail", "lnPmf"], points)


# --- combination and evidence --------------------------------------------------------------------------------------


def make_cauchy():
    random.seed(22)
    sets = [[v] for v in [-690.0, -500.0, -100.0, -18.5, -18.420680743952367, -18.3, -2.0, -1.4, -1.38, -0.7, -0.5, -0.02]]
    sets += [[-690.0] * 8, [-690.0, -0.011], [-20.0, -0.011, -0.011], [-0.011] * 5, [-3.0, -3.0, -3.0], [-0.6931, -0.6932]]
    for _ in range(30):
        sets.append([-math.exp(random.uniform(math.log(0.011), math.log(690))) for _ in range(random.randint(2, 8))])
    points = []
    for ln_ps in sets:
        # 1/2 - p and 1/2 - atan(T)/pi need as many digits as the tail has.
        with mp.workdps(700):
            total = sum(mp.tan((mp.mpf(1) / 2 - min(mp.exp(mp.mpf(v)), mp.mpf(0.99))) * mp.pi) for v in ln_ps)
            ln_combined = mp.log(mp.mpf(1) / 2 - mp.atan(total / len(ln_ps)) / mp.pi)
        points.append([ln_ps, float(ln_combined)])
    write("cauchy", ["lnPs", "lnCombined"], points)


def make_evidence():
    values = [-1e-12, -1e-8, -1e-5, -1e-3, -0.01, -0.1, -0.5, -0.99, -1.0, -1.01, -1.5, -1.79, -1.7932821, -1.8, -2.0]
    values += [-3.0, -4.605170185988091, -7.0, -9.210340371976182, -13.815510557964274, -20.0, -37.0, -100.0, -333.0, -690.0]
    points = []
    for v in values:
        ln_p = mp.mpf(v)
        p = mp.exp(ln_p)
        points.append([v, float(mp.log(1 - p + p * ln_p) - ln_p - 2 * mp.log(abs(ln_p)))])
    write("evidence", ["lnP", "lnEvidence"], points)


make_gamma()
make_gamma_ratio()
make_beta()
make_incomplete_beta()
make_negative_binomial()
make_beta_binomial()
make_cauchy()
make_evidence()
