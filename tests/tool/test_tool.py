#!/usr/bin/env python3
"""The program cunewton as its users meet it: every example of its help texts, answers against certified ones,
files that it refuses, pictures, exit codes, Ctrl-C.

Usage: test_tool.py PROGRAM SOURCES [unittest's arguments]
"""
import csv
import gzip
import json
import math
import os
import random
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree
import zlib
from fractions import Fraction
from pathlib import Path

PROGRAM = SOURCES = ""
LONGEST = 120  # seconds
COMMANDS = ["fit", "curves", "images", "hessian", "spectrum", "check-convexity", "contours", "compare"]
HAS_GNUPLOT = shutil.which("gnuplot") is not None
NEEDS_GNUPLOT = unittest.skipUnless(HAS_GNUPLOT, "gnuplot is not installed")

# Made-up numbers, for which NumPy 2 (linalg.solve, in a Newton iteration of its own) has the answers below.
X = [(0.2, 1.1), (1.5, 0.3), (2.2, 1.9), (0.4, 2.5), (3.1, 0.8), (1.1, 1.4), (2.7, 2.2), (0.9, 0.6), (1.8, 2.9),
     (3.3, 1.6), (0.1, 0.4), (2.0, 1.0)]
CLASSES = [0, 1, 2, 0, 1, 2, 1, 0, 2, 1, 1, 0]
Y = [1.2, 2.9, 5.1, 5.3, 6.2, 4.1, 30.0, 2.2, 7.9, 7.6, 0.9, 4.4]
# statsmodels 0.15, of the table of tests/losses: sm.OLS(positive, (features, 1)).fit(cov_type="HC1").bse
HC1 = [0.3305144836541798, 0.23794147526052994, 0.30012714371244925]
WEIGHTS = [1, 2, 1, 3, 1, 1, .5, 2, 1, 1, 4, 1]


def npy(shape, values, kind="<f8", code="<d", fortran=False):
    header = f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {tuple(shape)}, }}"
    header += " " * (-(11 + len(header)) % 64) + "\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
            + b"".join(struct.pack(code, value) for value in values))


def read_npy(path):
    content = Path(path).read_bytes()
    length, = struct.unpack_from("<H", content, 8)
    header = eval(content[10:10 + length])  # the program's own
    code = {"<f8": "d", "<f4": "f", "|u1": "B", "<i4": "i"}[header["descr"]]
    values = struct.unpack(f"<{math.prod(header['shape'])}{code}", content[10 + length:])
    return header["shape"], values


