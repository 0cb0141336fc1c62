#!/usr/bin/env python3
"""Peers of rosenbrock_batch: the extended Rosenbrock function from many starts. See common.py."""
import sys

import common

TOLERANCE = 1e-6  # of the gradient's largest entry
MOST = 300        # trial points
WRITTEN_OUT = 8   # parameters up to which Cholesky's factorisation is written out


def tiny(np):
    random = np.random.default_rng(2)
    return [{"name": f"n={n}", "start": random.uniform(-2, 2, (200, n))} for n in (2, 4, 8, 16)]


def judge(np, x):
    """As the benchmark: the gradient of a rounded answer may be a little above the tolerance."""
    a, u, v = x[:, ::2], x[:, 1::2] - x[:, ::2] ** 2, 1 - x[:, ::2]
    with np.errstate(all="ignore"):
        g = np.maximum(np.abs(-400 * a * u - 2 * v), np.abs(200 * u)).max(1)
        f = (100 * u * u + v * v).sum(1)
    g = np.where(np.isfinite(g), g, 1e300)
    return {"quality": f"largest entry of the gradient <= {2 * TOLERANCE:g}",
            "share_reached": float((g <= 2 * TOLERANCE).mean()),
            "criterion": float(g.max()), "criterion_of": "largest entry of a gradient"}, \
        f"f <= 1e-10 in {(f <= 1e-10).mean():.6g} of the problems"


def function(square_sum):
    """f of one point, as a user writes it; square_sum sums the squares of an array."""
    return lambda x: 100 * square_sum(x[1::2] - x[::2] ** 2) + square_sum(1 - x[::2])


def row(run, np, job, x, times, host, steps, finished, **fields):
    found, note = judge(np, np.asarray(x, np.float64))
    fields["note"] = "; ".join(filter(None, (fields.get("note"), note)))
    run.row(job=job["name"], precision="float64",
            sizes={"problems": len(x), "parameters": x.shape[1]}, **times, seconds_host=host,
            iterations=float(np.mean(steps)), failed=int(np.sum(~np.asarray(finished))), **found,
            **fields)


def newton(jax, n):
    """Newton's method with Levenberg's shift, for all problems at once, Hessians by jax.hessian."""
    jnp, lax = jax.numpy, jax.lax
    f = function(lambda r: jnp.sum(r * r))

    def all_of(x):
        return (jax.vmap(f)(x), jax.vmap(jax.grad(f))(x), jax.vmap(jax.hessian(f))(x))

    def step(H, g, shift):
        """(H + shift I)^-1 g; NaN where that is not positive definite."""
        if n > WRITTEN_OUT:  # by cuSOLVER and cuBLAS
            L = lax.linalg.cholesky(H + shift[:, None, None] * jnp.eye(n), symmetrize_input=False)
            d = lax.linalg.triangular_solve(L, g[:, :, None], left_side=True, lower=True)
            return lax.linalg.triangular_solve(L, d, left_side=True, lower=True,
                                               transpose_a=True)[:, :, 0]
        L, d = {}, [g[:, j] for j in range(n)]
        for j in range(n):
            L[j, j] = 1 / jnp.sqrt(H[:, j, j] + shift - sum(L[j, k] ** 2 for k in range(j)))
            for i in range(j + 1, n):
                L[i, j] = (H[:, i, j] - sum(L[i, k] * L[j, k] for k in range(j))) * L[j, j]
            d[j] = (d[j] - sum(L[j, k] * d[k] for k in range(j))) * L[j, j]
        for j in reversed(range(n)):
            d[j] = (d[j] - sum(L[k, j] * d[k] for k in range(j + 1, n))) * L[j, j]
        return jnp.stack(d, 1)

    def body(state):
        k, x, f, g, H, shift, done, steps = state
        d = step(H, g, shift)
        trial = x - d
        f1, g1, H1 = all_of(trial)
        promised = 0.5 * jnp.sum(d * g, 1) + 0.5 * shift * jnp.sum(d * d, 1)
        ratio = (f - f1) / promised
        take = (ratio > 1e-4) & ~done  # false where the factorisation failed
        shift = jnp.where(done, shift,
                          jnp.where(~take, jnp.maximum(4 * shift, 1.0),
                                    jnp.where(ratio > 0.75, jnp.where(shift < 1e-3, 0, shift / 8),
                                              jnp.where(ratio < 0.25, 2 * shift, shift))))
        x = jnp.where(take[:, None], trial, x)
        g = jnp.where(take[:, None], g1, g)
        H = jnp.where(take[:, None, None], H1, H)
        f = jnp.where(take, f1, f)
        return (k + 1, x, f, g, H, shift, done | (jnp.max(jnp.abs(g), 1) <= TOLERANCE), steps + ~done)

    @jax.jit
    def solve(x):
        f, g, H = all_of(x)
        none = jnp.zeros(len(x), jnp.int32)
        state = (0, x, f, g, H, jnp.zeros_like(f), jnp.max(jnp.abs(g), 1) <= TOLERANCE, none)
        end = lax.while_loop(lambda s: (s[0] < MOST) & ~jnp.all(s[6]), body, state)
        return end[1], end[7], end[6]
    return solve


