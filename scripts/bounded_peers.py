#!/usr/bin/env python3
"""Times SciPy's L-BFGS-B and trust-constr on the quadratics of the bench case `bounded`, and on its
logistic regression with three bounds, beside the library in one run.

    scripts/bounded_peers.py build/release/bench/cunewton_bench

The problems are made here once more, by the same random numbers (tests/bounds/problems.cpp). Needs
NumPy and SciPy (python3-scipy). One thread each.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
import scipy
from scipy.optimize import Bounds, minimize

SIZES = (1, 2, 5, 10, 30, 60, 120, 200)
SHARES = (0.0, 0.2, 0.5, 1.0)


class Uniform:
    """std::mt19937, as tests/bounds/problems.cpp uses it."""

    def __init__(self, seed):
        self.raw = np.random.RandomState(seed)._bit_generator.random_raw

    def __call__(self):
        return float(self.raw()) / 4294967296.0

    def normal(self):
        u, v = 1 - self(), self()
        return math.sqrt(-2 * math.log(u)) * math.cos(2 * math.pi * v)


def quadratic(n, active, condition, degenerate, seed):
    """A, b, start, lower, upper and solution of bounded_quadratic()."""
    random = Uniform(seed)
    A = np.diag([condition ** (j / (n - 1)) if n > 1 else 1.0 for j in range(n)])
    for _ in range(3 if n > 1 else 0):
        v = np.array([random.normal() for _ in range(n)])
        reflection = np.eye(n) - 2 / (v @ v) * np.outer(v, v)
        A = reflection @ A @ reflection
    A = (A + A.T) / 2
    x, lower, upper, multipliers, x0 = ([] for _ in range(5))
    for _ in range(n):
        centre, width = 2 * random() - 1, 0.5 + random()
        is_active, at_lower, is_open = random() < active, random() < 0.5, random() < 0.3
        multiplier = 0.0
        x.append(centre)
        if not is_active:
            lower.append(-math.inf if is_open else centre - width)
            upper.append(math.inf if random() < 0.3 else centre + width)
        else:
            lower.append(centre if at_lower else -math.inf if is_open else centre - width)
            upper.append((math.inf if is_open else centre + width) if at_lower else centre)
            none = degenerate and random() < 0.25
            size = 0.1 + random()
            if not none:
                multiplier = size if at_lower else -size
        multipliers.append(multiplier)
        x0.append(3 * random() - 1.5)
    x = np.array(x)
    return A, A @ x - np.array(multipliers), np.array(x0), np.array(lower), np.array(upper), x


def quadratics():
    """(name, problem), in the order of bounded_problems()."""
    seed = 0
    for arguments in [(n, share, 100, False) for n in SIZES for share in SHARES] + [
        (n, 0.4, condition, False) for n in (5, 20, 60) for condition in (1.0, 1e6)
    ] + [(n, 0.5, 50, True) for n in (4, 15, 50)]:
        seed += 1
        yield f"quadratic n={arguments[0]} seed={seed}", quadratic(*arguments, seed)


def logistic(samples, n, seed):
    """Features and targets of bounded_logistic()."""
    random = Uniform(seed)
    truth = [random.normal() / math.sqrt(n) for _ in range(n)]
    X, y = np.empty((samples, n)), np.empty(samples)
    for i in range(samples):
        z = 0.0
        for j in range(n):
            a = random.normal()
            X[i, j] = a
            z += 2 * a * truth[j]
        y[i] = 1.0 if random() < 1 / (1 + math.exp(-z)) else 0.0
    return X, y


def projected(x, g, lower, upper):
    # Interior methods stop next to a bound.
    held = ((x <= lower + 1e-5) & (g > 0)) | ((x >= upper - 1e-5) & (g < 0))
    return np.linalg.norm(np.where(held, 0, g))


def solve(method, f, gradient, hessian, x0, lower, upper):
    start = np.clip(x0, lower, upper)
    options = {"L-BFGS-B": {"maxiter": 15000, "maxfun": 100000, "ftol": 1e-15, "gtol": 1e-8},
               "trust-constr": {"maxiter": 3000, "gtol": 1e-8, "xtol": 1e-12}}[method]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        begin = time.perf_counter()
        result = minimize(f, start, jac=gradient, method=method, bounds=Bounds(lower, upper),
                          hess=hessian if method == "trust-constr" else None, options=options)
        return time.perf_counter() - begin, result


def digits(x, solution):
    error = np.abs(x - solution).max() / max(1.0, np.abs(solution).max())
    return min(16.0, -math.log10(error + 1e-17))


def bench(program, case):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "rows.json")
        subprocess.run([program, "--case", case, "--threads", "1", "--repeat", "3", "--backend", "cpu",
                        "--json", file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(file, encoding="utf-8") as text:
            return {row["variant"]: row for row in json.load(text)["rows"]}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="cunewton_bench of a release build")
    program = parser.parse_args(arguments).program
    print(f"SciPy {scipy.__version__}, NumPy {np.__version__}")
    rows = bench(program, "bounded")
    peers = ("L-BFGS-B", "trust-constr")
    seconds = {name: [] for name in ("cunewton", *peers)}
    exact = {name: [] for name in seconds}
    for name, (A, b, x0, lower, upper, solution) in quadratics():
        seconds["cunewton"].append(rows[name]["seconds_median"])
        exact["cunewton"].append(rows[name]["digits"])
        for peer in peers:
            time_of, result = solve(peer, lambda x: 0.5 * x @ A @ x - b @ x, lambda x: A @ x - b,
                                    lambda x: A, x0, lower, upper)
            seconds[peer].append(time_of)
            exact[peer].append(digits(result.x, solution))
    print(f"{len(exact['cunewton'])} quadratics: all of them, fewest digits, median of digits")
    for name, times in seconds.items():
        print(f"  {name:13} {1e3 * sum(times):10.2f} ms {min(exact[name]):6.1f} "
              f"{float(np.median(exact[name])):6.1f}")
    rows = bench(program, "logistic_bounds")
    X, y = logistic(20000, 51, 1)
    side = 1 - 2 * y

    def value(x):
        return np.logaddexp(0, side * (X @ x)).mean()

    def gradient(x):
        return X.T @ (1 / (1 + np.exp(-(X @ x))) - y) / len(y)

    def hessian(x):
        p = 1 / (1 + np.exp(-(X @ x)))
        return (X.T * (p * (1 - p))) @ X / len(y)

    none = np.full(51, np.inf)
    free = minimize(value, np.zeros(51), jac=gradient, method="L-BFGS-B").x
    lower, upper = -none, none.copy()
    for j in np.argsort(-np.abs(free))[:3]:
        (upper if free[j] > 0 else lower)[j] = 0
    print("logistic regression, 20,000 samples, 51 parameters, three bounds: projected gradient")
    row = rows["three bounds"]
    print(f"  {'cunewton':13} {1e3 * row['seconds_median']:10.2f} ms {row['gradient_norm']:10.1e}")
    for peer in peers:
        time_of, result = solve(peer, value, gradient, hessian, np.zeros(51), lower, upper)
        print(f"  {peer:13} {1e3 * time_of:10.2f} ms "
              f"{projected(result.x, gradient(result.x), lower, upper):10.1e}")
    row = rows["no bounds"]
    print(f"  {'no bounds':13} {1e3 * row['seconds_median']:10.2f} ms {row['gradient_norm']:10.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