class Tool(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "bench").symlink_to(Path(SOURCES) / "bench")

    def run_tool(self, *arguments, status=0, environment=None, stdin=None):
        run = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=LONGEST, cwd=self.folder,
                             input=stdin, env={**os.environ, **(environment or {})})
        run.stdout, run.stderr = run.stdout.decode(), run.stderr.decode()
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def json_of(self, *arguments, status=0, **more):
        return json.loads(self.run_tool(*arguments, "--json", status=status, **more).stdout)

    def refused(self, expected, *arguments, status=1, **more):
        run = self.run_tool(*arguments, status=status, **more)
        self.assertIn("error: " + expected, run.stderr)
        self.assertEqual(run.stdout, "")

    def write(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def write_table(self, name="t.csv", target=Y, weights=None):
        rows = ["a,b,y" + (",w" if weights else "")]
        for i, (a, b) in enumerate(X):
            rows.append(f"{a},{b},{target[i]}" + (f",{weights[i]}" if weights else ""))
        return self.write(name, "\n".join(rows) + "\n")

    def assert_coefficients(self, fit, estimates, errors, digits=8):
        for coefficient, estimate, error in zip(fit["coefficients"], estimates, errors, strict=True):
            self.assert_close(coefficient["estimate"], estimate, digits)
            self.assert_close(coefficient["standard_error"], error, digits)

    def assert_close(self, value, expected, digits):
        self.assertLessEqual(abs(value - expected), 10**-digits * max(abs(expected), 1e-300), f"{value} {expected}")

    def assert_no_leftovers(self):
        self.assertEqual([p.name for p in self.folder.rglob("*.tmp*")], [])

    # ---- the help texts

    def test_examples_of_the_help_run(self):
        lines = []
        for command in COMMANDS:
            text = self.run_tool(command, "--help").stdout
            found = re.findall(r"^  (cunewton .*)$", text[text.index("Examples:"):], re.M)
            self.assertGreaterEqual(len(found), 2, command)
            lines += found
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "cunewton").symlink_to(Path(PROGRAM).resolve())
        for line in lines:
            if not HAS_GNUPLOT and ("--plot" in line and "none" not in line or "--output tensor" in line):
                continue
            with self.subTest(line):
                run = subprocess.run(["sh", "-c", line], cwd=self.folder, capture_output=True, text=True,
                                     timeout=LONGEST,
                                     env={**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
                self.assertGreater(len(run.stdout), 10)
                for word in shlex.split(line):
                    if word.endswith((".svg", ".png", ".npy", ".csv")) and not word.startswith("bench/"):
                        self.assertGreater((self.folder / word).stat().st_size, 50, word)
        self.assert_no_leftovers()

    def test_the_documentation_runs(self):
        """Lines of docs/tool.md and of the README that begin with build/dev/tool/cunewton."""
        lines = []
        for document in ("docs/tool.md", "README.md"):
            lines += re.findall(r"^    build/dev/tool/(cunewton .*?)(?:\s+#.*)?$", (Path(SOURCES) / document).read_text(), re.M)
        self.assertGreaterEqual(len(lines), 8)
        for line in lines:
            if not HAS_GNUPLOT and ("--plot" in line or " images " in line):
                continue
            with self.subTest(line):
                run = subprocess.run(["sh", "-c", line.replace("cunewton", shlex.quote(PROGRAM), 1)], cwd=self.folder,
                                     capture_output=True, text=True, timeout=LONGEST)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_usage(self):
        self.assertIn("check-convexity", self.run_tool("--help").stdout)
        self.assertRegex(self.run_tool("--version").stdout, r"^cunewton \d+\.\d+\.\d+\n$")
        for arguments in ([], ["nonsense"], ["fit", "--nonsense"], ["fit", "a", "--loss", "square"],
                          ["curves", "a"], ["fit", "a", "--l2", "-1"]):
            with self.subTest(arguments):
                self.assertTrue(self.run_tool(*arguments, status=1).stderr)

    # ---- fit

    def test_longley_as_nist_certifies_it(self):
        # NIST/ITL StRD, linear least squares regression, Longley: certified values.
        estimates = {"(intercept)": (-3482258.63459582, 890420.383607373), "deflator": (15.0618722713733, 84.9149257747669),
                     "gnp": (-0.0358191792925910, 0.0334910077722432),
                     "unemployed": (-2.02022980381683, 0.488399681651699),
                     "armed_forces": (-1.03322686717359, 0.214274163161675),
                     "population": (-0.0511041056535807, 0.226073200069370),
                     "year": (1829.15146461355, 455.478499142212)}
        for more in ([], ["--standardize"]):
            fit = self.json_of("fit", "bench/data/longley.csv", "--loss", "linear", "--target", "employed", *more)
            self.assertEqual(fit["status"], "converged")
            for c in fit["coefficients"]:
                # The condition number of the columns as they are, 5e9, would cost half of these digits.
                self.assert_close(c["estimate"], estimates[c["name"]][0], 10)
                self.assert_close(c["standard_error"], estimates[c["name"]][1], 10)
            self.assert_close(fit["scale"], 304.854073561965, 10)
            self.assert_close(fit["explained"], 0.995479004577296, 10)
            # Student's t with 9 degrees of freedom: R's summary(lm) prints 0.00304 for the year.
            year = next(c for c in fit["coefficients"] if c["name"] == "year")
            self.assert_close(year["p"], 0.003037, 3)
            self.assert_close((year["high"] - year["low"]) / 2 / year["standard_error"], 2.262157, 6)

    def far_table(self, target=lambda y: y, first=1600000000):
        """A feature of seconds since 1970, a target with a trend and noise, and both as fractions."""
        noise = random.Random(3)
        t = [first + i for i in range(300)]
        y = [target(round(2 + 0.01 * i + noise.gauss(0, 1), 6)) for i in range(300)]
        self.write("far.csv", "t,y\n" + "".join(f"{a},{b}\n" for a, b in zip(t, y)))
        return t, [Fraction(str(b)) for b in y]

    def test_a_feature_far_from_zero(self):
        # Simple regression in closed form, with fractions: nothing is rounded but the two roots.
        for first in (0, 10**8, 1600000000):
            t, y = self.far_table(first=first)
            n, mean_t, mean_y = len(t), Fraction(sum(t), len(t)), sum(y) / len(y)
            squares = sum((a - mean_t)**2 for a in t)
            slope = sum((a - mean_t) * (b - mean_y) for a, b in zip(t, y)) / squares
            intercept = mean_y - slope * mean_t
            variance = sum((b - intercept - slope * a)**2 for a, b in zip(t, y)) / (n - 2)
            fit = self.json_of("fit", "far.csv", "--loss", "linear", "--target", "y")
            self.assertEqual(fit["status"], "converged")
            self.assert_coefficients(fit, [float(slope), float(intercept)],
                                     [math.sqrt(variance / squares),
                                      math.sqrt(variance * (Fraction(1, n) + mean_t**2 / squares))], 10)
            through_0 = self.json_of("fit", "far.csv", "--loss", "linear", "--target", "y", "--no-intercept")
            slope = sum(a * b for a, b in zip(t, y)) / sum(a * a for a in t)
            variance = sum((b - slope * a)**2 for a, b in zip(t, y)) / (n - 1)
            self.assert_coefficients(through_0, [float(slope)], [math.sqrt(variance / sum(a * a for a in t))], 10)

    def test_where_the_origin_lies_does_not_matter(self):
        kinds = {"logistic": lambda y: int(y > 3.5), "poisson": lambda y: max(0, round(y)), "huber": lambda y: y,
                 "softmax": lambda y: min(2, max(0, round(y / 2)))}
        for loss, target in kinds.items():
            for more in ([], ["--l2", "0.01"]):
                with self.subTest(loss, more=more):
                    fits = []
                    for first in (0, 1600000000):
                        self.far_table(target, first)
                        fits.append(self.json_of("fit", "far.csv", "--loss", loss, "--target", "y", *more))
                    near, far = fits
                    self.assertEqual((near["status"], far["status"]), ("converged", "converged"))
                    for a, b in zip(near["coefficients"][::2], far["coefficients"][::2], strict=True):
                        self.assert_close(b["estimate"], a["estimate"], 6)
                        self.assert_close(b["standard_error"], a["standard_error"], 6)
                    self.assert_close(far["objective"], near["objective"], 10)

    def test_weights_and_units_of_the_features_alone(self):
        """What is centred and scaled inside is so with weights, and rows of weight 0 have no say in it."""
        t, y = self.far_table()
        rows = "".join(f"{a},{float(b)},{1 + i % 3}\n" for i, (a, b) in enumerate(zip(t, y)))
        expected = None
        for name, content in (("w.csv", rows), ("w0.csv", rows + "0,5,0\n")):
            self.write(name, "t,y,w\n" + content)
            fit = self.json_of("fit", name, "--loss", "linear", "--target", "y", "--weights", "w")
            expected = expected or fit
            self.assert_coefficients(fit, [c["estimate"] for c in expected["coefficients"]],
                                     [c["standard_error"] for c in expected["coefficients"]], 10)

    def assert_nothing_of_errors(self, fit, reason):
        for c in fit["coefficients"]:
            for key in ("standard_error", "t" if "t" in c else "z", "p", "low", "high"):
                self.assertIsNone(c[key], key)
        self.assertIn("left out: ", fit["standard_errors"])
        self.assertIn(reason, fit["standard_errors"])
        self.assertIsNone(fit["aic"])
        self.assertIn(reason, fit["aic_left_out"])

    def test_no_errors_of_what_is_no_minimum(self):
        table = self.write_table(target=[int(k == 1) for k in CLASSES])
        for loss in ("linear", "logistic", "huber", "poisson"):
            more = ["--delta", 0.1] if loss == "huber" else []
            fit = self.json_of("fit", table, "--loss", loss, "--target", "y", *more, "--max-iterations", 0, status=2)
            self.assertEqual(fit["status"], "max_iterations")
            if loss == "huber":  # it has no AIC anyhow
                fit["aic_left_out"] = fit["standard_errors"]
            self.assert_nothing_of_errors(fit, "not converged (max_iterations)")
        for method in ("lbfgs", "gradient_descent"):
            fit = self.json_of("fit", table, "--loss", "logistic", "--target", "y", "--method", method,
                               "--max-iterations", 2, status=2)
            self.assert_nothing_of_errors(fit, "not converged (max_iterations)")
        text = self.run_tool("fit", table, "--loss", "logistic", "--target", "y", "--max-iterations", 1, status=2).stdout
        self.assertLess(text.index("max_iterations by"), text.index("estimate"))
        self.assertNotIn("; AIC", text)

    def test_errors_are_right_or_left_out(self):
        """Whatever a method ends as, at whatever precision: what is said of errors is what Newton's minimum has."""
        draw = random.Random(2)
        rows = [(1600000000 + draw.randrange(500), math.exp(draw.gauss(0, 3)), draw.gauss(0, 1)) for _ in range(60)]
        self.write("p.csv", "t,x,y,l,k\n" + "".join(f"{t},{x},{1e4 + e},{int(e > 0)},{int(3 * abs(e))}\n" for t, x, e in rows))
        given = left_out = 0
        for loss, target in (("linear", "y"), ("logistic", "l"), ("poisson", "k")):
            for more in ([], ["--l2", "1e-6"]):
                command = ["fit", "p.csv", "--loss", loss, "--target", target, "--features", "t,x", *more, "--json"]
                certain = self.json_of(*command[:-1])["coefficients"]
                for method in ("lbfgs", "gradient_descent"):
                    for precision in ("f64", "f32"):
                        run = subprocess.run([PROGRAM, *command, "--method", method, "--precision", precision],
                                             capture_output=True, cwd=self.folder, timeout=LONGEST)
                        for c, expected in zip(json.loads(run.stdout)["coefficients"], certain, strict=True):
                            if c["standard_error"] is None:
                                left_out += 1
                            else:
                                given += 1
                                # Seconds are rounded to 128 in single precision.
                                digits = 0.3 if precision == "f32" else 2
                                self.assert_close(c["standard_error"], expected["standard_error"], digits)
        self.assertGreater(given, 6)
        self.assertGreater(left_out, 6)

    def test_no_errors_where_parameters_are_not_determined(self):
        twice = self.write("d.csv", "a,b,y\n" + "".join(f"{a},{2 * a},{y}\n" for (a, _), y in zip(X, Y)))
        constant = self.write("k.csv", "a,k,y\n" + "".join(f"{a},7e6,{y}\n" for (a, _), y in zip(X, Y)))
        both = self.write("i.csv", "u,v,y\n" + "".join(f"{i % 2},{1 - i % 2},{y}\n" for i, y in enumerate(Y)))
        for table, names in ((twice, ["a", "b"]), (constant, ["k", "(intercept)"]), (both, ["u", "v", "(intercept)"])):
            fit = self.json_of("fit", table, "--loss", "linear", "--target", "y", status=2)
            self.assertEqual((fit["status"], fit["undetermined"]), ("singular", names))
            self.assert_nothing_of_errors(fit, "the data do not determine all parameters")
            self.assertIsNone(fit["scale"])

    def test_no_criteria_without_a_bound(self):
        separated = self.write("s.csv", "a,y\n" + "".join(f"{i},{int(i > 4)}\n" for i in range(10)))
        fit = self.json_of("fit", separated, "--loss", "logistic", "--target", "y", status=2)
        self.assert_nothing_of_errors(fit, "the loss falls towards infinity")
        for key in ("log_likelihood", "deviance", "explained"):
            self.assertIsNone(fit[key])
        few = self.write("f.csv", "a,b,y\n1,2,3\n2,5,1\n4,3,8\n")
        fit = self.json_of("fit", few, "--loss", "linear", "--target", "y")
        self.assertEqual(fit["degrees_of_freedom"], 0)
        self.assert_nothing_of_errors(fit, "no more rows than parameters")
        self.assertIsNone(fit["log_likelihood"])
        exact = self.write("e.csv", "a,y\n" + "".join(f"{i},{3 * i + 1}\n" for i in range(9)))
        fit = self.json_of("fit", exact, "--loss", "linear", "--target", "y")
        self.assert_nothing_of_errors(fit, "exact")
        self.assert_close(fit["coefficients"][0]["estimate"], 3, 12)
        flat = self.write("c.csv", "a,y\n" + "".join(f"{i},5\n" for i in range(9)))
        self.assertIsNone(self.json_of("fit", flat, "--loss", "linear", "--target", "y")["explained"])

    def test_challenger_as_published(self):
        # Dalal, Fowlkes and Hoadley 1989, with R's glm: 15.0429 (7.3786), -0.2322 (0.1082), deviance 20.315.
        fit = self.json_of("fit", "bench/data/challenger.csv", "--loss", "logistic", "--target", "distress", "--drop",
                           "flight")
        self.assert_coefficients(fit, [-0.23216274, 15.04290165], [0.10823652, 7.37863638], 7)
        self.assert_close(fit["deviance"], 20.31519269, 8)
        self.assert_close(fit["aic"], 24.31519269, 8)
        self.assert_close(fit["accuracy"], 20 / 23, 12)

    def test_report(self):
        fit = ["fit", "bench/data/challenger.csv", "--loss", "logistic", "--target", "distress", "--drop", "flight"]
        text = self.run_tool(*fit, "--report").stdout
        for part in ("mean over 23 samples of a loss of a linear predictor with intercept, 2 parameters",
                     "analytic: the loss's own", "newton: the Hessian is estimated", "Last iterations"):
            self.assertIn(part, text)
        self.assertNotIn("Last iterations", self.run_tool(*fit).stdout)
        self.assertIn("--report is text", self.run_tool(*fit, "--report", "--json", status=1).stderr)

    def test_poisson_with_categories_as_published(self):
        # Dobson 1990, "An introduction to generalized linear models", p. 93, the example of R's glm:
        # 3.045 (0.1709), outcome2 -0.4543 (0.2022), outcome3 -0.2930 (0.1927), treatments 0 (0.2); deviance 5.1291.
        rows = "".join(f"{n},{o},t{t}\n" for n, o, t in zip((18, 17, 15, 20, 10, 20, 25, 13, 12), "123" * 3, "111222333"))
        self.write("dobson.csv", "counts,outcome,treatment\n" + rows)
        fit = self.json_of("fit", "dobson.csv", "--loss", "poisson", "--target", "counts", "--categorical",
                           "outcome,treatment")
        names = [c["name"] for c in fit["coefficients"]]
        self.assertEqual(names, ["outcome=2", "outcome=3", "treatment=t2", "treatment=t3", "(intercept)"])
        for c, (estimate, error) in zip(fit["coefficients"], ((-0.4543, 0.2022), (-0.2930, 0.1927), (0, 0.2), (0, 0.2),
                                                              (3.045, 0.1709))):
            self.assertAlmostEqual(c["estimate"], estimate, 3)
            self.assertAlmostEqual(c["standard_error"], error, 4)
        self.assertAlmostEqual(fit["deviance"], 5.1291, 4)
        self.assertAlmostEqual(fit["aic"], 56.76, 2)

    def test_softmax(self):
        fit = self.json_of("fit", self.write_table(target=CLASSES), "--loss", "softmax", "--target", "y")
        self.assert_coefficients(
            fit, [1.8864660521210928, -1.5958659491509246, -0.7296327337612044, 0.7829041507008968, 0.9559434243621033,
                  -2.9267444312764663],
            [1.1163728370170567, 1.4847392354273392, 1.7719165726591504, 0.9736869334577971, 1.1472887493530204,
             2.3787884156575805], 7)
        self.assertEqual([c["class"] for c in fit["coefficients"]], ["1"] * 3 + ["2"] * 3)
        self.assert_close(fit["log_likelihood"], -8.997611287199506, 9)
        other = self.json_of("fit", "t.csv", "--loss", "softmax", "--target", "y", "--reference", 2)
        self.assert_close(other["coefficients"][0]["estimate"], -0.7829041507008968, 7)
        self.assert_close(other["coefficients"][0]["standard_error"], 0.9736869334577971, 7)

    def test_softmax_of_two_classes_is_logistic(self):
        table = self.write_table(target=["no" if k == 1 else "yes" for k in CLASSES])
        one, two = (self.json_of("fit", table, "--loss", loss, "--target", "y") for loss in ("logistic", "softmax"))
        self.assertEqual(one["classes"], ["no", "yes"])
        self.assert_coefficients(two, [c["estimate"] for c in one["coefficients"]],
                                 [c["standard_error"] for c in one["coefficients"]], 6)
        self.assert_close(two["deviance"], one["deviance"], 9)

    def test_huber(self):
        fit = self.json_of("fit", self.write_table(), "--loss", "huber", "--target", "y", "--delta", 1)
        self.assert_coefficients(fit, [1.6056217240143411, 1.8898404495516008, -0.4232942490156683],
                                 [0.1913941776150822, 0.2153346341779424, 0.4295439796285699], 7)
        automatic = self.json_of("fit", "t.csv", "--loss", "huber", "--target", "y")
        self.assertEqual(automatic["status"], "converged")
        self.assertIn("delta = ", automatic["title"])

    def test_penalised(self):
        target = [int(k == 1) for k in CLASSES]
        fit = self.json_of("fit", self.write_table(target=target), "--loss", "logistic", "--target", "y", "--l2", 0.1)
        self.assert_coefficients(fit, [0.7225531101059949, -0.7023027471379889, -0.5806216567677162],
                                 [0.52159414555258, 0.621911068359634, 1.2440047042286348], 7)
        self.assertIn("penalty", fit["standard_errors"])
        self.assertIsNone(fit["aic"])

    def test_weights(self):
        fit = self.json_of("fit", self.write_table(weights=WEIGHTS), "--loss", "linear", "--target", "y", "--weights", "w")
        self.assert_coefficients(fit, [2.2099582667877096, 2.3953850831054195, -1.112370065356184],
                                 [1.1563993430655157, 1.3440280556248745, 2.2687896952258613])
        # Of a likelihood a weight of 2 is a row that is there twice.
        rows = "".join(f"{a},{b},{int(k == 1)}\n" for (a, b), k in zip(X, CLASSES))
        self.write("twice.csv", "a,b,y\n" + rows + rows)
        self.write("two.csv", "a,b,y,w\n" + rows.replace("\n", ",2\n"))
        twice = self.json_of("fit", "twice.csv", "--loss", "logistic", "--target", "y")
        two = self.json_of("fit", "two.csv", "--loss", "logistic", "--target", "y", "--weights", "w")
        self.assert_coefficients(two, [c["estimate"] for c in twice["coefficients"]],
                                 [c["standard_error"] for c in twice["coefficients"]])

    def test_units_and_order_do_not_matter(self):
        fit = self.json_of("fit", self.write_table(), "--loss", "linear", "--target", "y")
        rows = [f"{1000 * a},{b},{y}\n" for (a, b), y in zip(X, Y)]
        random.Random(1).shuffle(rows)
        self.write("other.csv", "a,b,y\n" + "".join(rows))
        for more in ([], ["--standardize"], ["--method", "bfgs"], ["--method", "trust_region"]):
            other = self.json_of("fit", "other.csv", "--loss", "linear", "--target", "y", *more)
            scale = [1000, 1, 1]
            self.assert_coefficients(other, [c["estimate"] / s for c, s in zip(fit["coefficients"], scale)],
                                     [c["standard_error"] / s for c, s in zip(fit["coefficients"], scale)], 6)
        single = self.json_of("fit", "t.csv", "--loss", "linear", "--target", "y", "--precision", "f32", status=0)
        self.assert_close(single["coefficients"][0]["estimate"], fit["coefficients"][0]["estimate"], 4)

    def test_what_is_chosen_of_the_columns(self):
        table = self.write_table()
        names = lambda *more: [c["name"] for c in self.json_of("fit", table, "--loss", "linear", "--target", "y",  # noqa: E731
                                                               *more)["coefficients"]]
        self.assertEqual(names(), ["a", "b", "(intercept)"])
        self.assertEqual(names("--features", "b"), ["b", "(intercept)"])
        self.assertEqual(names("--drop", "b", "--no-intercept"), ["a"])
        self.assertEqual(names("--drop", "a,b"), ["(intercept)"])
        self.assertEqual(names("--features", "2,1"), ["a", "b", "(intercept)"])

    def test_every_way_to_write_a_table(self):
        rows = [("a", "b", "y")] + [(str(a), str(b), str(y)) for (a, b), y in zip(X, Y)]
        plain = "".join(",".join(row) + "\n" for row in rows)
        command = ["fit", "t.csv", "--loss", "linear", "--target", "y"]
        self.write("t.csv", plain)
        expected = self.json_of(*command)["coefficients"]
        for name, content in {
            "CR LF": plain.replace("\n", "\r\n"),
            "byte-order mark": "\ufeff" + plain,
            "quotes": "".join(",".join(f'"{field}"' for field in row) + "\n" for row in rows),
            "decimal commas": plain.replace(",", ";").replace(".", ","),
            "tabs": plain.replace(",", "\t"),
            "blanks": plain.replace(",", " , ") + "\n\n",
            "gzip": gzip.compress(plain.encode()),
        }.items():
            with self.subTest(name):
                self.write("t.csv", content)
                self.assertEqual(self.json_of(*command)["coefficients"], expected)
        piped = self.json_of("fit", "-", *command[2:], stdin=plain.encode())
        self.assertEqual(piped["coefficients"], expected)
        self.write("t.csv", plain.split("\n", 1)[1])
        self.assertEqual([c["estimate"] for c in self.json_of(*command[:-1], "3", "--no-header")["coefficients"]],
                         [c["estimate"] for c in expected])

    def test_missing_values(self):
        table = self.write("t.csv", "a,y\n1,2\nNA,3\n2,4.5\n3,\n4,8\n5,11\n")
        command = ["fit", table, "--loss", "linear", "--target", "y"]
        self.refused("a value is missing ('t.csv', line 3, column 1 'a': 'NA') mend the file, or pass --missing drop",
                     *command)
        run = self.run_tool(*command, "--missing", "drop")
        self.assertIn("note: 2 of 6 rows were left out for missing values, the first in line 3", run.stderr)
        self.assertIn("4 rows", run.stdout)

    def test_what_is_wrong_is_said(self):
        table = self.write_table()
        command = ["fit", table, "--loss", "linear", "--target"]
        self.refused("there is no such column ('z' in 't.csv', which has: a, b, y)", *command, "z")
        self.refused("there is no such column ('aa' in 't.csv', which has: a, b, y) did you mean 'a'?", *command, "y",
                     "--features", "aa")
        self.refused("the file cannot be read ('nowhere.csv': No such file or directory)", "fit", "nowhere.csv",
                     "--loss", "linear", "--target", "y")
        self.refused("there is no loss", "fit", table, "--target", "y")
        self.refused("there is no target", "fit", table, "--loss", "linear")
        self.refused("there is no such method ('newtom') did you mean 'newton'?", *command, "y", "--method", "newtom")
        self.refused("logistic regression is of two classes ('y' of 't.csv' has: 0.9, 1.2, ", "fit", table, "--loss",
                     "logistic", "--target", "y")
        self.refused("there is no such class ('maybe'", "fit", self.write_table("c.csv", [str(k) for k in CLASSES]),
                     "--loss", "softmax", "--target", "y", "--reference", "maybe")
        self.refused("a count is negative ('y' of 'p.csv', data row 1: -1)", "fit",
                     self.write("p.csv", "a,y\n1,-1\n2,3\n"), "--loss", "poisson", "--target", "y")
        self.refused("a field is not a finite number ('x.csv', line 2, column 1 'a': 'red') mend the file, leave the "
                     "column out (--drop), or say that it has categories (--categorical)", "fit",
                     self.write("x.csv", "a,y\nred,1\nblue,2\n"), "--loss", "linear", "--target", "y")
        self.refused("a feature is constant ('a' of 'k.csv') leave it out: --drop", "fit",
                     self.write("k.csv", "a,y\n3,1\n3,2\n"), "--loss", "linear", "--target", "y", "--standardize")
        self.refused("rows have different lengths ('r.csv', line 3 has 3 fields, the first has 2)", "fit",
                     self.write("r.csv", "a,y\n1,2\n1,2,3\n"), "--loss", "linear", "--target", "y")

    def test_exit_codes(self):
        separated = self.write("s.csv", "a,y\n" + "".join(f"{i},{int(i > 4)}\n" for i in range(10)))
        fit = self.json_of("fit", separated, "--loss", "logistic", "--target", "y", status=2)
        self.assertEqual(fit["status"], "unbounded")
        self.assertIsNone(fit["coefficients"][0]["standard_error"])
        twice = self.write("d.csv", "a,b,y\n" + "".join(f"{a},{2 * a},{y}\n" for (a, _), y in zip(X, Y)))
        fit = self.json_of("fit", twice, "--loss", "linear", "--target", "y", status=2)
        self.assertEqual((fit["status"], fit["undetermined"]), ("singular", ["a", "b"]))
        self.refused("", "fit", twice, "--loss", "linear", "--target", "y", "--backend", "cuda", status=3,
                     environment={"CUDA_VISIBLE_DEVICES": ""})
        self.assertEqual(self.json_of("fit", self.write_table(target=CLASSES), "--loss", "softmax", "--target", "y",
                                      "--max-iterations", 1, status=2)["status"], "max_iterations")

    # ---- the other losses, against statsmodels 0.15's GLM (expected information) and Newton's method in 40 digits on
    # the likelihoods written out (observed information)

    def made_up(self):
        """The table of tests/losses."""
        text = (Path(SOURCES) / "tests/losses/table.h").read_text()
        columns = {name: re.search(name + r"\[\] = \{(.*?)\};", text, re.S).group(1).replace("\n", "").split(",")
                   for name in ("features", "positive", "counts", "binary", "offsets")}
        rows = zip(columns["features"][::2], columns["features"][1::2],
                   *(columns[name] for name in ("positive", "counts", "binary", "offsets")))
        return self.write("made.csv", "a,b,p,k,l,o\n" + "".join(",".join(v.strip() for v in row) + "\n" for row in rows))

    def fit_of(self, loss, target, *more, **other):
        return self.json_of("fit", self.made_up(), "--loss", loss, "--target", target, "--features", "a,b", *more, **other)

    def test_losses_with_a_dispersion(self):
        cases = {
            "gamma": ([0.4208623539439689, -0.38464968631078206, 0.6027414217210548], 0.31807609162687145,
                      [0.10663190661957005, 0.11429171327704063, 0.10882952571500297],
                      [0.18539965950596657, 0.2079865609659671, 0.19333018682286565], 7.640104181157074, 14.815735165585098),
            "inverse_gaussian": ([0.3950678180414405, -0.41963012136386524, 0.5897313623770265], 0.18142382919091138,
                                 [0.10664441328075909, 0.11334297093087704, 0.11333883388364098],
                                 [0.22443007297687603, 0.29470928153871806, 0.2608345786779527], 4.657418625334728,
                                 8.602300342420419)}
        for loss, (estimates, dispersion, expected, observed, deviance, null) in cases.items():
            with self.subTest(loss):
                fit = self.fit_of(loss, "p", "--covariance", "expected")
                self.assert_coefficients(fit, estimates, expected, 7)
                self.assert_close(fit["dispersion"], dispersion, 7)
                self.assert_close(fit["deviance"], deviance, 8)
                self.assert_close(fit["explained"], 1 - deviance / null, 8)
                self.assertIn("t", fit["coefficients"][0])
                self.assert_coefficients(self.fit_of(loss, "p"), estimates, [math.sqrt(dispersion) * e for e in observed], 7)

    def test_losses_of_two_classes_with_other_links(self):
        cases = {
            "probit": ([-0.015084377274668844, -0.5448035178763448, -0.2707220650362259],
                       [0.24988553560780924, 0.29205140238166233, 0.2641933602001707],
                       [0.24919989808002266, 0.28378587016128143, 0.26013842208315846], -18.74866521326186),
            "cloglog": ([-0.029683744243146695, -0.5839365907999027, -0.6993993322661425],
                        [0.3127896289335208, 0.32998626255436736, 0.3427647921157352],
                        [0.3133346673640361, 0.3347299237170351, 0.34129216155354114], -18.938993507655695)}
        for loss, (estimates, observed, expected, likelihood) in cases.items():
            with self.subTest(loss):
                fit = self.fit_of(loss, "l")
                self.assert_coefficients(fit, estimates, observed, 7)
                self.assert_close(fit["log_likelihood"], likelihood, 9)
                self.assert_close(fit["deviance"], -2 * likelihood, 9)
                self.assert_close(fit["aic"], 6 - 2 * likelihood, 9)
                self.assertEqual(fit["classes"], ["0", "1"])
                # statsmodels stops the iteration for cloglog with eight digits of the errors.
                self.assert_coefficients(self.fit_of(loss, "l", "--covariance", "expected"), estimates, expected, 6)
        # Rows whose probability is above a half count as the second class, whatever the link.
        z = [-0.029683744243146695 * float(a) - 0.5839365907999027 * float(b) - 0.6993993322661425 for a, b in
             (row.split(",")[:2] for row in (self.folder / "made.csv").read_text().splitlines()[1:])]
        classes = [int(row.split(",")[4]) for row in (self.folder / "made.csv").read_text().splitlines()[1:]]
        right = sum((1 - math.exp(-math.exp(v)) > 0.5) == (k == 1) for v, k in zip(z, classes))
        self.assert_close(self.fit_of("cloglog", "l")["accuracy"], right / 30, 12)

    def test_negative_binomial(self):
        fit = self.fit_of("negative_binomial", "k", "--alpha", 0.7)
        self.assert_coefficients(fit, [0.39615098148147215, -0.08303024707299379, 1.114897073297782],
                                 [0.19133810843380114, 0.22955365854720128, 0.19881343675219873], 7)
        self.assert_close(fit["log_likelihood"], -65.61785275985459, 9)
        self.assert_close(fit["deviance"], 21.67282194797232, 8)
        fit = self.fit_of("negative_binomial", "k")
        self.assertEqual(fit["coefficients"][-1]["name"], "log(alpha)")
        self.assert_coefficients(fit, [0.39876412446808557, -0.07059997183237128, 1.1184517584896927, -1.328308109216266],
                                 [0.14555505673093896, 0.16708041585899663, 0.1510062121231624, 0.5976342612104854], 6)
        self.assert_close(fit["log_likelihood"], -63.84575080215474, 9)
        self.assert_close(fit["aic"], 8 + 2 * 63.84575080215474, 9)
        # Units and origins of features do not matter.
        rows = (self.folder / "made.csv").read_text().splitlines()
        moved = [",".join([str(1e6 + 1e3 * float(row.split(",")[0])), *row.split(",")[1:]]) for row in rows[1:]]
        self.write("moved.csv", "\n".join([rows[0], *moved]) + "\n")
        other = self.json_of("fit", "moved.csv", "--loss", "negative_binomial", "--target", "k", "--features", "a,b")
        for j, unit in ((0, 1e3), (1, 1), (3, 1)):
            for what in ("estimate", "standard_error"):
                self.assert_close(other["coefficients"][j][what] * unit, fit["coefficients"][j][what], 6)

    def test_counts_that_vary_too_little_for_an_alpha(self):
        self.write("even.csv", "x,y\n" + "".join(f"{i},{2 + i // 5}\n" for i in range(40)))
        run = self.run_tool("fit", "even.csv", "--loss", "negative_binomial", "--target", "y", status=2)
        self.assertIn("log(alpha) falls without end (the counts vary no more than Poisson's) pass --loss poisson", run.stdout)

    def test_a_feature_that_is_the_same_in_all_rows_is_named(self):
        self.write("same.csv", "a,b,y\n" + "".join(f"{a},5,{y}\n" for (a, _), y in zip(X, Y)))
        command = ["fit", "same.csv", "--loss", "linear", "--target", "y"]
        expected = "note: 'b' is the same in all rows (5), as the intercept's column is: leave it out (--drop)\n"
        self.assertEqual(self.run_tool(*command, status=2).stderr, expected)
        self.assertEqual(self.run_tool(*command, "--no-intercept").stderr, "")

    def test_quantiles(self):
        draw = random.Random(8)
        values = [draw.gauss(3, 2) for _ in range(2001)]
        self.write("q.csv", "y\n" + "".join(f"{v}\n" for v in values))
        for tau in (0.1, 0.5, 0.9):
            fit = self.json_of("fit", "q.csv", "--loss", "quantile", "--target", "y", "--tau", tau, "--smoothing", 0.02)
            own = sorted(values)[round(tau * 2000)]
            self.assertLess(abs(fit["coefficients"][0]["estimate"] - own), 0.02)
            # Of the quantile of n normal numbers: sqrt(tau (1 - tau) / n) / density.
            z = {0.1: -1.2815515655446004, 0.5: 0, 0.9: 1.2815515655446004}[tau]
            density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / 2
            error = math.sqrt(tau * (1 - tau) / 2001) / density
            fit = self.json_of("fit", "q.csv", "--loss", "quantile", "--target", "y", "--tau", tau)
            self.assertLess(abs(fit["coefficients"][0]["standard_error"] / error - 1), 0.2)
            self.assertIn("no likelihood", fit["aic_left_out"])
        self.assertEqual(self.json_of("fit", "q.csv", "--loss", "quantile", "--target", "y")["coefficients"],
                         self.json_of("fit", "q.csv", "--loss", "quantile", "--target", "y", "--tau", 0.5)["coefficients"])

    def test_pseudo_huber_tends_to_least_squares(self):
        linear, wide = self.fit_of("linear", "p"), self.fit_of("pseudo_huber", "p", "--delta", 1e6)
        for a, b in zip(linear["coefficients"], wide["coefficients"], strict=True):
            self.assert_close(b["estimate"], a["estimate"], 8)
        # Then its sandwich is that of White (1980), times N / (N - p): statsmodels' OLS with HC1.
        for c, expected in zip(wide["coefficients"], HC1, strict=True):
            self.assert_close(c["standard_error"], expected, 7)
        robust = self.fit_of("pseudo_huber", "p")
        self.assertIn("delta = ", robust["title"])
        self.assertIsNone(robust["aic"])

    def test_the_other_losses_refuse_what_they_are_not_of(self):
        table = self.made_up()
        command = ["fit", table, "--target"]
        for loss in ("gamma", "inverse_gaussian"):
            self.refused("a target is not above 0 ('k' of 'made.csv', data row 7: 0) mend the file: " + loss, *command, "k",
                         "--loss", loss)
        for loss in ("probit", "cloglog"):
            self.refused(loss + " regression is of two classes ('p' of 'made.csv' has: ", *command, "p", "--loss", loss)
        self.refused("a count is negative ('a' of 'made.csv', data row 1: -0.8)", *command, "a", "--loss", "negative_binomial")
        self.refused("a quantile is between 0 and 1 (--tau is 1.5)", *command, "p", "--loss", "quantile", "--tau", 1.5)
        self.refused("--alpha is of another loss (--loss is poisson) leave it out, or pass --loss negative_binomial",
                     *command, "k", "--loss", "poisson", "--alpha", 1)
        self.refused("--tau is of another loss", *command, "p", "--loss", "huber", "--tau", 0.1)
        self.refused("--smoothing is of another loss", *command, "p", "--loss", "huber", "--smoothing", 0.1)
        self.refused("--delta is of another loss", *command, "p", "--loss", "gamma", "--delta", 0.1)
        self.refused("a penalty would hold alpha too", *command, "k", "--loss", "negative_binomial", "--l2", 0.1)
        self.refused("alpha is estimated without offsets", *command, "k", "--loss", "negative_binomial", "--offset", "o")
        self.refused("the expected information is of linear predictors (this is another problem) pass --covariance "
                     "inverse_hessian", *command, "k", "--loss", "negative_binomial", "--covariance", "expected")
        self.refused("this loss is not compared ('gamma')", "compare", table, "--target", "p", "--loss", "gamma")

    def test_covariances(self):
        # statsmodels 0.15: sm.GLM(counts, (features, 1), Poisson()).fit(cov_type="HC0")
        fit = self.fit_of("poisson", "k", "--covariance", "sandwich")
        self.assert_coefficients(fit, [0.400195818813716, -0.05049952010132075, 1.1245421848157975],
                                 [0.12097450981114417, 0.13474030918640728, 0.14047593888923304], 7)
        self.assertIn("sandwich", fit["standard_errors"])
        # Of a canonical link both matrices are one.
        hessian, expected = (self.fit_of("poisson", "k", "--covariance", by) for by in ("inverse_hessian", "expected"))
        for a, b in zip(hessian["coefficients"], expected["coefficients"], strict=True):
            self.assert_close(b["standard_error"], a["standard_error"], 8)
        self.refused("the loss's expected information is not known", "fit", "made.csv", "--loss", "softmax", "--target", "l",
                     "--features", "a,b", "--covariance", "expected")
        self.assertTrue(self.run_tool("fit", "made.csv", "--loss", "probit", "--target", "l", "--covariance", "other",
                                      status=1).stderr)

    def test_weights_of_the_other_losses(self):
        """Frequencies are rows that are there several times, degrees of freedom too; precisions have no unit."""
        lines = self.made_up() and (self.folder / "made.csv").read_text().splitlines()
        times = [1 + i % 3 for i in range(30)]
        self.write("w.csv", lines[0] + ",w,v\n" + "".join(f"{row},{w},{7 * w}\n" for row, w in zip(lines[1:], times)))
        self.write("r.csv", lines[0] + "\n" + "".join((row + "\n") * w for row, w in zip(lines[1:], times)))
        for loss, target in (("poisson", "k"), ("negative_binomial", "k"), ("probit", "l"), ("cloglog", "l")):
            with self.subTest(loss):
                command = ["--loss", loss, "--target", target, "--features", "a,b"]
                weighted = self.json_of("fit", "w.csv", *command, "--weights", "w")
                repeated = self.json_of("fit", "r.csv", *command)
                self.assert_coefficients(weighted, [c["estimate"] for c in repeated["coefficients"]],
                                         [c["standard_error"] for c in repeated["coefficients"]], 6)
                for key in ("degrees_of_freedom", "log_likelihood", "aic", "bic"):
                    self.assert_close(weighted[key], repeated[key], 8)
        for loss in ("gamma", "inverse_gaussian", "pseudo_huber", "quantile"):
            with self.subTest(loss):
                more = ["--delta", 1] if loss == "pseudo_huber" else ["--smoothing", 0.3] if loss == "quantile" else []
                w, v = (self.json_of("fit", "w.csv", "--loss", loss, "--target", "p", "--features", "a,b", "--weights", name,
                                     *more) for name in "wv")
                self.assertEqual(w["degrees_of_freedom"], 27)
                self.assert_coefficients(v, [c["estimate"] for c in w["coefficients"]],
                                         [c["standard_error"] for c in w["coefficients"]], 6)
                if loss == "gamma":
                    self.assert_close(v["dispersion"], 7 * w["dispersion"], 8)

    def test_offset_and_exposure(self):
        # statsmodels 0.15, see tests/losses.
        for loss, target, expected in (("gamma", "p", [0.5716964340364737, -0.33936779205947964, 0.6353400999518756]),
                                       ("probit", "l", [0.10047548755446768, -0.48917721289161464, -0.27784963441447724]),
                                       ("poisson", "k", [0.4716555247024591, 0.022236043639415254, 1.086439449997758])):
            fit = self.fit_of(loss, target, "--offset", "o")
            for c, value in zip(fit["coefficients"], expected, strict=True):
                self.assert_close(c["estimate"], value, 7)
            self.assertIn("offset by 'o'", fit["title"])
        rows = (self.folder / "made.csv").read_text().splitlines()
        self.write("e.csv", rows[0] + ",e\n" + "".join(f"{row},{math.exp(float(row.split(',')[5]))!r}\n" for row in rows[1:]))
        rates = self.json_of("fit", "e.csv", "--loss", "poisson", "--target", "k", "--features", "a,b", "--exposure", "e")
        for c, other in zip(rates["coefficients"], fit["coefficients"], strict=True):
            self.assert_close(c["estimate"], other["estimate"], 9)
            self.assert_close(c["standard_error"], other["standard_error"], 9)
        self.assert_close(rates["explained"], fit["explained"], 9)
        self.refused("an exposure is not above 0 ('o' of 'made.csv', data row 2: -0.04)", "fit", "made.csv", "--loss",
                     "poisson", "--target", "k", "--exposure", "o")
        self.refused("softmax has a predictor for each class", "fit", "made.csv", "--loss", "softmax", "--target", "l",
                     "--offset", "o")

    def test_summary(self):
        text = self.run_tool("fit", self.made_up(), "--loss", "gamma", "--target", "p", "--features", "a,b", "--summary",
                             "--covariance", "expected").stdout
        self.assertIn("Generalized Linear Model Regression Results", text)
        self.assertRegex(text, r"Dep. Variable: +p  No. Observations: +30\n")
        # The figures of statsmodels' own table.
        self.assertRegex(text, r"\na +0\.4209 +0\.1066 +3\.947 ")
        self.assertRegex(text, r"\n\(intercept\) +0\.6027 +0\.1088 +5\.538 ")
        self.assertIn("--summary is text", self.run_tool("fit", "made.csv", "--loss", "gamma", "--target", "p", "--summary",
                                                         "--json", status=1).stderr)
        # In the units of the data, whatever is centred and scaled inside.
        text = self.run_tool("fit", "bench/data/longley.csv", "--loss", "linear", "--target", "employed", "--summary").stdout
        self.assertRegex(text, r"\nyear +1829\.151 +455\.478 +4\.016 +0\.003 ")

    def test_bounds_of_coefficients(self):
        free = self.fit_of("gamma", "p")["coefficients"]
        fit = self.fit_of("gamma", "p", "--lower", "a=0.5,b=-1", "--upper", "b=1")
        self.assertEqual((fit["status"], fit["at_bound"]), ("converged", ["a"]))
        a, b, intercept = fit["coefficients"]
        self.assert_close(a["estimate"], 0.5, 12)
        self.assertIsNone(a["standard_error"])
        # The others are those of a fit in which this part is known.
        rows = (self.folder / "made.csv").read_text().splitlines()
        self.write("known.csv", rows[0] + ",z\n" + "".join(f"{row},{0.5 * float(row.split(',')[0])!r}\n" for row in rows[1:]))
        known = self.json_of("fit", "known.csv", "--loss", "gamma", "--target", "p", "--features", "b", "--offset", "z")
        for c, other in zip((b, intercept), known["coefficients"], strict=True):
            self.assert_close(c["estimate"], other["estimate"], 7)
            self.assert_close(c["standard_error"], other["standard_error"], 7)
        loose = self.fit_of("gamma", "p", "--lower", "a=-5")
        self.assertNotIn("at_bound", loose)
        for c, other in zip(loose["coefficients"], free, strict=True):
            self.assert_close(c["estimate"], other["estimate"], 7)
        self.assertIn("At a bound, with no error of their own: a", self.run_tool(
            "fit", "made.csv", "--loss", "gamma", "--target", "p", "--features", "a,b", "--lower", "a=0.5").stdout)
        command = ["fit", "made.csv", "--loss", "gamma", "--target", "p", "--features", "a,b", "--lower"]
        self.refused("there is no such feature ('c' in --lower; the features are a, b)", *command, "c=1")
        self.refused("a bound is not a name and a number (--lower a)", *command, "a")
        self.refused("the bounds leave nothing ('a')", *command, "a=1", "--upper", "a=0")
        self.refused("a feature is named twice ('a' in --lower)", *command, "a=0,a=1")
        self.refused("softmax has a coefficient of a feature for each class", "fit", "made.csv", "--loss", "softmax",
                     "--target", "l", "--lower", "a=0")

    LONG = ["fit", "bench/data/digits.csv.gz", "--no-header", "--loss", "softmax", "--target", "65", "--l2", "1e-3",
            "--method", "gradient_descent", "--errors", "no", "--threads", "1"]

    def start_tool(self, *arguments):
        process = subprocess.Popen([PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=self.folder)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_checkpoint_is_resumed_after_a_kill(self):
        command = [*self.LONG, "--max-iterations", 200, "--json"]
        whole = self.json_of(*command, status=2)
        process = self.start_tool(*command, "--checkpoint", "state", "--every", 7)
        until = time.monotonic() + LONGEST
        while not (self.folder / "state").exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
        process.kill()
        self.assertEqual(process.wait(), -signal.SIGKILL, "the fit was too quick to be killed")
        resumed = self.json_of(*command, "--checkpoint", "state", "--every", 7, status=2)
        self.assertEqual(resumed["iterations"], 200)
        self.assertEqual((resumed["objective"], resumed["coefficients"]), (whole["objective"], whole["coefficients"]))
        # Another fit's state is refused.
        self.assertTrue(self.run_tool("fit", self.write_table(), "--loss", "linear", "--target", "y", "--method",
                                      "gradient_descent", "--checkpoint", "state", status=1).stderr)

    def test_interrupted_fits_tell_the_best_point(self):
        start = math.log(10)  # of ten classes and no coefficients
        for name, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = self.start_tool(*self.LONG, "--max-iterations", 100000000, "--json", "--progress", "always",
                                      "--plot", "p.gp")
            for line in process.stderr:
                if re.search(rb"iteration (\d\d|[2-9])", line):
                    break
            process.send_signal(name)
            out, _ = process.communicate(timeout=LONGEST)
            self.assertEqual(process.returncode, status)
            fit = json.loads(out)
            self.assertEqual(fit["status"], "cancelled")
            self.assertIn("Ctrl-C", fit["message"])
            self.assertLess(fit["objective"], start)
            self.assertGreater(sum(abs(c["estimate"]) for c in fit["coefficients"]), 0)
            self.assertIsNone(fit["aic"])
            self.assertFalse((self.folder / "p.gp").exists())

    def test_a_second_signal_ends_at_once(self):
        process = self.start_tool(*self.LONG, "--max-iterations", 100000000, "--progress", "always")
        for line in process.stderr:
            if b"iteration" in line:
                break
        # Both are there when it goes on.
        for name in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(name)
        out, _ = process.communicate(timeout=LONGEST)
        self.assertIn(process.returncode, (130, 143))
        self.assertEqual(out, b"")

    # ---- curves

    def test_curves_as_nist_certifies_them(self):
        fit = self.json_of("curves", "bench/data/rat42.csv", "--model", "logistic_growth", "--x", "days", "--y", "yield")
        c, k, m = (fit["curves"][0]["parameters"][name] for name in "ckm")
        self.assert_close(c["estimate"], 72.462237576, 8)
        self.assert_close(c["standard_error"], 1.7340283401, 6)
        self.assert_close(k["estimate"], 0.067359200066, 8)
        self.assert_close(k["standard_error"], 0.0034465663377, 6)
        self.assert_close(m["estimate"], 2.6180768402 / 0.067359200066, 8)
        self.assert_close(fit["curves"][0]["objective"], 8.0565229338, 8)
        fit = self.json_of("curves", "bench/data/danwood.csv", "--model", "power_law", "--x", "temperature", "--y",
                           "energy", "--fix", "c=0")
        a, b, c = (fit["curves"][0]["parameters"][name] for name in "abc")
        self.assert_close(a["estimate"], 0.76886226176, 8)
        self.assert_close(a["standard_error"], 0.01828197386, 6)
        self.assert_close(b["estimate"], 3.8604055871, 8)
        self.assertEqual((c["estimate"], c["standard_error"]), (0, 0))

    def test_many_curves(self):
        # Bates and Watts 1988 and R's nls: 212.7 (6.947), 0.06412 (0.008281); 160.3 (6.480), 0.04771 (0.007782).
        command = ["curves", "bench/data/puromycin.csv", "--model", "michaelis_menten", "--x", "concentration", "--y",
                   "rate", "--by", "state"]
        fit = self.json_of(*command, "--output", "fits.csv")
        self.assertEqual(fit["statuses"], {"converged": 2})
        published = {"treated": (212.7, 6.947, 0.06412, 0.008281), "untreated": (160.3, 6.480, 0.04771, 0.007782)}
        lines = (self.folder / "fits.csv").read_text().splitlines()
        rows = {row["state"]: row for row in csv.DictReader(lines)}
        for curve in fit["curves"]:
            own = [curve["parameters"][p][what] for p in "vk" for what in ("estimate", "standard_error")]
            for value, expected in zip(own, published[curve["state"]]):
                self.assert_close(value, expected, 3)
            row = rows[curve["state"]]
            self.assertEqual([float(row[name]) for name in ("v", "v_error", "k", "k_error")], own)
        self.assertRegex(self.run_tool(*command).stdout, r"treated +212\.68\d +6\.95 +0\.0641\d+ +0\.00828 +converged")

    def test_curves_of_any_sizes_beside_each_other(self):
        # The first 64 have as many points as the last one alone.
        sizes = [3] * 64 + [1, 2, 192]
        self.write("k.csv", "k,x,y\n" + "".join(f"{k:03},{i},{k + 2 * i + (i % 3) / 8}\n" for k, size in enumerate(sizes)
                                              for i in range(size)))
        for more in [], ["--estimator", "huber"]:
            curves = self.json_of("curves", "k.csv", "--model", "polynomial1", "--x", "x", "--y", "y", "--by", "k", *more,
                                  status=2)["curves"]
            self.assertEqual([c["points"] for c in curves], sizes)
            self.assertEqual([c["status"] for c in curves if c["points"] >= 2], ["converged"] * 66)
            for k in (0, 63, 66):
                self.assertAlmostEqual(curves[k]["parameters"]["p0"]["estimate"], k, 0)

    def test_every_model_finds_its_way(self):
        """From the guess of the program to the parameters that the points were made with."""
        numbers = random.Random(3)
        xs = [0.25 * i for i in range(1, 41)]
        logistic = lambda z: 1 / (1 + math.exp(-z))  # noqa: E731
        gauss = lambda u: math.exp(-0.5 * u * u)  # noqa: E731
        cases = {
            "gaussian1d": ([7, 4, 0.8, 2], lambda x, p: p[0] * gauss((x - p[1]) / p[2]) + p[3]),
            "lorentzian": ([-5, 6, 0.9, 1], lambda x, p: p[0] / (1 + ((x - p[1]) / p[2])**2) + p[3]),
            "pseudo_voigt": ([9, 5, 1.1, 0.4, 1], lambda x, p: p[0] * (
                p[3] / (1 + ((x - p[1]) / p[2])**2) + (1 - p[3]) * math.exp(-((x - p[1]) / p[2])**2 * math.log(2))) + p[4]),
            "decay": ([100, 0.5, 7], lambda x, p: p[0] * math.exp(-p[1] * x) + p[2]),
            "decay2": ([80, 0.2, 50, 2, 3], lambda x, p: p[0] * math.exp(-p[1] * x) + p[2] * math.exp(-p[3] * x) + p[4]),
            "logistic_growth": ([20, 1.2, 4], lambda x, p: p[0] * logistic(p[1] * (x - p[2]))),
            "michaelis_menten": ([12, 2.5], lambda x, p: p[0] * x / (p[1] + x)),
            "hill": ([12, 3, 2.5], lambda x, p: p[0] * x**p[2] / (p[1]**p[2] + x**p[2])),
            "power_law": ([2, 1.5, 4], lambda x, p: p[0] * x**p[1] + p[2]),
            "sine": ([3, 2.2, 0.7, 1], lambda x, p: p[0] * math.sin(p[1] * x + p[2]) + p[3]),
            "polynomial1": ([1, 2], lambda x, p: p[0] + p[1] * x),
            "polynomial2": ([1, 2, -1], lambda x, p: p[0] + p[1] * x + p[2] * x**2),
            "polynomial3": ([1, 2, -1, .5], lambda x, p: sum(q * x**k for k, q in enumerate(p))),
            "polynomial4": ([1, 2, -1, .5, .1], lambda x, p: sum(q * x**k for k, q in enumerate(p))),
        }
        for model, (truth, function) in cases.items():
            with self.subTest(model):
                rows = [f"{x},{function(x, truth):.17g}\n" for x in xs]
                numbers.shuffle(rows)
                self.write("c.csv", "x,y\n" + "".join(rows))
                fit = self.json_of("curves", "c.csv", "--model", model, "--x", "x", "--y", "y")
                found = [p["estimate"] for p in fit["curves"][0]["parameters"].values()]
                if model == "decay2" and found[1] > found[3]:
                    found = [found[2], found[3], found[0], found[1], found[4]]
                if model == "sine" and found[0] < 0:
                    found = [-found[0], found[1], found[2] + math.pi, found[3]]
                if model == "sine":
                    found[2] = math.remainder(found[2], 2 * math.pi)
                for value, expected in zip(found, truth, strict=True):
                    self.assert_close(value, expected, 5)

    def test_peaks_in_the_plane(self):
        truth = [50, 4.5, 5.5, 1.8, 1.1, 0.5, 10]
        rows = ""
        for i in range(144):
            x, y = i % 12, i // 12
            u = (x - truth[1]) * math.cos(truth[5]) + (y - truth[2]) * math.sin(truth[5])
            v = (y - truth[2]) * math.cos(truth[5]) - (x - truth[1]) * math.sin(truth[5])
            rows += f"{x},{y},{truth[0] * math.exp(-u * u / 2 / truth[3]**2 - v * v / 2 / truth[4]**2) + truth[6]:.17g}\n"
        self.write("p.csv", "x,y,z\n" + rows)
        fit = self.json_of("curves", "p.csv", "--model", "gaussian2d_rotated", "--x", "x,y", "--y", "z")
        found = [p["estimate"] for p in fit["curves"][0]["parameters"].values()]
        widths = sorted(found[3:5])
        self.assert_close(widths[0], 1.1, 6)
        self.assert_close(widths[1], 1.8, 6)
        for model in ("gaussian2d", "gaussian2d_elliptic"):
            own = self.json_of("curves", "p.csv", "--model", model, "--x", "x,y", "--y", "z")["curves"][0]
            self.assertEqual(own["status"], "converged")
            self.assertAlmostEqual(own["parameters"]["cx"]["estimate"], 4.5, 1)

    def test_starts_that_are_named_count_and_the_others_are_guessed(self):
        # Thirty periods, of which the guess does not look for the frequency.
        truth, xs = {"a": 3, "omega": 60 * math.pi, "phi": 0.7, "b": 1}, [i / 200 for i in range(200)]
        numbers = random.Random(5)
        self.write("s.csv", "x,y\n" + "".join(
            f"{x},{truth['a'] * math.sin(truth['omega'] * x + truth['phi']) + truth['b'] + numbers.gauss(0, 0.01)}\n" for x in xs))
        command = ["curves", "s.csv", "--model", "sine", "--x", "x", "--y", "y"]

        def curve_of(*more, status=0):
            curve, = self.json_of(*command, *more, status=status)["curves"]
            return curve

        whole = ",".join(f"{name}={value}" for name, value in truth.items())
        best = curve_of("--start", whole)
        self.assertLessEqual(best["iterations"], 4)
        self.assertEqual(best["degrees_of_freedom"], 196)
        self.assertGreater(curve_of()["objective"], 10 * best["objective"])
        for more in (["--start", "omega=188"], ["--start", "omega=188.4", "--estimator", "huber"],
                     ["--start", "omega=188", "--lower", "a=0"]):
            with self.subTest(more):
                own = curve_of(*more)
                for name, value in truth.items():
                    found = own["parameters"][name]["estimate"]
                    self.assertAlmostEqual(math.remainder(found - value, 2 * math.pi) if name == "phi" else found,
                                           0 if name == "phi" else value, 1)
        fixed = curve_of("--fix", f"omega={truth['omega']}")
        self.assertEqual(fixed["parameters"]["omega"], {"estimate": truth["omega"], "standard_error": 0})
        self.assertEqual((fixed["degrees_of_freedom"], "at_bound" in fixed), (197, False))
        self.assert_close(fixed["parameters"]["b"]["estimate"], best["parameters"]["b"]["estimate"], 3)
        both = curve_of("--fix", f"omega={truth['omega']}", "--start", "phi=0.7,b=1")
        for name in "ab":
            self.assert_close(both["parameters"][name]["estimate"], fixed["parameters"][name]["estimate"], 5)

    def test_curves_say_what_is_wrong(self):
        table = self.write_table()
        self.refused("there is no such model ('gauss1d') did you mean 'gaussian1d'?", "curves", table, "--model",
                     "gauss1d", "--x", "a", "--y", "y")
        self.refused("the model has other coordinates (gaussian2d has 2, --x names 1 columns)", "curves", table,
                     "--model", "gaussian2d", "--x", "a", "--y", "y")
        self.refused("a value is not understood (--start k)", "curves", table, "--model", "decay", "--x", "a", "--y",
                     "y", "--start", "k")
        self.refused("the model has no such parameter ('q' in --fix) decay has: a, k, b", "curves", table, "--model",
                     "decay", "--x", "a", "--y", "y", "--fix", "q=1")
        self.write("n.csv", "x,y\n1,5\n2,5\n")
        command = ["curves", "n.csv", "--model", "decay", "--x", "x", "--y", "y"]
        run = self.run_tool(*command, status=2)
        self.assertIn("singular", run.stdout)
        self.assertIn("the data do not determine 'k' (it has no influence there)", run.stdout)
        self.write("one.csv", "x,y\n1,5\n")
        self.assertIn("the data do not determine 'a', 'k' and 'b' (they may change",
                      self.run_tool("curves", "one.csv", *command[2:], status=2).stdout)
        self.refused("a parameter is named twice ('k' in --start)", *command, "--start", "k=1,k=2")
        for option in ("--start", "--fix", "--lower"):
            self.refused(f"a value is not understood ({option} k=inf)", *command, option, "k=inf")
        self.refused("a start is outside of its bounds ('k' from 0 to inf)", *command, "--start", "k=-1", "--lower", "k=0")
        self.refused("a fixed parameter has a start too ('k' in --fix and --start)", *command, "--start", "k=1", "--fix", "k=1")
        self.write("text.csv", "x,y\n1,a\n")
        self.refused("a field is not a finite number ('text.csv', line 2, column 2 'y': 'a') mend the file, or name another "
                     "column", "curves", "text.csv", *command[2:])

    # ---- robust curves

    def robust_points(self, factor):
        """A peak with noise and outliers, y times a power of two."""
        numbers = random.Random(7)
        rows = ""
        for i in range(60):
            y = 40 * math.exp(-0.5 * ((i - 30) / 6)**2) + 5 + numbers.gauss(0, 1) + (30 if i % 13 == 4 else 0)
            rows += f"{i},{round(y, 3) * factor!r}\n"
        return rows

    def test_robust_fits_do_not_depend_on_the_unit(self):
        names, by_y = ["a", "c", "s", "b"], [1, 0, 0, 1]
        for estimator in ("huber", "cauchy", "tukey"):
            found = {}
            for factor in (1, 2.0**-10, 2.0**10):
                self.write("p.csv", "x,y\n" + self.robust_points(factor))
                curve = self.json_of("curves", "p.csv", "--model", "gaussian1d", "--x", "x", "--y", "y", "--estimator",
                                     estimator)["curves"][0]
                found[factor] = [list(p.values()) for p in curve["parameters"].values()] + [[curve["scale"]]]
            for factor, values in found.items():
                for value, expected, unit in zip(values, found[1], by_y + [1], strict=True):
                    for v, e in zip(value, expected):
                        self.assert_close(v / factor**unit, e, 7)
            self.assertLess(abs(found[1][0][0] - 40), 1.5, names)  # the height
            self.assertLess(abs(found[1][3][0] - 5), 0.7)  # least squares: 7
            self.assertGreater(found[1][4][0], 0.6)
            self.assertLess(found[1][4][0], 1.6)

    def test_robust_scales_are_each_curves_own(self):
        rows = [("small", 2.0**-10), ("large", 1.0)]
        self.write("p.csv", "x,y,k\n" + "".join(line + f",{name}\n" for name, factor in rows
                                               for line in self.robust_points(factor).splitlines()))
        command = ["curves", "p.csv", "--model", "gaussian1d", "--x", "x", "--y", "y", "--estimator", "tukey", "--by", "k"]
        large, small = self.json_of(*command, "--output", "o.csv")["curves"]
        self.assert_close(small["scale"] * 2**10, large["scale"], 7)
        self.assert_close(small["parameters"]["a"]["estimate"] * 2**10, large["parameters"]["a"]["estimate"], 7)
        table = list(csv.DictReader((self.folder / "o.csv").read_text().splitlines()))
        self.assert_close(float(table[0]["scale"]), large["scale"], 12)

    def test_robust_maps_do_not_depend_on_the_unit(self):
        truth, stack = self.decay_stack()
        numbers = random.Random(1)
        stack = [y + numbers.gauss(0, 1) + (60 if i % 101 == 7 else 0) for i, y in enumerate(stack)]
        maps = []
        for factor in (1, 2.0**-10):
            self.write("stack.npy", npy((12, 6, 5), [y * factor for y in stack]))
            self.json_of("images", "stack.npy", "--model", "decay", "--dt", 0.5, "--plot", "none", "--estimator", "huber")
            maps.append(read_npy(self.folder / "maps_k.npy")[1])
        for one, other in zip(*maps, strict=True):
            self.assert_close(other, one, 6)

    # ---- what is said rather than ignored

    def test_bounds(self):
        command = ["curves", "bench/data/danwood.csv", "--model", "power_law", "--x", "temperature", "--y", "energy"]
        self.refused("the bounds leave nothing ('c' from 1 to 0)", *command, "--lower", "c=1", "--upper", "c=0")
        run = self.run_tool(*command, "--lower", "c=1", "--json")
        self.assertIn("note: c ended at its bound", run.stderr)
        self.assertEqual(json.loads(run.stdout)["curves"][0]["at_bound"], ["c"])
        self.assertEqual(self.run_tool(*command, "--lower", "c=-99").stderr, "")

    def test_headers_of_numbers(self):
        table = self.write("years.csv", "2019,2020,2021\n" + "".join(f"{a},{b},{y}\n" for (a, b), y in zip(X, Y)))
        command = ["fit", table, "--loss", "linear", "--target"]
        self.assertIn("note: line 1 of years.csv was taken as data, as it has numbers (pass --header",
                      self.run_tool(*command, "3").stderr)
        self.assertEqual(self.run_tool(*command, "3", "--no-header").stderr, "")
        self.refused("there is no such column ('years.csv', '2021' is in the first row, which was taken as data) pass "
                     "--header", *command, "2021")
        run = self.run_tool(*command, "2021", "--header", "--json")
        self.assertEqual((run.stderr, [c["name"] for c in json.loads(run.stdout)["coefficients"]]),
                         ("", ["2019", "2020", "(intercept)"]))

    def test_thousands(self):
        command = ["fit", self.write("t.csv", "a;y\n1,300;1\n2,500;2\n3,900;3\n"), "--loss", "linear", "--target", "y"]
        self.refused("numbers may have decimal commas or commas between thousands ('t.csv', line 2: '1,300'; behind each "
                     "comma there are three digits) pass --decimal-comma", *command)
        self.run_tool(*command, "--decimal-comma")
        for one in ("0,300", "1300,250", "1,5"):
            self.write("t.csv", f"a;y\n{one};1\n2,500;2\n3,900;3\n")
            self.assertIn("has decimal commas", self.run_tool(*command).stderr)

    def test_options_that_do_not_go_together(self):
        table = self.write_table()
        command = ["fit", table, "--loss", "linear", "--target", "y"]
        self.refused("the target is among the features ('y')", *command, "--features", "a,y")
        self.refused("a feature is named twice ('a')", *command, "--features", "a,1")
        self.refused("--delta is of another loss (--loss is linear)", *command, "--delta", 1)
        self.run_tool("compare", table, "--target", "y", "--losses", "linear", "huber", "--delta", 1, "--folds", 3)
        self.write("stack.npy", npy((3, 2, 2), range(12)))
        self.refused("the images have two sorts of coordinates (--times and --dt)", "images", "stack.npy", "--model", "decay",
                     "--dt", 1, "--times", "t.csv", "--plot", "none")
        self.write("c.csv", "a,y\n1,1\n2,3.5\n3,4\n4,6\n")
        note = "note: 'y' has numbers that are no counts (such as 3.5)"
        self.assertIn(note, self.run_tool("fit", "c.csv", "--loss", "poisson", "--target", "y").stderr)
        self.assertIn(note, self.run_tool("curves", "c.csv", "--model", "polynomial1", "--estimator", "poisson", "--x", "a",
                                          "--y", "y").stderr)

    def test_messages_speak_of_the_program(self):
        for command, expected in {"fti": "did you mean 'fit'?", "xyzzy": "see cunewton --help"}.items():
            self.refused(f"there is no command '{command}' (the commands are fit, curves,", command)
            self.assertIn(expected, self.run_tool(command, status=1).stderr)
        table = self.write_table()
        command = ["fit", table, "--loss", "linear", "--target", "y"]
        self.refused("there is no such column ('z' in 't.csv', which has: a, b, y) name one", *command[:-1], "z")
        error = self.run_tool(*command, "--l2", "-1", status=1).stderr
        self.assertIn("--l2: '-1' is no number of 0 or more", error)
        self.assertLess(len(error), 200)
        self.refused("the file cannot be read ('.': it is a directory)", "fit", ".", *command[2:])
        self.refused("a field is not a finite number ('--at', line 1, column 1: 'a') give numbers between commas, a file "
                     "that exists, or start", "hessian", "--function", "booth", "--at", "a,b")
        self.write("z.npy", npy((1, 1, 1), [0], "<c16", "xd"))
        self.refused("the NumPy array has no real numbers ('z.npy' holds numbers of the type '<c16') save its real part",
                     "images", "z.npy", "--model", "decay", "--dt", 1, "--plot", "none")
        self.refused("lines end by CR alone ('r.csv', as those of old Macintoshes) convert the file: tr '\\r' '\\n'", "fit",
                     self.write("r.csv", "a,y\r1,2\r2,4\r3,7\r"), *command[2:])
        text = self.run_tool("check-convexity", "--function", "rosenbrock", status=2).stdout
        self.assertNotIn("()", text)
        self.assertNotIn("BackendChoice", self.run_tool(*command, "--backend", "cuda", status=3,
                                                        environment={"CUDA_VISIBLE_DEVICES": ""}).stderr)

    def test_every_method_of_the_help_works(self):
        table = self.write_table()
        text = " ".join(self.run_tool("fit", "--help").stdout.split())
        names = re.search(r"--method NAME\S* (?:\[automatic\] )?(.*?) --also", text).group(1).split(", ")
        self.assertGreater(len(names), 8)
        for name in names:
            with self.subTest(name):
                run = subprocess.run([PROGRAM, "fit", table, "--loss", "linear", "--target", "y", "--method", name,
                                      "--max-iterations", "50"], cwd=self.folder, capture_output=True, text=True,
                                     timeout=LONGEST)
                self.assertIn(run.returncode, (0, 2), run.stderr)

    def test_texts_that_are_not_utf8(self):
        rows = "".join(f"{a},{b},{y}\n" for (a, b), y in zip(X, Y))
        self.write("l.csv", "gr\u00f6\u00dfe,b,y\n".encode("latin-1") + rows.encode())
        run = self.run_tool("fit", "l.csv", "--loss", "linear", "--target", "y")
        self.assertIn("note: l.csv is not UTF-8: texts are shown with ? (iconv -f LATIN1 -t UTF-8", run.stderr)
        self.assertIn("gr??e", run.stdout)
        self.write("u.csv", "gr\u00f6\u00dfe,b,y\n" + rows)
        run = self.run_tool("fit", "u.csv", "--loss", "linear", "--target", "y")
        self.assertEqual(run.stderr, "")
        self.assertIn("gr\u00f6\u00dfe", run.stdout)
        self.write("n.csv", '"a\nof it",b,"y\x1b[1m"\n' + rows)
        run = self.run_tool("fit", "n.csv", "--loss", "linear", "--target", "3")
        self.assertIn("a\\nof it", run.stdout)
        self.assertIn("y\\x1b[1m", run.stdout)

    def test_all_eigenvalues_have_no_residuals(self):
        run = self.run_tool("spectrum", self.write_table(), "--loss", "linear", "--target", "y")
        self.assertNotIn("residual", run.stdout)

    # ---- images

    def decay_stack(self, height=6, width=5, images=12):
        truth = [(100 + 7 * p, 0.2 + 0.03 * p, 5 + p) for p in range(height * width)]
        return truth, [a * math.exp(-k * 0.5 * t) + b for t in range(images) for a, k, b in truth]

    def test_maps(self):
        truth, stack = self.decay_stack()
        fortran = [stack[t * 30 + r * 5 + c] for c in range(5) for r in range(6) for t in range(12)]
        for name, content in {"C": npy((12, 6, 5), stack), "Fortran": npy((12, 6, 5), fortran, ">f8", ">d", True)}.items():
            with self.subTest(name):
                self.write("stack.npy", content)
                result = self.json_of("images", "stack.npy", "--model", "decay", "--dt", 0.5, "--plot", "none", "--output",
                                      "m")
                self.assertEqual(result["statuses"], {"converged": 30})
                for j, parameter in enumerate("akb"):
                    shape, values = read_npy(self.folder / f"m_{parameter}.npy")
                    self.assertEqual(shape, (6, 5))
                    for value, own in zip(values, truth):
                        self.assert_close(value, own[j], 7)
                    self.assertEqual(read_npy(self.folder / f"m_{parameter}_error.npy")[0], (6, 5))
                self.assertEqual(set(read_npy(self.folder / "m_status.npy")[1]), {0})
                self.assertEqual(len(result["files"]), 7)
        self.write("times.csv", "t\n" + "".join(f"{0.5 * t}\n" for t in range(12)))
        again = self.json_of("images", "stack.npy", "--model", "decay", "--times", "times.csv", "--plot", "none",
                             "--precision", "f32")
        self.assertAlmostEqual(again["medians"]["k"], result["medians"]["k"], 4)

    def test_maps_of_bad_pixels(self):
        truth, stack = self.decay_stack()
        stack[3] = math.nan
        self.write("stack.npy", npy((12, 6, 5), stack))
        result = self.json_of("images", "stack.npy", "--model", "decay", "--dt", 0.5, "--plot", "none", status=2)
        self.assertEqual(result["statuses"], {"converged": 29, "invalid_data": 1})
        self.assertEqual(read_npy(self.folder / "maps_status.npy")[1][3], result["status_codes"]["invalid_data"])

    def test_images_say_what_is_wrong(self):
        self.write("flat.npy", npy((3, 4), range(12)))
        self.refused("the array is no stack of images ('flat.npy' has 2 dimensions)", "images", "flat.npy", "--model",
                     "decay", "--dt", 1, "--plot", "none")
        self.write("stack.npy", npy((3, 2, 2), range(12)))
        self.refused("the images have no coordinates", "images", "stack.npy", "--model", "decay", "--plot", "none")
        self.write("t.csv", "1\n2\n")
        self.refused("the coordinates do not fit the images ('t.csv' has 2 rows of 1 numbers, there are 3 images",
                     "images", "stack.npy", "--model", "decay", "--times", "t.csv", "--plot", "none")
        self.write("text.npy", "a,b\n")
        self.refused("the file is no NumPy array ('text.npy'", "images", "text.npy", "--model", "decay", "--dt", 1,
                     "--plot", "none")

    # ---- curvature

    def test_hessian(self):
        result = self.json_of("hessian", "--function", "rosenbrock", "--at", "1,1", "--output", "h.npy")
        self.assertEqual(result["hessian"], [[802, -400], [-400, 200]])
        self.assertEqual(read_npy(self.folder / "h.npy"), ((2, 2), (802, -400, -400, 200)))
        self.assertEqual(result["class"]["kind"], "minimum")
        self.assert_close(result["condition_number"], 2508.009601277298, 9)
        self.assertEqual(self.json_of("hessian", "--function", "saddle", "--at", "0,0")["class"]["kind"], "saddle")
        # Of a mean of squares 2/N sum x x' with the intercept's column.
        result = self.json_of("hessian", self.write_table(), "--loss", "linear", "--target", "y")
        self.assert_close(result["hessian"][0][1], 2 / 12 * sum(a * b for a, b in X), 12)
        self.assert_close(result["hessian"][2][2], 2, 12)
        self.refused("the point has the wrong size (--at has 3 numbers, the problem 2 parameters)", "hessian",
                     "--function", "booth", "--at", "1,2,3")
        self.refused("there is no such function ('rosenbrok') did you mean 'rosenbrock'?", "hessian", "--function",
                     "rosenbrok")
        self.refused("there is no problem", "hessian")

    def test_spectrum(self):
        result = self.json_of("spectrum", "--function", "booth", "--output", "e.csv")
        for value, expected in zip(result["eigenvalues"], (2, 18)):
            self.assert_close(value, expected, 10)
        self.assertEqual((result["positive"], result["negative"], result["zero"]), (2, 0, 0))
        self.assertEqual(len((self.folder / "e.csv").read_text().split()), 3)
        step = result["density"]["points"][1] - result["density"]["points"][0]
        self.assertAlmostEqual(step * sum(result["density"]["density"]), 1, 3)

    def test_convexity(self):
        self.assertTrue(self.json_of("check-convexity", "--function", "rosenbrock", status=2)["counter_example"])
        self.assertFalse(self.json_of("check-convexity", "--function", "booth")["counter_example"])
        result = self.json_of("check-convexity", self.write_table(), "--loss", "huber", "--target", "y", "--delta", 1)
        self.assertTrue(result["certified"])

    def test_compare_agrees_with_fit(self):
        table = self.write_table()
        compared = self.json_of("compare", table, "--loss", "linear", "--target", "y", "--models", "a", "b", "a+b",
                                "--folds", 3)
        self.assertEqual([m["name"] for m in compared["models"]], ["a", "b", "a+b"])
        for model in compared["models"]:
            fit = self.json_of("fit", table, "--loss", "linear", "--target", "y", "--features",
                               model["name"].replace("+", ","))
            self.assert_close(model["log_likelihood"], fit["log_likelihood"], 9)
            self.assert_close(model["aic"], fit["aic"], 9)
        self.write_table("w.csv", weights=WEIGHTS)
        for loss in ("linear", "poisson"):
            command = ["w.csv", "--loss", loss, "--target", "y", "--weights", "w", "--features", "a"]
            model, = self.json_of("compare", *command, "--folds", 0)["models"]
            fit = self.json_of("fit", *command)
            self.assert_close(model["log_likelihood"], fit["log_likelihood"], 9)
            self.assert_close(model["aic"], fit["aic"], 9)
        self.assertIn("*", self.run_tool("compare", table, "--loss", "linear", "--target", "y", "--models", "a",
                                         "a+b").stdout)

    def test_compare_marks_what_can_be_compared(self):
        table = self.write_table(target=[max(1, round(y)) for y in Y])
        command = ["compare", table, "--target", "y", "--features", "a", "--folds", 3]
        text = self.run_tool(*command, "--losses", "linear,huber,poisson").stdout
        self.assertNotIn("*", text)
        self.assertIn("Huber's loss is no likelihood", text)
        self.assertIn("Held-out losses are not marked", text)
        self.assertNotRegex(text, r"::|_|parameter 0")
        # A delta that follows from the residuals is another loss for each model.
        text = self.run_tool("compare", table, "--target", "y", "--loss", "huber", "--models", "a", "b").stdout
        self.assertNotIn("*", text)
        text = self.run_tool("compare", table, "--target", "y", "--loss", "huber", "--delta", 1, "--models", "a", "b").stdout
        self.assertEqual(text.count("*"), 1)
        # Nor are held-out losses of folds whose fits have no minimum.
        separated = self.write("s.csv", "a,b,y\n" + "".join(f"{i},{i % 3},{int(i > 4)}\n" for i in range(10)))
        text = self.run_tool("compare", separated, "--target", "y", "--loss", "logistic", "--models", "a", "b", "--folds",
                             3, status=2).stdout
        self.assertEqual(text.count("*"), 0)
        self.assertIn("No criteria and no evidence: the fit has not converged (unbounded)", text)
        # What fit says of a penalty compare says too.
        command = ["compare", table, "--target", "y", "--loss", "poisson", "--penalties", "0.01,0.1"]
        for model in self.json_of(*command)["models"]:
            self.assertIsNone(model["aic"])
            self.assertIsNone(model["log_evidence"])
            self.assertIn("--penalize-intercept", model["notes"])

    def test_evidence(self):
        # Of one mean with a normal prior in closed form: N rows y with the variance s^2 that the fit has left, mean
        # b ~ N(0, 1 / a), a = l2 N / 2 s^2.
        self.write("one.csv", "y\n" + "".join(f"{y}\n" for y in Y))
        l2, n = 0.3, len(Y)
        model, = self.json_of("compare", "one.csv", "--loss", "linear", "--target", "y", "--l2", l2,
                              "--penalize-intercept", "--folds", 0)["models"]
        b = 2 * sum(Y) / n / (2 + l2)
        s2 = sum((y - b)**2 for y in Y) / n
        a = l2 * n / 2 / s2
        log_joint = (-n / 2 * math.log(2 * math.pi * s2) - sum((y - b)**2 for y in Y) / 2 / s2
                     + math.log(a / 2 / math.pi) / 2 - a * b * b / 2)
        self.assert_close(model["log_evidence"], log_joint + math.log(2 * math.pi / (n / s2 + a)) / 2, 9)
        fit = self.json_of("fit", "one.csv", "--loss", "linear", "--target", "y", "--l2", l2, "--penalize-intercept")
        self.assert_close(fit["coefficients"][0]["estimate"], b, 9)
        self.refused("there is no intercept to penalise", "fit", self.write_table(), "--loss", "linear", "--target", "y",
                     "--no-intercept", "--penalize-intercept")

    def blocks_of(self, script):
        """The data of a script for gnuplot."""
        found = re.findall(r"^\$data\d+ << END_OF_DATA\n(.*?)^END_OF_DATA", (self.folder / script).read_text(), re.M | re.S)
        return [[[float(v) for v in line.split()] for line in block.splitlines()] for block in found]

    def test_the_picture_of_a_fit_has_the_intervals_of_the_table(self):
        command = ["fit", "bench/data/longley.csv", "--loss", "linear", "--target", "employed"]
        for more in ([], ["--standardize"]):
            fit = self.json_of(*command, *more, "--plot", "l.gp")
            drawn = self.blocks_of("l.gp")[0]
            for row, c in zip(drawn, fit["coefficients"]):
                unit = c["standardized"] / c["estimate"] if more else 1
                for value, expected in zip((row[0], row[2], row[3]), (c["estimate"], c["low"], c["high"])):
                    self.assert_close(value, expected * unit, 8)
            self.assertEqual(len(drawn), 6)
        self.assertIn("per standard deviation of the feature", (self.folder / "l.gp").read_text())
        stopped = self.json_of(*command, "--max-iterations", 0, "--plot", "s.gp", status=2)
        self.assertIsNone(stopped["coefficients"][0]["low"])
        self.assertNotIn("intervals", (self.folder / "s.gp").read_text())

    def test_the_picture_of_a_comparison(self):
        command = ["compare", self.write_table(), "--loss", "linear", "--target", "y", "--models", "a", "b", "a+b"]
        models = self.json_of(*command, "--plot", "c.gp")["models"]
        drawn, = self.blocks_of("c.gp")
        for row, model in zip(drawn, models, strict=True):
            self.assert_close(row[0], model["held_out_loss"], 8)
            self.assert_close(row[2], model["held_out_error"], 8)
        models = self.json_of(*command, "--folds", 0, "--plot", "c.gp")["models"]
        drawn, = self.blocks_of("c.gp")
        lowest = min(model["aic"] for model in models)
        for row, model in zip(drawn, models, strict=True):
            self.assertAlmostEqual(row[0], model["aic"] - lowest, 6)

    # ---- pictures and files

    def pictures(self):
        _, stack = self.decay_stack()
        self.write("stack.npy", npy((12, 6, 5), stack))
        table = self.write_table()
        regression = [table, "--loss", "linear", "--target", "y"]
        return {
            "fit": (["fit", *regression], ["a", "b", "Convergence of ", "Estimates with 95% intervals"]),
            "curves": (["curves", "bench/data/puromycin.csv", "--model", "michaelis_menten", "--x", "concentration", "--y",
                        "rate", "--by", "state"], ["concentration", "rate", "state untreated: converged"]),
            "images": (["images", "stack.npy", "--model", "decay", "--dt", 0.5, "--x-unit", "ms"],
                       ["k (1/ms)", "status", "converged", "column (pixels)"]),
            "hessian": (["hessian", *regression], ["a", "(intercept)", "second derivative"]),
            "spectrum": (["spectrum", *regression], ["eigenvalue", "size of the eigenvalue"]),
            "contours": (["contours", "--function", "himmelblau"], ["start", "newton (8 iterations)", "loss"]),
            "compare": (["compare", *regression, "--models", "a", "a+b"], ["a+b", "held-out loss"]),
        }

    @NEEDS_GNUPLOT
    def test_pictures_are_well_formed_and_labelled(self):
        for name, (command, labels) in self.pictures().items():
            with self.subTest(name):
                self.run_tool(*command, "--plot", name + ".svg")
                root = ElementTree.parse(self.folder / (name + ".svg")).getroot()
                self.assertTrue(root.tag.endswith("svg"))
                texts = ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]
                for label in labels:
                    self.assertTrue(any(label in text for text in texts), f"{label} is not among {texts}")
                self.run_tool(*command, "--plot", name + ".png")
                self.check_png((self.folder / (name + ".png")).read_bytes())
        self.assert_no_leftovers()

    def labels_of(self, picture):
        root = ElementTree.parse(self.folder / picture).getroot()
        return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]

    @NEEDS_GNUPLOT
    def test_what_pictures_say(self):
        _, stack = self.decay_stack()
        stack[3] = math.nan
        self.write("stack.npy", npy((12, 6, 5), stack))
        self.run_tool("images", "stack.npy", "--model", "decay", "--dt", 0.5, "--plot", "i.svg", status=2)
        self.assertIn("invalid_data", self.labels_of("i.svg"))
        self.run_tool("contours", "--function", "rosenbrock", "--plot", "c.svg")
        self.assertIn("lowest loss found", self.labels_of("c.svg"))
        rows = "".join(f"{a},{2 * a},{y}\n" for (a, _), y in zip(X, Y))
        table = [self.write("d.csv", "a,b,y\n" + rows), "--loss", "linear", "--target", "y", "--standardize"]
        self.run_tool("spectrum", *table, "--at", "0,0,0", "--plot", "s.svg")
        labels = self.labels_of("s.svg")
        self.assertTrue(any("standardised features, at 0,0,0" in label for label in labels), labels)
        self.assertTrue(any("zero within rounding" in label for label in labels), labels)
        self.assertFalse(any("Density" in label for label in labels), labels)
        self.run_tool("hessian", *table, "--at", "start", "--plot", "h.svg")
        self.assertTrue(any("standardised features, at the start" in label for label in self.labels_of("h.svg")))

    def check_png(self, content):
        self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
        at, kinds, packed = 8, [], b""
        while at < len(content):
            length, = struct.unpack_from(">I", content, at)
            kind, body = content[at + 4:at + 8], content[at + 8:at + 8 + length]
            self.assertEqual(struct.unpack_from(">I", content, at + 8 + length)[0], zlib.crc32(kind + body))
            kinds.append(kind)
            packed += body if kind == b"IDAT" else b""
            if kind == b"IHDR":
                width, height = struct.unpack_from(">II", body)
            at += 12 + length
        self.assertEqual((kinds[0], kinds[-1]), (b"IHDR", b"IEND"))
        self.assertGreater(width * height, 200000)
        self.assertGreater(len(set(zlib.decompress(packed))), 10, "something is drawn")

    def test_a_script_needs_no_gnuplot(self):
        run = self.run_tool("contours", "--function", "booth", "--plot", "b.gp", environment={"PATH": "/nowhere"})
        self.assertIn("script: b.gp", run.stderr)
        self.assertIn("set output 'b.svg'", (self.folder / "b.gp").read_text())
        if HAS_GNUPLOT:
            subprocess.run(["gnuplot", "b.gp"], cwd=self.folder, check=True)
            ElementTree.parse(self.folder / "b.svg")
        self.refused("there is no gnuplot to draw with (it is not in PATH) install Debian's gnuplot-nox", "contours",
                     "--function", "booth", "--plot", "b.png", environment={"PATH": "/nowhere"})
        self.refused("a picture is drawn as .svg or .png ('b.jpg')", "contours", "--function", "booth", "--plot", "b.jpg")

    def test_files_that_cannot_be_written(self):
        self.refused("the file cannot be written ('no/where.csv': No such file or directory)", "curves",
                     "bench/data/rat42.csv", "--model", "logistic_growth", "--x", "days", "--y", "yield", "--output",
                     "no/where.csv")
        # What was there before is there still.
        self.write("keep.npy", "old")
        self.run_tool("hessian", "--function", "booth", "--output", "keep.npy")
        self.assertEqual(read_npy(self.folder / "keep.npy")[0], (2, 2))
        self.assert_no_leftovers()

    def test_progress_is_on_stderr(self):
        table = self.write_table()
        run = self.run_tool("fit", table, "--loss", "linear", "--target", "y", "--json", "--progress", "always")
        self.assertIn("fitting: iteration ", run.stderr)
        json.loads(run.stdout)
        self.assertEqual(self.run_tool("fit", table, "--loss", "linear", "--target", "y").stderr, "")

    def test_interrupted_while_reading(self):
        process = subprocess.Popen([PROGRAM, "curves", "-", "--model", "decay", "--x", "x", "--y", "y", "--output", "o.csv"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.folder)
        process.stdin.write(b"x,y\n1,2\n")
        process.stdin.flush()
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST)
        self.assertEqual((process.returncode, out), (130, b""), err)
        self.assertIn(b"interrupted", err)
        self.assertFalse((self.folder / "o.csv").exists())
        self.assert_no_leftovers()

    def until(self, pattern, process):
        """Reads what it says on stderr until there is such a line."""
        for line in process.stderr:
            if re.search(pattern, line):
                return
        self.fail(f"it ended with {process.wait()} before it said {pattern}")

    def many_decays(self, count):
        """Three exponentials of twelve points each, which take many iterations."""
        return [[50 * math.exp(-0.1 * t * (1 + p % 7)) + math.sin(p * t) for t in range(12)] for p in range(count)]

    def test_interrupted_curves_are_written_as_far_as_they_are(self):
        curves = self.many_decays(20000)
        head, rows = "p,t,y\n", [f"{p:05},{t},{y}\n" for p, curve in enumerate(curves) for t, y in enumerate(curve)]
        self.write("many.csv", head + "".join(rows))
        self.write("first.csv", head + "".join(rows[:12 * 50]))
        command = ["--model", "decay3", "--x", "t", "--y", "y", "--by", "p"]
        for more, name, status in ([], signal.SIGINT, 130), (["--estimator", "huber"], signal.SIGTERM, 143):
            with self.subTest(more):
                self.run_tool("curves", "first.csv", *command, *more, "--output", "f.csv", status=2)
                whole = (self.folder / "f.csv").read_text().splitlines()
                process = self.start_tool("curves", "many.csv", *command, *more, "--output", "o.csv", "--json",
                                          "--progress", "always", "--plot", "p.gp")
                self.until(rb"[1-9]\d+ of 20000 curves", process)
                process.send_signal(name)
                out, err = process.communicate(timeout=LONGEST)
                self.assertEqual(process.returncode, status)
                result = json.loads(out)
                left = result["statuses"]["not_run"]
                self.assertTrue(0 < left <= 20000 - 64, left)
                self.assertIn(f"ended by a signal: {20000 - left} of 20000 curves are fitted", err.decode())
                # Those that were fitted are as they would have been; nothing is said of the others.
                lines = (self.folder / "o.csv").read_text().splitlines()
                self.assertEqual(lines[:51], whole)
                table = list(csv.DictReader(lines))
                self.assertEqual([row["status"] == "not_run" for row in table], [False] * (20000 - left) + [True] * left)
                self.assertEqual({row["a1"] + row["a1_error"] + row["objective"] for row in table[-left:]}, {""})
                self.assertFalse((self.folder / "p.gp").exists())
                self.assert_no_leftovers()

    def test_interrupted_maps_are_written_as_far_as_they_are(self):
        pixels = self.many_decays(20000)
        self.write("stack.npy", npy((12, 200, 100), [curve[t] for t in range(12) for curve in pixels]))
        process = self.start_tool("images", "stack.npy", "--model", "decay3", "--dt", 1, "--output", "m", "--plot", "m.gp",
                                  "--json", "--progress", "always")
        self.until(rb"[1-9]\d+ of 20000 pixels", process)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LONGEST)
        self.assertEqual(process.returncode, 130)
        result = json.loads(out)
        left = result["statuses"]["not_run"]
        self.assertTrue(0 < left <= 20000 - 64, left)
        self.assertEqual(len(result["files"]), 15)
        statuses = read_npy(self.folder / "m_status.npy")[1]
        self.assertEqual([status == result["status_codes"]["not_run"] for status in statuses],
                         [False] * (20000 - left) + [True] * left)
        self.assertEqual([math.isnan(a) for a in read_npy(self.folder / "m_a1.npy")[1]], [False] * (20000 - left) + [True] * left)
        self.assertFalse((self.folder / "m.gp").exists())
        self.assert_no_leftovers()

    def test_interrupted_comparisons_tell_what_is_finished(self):
        with gzip.open(Path(SOURCES) / "bench/data/digits.csv.gz", "rt") as digits:
            self.write("some.csv", "".join(digits.readlines()[:300]))
        # Fits of a thousand iterations, each of which is a line of a pipe that holds fewer.
        command = ["compare", "some.csv", "--no-header", "--loss", "softmax", "--target", "65", "--penalties", "10,1",
                   "--method", "gradient_descent", "--threads", 1, "--folds", 2, "--plot", "p.gp"]
        whole = self.json_of(*command, status=2)["models"]

        def ended(where, *more):
            process = self.start_tool(*command, "--progress", "always", *more)
            self.until(where, process)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LONGEST)
            self.assertEqual(process.returncode, 130)
            self.assertFalse((self.folder / "p.gp").exists())
            return out, err.decode()

        (self.folder / "p.gp").unlink()
        out, err = ended(rb"^l2=1, cross-validation: iteration", "--json")
        self.assertIn("ended by a signal\n", err)
        first, second = json.loads(out)["models"]
        self.assertEqual(first, whole[0])
        self.assertEqual((second["folds"], second["held_out_loss"]), (0, None))
        self.assertEqual(second["log_likelihood"], whole[1]["log_likelihood"])
        self.assertIn("A signal ended the cross-validation after 0 of 2 folds.", second["notes"])
        out, err = ended(rb"^l2=1: iteration", "--json")
        self.assertIn("ended by a signal, not fitted: l2=1\n", err)
        result = json.loads(out)
        self.assertEqual((len(result["models"]), result["not_fitted"]), (1, ["l2=1"]))
        self.assertEqual(result["models"][0]["log_likelihood"], whole[0]["log_likelihood"])
        self.assertIn("l2=10", ended(rb"^l2=1: iteration")[0].decode())
        out, err = ended(rb"^l2=10: iteration")
        self.assertEqual(out, b"")
        self.assertIn("interrupted: nothing more was written", err)

    def test_a_second_signal_ends_curves_at_once(self):
        self.write("many.csv", "p,t,y\n" + "".join(f"{p},{t},{y}\n" for p, curve in enumerate(self.many_decays(20000))
                                                  for t, y in enumerate(curve)))
        process = self.start_tool("curves", "many.csv", "--model", "decay3", "--x", "t", "--y", "y", "--by", "p",
                                  "--output", "o.csv", "--progress", "always")
        self.until(rb"[1-9]\d+ of 20000 curves", process)
        for name in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
            process.send_signal(name)
        out, _ = process.communicate(timeout=LONGEST)
        self.assertIn(process.returncode, (130, 143))
        self.assertEqual(out, b"")
        self.assertFalse((self.folder / "o.csv").exists())
        self.assert_no_leftovers()


if __name__ == "__main__":
    PROGRAM, SOURCES = (str(Path(argument).resolve()) for argument in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