def by_hand(run):
    jax = run.jax()
    import numpy as np
    for job in run.jobs(tiny):
        start = np.ascontiguousarray(job["start"])
        solve = newton(jax, start.shape[1])
        on_device = jax.device_put(start)
        (x, steps, done), times = run.measure(lambda: jax.block_until_ready(solve(on_device)))
        host = run.host_seconds(lambda: [np.asarray(a) for a in solve(jax.device_put(start))])
        row(run, np, job, x, times, host, steps, done, peer="JAX, Newton in batches", style="expert",
            note="all problems take as long as the slowest one")


def by_optimistix(run):
    jax = run.jax()
    import numpy as np
    import optimistix
    run.know(optimistix)
    f = function(lambda r: jax.numpy.sum(r * r))
    solver = optimistix.BFGS(rtol=1e-8, atol=1e-8)

    def minimise(x):
        found = optimistix.minimise(lambda x, _: f(x), solver, x, max_steps=2000, throw=False)
        return (found.value, found.stats["num_steps"],
                found.result == optimistix.RESULTS.successful)
    solve = jax.jit(jax.vmap(minimise))
    for job in run.jobs(tiny):
        start = np.ascontiguousarray(job["start"][:20000])
        on_device = jax.device_put(start)
        (x, steps, good), times = run.measure(lambda: jax.block_until_ready(solve(on_device)))
        host = run.host_seconds(lambda: [np.asarray(a) for a in solve(jax.device_put(start))])
        row(run, np, job, x, times, host, steps, good, peer="optimistix, BFGS", style="user",
            note="rtol = atol = 1e-8; vmap takes as long as the slowest problem")


def by_torch(run):
    """Newton's method with Levenberg's shift by torch.func and batched Cholesky. One step is a CUDA
    graph; the host asks every tenth step whether all are done."""
    torch, device = run.torch()
    import numpy as np
    f = function(lambda r: (r * r).sum())
    values, gradients, hessians = (torch.func.vmap(way(f)) for way in (
        lambda f: f, torch.func.grad, torch.func.hessian))
    for job in run.jobs(tiny):
        start = torch.tensor(job["start"], device=device)
        count, n = start.shape
        eye = torch.eye(n, dtype=start.dtype, device=device)
        x, shift = torch.empty_like(start), torch.empty_like(start[:, 0])
        steps = torch.empty(count, dtype=torch.int32, device=device)
        done = torch.empty(count, dtype=torch.bool, device=device)

        def step():
            f0, g, H = values(x), gradients(x), hessians(x)
            done.copy_(g.abs().amax(1) <= TOLERANCE)
            L, info = torch.linalg.cholesky_ex(H + shift[:, None, None] * eye)
            d = torch.cholesky_solve(g[:, :, None], L)[:, :, 0]
            promised = 0.5 * (d * g).sum(1) + 0.5 * shift * (d * d).sum(1)
            ratio = (f0 - values(x - d)) / promised
            take = (info == 0) & (ratio > 1e-4) & ~done
            less = torch.where(ratio > 0.75, torch.where(shift < 1e-3, 0.0, shift / 8),
                               torch.where(ratio < 0.25, 2 * shift, shift))
            shift.copy_(torch.where(take, less, (4 * shift).clamp(min=1.0)))
            x.copy_(torch.where(take[:, None], x - d, x))
            steps.add_((~done).to(steps.dtype))

        def begin():
            x.copy_(start)
            shift.zero_()
            steps.zero_()
        begin()
        replay, note = run.captured(torch, step)

        def solve():
            begin()
            for k in range(MOST // 10):
                for _ in range(10):
                    replay()
                if bool(done.all()):
                    break
            return x
        _, times = run.measure_torch(torch, solve)

        def from_host():
            start.copy_(torch.from_numpy(job["start"]))
            return solve().cpu().numpy(), steps.cpu().numpy(), done.cpu().numpy()
        host = run.host_seconds(from_host)
        found, steps_taken, finished = from_host()
        row(run, np, job, found, times, host, steps_taken, finished, peer="torch, Newton in batches",
            style="expert", note=note)


PEERS = [("JAX, Newton in batches", by_hand), ("torch, Newton in batches", by_torch),
         ("optimistix, BFGS", by_optimistix)]

if __name__ == "__main__":
    sys.exit(common.Run("rosenbrock_batch").peers(PEERS))
