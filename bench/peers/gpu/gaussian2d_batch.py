#!/usr/bin/env python3
"""Peers of gaussian2d_batch: fits of a peak to images of 15 x 15 pixels. See common.py."""
import sys

import common
import jax_fits

# Relative change of the sum of squares at which a fit stops.
RULES = {"1e-4": {"float32": 1e-4, "float64": 1e-4}, "tight": {"float32": 1e-7, "float64": 1e-12}}
JUDGED = 20000  # fits, as in the benchmark
EXCESS = 1e-6   # of the sum of squares over its minimum


def tiny(np):
    size, count = 15, 200
    random = np.random.default_rng(1)
    near = lambda middle: middle * random.uniform(0.9, 1.1, (count, 5))
    truth = near(np.array([500.0, 7, 7, 3, 10]))
    return [{"name": "15x15", "size": size, "truth": truth, "start": near(truth),
             "counts": random.poisson(model(np, truth, size)[0]).astype(float)}]


def model(np, p, size):
    """Values and derivatives of fits in double: the judge's own."""
    at = np.arange(size * size)
    a, cx, cy, w, b = (p[:, j, None] for j in range(5))
    dx, dy = at % size - cx, at // size - cy
    squared = dx * dx + dy * dy
    shape = np.exp(-squared / (2 * w * w))
    slope = a * shape / (w * w)
    return a * shape + b, (shape, slope * dx, slope * dy, slope * squared / w, np.ones_like(shape))


def sums_of_squares(np, p, job):
    return ((model(np, p, job["size"])[0] - job["y"][:len(p)]) ** 2).sum(1)


def least_sums(np, job, count):
    """The minima, by Gauss-Newton steps from the truth until they are lost in rounding."""
    p, y = np.array(job["truth"][:count], float), job["y"][:count]
    last = np.full(count, np.inf)
    moving = np.arange(count)
    for _ in range(100):
        value, J = model(np, p[moving], job["size"])
        J = np.stack(J, 2)
        g = np.einsum("fij,fi->fj", J, value - y[moving])
        d = np.linalg.solve(J.transpose(0, 2, 1) @ J, g[:, :, None])[:, :, 0]
        p[moving] -= d
        length = np.abs(d / p[moving]).max(1)
        ended = (length < 1e-10) & (length >= last[moving])
        last[moving] = length
        moving = moving[~ended]
        if not len(moving):
            break
    return sums_of_squares(np, p, job)


def judge_of(np, job):
    least = least_sums(np, job, min(JUDGED, len(job["y"])))

    def judge(p):
        p = p[:len(least)]
        with np.errstate(all="ignore"):
            excess = sums_of_squares(np, p, job) / least[:len(p)] - 1
        excess = np.where(np.isfinite(excess), excess, 1e300)
        return {"quality": f"excess of the sum of squares <= {EXCESS:g}",
                "share_reached": float((excess <= EXCESS).mean()),
                "criterion": float(excess.max()), "criterion_of": "largest relative excess"}
    return judge


def load(run):
    import numpy as np
    job, = run.jobs(tiny)
    job["y"] = np.asarray(job["counts"])
    return job, judge_of(np, job)


def by_hand(run):
    jax = run.jax()
    jnp = jax.numpy
    job, judge = load(run)
    size = job["size"]

    def residuals_and_columns(p, y):
        at = jnp.arange(size * size)
        x, z = ((part).astype(y.dtype)[None, :] for part in (at % size, at // size))
        a, cx, cy, w, b = (pj[:, None] for pj in p)
        inverse = 1 / w
        dx, dy = x - cx, z - cy
        squared = dx * dx + dy * dy
        shape = jnp.exp(squared * (-0.5 * inverse * inverse))
        slope = a * shape * (inverse * inverse)
        return a * shape + b - y, (shape, slope * dx, slope * dy, slope * squared * inverse,
                                   jnp.ones_like(shape))
    jax_fits.run_by_hand(run, jax, jax_fits.sums_of(jnp, residuals_and_columns), 5, job, RULES,
                         (50, 200) if run.tiny else (20000, 100000), judge)


def by_optimistix(run):
    jax = run.jax()
    jnp = jax.numpy
    job, judge = load(run)
    size = job["size"]

    def residual(p, y):
        at = jnp.arange(size * size)
        dx, dy = at % size - p[1], at // size - p[2]
        return p[0] * jnp.exp(-(dx * dx + dy * dy) / (2 * p[3] ** 2)) + p[4] - y
    jax_fits.run_optimistix(run, jax, residual, 5, job, RULES, 20000, judge)


def by_picasso(run):
    """Gpufit's algorithm and models in numba-cuda: a thread fits a spot in one launch."""
    import types

    import numpy as np
    # Its package imports what its windows and sounds need, which no fit does.
    for name in ("picasso.lib", "picasso.io", "playsound3"):
        sys.modules.setdefault(name, types.ModuleType(name))
    import picasso
    from numba import cuda
    picasso.lib = sys.modules["picasso.lib"]
    from picasso.fitting import gaussfit_cuda as gaussfit
    name = "cpu" if run.cpu else cuda.get_current_device().name
    run.know(picasso, name.decode() if isinstance(name, bytes) else name)
    job, judge = load(run)
    count = 8 if run.cpu else len(job["y"])  # on the processor a simulator runs it
    spots = np.ascontiguousarray(job["y"][:count], np.float32).reshape(count, job["size"], job["size"])
    start = np.ascontiguousarray(job["start"][:count])
    most = 50
    device = [cuda.to_device(a) for a in (
        spots.reshape(count, 1, job["size"], job["size"]), np.zeros((1, 1, 1, 1), np.float32),
        np.zeros((1, 1, 1, 4, 4)), np.zeros((1, 4)), np.zeros((count, 1, 2)), start, np.zeros(1))]
    out = [cuda.device_array(shape, type) for shape, type in (
        ((count, 5), np.float64), (count, np.float64), (count, np.int32), (count, np.int32))]
    threads = gaussfit.CUDA_THREADS
    for precision in ("float32", "float64"):
        kernel = gaussfit._get_kernel(gaussfit.SPHERICAL, precision == "float32")
        for rule, tolerances in RULES.items():
            tolerance = tolerances[precision]

            def launch():
                y, variance, coefficients, jacobian, residual, p, seeds = device
                kernel[(count + threads - 1) // threads, threads](
                    y, variance, False, coefficients, jacobian, residual, p, seeds, False, False,
                    tolerance, most, *out)
                cuda.synchronize()
            _, times = run.measure(launch)
            p, _, states, steps = (a.copy_to_host() for a in out)
            host = run.host_seconds(lambda: gaussfit.fit_spots(
                gaussfit.SPHERICAL, spots, start, tolerance=tolerance, max_iterations=most,
                single_precision=precision == "float32"))
            run.row(job=f"{job['name']}, {rule}", peer="picasso (Gpufit in numba-cuda)",
                    style="expert", precision=precision,
                    sizes={"problems": count, "points": spots[0].size, "parameters": 5}, **times,
                    seconds_host=host, iterations=float(steps.mean()),
                    failed=int((states != 0).sum()), **judge(p),
                    note="data in float32, sums in float64 at either precision")


PEERS = [("JAX, by hand in batches", by_hand), ("picasso", by_picasso),
         ("optimistix", by_optimistix)]

if __name__ == "__main__":
    sys.exit(common.Run("gaussian2d_batch").peers(PEERS))
