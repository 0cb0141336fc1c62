#!/usr/bin/env python3
"""Peers of fd_hessian: one Hessian of mean log(1 + exp(-s x'w)) by differences. See common.py.

From values by the four-point formula, 2 n^2 + 1 evaluations of a function of which nothing else is
known; from gradients by central differences. The exact Hessian is beside them: nobody should think
that differences of values are the fast way where there is a formula.
"""
import sys
import time

import common

CHUNK = 4096  # points at once: as many columns of predictors for each sample
ERROR = 1e-5  # relative to the largest entry, up to which a Hessian counts


def tiny(np):
    random = np.random.default_rng(5)
    return [{"name": "n=6", "X": random.normal(size=(100, 6)), "w": random.normal(size=6) / 6 ** 0.5,
             "s": random.choice([-1.0, 1.0], 100)}]


def judge(np, job, H):
    X = np.asarray(job["X"])
    p = 1 / (1 + np.exp(job["s"] * (X @ job["w"])))
    exact = (X * (p * (1 - p) / len(X))[:, None]).T @ X
    error = float(np.abs(np.asarray(H) - exact).max() / np.abs(exact).max())
    if not np.isfinite(error):
        error = 1e300
    return {"quality": f"largest error of an entry <= {ERROR:g} of the largest entry",
            "share_reached": float(error <= ERROR), "failed": 0, "criterion": error,
            "criterion_of": "largest error of an entry / largest entry"}


def row(run, np, job, H, times, host, **fields):
    run.row(job=job["name"], precision="float64",
            sizes={"samples": len(job["s"]), "parameters": len(job["w"])}, **times,
            seconds_host=host, **judge(np, job, H), **fields)


def stencil(np, n):
    """The four-point formula's points in units of the step: the start, 2 n on the axes, and four for
    each pair i > j. i and j are where a point differs, its steps are a and b."""
    axis = np.arange(n)
    i, j = np.tril_indices(n, -1)
    signs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    first = np.concatenate([[0], axis, axis, np.repeat(i, 4)])
    second = np.concatenate([[0], axis, axis, np.repeat(j, 4)])
    a = np.concatenate([[0], np.ones(n), -np.ones(n), np.tile(signs[:, 0], len(i))]).astype(float)
    b = np.concatenate([np.zeros(1 + 2 * n), np.tile(signs[:, 1], len(i))])
    return first, second, a, b, i, j


def combined(array, f, n, i, j, h):
    """The Hessian from the values at those points; array: a matrix of zeros, filled here."""
    array[range(n), range(n)] = (f[1:n + 1] - 2 * f[0] + f[n + 1:2 * n + 1]) / h ** 2
    four = f[2 * n + 1:].reshape(-1, 4)
    array[i, j] = (four[:, 0] - four[:, 1] - four[:, 2] + four[:, 3]) / (4 * h ** 2)
    array[j, i] = array[i, j]
    return array


def by_torch_values(run):
    torch, device = run.torch()
    import numpy as np
    h = np.finfo(float).eps ** 0.25
    plain = lambda W, X, s: torch.nn.functional.softplus(-s[:, None] * (X @ W.T)).mean(0)
    begin = time.perf_counter()
    try:
        loss, note = torch.compile(plain, dynamic=True), "torch.compile"
        some = torch.ones(3, 5, dtype=torch.float64, device=device)
        loss(some, some, some[:, 0])
    except Exception as error:  # it wants Triton and a C compiler
        loss, note = plain, f"not compiled: {type(error).__name__}"
    compiling = time.perf_counter() - begin
    for job in run.jobs(tiny):
        X, s, w = (torch.tensor(np.asarray(job[name]), device=device) for name in ("X", "s", "w"))
        n = len(w)
        first, second, a, b, i, j = (torch.tensor(part, device=device) for part in stencil(np, n))
        H = torch.zeros(n, n, dtype=X.dtype, device=device)

        def hessian():
            f = []
            for begin in range(0, len(first), CHUNK):
                part = slice(begin, begin + CHUNK)
                rows = torch.arange(len(first[part]), device=device)
                W = w.repeat(len(rows), 1)
                W[rows, first[part]] += h * a[part]
                W[rows, second[part]] += h * b[part]
                f.append(loss(W, X, s))
            return combined(H, torch.cat(f), n, i, j, h)
        found, times = run.measure_torch(torch, hessian)
        times["compile_seconds"] += compiling  # once, for all sizes
        compiling = 0

        def from_host():
            for tensor, name in ((X, "X"), (s, "s"), (w, "w")):
                tensor.copy_(torch.from_numpy(job[name]))
            return hessian().cpu().numpy()
        host = run.host_seconds(from_host)
        row(run, np, job, found.cpu().numpy(), times, host, peer="torch, from values",
            style="expert", iterations=len(first), note=f"black box; chunks of {CHUNK}; {note}")


