#!/usr/bin/env python3
"""Peers of dwi_batch: fits of a diffusion tensor to voxels of an image. See common.py."""
import gzip
import os
import sys
from pathlib import Path

import common
import jax_fits

# Relative change of the sum of squares at which a fit stops.
RULES = {"tight": {"float32": 1e-7, "float64": 1e-12}}
POINTS, VOXELS = 65, 1000
DIFFERENCE = 1e-8  # to the listed sum of squares, relative


def load(run):
    """The image over and over, as the benchmark reads it, and its judge."""
    import numpy as np
    folder = os.environ.get("CUNEWTON_DATA") or Path(__file__).resolve().parents[2] / "data"
    with gzip.open(Path(folder, "dwi64.csv.gz"), "rt") as file:
        numbers = [[float(word) for word in line.split(",")] for line in file.readlines()[1:]]
    b, *g = np.array(numbers[:POINTS]).T
    # The exponent's derivatives by Dxx, Dxy, Dxz, Dyy, Dyz, Dzz; b in ms/um^2.
    weights = -b[:, None] / 1000 * np.stack([g[0] ** 2, 2 * g[0] * g[1], 2 * g[0] * g[2], g[1] ** 2,
                                             2 * g[1] * g[2], g[2] ** 2], 1)
    image = np.array(numbers[POINTS:])
    signals, listed = image[:, :POINTS], image[:, POINTS]
    start = np.zeros((VOXELS, 7))
    start[:, 0], start[:, [1, 4, 6]] = signals[:, 0], 0.7
    copies = 1 if run.tiny else 1000
    job = {"name": "65 signals", "y": np.tile(signals, (copies, 1)),
           "start": np.tile(start, (copies, 1)), "weights": weights}

    def judge(p):
        p = p[:VOXELS]
        with np.errstate(all="ignore"):
            sums = ((p[:, :1] * np.exp(p[:, 1:] @ weights.T) - signals[:len(p)]) ** 2).sum(1)
            difference = np.abs(sums / listed[:len(p)] - 1)
        difference = np.where(np.isfinite(difference), difference, 1e300)
        return {"quality": f"residual sum within {DIFFERENCE:g} of the listed one",
                "share_reached": float((difference <= DIFFERENCE).mean()),
                "criterion": float(difference.max()), "criterion_of": "largest relative difference"}
    return job, judge


def by_hand(run):
    jax = run.jax()
    jnp = jax.numpy
    job, judge = load(run)

    def residuals_and_columns(p, y):
        columns = [jnp.asarray(column, y.dtype)[None, :] for column in job["weights"].T]
        shape = jnp.exp(sum(pj[:, None] * column for pj, column in zip(p[1:], columns)))
        signal = p[0][:, None] * shape
        return signal - y, (shape, *(signal * column for column in columns))
    jax_fits.run_by_hand(run, jax, jax_fits.sums_of(jnp, residuals_and_columns), 7, job, RULES,
                         (500, 1000) if run.tiny else (50000, 1000000), judge)


def by_optimistix(run):
    jax = run.jax()
    job, judge = load(run)

    def residual(p, y):
        return p[0] * jax.numpy.exp(jax.numpy.asarray(job["weights"], y.dtype) @ p[1:]) - y
    jax_fits.run_optimistix(run, jax, residual, 7, job, RULES, 20000, judge)


PEERS = [("JAX, by hand in batches", by_hand), ("optimistix", by_optimistix)]

if __name__ == "__main__":
    sys.exit(common.Run("dwi_batch").peers(PEERS))
