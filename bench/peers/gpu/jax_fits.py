"""Least-squares fits of many small data sets in JAX: by hand in batches, and by optimistix."""


def batch_solver(jax, sums, parameters, chunk):
    """Levenberg and Marquardt's method for all fits of a chunk at once, chunk after chunk.

    sums(p, y) gives sum r^2, J'r and the lower triangle of J'J, each with a number a fit; p is a list
    of columns. There are no small matrices in memory: factor and step are written out, so that XLA
    can make one kernel of them, and another of the model and its sums. A chunk takes as many passes
    as its slowest fit. Returns solve(y, start, tolerance, most) -> parameters, passes, finished.
    """
    jnp, lax = jax.numpy, jax.lax
    index = {(i, j): i * (i + 1) // 2 + j for i in range(parameters) for j in range(i + 1)}

    def step(A, g, shift):
        """(A + shift diag(A))^-1 g by Cholesky's factorisation; NaN where that fails."""
        L, d = {}, list(g)
        for j in range(parameters):
            pivot = A[index[j, j]] * (1 + shift) - sum(L[j, k] ** 2 for k in range(j))
            L[j, j] = 1 / jnp.sqrt(pivot)
            for i in range(j + 1, parameters):
                L[i, j] = (A[index[i, j]] - sum(L[i, k] * L[j, k] for k in range(j))) * L[j, j]
            d[j] = (d[j] - sum(L[j, k] * d[k] for k in range(j))) * L[j, j]
        for j in reversed(range(parameters)):
            d[j] = (d[j] - sum(L[k, j] * d[k] for k in range(j + 1, parameters))) * L[j, j]
        return d

    def solve_chunk(y, start, tolerance, most):
        p = [start[:, j] for j in range(parameters)]
        f, g, A = sums(p, y)
        zero = jnp.zeros(f.shape, jnp.int32)

        def body(state):
            k, p, f, g, A, shift, done, passes = state
            d = step(A, g, shift)
            trial = [pj - dj for pj, dj in zip(p, d)]
            f1, g1, A1 = sums(trial, y)
            lower = f1 <= f
            promised = sum(dj * (gj + shift * A[index[j, j]] * dj)
                           for j, (dj, gj) in enumerate(zip(d, g)))
            # What a short step promises says nothing.
            ended = (lower & (f - f1 <= tolerance * f)) | ((promised <= tolerance * f) & (shift <= 1))
            take = lower & ~done
            choose = lambda new, old: [jnp.where(take, a, b) for a, b in zip(new, old)]
            shift = jnp.where(done, shift, jnp.where(lower, shift * 0.1, shift * 10))
            return (k + 1, choose(trial, p), jnp.where(take, f1, f), choose(g1, g), choose(A1, A),
                    shift, done | ended, passes + ~done)

        state = (0, p, f, g, A, jnp.full_like(f, 1e-3), zero > 0, zero)
        end = lax.while_loop(lambda s: (s[0] < most) & ~jnp.all(s[6]), body, state)
        return jnp.stack(end[1], 1), end[7], end[6]

    @jax.jit
    def solve(y, start, tolerance, most):
        count = y.shape[0]
        if chunk >= count:
            return solve_chunk(y, start, tolerance, most)
        parts = lambda a: a.reshape(count // chunk, chunk, a.shape[1])
        p, passes, done = lax.map(lambda part: solve_chunk(*part, tolerance, most),
                                  (parts(y), parts(start)))
        return p.reshape(count, parameters), passes.reshape(count), done.reshape(count)
    return solve


def sums_of(jnp, residuals_and_columns):
    """The sums from a function that gives r and J's columns, each with a row of points a fit."""
    def sums(p, y):
        r, J = residuals_and_columns(p, y)
        total = lambda a: jnp.sum(a, axis=1)
        g = [total(column * r) for column in J]
        A = [total(J[i] * J[j]) for i in range(len(J)) for j in range(i + 1)]
        return total(r * r), g, A
    return sums


def run_by_hand(run, jax, sums, parameters, job, rules, chunks, judge):
    """Both precisions, each rule, each chunk size: a row for the fastest of the chunk sizes."""
    import numpy as np
    for precision, most in (("float32", 50), ("float64", 50)):
        y, start = (np.ascontiguousarray(job[name], precision) for name in ("y", "start"))
        device = tuple(map(jax.device_put, (y, start)))
        solvers = {chunk: batch_solver(jax, sums, parameters, chunk)
                   for chunk in chunks if chunk >= len(y) or len(y) % chunk == 0}
        for rule, tolerances in rules.items():
            tolerance = np.dtype(precision).type(tolerances[precision])
            best = None
            for chunk, solve in solvers.items():
                result, times = run.measure(
                    lambda: jax.block_until_ready(solve(*device, tolerance, most)))
                if best is None or times["seconds"] < best[2]["seconds"]:
                    best = chunk, result, times
            chunk, (p, passes, done), times = best
            solve = solvers[chunk]
            host = run.host_seconds(lambda: [np.asarray(part) for part in solve(
                jax.device_put(y), jax.device_put(start), tolerance, most)])
            run.row(job=f"{job['name']}, {rule}", peer="JAX, by hand in batches", style="expert",
                    precision=precision,
                    sizes={"problems": len(y), "points": y.shape[1], "parameters": parameters},
                    **times, seconds_host=host, iterations=float(np.mean(passes)),
                    failed=int(np.sum(~np.asarray(done))), **judge(np.asarray(p, np.float64)),
                    note=f"chunks of {min(chunk, len(y))} fits, each as long as its slowest fit")


def run_optimistix(run, jax, residual, parameters, job, rules, most_problems, judge):
    """As a user of optimistix writes it: one fit, and vmap. With Cholesky on J'J and with QR on J."""
    import lineax
    import numpy as np
    import optimistix
    run.know(optimistix)
    run.know(lineax)
    for precision in ("float32", "float64"):
        # It makes numbers of JAX's default precision on its way.
        jax.config.update("jax_enable_x64", precision == "float64")
        y, start = (np.ascontiguousarray(job[name][:most_problems], precision)
                    for name in ("y", "start"))
        device = tuple(map(jax.device_put, (y, start)))
        for linear_name, linear in (("Cholesky", lineax.Normal(lineax.Cholesky())),
                                    ("QR", lineax.QR())):
            for rule, tolerances in rules.items():
                tolerance = tolerances[precision]
                solver = optimistix.LevenbergMarquardt(rtol=tolerance, atol=tolerance,
                                                       linear_solver=linear)

                def fit(y, start):
                    found = optimistix.least_squares(residual, solver, start, args=y, max_steps=50,
                                                     throw=False)
                    return (found.value, found.stats["num_steps"],
                            found.result == optimistix.RESULTS.successful)
                solve = jax.jit(jax.vmap(fit))
                (p, steps, good), times = run.measure(lambda: jax.block_until_ready(solve(*device)))
                host = run.host_seconds(lambda: [np.asarray(part) for part in solve(
                    jax.device_put(y), jax.device_put(start))])
                run.row(job=f"{job['name']}, {rule}", peer=f"optimistix, {linear_name}", style="user",
                        precision=precision,
                        sizes={"problems": len(y), "points": y.shape[1], "parameters": parameters},
                        **times, seconds_host=host, iterations=float(np.mean(steps)),
                        failed=int(np.sum(~np.asarray(good))),
                        **judge(np.asarray(p, np.float64)),
                        note="stops by its own rule: the step and the change of the loss, "
                             f"rtol = atol = {tolerance:g}; vmap takes as long as the slowest fit")