def by_torch_gradients(run):
    torch, device = run.torch()
    import numpy as np
    h = np.finfo(float).eps ** (1 / 3)
    for job in run.jobs(tiny):
        X, s, w = (torch.tensor(np.asarray(job[name]), device=device) for name in ("X", "s", "w"))
        n = len(w)
        steps = h * torch.eye(n, dtype=X.dtype, device=device)

        def hessian():
            W = torch.cat([w + steps, w - steps])
            g = (torch.sigmoid(-s[:, None] * (X @ W.T)) * -s[:, None]).T @ X / len(s)
            H = (g[:n] - g[n:]) / (2 * h)
            return (H + H.T) / 2
        found, times = run.measure_torch(torch, hessian)

        def from_host():
            for tensor, name in ((X, "X"), (s, "s"), (w, "w")):
                tensor.copy_(torch.from_numpy(job[name]))
            return hessian().cpu().numpy()
        host = run.host_seconds(from_host)
        row(run, np, job, found.cpu().numpy(), times, host, peer="torch, from gradients",
            style="expert", iterations=2 * n, note="gradients by hand")


def jax_loss(jax):
    """Of one point, as a user writes it."""
    jnp = jax.numpy
    return lambda w, X, s: jnp.mean(jnp.logaddexp(0.0, -s * (X @ w)))


def by_jax(run, name, style, hessian_of, note, evaluations=None):
    jax = run.jax()
    import numpy as np
    for job in run.jobs(tiny):
        data = [np.ascontiguousarray(job[part]) for part in ("w", "X", "s")]
        hessian = jax.jit(hessian_of(jax, np, len(data[0])))
        on_device = list(map(jax.device_put, data))
        H, times = run.measure(lambda: jax.block_until_ready(hessian(*on_device)))
        host = run.host_seconds(lambda: np.asarray(hessian(*map(jax.device_put, data))))
        row(run, np, job, H, times, host, peer=name, style=style, note=note,
            iterations=evaluations and evaluations(len(data[0])))


def by_jax_values(run):
    def hessian_of(jax, np, n):
        jnp, loss, h = jax.numpy, jax_loss(jax), np.finfo(float).eps ** 0.25
        first, second, a, b, i, j = stencil(np, n)

        def hessian(w, X, s):
            at = lambda step: loss(w.at[step[0]].add(h * step[2]).at[step[1]].add(h * step[3]), X, s)
            f = jax.lax.map(at, tuple(map(jnp.asarray, (first, second, a, b))), batch_size=CHUNK)
            H = jnp.zeros((n, n)).at[jnp.arange(n), jnp.arange(n)].set(
                (f[1:n + 1] - 2 * f[0] + f[n + 1:2 * n + 1]) / h ** 2)
            four = f[2 * n + 1:].reshape(-1, 4)
            mixed = (four[:, 0] - four[:, 1] - four[:, 2] + four[:, 3]) / (4 * h ** 2)
            return H.at[i, j].set(mixed).at[j, i].set(mixed)
        return hessian
    by_jax(run, "JAX, from values", "expert", hessian_of, f"black box; chunks of {CHUNK}",
           lambda n: 2 * n * n + 1)


def by_jax_exact(run):
    by_jax(run, "JAX, exact (jax.hessian)", "user", lambda jax, np, n: jax.hessian(jax_loss(jax)),
           "no differences: what one would call where the formula is known")


PEERS = [("torch, from values", by_torch_values), ("JAX, from values", by_jax_values),
         ("torch, from gradients", by_torch_gradients), ("JAX, exact (jax.hessian)", by_jax_exact)]

if __name__ == "__main__":
    sys.exit(common.Run("fd_hessian").peers(PEERS))
