#!/usr/bin/env python3
"""Peers of logistic_dense: logistic regression by Newton's method. See common.py."""
import sys

import common
import torch_newton
from torch_newton import L2, TOLERANCE


def tiny(np):
    random = np.random.default_rng(3)
    X = random.normal(size=(500, 19))
    z = X @ random.normal(size=19) / 19 ** 0.5 + 0.5 * random.normal(size=500)
    return [{"name": "synthetic n=20", "classes": 2, "X": X, "y": (z > 0).astype(float)}]


def by_newton(run):
    """The Hessian as one product with a scaled copy of the samples; a whole evaluation with factor
    and step is a CUDA graph. In double, and with the product alone in float."""
    torch, device = run.torch()
    import numpy as np
    for job in run.jobs(tiny):
        X, y, Xd, yd = torch_newton.data_of(run, np, torch, device, job)
        N, n = X.shape
        w, trial, direction = (torch.zeros(n, dtype=Xd.dtype, device=device) for _ in range(3))
        f, norm = (torch.zeros((), dtype=Xd.dtype, device=device) for _ in range(2))
        for single in (False, True):
            X32 = Xd.float() if single else None

            def evaluate():
                z = Xd @ trial
                q = torch.sigmoid(z)
                f.copy_((torch.nn.functional.softplus(z) - yd * z).mean() + L2 / 2 * trial @ trial)
                g = Xd.T @ (q - yd) / N + L2 * trial
                norm.copy_(torch.linalg.vector_norm(g))
                weights = q * (1 - q) / N
                if single:
                    H = ((X32 * weights.float()[:, None]).T @ X32).double()
                else:
                    H = (Xd * weights[:, None]).T @ Xd
                H.diagonal().add_(L2)
                L, _ = torch.linalg.cholesky_ex(H)
                direction.copy_(torch.cholesky_solve(g[:, None], L)[:, 0])
            replay, note = run.captured(torch, evaluate)

            def solve():
                if single:
                    X32.copy_(Xd)
                return torch_newton.minimize(torch, replay, w, f, norm, direction, trial)
            torch_newton.run_newton(
                run, torch, np, job, X, y, Xd, yd, w.zero_, solve, lambda: trial,
                peer="torch, Newton" + ", float32 Hessian" * single, style="expert",
                precision="float64", note=note)


def by_lbfgs(run):
    torch, device = run.torch()
    import numpy as np
    for job in run.jobs(tiny):
        X, y, Xd, yd = torch_newton.data_of(run, np, torch, device, job)

        def loss_and_gradient(w):
            z = Xd @ w[0]
            loss = (torch.nn.functional.softplus(z) - yd * z).mean() + L2 / 2 * (w * w).sum()
            return loss, (Xd.T @ (torch.sigmoid(z) - yd) / len(y) + L2 * w[0])[None, :]
        torch_newton.run_lbfgs(run, torch, np, job, X, y, Xd, yd, loss_and_gradient)


def by_sklearn(run):
    """What there is without a GPU, on all processors."""
    import numpy as np
    import sklearn
    from sklearn.linear_model import LogisticRegression
    run.know(sklearn)
    for job in run.jobs(tiny):
        X = np.ascontiguousarray(np.hstack([job["X"], np.ones((len(job["y"]), 1))]))
        y = np.ascontiguousarray(job["y"])
        model = LogisticRegression(solver="newton-cholesky", C=1 / (L2 * len(y)), tol=TOLERANCE / 10,
                                   fit_intercept=False)
        fitted, times = run.measure(lambda: model.fit(X, y))
        torch_newton.row(run, np, job, X, y, fitted.coef_, {**times, "seconds": None},
                         times["seconds"], int(fitted.n_iter_[0]), False, precision="float64",
                         peer="scikit-learn, newton-cholesky", style="user",
                         note="on the processor, all threads; its limit is for the largest entry of "
                              "the gradient")


PEERS = [("torch, Newton", by_newton), ("torch, L-BFGS", by_lbfgs), ("scikit-learn", by_sklearn)]

if __name__ == "__main__":
    sys.exit(common.Run("logistic_dense").peers(PEERS))
