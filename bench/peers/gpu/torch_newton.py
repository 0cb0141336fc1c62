"""Newton's method with full Hessians in torch, for the regressions of the dense cases."""

L2, TOLERANCE, MOST = 1e-4, 1e-8, 60
LBFGS_MOST = 1000  # iterations


def data_of(run, np, torch, device, job):
    """Samples with a column of ones for the intercept, which is penalised too, and targets."""
    X = np.ascontiguousarray(np.hstack([job["X"], np.ones((len(job["y"]), 1))]))
    y = np.ascontiguousarray(job["y"])
    return X, y, torch.tensor(X, device=device), torch.tensor(y, device=device)


def gradient_norm(np, X, y, classes, w):
    """|g|_2 of mean loss + L2/2 |w|^2 in double: the judge's own. w: a row for each output."""
    w = np.asarray(w, np.float64).reshape(-1, X.shape[1])
    z = X @ w.T
    if classes == 2:
        r = np.where(z > 0, 1, np.exp(-abs(z))) / (1 + np.exp(-abs(z))) - y[:, None]
    else:
        r = np.exp(z - z.max(1, keepdims=True))
        r /= r.sum(1, keepdims=True)
        r[np.arange(len(y)), y.astype(int)] -= 1
    return float(np.linalg.norm(r.T @ X / len(y) + L2 * w))


def minimize(torch, evaluate, w, f, norm, direction, trial, next_direction=None):
    """Newton's method with halving steps. evaluate() sets f, norm and direction at trial; w, f, norm,
    direction and trial are tensors that stay where they are. next_direction() where evaluate() does
    not set it. Returns the number of steps."""
    trial.copy_(w)
    evaluate()
    lowest = float(f)
    for steps in range(MOST):
        if float(norm) < TOLERANCE:
            return steps
        w.copy_(trial)
        if next_direction:
            next_direction()
        step = direction.clone()
        for _ in range(30):
            torch.sub(w, step, out=trial)
            evaluate()
            value = float(f)
            # At the end the loss changes by less than its rounding.
            if value <= lowest + 1e-13 * abs(lowest):
                break
            step *= 0.5
        lowest = value
    return MOST


def row(run, np, job, X, y, w, times, host, iterations, unfinished, **fields):
    norm = gradient_norm(np, X, y, job["classes"], w)
    outputs = 1 if job["classes"] == 2 else job["classes"]
    run.row(job=job["name"], sizes={"samples": len(y), "parameters": outputs * X.shape[1]}, **times,
            seconds_host=host, iterations=iterations, quality=f"|g|_2 < {TOLERANCE:g}",
            share_reached=float(norm < TOLERANCE), failed=int(unfinished), criterion=norm,
            criterion_of="|g|_2", **fields)


def run_newton(run, torch, np, job, X, y, Xd, yd, begin, solve, answer, **fields):
    """Times begin(); solve() from the device and from the host, and adds the row."""
    steps = []

    def once():
        begin()
        steps.append(solve())
        return answer()
    w, times = run.measure_torch(torch, once)
    w = w.cpu().numpy().copy()
    taken = steps[-1]

    def from_host():
        Xd.copy_(torch.from_numpy(X))
        yd.copy_(torch.from_numpy(y))
        return once().cpu().numpy()
    host = run.host_seconds(from_host)
    row(run, np, job, X, y, w, times, host, taken, taken >= MOST, **fields)


def run_lbfgs(run, torch, np, job, X, y, Xd, yd, loss_and_gradient):
    """torch's own L-BFGS, as a user calls it, with gradients by hand."""
    outputs = 1 if job["classes"] == 2 else job["classes"]
    taken = []

    def once():
        w = torch.zeros(outputs, X.shape[1], dtype=Xd.dtype, device=Xd.device, requires_grad=True)
        # Its limit is for the largest entry of the gradient.
        solver = torch.optim.LBFGS([w], max_iter=LBFGS_MOST, history_size=20,
                                   line_search_fn="strong_wolfe", tolerance_change=0,
                                   tolerance_grad=TOLERANCE / w.numel() ** 0.5)

        def closure():
            with torch.no_grad():
                loss, w.grad = loss_and_gradient(w)
            return loss
        solver.step(closure)
        taken.append(solver.state[w]["n_iter"])
        return w.detach()
    w, times = run.measure_torch(torch, once)
    row(run, np, job, X, y, w.cpu().numpy(), times, None, taken[-1], taken[-1] >= LBFGS_MOST,
        peer="torch, L-BFGS", style="user", precision="float64",
        note=f"history of 20, strong Wolfe, at most {LBFGS_MOST} iterations")
