#!/usr/bin/env python3
"""Peers of softmax_dense: softmax regression by Newton's method. See common.py."""
import sys

import common
import torch_newton
from torch_newton import L2

CG_BLOCK = 10    # products between two questions whether they are enough
CG_MOST = 500    # products of one step


def tiny(np):
    random = np.random.default_rng(4)
    X = random.normal(size=(300, 10))
    z = X @ random.normal(size=(10, 3)) / 10 ** 0.5 + 0.5 * random.normal(size=(300, 3))
    return [{"name": "synthetic K=3 d=10", "classes": 3, "X": X, "y": z.argmax(1).astype(float)}]


class Regression:
    """One job on the device, and the tensors that captured steps work on."""

    def __init__(self, run, torch, np, device, job):
        self.torch, self.K = torch, job["classes"]
        self.X, self.y, self.Xd, self.yd = torch_newton.data_of(run, np, torch, device, job)
        self.N, self.m = self.X.shape
        zeros = lambda *shape: torch.zeros(shape, dtype=self.Xd.dtype, device=device)
        self.w, self.trial, self.direction, self.g = (zeros(self.K, self.m) for _ in range(4))
        self.f, self.norm, self.P = zeros(), zeros(), zeros(self.N, self.K)

    def loss_and_gradient(self, w):
        """Leaves the probabilities in P."""
        torch = self.torch
        z = self.Xd @ w.T
        logs = z - torch.logsumexp(z, 1, keepdim=True)
        picked = logs.gather(1, self.yd.long()[:, None])
        self.P.copy_(logs.exp())
        r = self.P.scatter_add(1, self.yd.long()[:, None], torch.full_like(picked, -1.0))
        return L2 / 2 * (w * w).sum() - picked.mean(), r.T @ self.Xd / self.N + L2 * w

    def evaluate(self):
        f, g = self.loss_and_gradient(self.trial)
        self.f.copy_(f)
        self.g.copy_(g)
        self.norm.copy_(self.torch.linalg.vector_norm(g))


def by_newton(run):
    """The Hessian's K (K + 1) / 2 different blocks as one product; the whole evaluation with factor
    and step is a CUDA graph."""
    torch, device = run.torch()
    import numpy as np
    for job in run.jobs(tiny):
        at = Regression(run, torch, np, device, job)
        K, m, N = at.K, at.m, at.N
        first, second = (torch.tensor(i, device=device) for i in np.tril_indices(K))
        equal = (first == second).to(at.Xd.dtype)

        def evaluate():
            at.evaluate()
            S = at.P[:, first] * (equal - at.P[:, second]) / N
            blocks = ((at.Xd[:, None, :] * S[:, :, None]).reshape(N, -1).T @ at.Xd).reshape(-1, m, m)
            H = torch.empty(K, m, K, m, dtype=at.Xd.dtype, device=device)
            H[first, :, second, :] = blocks
            H[second, :, first, :] = blocks
            H = H.reshape(K * m, K * m)
            H.diagonal().add_(L2)
            L, _ = torch.linalg.cholesky_ex(H)
            at.direction.copy_(torch.cholesky_solve(at.g.reshape(-1, 1), L).reshape(K, m))
        replay, note = run.captured(torch, evaluate)
        solve = lambda: torch_newton.minimize(torch, replay, at.w, at.f, at.norm, at.direction, at.trial)
        torch_newton.run_newton(run, torch, np, job, at.X, at.y, at.Xd, at.yd, at.w.zero_, solve,
                                lambda: at.trial, peer="torch, Newton", style="expert",
                                precision="float64", note=note)


def by_newton_cg(run):
    """Steps by conjugate gradients on products with the Hessian, two slim matrix products each;
    some of them together are a CUDA graph."""
    torch, device = run.torch()
    import numpy as np
    for job in run.jobs(tiny):
        at = Regression(run, torch, np, device, job)
        r, p = torch.zeros_like(at.g), torch.zeros_like(at.g)
        rr, limit = torch.zeros_like(at.f), torch.zeros_like(at.f)
        products = [0]

        def multiply(V):
            A = at.P * (at.Xd @ V.T)
            A = A - at.P * A.sum(1, keepdim=True)
            return A.T @ at.Xd / at.N + L2 * V

        def block():
            for _ in range(CG_BLOCK):
                Hp = multiply(p)
                go = rr > limit  # else nothing changes any more
                alpha = torch.where(go, rr / (p * Hp).sum(), 0.0)
                at.direction.add_(alpha * p)
                r.sub_(alpha * Hp)
                after = (r * r).sum()
                p.copy_(torch.where(go, r + after / rr * p, p))
                rr.copy_(torch.where(go, after, rr))
        evaluate, note = run.captured(torch, at.evaluate)
        p.fill_(1.0)
        rr.fill_(1.0)
        replay, _ = run.captured(torch, block)

        def next_direction():
            """H d = g to a residual that makes Newton's method converge superlinearly."""
            at.direction.zero_()
            r.copy_(at.g)
            p.copy_(at.g)
            rr.copy_((r * r).sum())
            norm = float(at.norm)
            limit.fill_((min(0.1, norm ** 0.5) * norm) ** 2)
            for _ in range(CG_MOST // CG_BLOCK):
                replay()
                products[0] += CG_BLOCK
                if bool(rr <= limit):
                    break

        def solve():
            products[0] = 0
            return torch_newton.minimize(torch, evaluate, at.w, at.f, at.norm, at.direction, at.trial,
                                         next_direction)
        begin = lambda: (at.w.zero_(), products.__setitem__(0, 0))
        begin()
        at.trial.zero_()
        solve()
        note = f"{products[0]} products with the Hessian; {note}"
        torch_newton.run_newton(run, torch, np, job, at.X, at.y, at.Xd, at.yd, begin, solve,
                                lambda: at.trial, peer="torch, Newton-CG", style="expert",
                                precision="float64", note=note)


def by_lbfgs(run):
    torch, device = run.torch()
    import numpy as np
    for job in run.jobs(tiny):
        at = Regression(run, torch, np, device, job)
        torch_newton.run_lbfgs(run, torch, np, job, at.X, at.y, at.Xd, at.yd, at.loss_and_gradient)


PEERS = [("torch, Newton-CG", by_newton_cg), ("torch, Newton", by_newton), ("torch, L-BFGS", by_lbfgs)]

if __name__ == "__main__":
    sys.exit(common.Run("softmax_dense").peers(PEERS))
