#!/usr/bin/env python3
"""Writes nist_strd.json and dwi64.csv.gz of bench/data from the unpacked Debian packages.

    apt-get source --download-only ceres-solver    # unpack the .orig.tar.xz: NIST is its data/nist
    apt-get download python3-dipy                  # unpack by dpkg -x: DIPY is its dipy/data/files
    scripts/data/convert.py NIST DIPY OUTPUT

It needs NumPy and SciPy for the reference fits of dwi64.csv.gz.
"""
import argparse
import gzip
import json
import math
import pathlib
import re
import struct

import numpy as np
from scipy.optimize import least_squares

# In NIST's order, which is by difficulty.
NIST_NAMES = """Misra1a Chwirut2 Chwirut1 Lanczos3 Gauss1 Gauss2 DanWood Misra1b
    Kirby2 Hahn1 Nelson MGH17 Lanczos1 Lanczos2 Gauss3 Misra1c Misra1d Roszman1 ENSO
    MGH09 Thurber BoxBOD Rat42 MGH10 Eckerle4 Rat43 Bennett5""".split()
NIST_NOTES = {
    "Nelson": "two predictors; the residual is log(y) - model",
    "Lanczos1": "the certified rss is at the rounding of y: certified gives 4e-21, not 1.4e-25",
    "Roszman1": "ceres-solver prints certified b1 as 1.20196866396E-0; this is NIST's value",
    "Rat43": "the file prints 9 degrees of freedom; 15 - 4 = 11 is what rsd was computed with",
}


def number(text):
    """The shortest number that reads back as the double nearest to the text."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def read_nist(path):
    text = path.read_text(encoding="ascii").replace("1.20196866396E-0 ", "2.0196866396E-01 ")
    lines = text.splitlines()
    model = re.search(r"Parameters \(.*?\)(.*?)Starting", text, re.S).group(1)
    model = re.sub(r"\bpi = \S+", "", model)
    table = [[number(field) for field in line.split("=")[1].split()]
             for line in lines if re.match(r"\s*b\d\s*=", line)]
    header = next(i for i, line in enumerate(lines) if re.match(r"Data:\s+y\s+x", line))
    rows = [[number(field) for field in line.split()]
            for line in lines[header + 1:] if line.split()]

    def after(label):
        return number(re.search(label + r":\s*(\S+)", text).group(1))

    assert after("Number of Observations") == len(rows)
    problem = {
        "name": path.stem,
        "difficulty": re.search(r"(\w+) Level of Difficulty", text).group(1).lower(),
        "model": re.sub(r" *\+ *e$", "", " ".join(model.split())),
        "response": "log(y)" if "log[y]" in model else "y",
        "parameters": len(table),
        "coordinates": len(rows[0]) - 1,
        "x": [value for row in rows for value in row[1:]],
        "y": [row[0] for row in rows],
        "starts": [[row[0] for row in table], [row[1] for row in table]],
        "certified": [row[2] for row in table],
        "standard_deviations": [row[3] for row in table],
        "rss": after("Residual Sum of Squares"),
        "rsd": after("Residual Standard Deviation"),
        "degrees_of_freedom": len(rows) - len(table),
    }
    if path.stem in NIST_NOTES:
        problem["note"] = NIST_NOTES[path.stem]
    return problem


def write_nist(folder, output):
    problems = []
    for name in NIST_NAMES:
        fields = [f"{json.dumps(key)}: {json.dumps(value)}"
                  for key, value in read_nist(folder / f"{name}.dat").items()]
        problems.append("{" + ",\n ".join(fields) + "}")
    source = ("NIST/ITL Statistical Reference Datasets, nonlinear regression, "
              "from data/nist of Debian's source package ceres-solver 2.1.0+really2.1.0+dfsg-1")
    layout = "x holds the coordinates of one observation after the other; rss has no factor 1/2"
    output.write_text(f'{{"source": "{source}",\n"layout": "{layout}",\n"problems": [\n'
                      + ",\n".join(problems) + "\n]}\n", encoding="ascii")


def read_diffusion(folder):
    """The b values, the directions and the signals, one row a voxel, the last axis fastest."""
    b = np.loadtxt(folder / "small_64D.bval")
    directions = np.nan_to_num(np.loadtxt(folder / "small_64D.bvec"))
    image = (folder / "small_64D.nii").read_bytes()
    shape = struct.unpack_from("<4h", image, 42)
    assert struct.unpack_from("<h", image, 70)[0] == 4, "the voxels are 16-bit integers"
    offset = int(struct.unpack_from("<f", image, 108)[0])
    signals = np.frombuffer(image, "<i2", math.prod(shape), offset).reshape(shape, order="F")
    return b, directions, signals.reshape(-1, shape[3]).astype(int)


def fit_tensor(design, signal):
    """The least residual sum of squares of signal = exp(design @ p), p[0] = log(S0)."""
    def residuals(p):
        return np.exp(design @ p) - signal

    def jacobian(p):
        return np.exp(design @ p)[:, None] * design

    w = np.maximum(signal, 1.0)
    log_linear = np.linalg.lstsq(w[:, None] * design, w * np.log(w), rcond=None)[0]
    isotropic = np.array([math.log(w[0]), 0.7, 0.7, 0.7, 0, 0, 0])
    sums = []
    for start in (log_linear, isotropic):
        p = least_squares(residuals, start, jacobian, method="lm", x_scale="jac",
                          ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=10000).x
        for _ in range(5):  # Newton's method: the whole Hessian, not Gauss and Newton's
            model, residual = np.exp(design @ p), residuals(p)
            hessian = design.T @ ((model * (model + residual))[:, None] * design)
            np.linalg.cholesky(hessian)  # throws unless this is a minimum
            p = p - np.linalg.solve(hessian, design.T @ (model * residual))
        sums.append(math.fsum(residuals(p) ** 2))
    assert abs(sums[0] - sums[1]) <= 1e-10 * sums[0], "the starts end in different minima"
    return min(sums)


def write_diffusion(folder, output):
    b, directions, signals = read_diffusion(folder)
    x, y, z = directions.T
    quadratic = np.stack([x * x, y * y, z * z, 2 * x * y, 2 * x * z, 2 * y * z])
    design = np.vstack([np.ones_like(b), -b / 1000 * quadratic]).T
    lines = [f"# {len(b)} lines: b in s/mm^2 and the unit direction gx,gy,gz; then {len(signals)} "
             f"lines, one a voxel: {len(b)} signals and the residual sum of squares of the fit"]
    lines += [",".join(repr(float(v)) for v in (b_i, *g)) for b_i, g in zip(b, directions)]
    lines += [",".join(map(str, s)) + f",{fit_tensor(design, s):.12g}" for s in signals]
    text = "\n".join(lines) + "\n"
    output.write_bytes(gzip.compress(text.encode("ascii"), mtime=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("nist", "dipy", "output"):
        parser.add_argument(name, type=pathlib.Path)
    args = parser.parse_args()
    write_nist(args.nist, args.output / "nist_strd.json")
    write_diffusion(args.dipy, args.output / "dwi64.csv.gz")


if __name__ == "__main__":
    main()
