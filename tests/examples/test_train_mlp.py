#!/usr/bin/env python3
"""The program examples/train_mlp as its users meet it: what it prints and draws, files that it refuses, and
runs that are interrupted, killed and gone on with.

Usage: test_train_mlp.py PROGRAM [unittest's arguments]
"""
import gzip
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path

PROGRAM = ""
LONGEST = 120  # seconds
CLASSES, SIDE = 3, 3
ROW = re.compile(r"^(?P<method>\w+) +(?P<iterations>\d+) +(?P<passes>\d+) +(?P<seconds>[\d.]+) +(?P<loss>[\d.]+) +"
                 r"(?P<g>\S+) +(?P<training>[\d.]+)% +(?P<test>\S+)  (?P<status>\w+)$", re.M)


def idx(shape, values, kind=0x08, width=">B"):
    return (bytes([0, 0, kind, len(shape)]) + b"".join(struct.pack(">I", size) for size in shape)
            + b"".join(struct.pack(width, value) for value in values))


def images(count, seed):
    """Pixels and labels of noisy images: a class is a bright row."""
    numbers = random.Random(seed)
    labels = [numbers.randrange(CLASSES) for _ in range(count)]
    pixels = [min(255, numbers.randrange(120) + 130 * (e // SIDE == label)) for label in labels
              for e in range(SIDE * SIDE)]
    return pixels, labels


def place_of_parameters(content):
    """Where a checkpoint has the parameters, after its header, its text and the start; and their bytes."""
    size, length = struct.unpack_from("<QQ", content, 24)
    at = 24 + 16 + length
    at += 8 + size * struct.unpack_from("<Q", content, at)[0]
    return at + 8, size * struct.unpack_from("<Q", content, at)[0]


def parameters_in(path):
    """The bytes of the parameters in a checkpoint."""
    content = Path(path).read_bytes()
    at, length = place_of_parameters(content)
    return content[at:at + length]


class TrainMlp(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def command(self, *arguments):
        return [PROGRAM, *map(str, arguments)]

    def run_program(self, *arguments, status=0, environment=None):
        run = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=LONGEST,
                             cwd=self.folder, env={**os.environ, **(environment or {})})
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def rows(self, output):
        return {match["method"]: match.groupdict() for match in ROW.finditer(output)}

    def refused(self, expected, *arguments, status=1):
        run = self.run_program(*arguments, status=status)
        self.assertIn("error: " + expected if status == 1 else expected, run.stderr + run.stdout)

    def write(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def write_images(self, pack=lambda content: content, ending=""):
        names = []
        for part, count, seed in (("train", 150, 1), ("test", 60, 2)):
            pixels, labels = images(count, seed)
            names.append(self.write(f"{part}-images{ending}", pack(idx([count, SIDE, SIDE], pixels))))
            names.append(self.write(f"{part}-labels{ending}", pack(idx([count], labels))))
        train_images, train_labels, test_images, test_labels = names
        return ["--images", train_images, "--labels", train_labels, "--test-images", test_images,
                "--test-labels", test_labels]

    def write_csv(self, header, column):
        names = []
        for part, count, seed in (("train", 150, 1), ("test", 60, 2)):
            pixels, labels = images(count, seed)
            width = SIDE * SIDE
            lines = [[f"p{j}" for j in range(width)]] if header else []
            lines += [pixels[i * width:(i + 1) * width] for i in range(count)]
            for i, line in enumerate(lines):
                line.insert(column, "label" if header and i == 0 else labels[i - header])
            text = "\r\n".join(", ".join(map(str, line)) for line in lines) + "\r\n\r\n"
            names.append(self.write(f"{part}{header}.csv", text))
        return ["--csv", names[0], "--test-csv", names[1], "--divide-by", 255]

    # ---- what it prints

    def test_the_methods_are_compared(self):
        output = self.run_program("--synthetic", "--widths", 32, "--passes", 60, "--methods",
                                  "newton_cg,gauss_newton,lbfgs").stdout
        rows = self.rows(output)
        self.assertEqual(list(rows), ["newton_cg", "gauss_newton", "lbfgs"])
        for method, row in rows.items():
            self.assertEqual(row["status"], "passes", method)
            self.assertGreaterEqual(int(row["passes"]), 60)
            self.assertLess(float(row["loss"]), 0.5)
            self.assertGreater(float(row["training"]), 90)
            self.assertGreater(float(row["test"].rstrip("%")), 75)
        self.assertIn("A pass: ", output)
        # A line after each iteration of L-BFGS, which takes a pass or two.
        lines = re.findall(r"^  pass +(\d+)  loss +([\d.]+) .* training +[\d.]+%  test +[\d.]+%", output, re.M)
        self.assertGreater(len(lines), 40)
        self.assertEqual(lines[0][0], "1")
        self.assertLess(float(lines[-1][1]), 0.2 * float(lines[0][1]))

    def test_methods_on_samples_are_among_those_compared_at_first(self):
        rows = self.rows(self.run_program("--synthetic", "--widths", 16, "--passes", 40).stdout)
        self.assertEqual(list(rows), ["kfac", "newton_cg", "lbfgs", "adam"])
        for method, row in rows.items():
            self.assertEqual(row["status"], "passes", method)
            self.assertGreaterEqual(float(row["passes"]), 40)
            self.assertGreater(float(row["training"]), 20)
        self.assertLess(float(rows["kfac"]["loss"]), 0.5)

    def test_any_method_of_the_library(self):
        rows = self.rows(self.run_program("--synthetic", "--samples", 100, "--widths", 2, "--precision", "f64",
                                          "--methods", "trust_region,gauss_newton", "--passes", 20).stdout)
        self.assertEqual(list(rows), ["trust_region", "gauss_newton"])
        self.refused("there is no such method ('adma') choose among gauss_newton, newton, ", "--synthetic",
                     "--methods", "lbfgs,adma")

    def test_labels_by_squared_errors(self):
        output = self.run_program("--synthetic", "--widths", 32, "--passes", 60, "--loss", "squared_error", "--methods",
                                  "lbfgs").stdout
        self.assertIn("20-32-10, tanh, squared_error, l2 0.0001: 2000 samples", output)
        row = self.rows(output)["lbfgs"]
        self.assertGreater(float(row["test"].rstrip("%")), 75)
        self.assertLess(float(row["loss"]), 0.15, "a third of what it is where all outputs are 0")

    def test_what_ends_a_method(self):
        common = ["--synthetic", "--methods", "lbfgs", "--widths", 16]
        row = self.rows(self.run_program(*common, "--goal", 0.7).stdout)["lbfgs"]
        self.assertEqual(row["status"], "goal")
        self.assertLess(float(row["loss"]), 0.7)
        row = self.rows(self.run_program(*common, "--passes", 1e9, "--time", 0.3).stdout)["lbfgs"]
        self.assertEqual(row["status"], "time_limit")
        self.assertLess(float(row["seconds"]), 3)

    def test_threads_do_not_change_a_bit(self):
        for threads in (1, 3):
            self.run_program("--synthetic", "--methods", "gauss_newton", "--threads", threads, "--save",
                             f"point{threads}", "--passes", 40)
        self.assertEqual(parameters_in(self.folder / "point1"), parameters_in(self.folder / "point3"))

    def test_a_progress_bar_if_wanted(self):
        common = ["--synthetic", "--samples", 200, "--methods", "lbfgs", "--passes", 10]
        shown = self.run_program(*common, "--progress", "always").stderr
        self.assertRegex(shown, r"lbfgs \[#+\.*\] pass \d+, loss [\d.]+, [\d.]+ s")
        self.assertTrue(shown.endswith("\n\033[K"), "a return is read as the end of a line")
        self.assertEqual(self.run_program(*common).stderr, "", "it is no terminal")

    # ---- data

    def test_the_same_data_in_any_file(self):
        common = ["--widths", "6", "--passes", 40, "--precision", "f64", "--print-every", 10, "--methods",
                  "newton_cg,lbfgs"]
        files = {
            "idx": self.write_images(),
            "gzip": self.write_images(gzip.compress, ".gz"),
            "csv": self.write_csv(header=False, column=SIDE * SIDE),
            "header": self.write_csv(header=True, column=2) + ["--label-column", "label"],
        }
        found = {}
        for name, arguments in files.items():
            output = self.run_program(*common, *arguments, "--save", f"{name}.point").stdout
            found[name] = [(row["loss"], row["training"], row["test"]) for row in self.rows(output).values()]
            self.assertEqual(len(found[name]), 2)
            self.assertGreater(float(found[name][0][2].rstrip("%")), 90)
            # The numbers of the columns differ where the label is among them, not their order.
            self.assertEqual(parameters_in(self.folder / f"{name}.point"),
                             parameters_in(self.folder / "idx.point"), name)
        numbered = self.run_program(*common, *files["header"][:-1], 3).stdout
        self.assertEqual([(r["loss"], r["training"], r["test"]) for r in self.rows(numbered).values()], found["idx"])

    def test_idx_of_any_type(self):
        pixels, labels = images(50, 1)
        label_file = self.write("labels", idx([50], labels))
        kinds = {"bytes": (0x08, ">B", 1), "signed": (0x09, ">b", 1), "shorts": (0x0b, ">h", 1),
                 "ints": (0x0c, ">i", 1), "floats": (0x0d, ">f", 1), "doubles": (0x0e, ">d", 1)}
        found = set()
        for name, (kind, width, _) in kinds.items():
            # Bytes are divided by 255; 0 or 255 is 0 or 1 in all others.
            values = [(pixel > 125) * (255 if name == "bytes" else 1) for pixel in pixels]
            file = self.write(name, idx([50, SIDE, SIDE], values, kind, width))
            output = self.run_program("--images", file, "--labels", label_file, "--methods", "lbfgs", "--passes", 9)
            found.add(self.rows(output.stdout)["lbfgs"]["loss"])
        self.assertEqual(len(found), 1)

    def test_the_first_samples_alone(self):
        output = self.run_program(*self.write_images(), "--samples", 100, "--passes", 5).stdout
        self.assertIn("100 samples of train-images", output)

    def test_bad_idx_files(self):
        pixels, labels = images(20, 1)
        good_images = self.write("images", idx([20, SIDE, SIDE], pixels))
        good_labels = self.write("labels", idx([20], labels))

        def refuse(expected, image_file=good_images, label_file=good_labels, more=()):
            self.refused(expected, "--images", image_file, "--labels", label_file, *more)

        refuse("the file cannot be read ('nowhere': No such file", "nowhere")
        whole = idx([20, SIDE, SIDE], pixels)
        refuse("the file is no IDX file ('short' has 186 bytes where its header says 196)",
               self.write("short", whole[:-10]))
        refuse("the file is no IDX file ('long' has 197 bytes where its header says 196)",
               self.write("long", whole + b"x"))
        refuse("the file is no IDX file ('header' ends in its header)", self.write("header", whole[:10]))
        refuse("the file is no IDX file ('tiny' has 3 bytes)", self.write("tiny", whole[:3]))
        refuse("the file is no IDX file ('magic' begins with 0x00010803 instead of 0x00000803",
               self.write("magic", b"\0\1" + whole[2:]))
        refuse("the file is no IDX file ('type' begins with 0x00000703",
               self.write("type", b"\0\0\7" + whole[3:]))
        refuse("the file is no IDX file ('none' has no numbers", self.write("none", idx([0, 3, 3], [])))
        refuse("the file is no IDX file ('huge' has sizes that are too large)",
               self.write("huge", idx([2**32 - 1] * 4, [])))
        refuse("the file is damaged", self.write("cut.gz", gzip.compress(whole)[:-12]))
        garbled = bytearray(gzip.compress(whole))
        garbled[len(garbled) // 2] ^= 0xff
        refuse("the file is damaged", self.write("garbled.gz", bytes(garbled)))
        refuse("the file holds no images ('labels' has one number a sample)", good_labels)
        refuse("the file holds no labels ('images' has 3 dimensions)", label_file=good_images)
        refuse("images and labels do not belong together (20 images in 'images', 19 labels in 'fewer')",
               label_file=self.write("fewer", idx([19], labels[:19])))
        refuse("a label is no class (sample 1 of 'half' has 0.5", label_file=self.write(
            "half", idx([20], [0.0, 0.5] + [1.0] * 18, 0x0d, ">f")))
        refuse("a label is no class (sample 0 of 'negative' has -1.0",
               label_file=self.write("negative", idx([20], [-1] + [1] * 19, 0x09, ">b")))
        refuse("a label is no class (sample 2 of 'nan' has nan",
               label_file=self.write("nan", idx([20], [0, 1, float("nan")] + [1] * 17, 0x0d, ">f")))
        refuse("a number is not finite (sample 1 of 'infinite')", self.write(
            "infinite", idx([20, 2], [0.5] * 3 + [float("inf")] + [0.5] * 36, 0x0d, ">f")))
        refuse("there is one class alone", label_file=self.write("zeros", idx([20], [0] * 20)))
        refuse("a label does not fit the classes (training data have 2, the last of 2 classes is 1)",
               more=["--classes", 2])
        more = self.write("more", idx([20], [3] + labels[1:]))
        refuse("a label does not fit the classes (test data have 3, the last of 3 classes is 2)",
               more=["--test-images", good_images, "--test-labels", more])
        refuse("training and test data do not belong together (9 and 4 features)",
               more=["--test-images", self.write("smaller", idx([20, 2, 2], [1] * 80)), "--test-labels", good_labels])

    def test_bad_csv_files(self):
        def refuse(expected, text, *more):
            self.refused(expected, "--csv", self.write("table.csv", text), *more)

        refuse("rows have different lengths ('table.csv', line 3 has 2 fields, the first has 3) mend the file",
               "1,2,0\n3,4,1\n5,1\n")
        refuse("a field is not a finite number ('table.csv', line 2, column 2: 'x')", "1,2,0\n3,x,1\n")
        refuse("a value is missing ('table.csv', line 3, column 1 'a': 'nan')", "a,b\n1,0\nnan,1\n")
        refuse("a field is not a finite number ('table.csv', line 1, column 1: 'inf')", "inf,0\n1,1\n")
        refuse("a value is missing ('table.csv', line 2, column 2: '')", "1,2,0\n3,,1\n")
        refuse("a field is not a finite number ('table.csv', line 1, column 1: '1e999')", "1e999,0\n1,1\n")
        refuse("a field is not a finite number ('table.csv', line 1, column 2: '2O')", "1,2O,0\n3,4,1\n")
        refuse("there are no rows ('table.csv', which has at most a header)", "")
        refuse("there are no rows", "a,b,label\n")
        refuse("there is one column alone", "1\n2\n")
        refuse("a label is no class (sample 1 of 'table.csv' has 1.5", "1,2,0\n3,4,1.5\n")
        refuse("a label is no class (sample 0 of 'table.csv' has -1.0", "1,2,-1\n3,4,1\n")
        refuse("there is no such column ('digit' in 'table.csv', which has: a, b, label)",
               "a,b,label\n1,2,0\n", "--label-column", "digit")
        refuse("there is no such column ('4' in 'table.csv', which has: column 1, column 2, column 3)",
               "1,2,0\n", "--label-column", "4")
        self.refused("the file cannot be read ('nowhere.csv'", "--csv", "nowhere.csv")

    def test_arguments_that_do_not_fit(self):
        for arguments in (["--images", "a"], ["--csv", "a", "--synthetic"], ["--resume"], ["--widths", 0],
                          ["--passes", -1], ["--precision", "f16"], ["--test-csv", "a"], ["--nonsense"]):
            with self.subTest(arguments):
                run = subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=LONGEST)
                self.assertNotIn(run.returncode, (0, -signal.SIGSEGV, -signal.SIGABRT))
                self.assertIn(str(arguments[0]), run.stderr)

    def test_a_word_where_there_are_no_data(self):
        if Path("/usr/share/datasets/fashion-mnist").exists():
            self.skipTest("Fashion-MNIST is installed")
        self.refused("there are no data (Fashion-MNIST is not installed) install it with apt-get install "
                     "dataset-fashion-mnist")

    # ---- curves

    def test_curves(self):
        arguments = ["--synthetic", "--samples", 300, "--passes", 20, "--widths", 8, "--svg", "o'clock",
                     "--methods", "newton_cg,gauss_newton,lbfgs"]
        output = self.run_program(*arguments).stdout
        blocks = (self.folder / "o'clock.dat").read_text().strip().split("\n\n\n")
        self.assertEqual([block.splitlines()[0] for block in blocks], ["# newton_cg", "# gauss_newton", "# lbfgs"])
        for block, row in zip(blocks, self.rows(output).values()):
            numbers = [list(map(float, line.split())) for line in block.splitlines()[2:]]
            self.assertEqual([int(line[0]) for line in numbers], list(range(int(row["iterations"]) + 1)))
            self.assertEqual(numbers[-1][1], float(row["passes"]))
            self.assertAlmostEqual(numbers[-1][3], float(row["loss"]), places=5)
            for before, after in zip(numbers, numbers[1:]):
                self.assertLess(before[1], after[1])
                self.assertLessEqual(before[2], after[2])
        if shutil.which("gnuplot"):
            self.assertIn("curves: o'clock.svg", output)
            picture = ElementTree.parse(self.folder / "o'clock.svg")
            texts = " ".join(text.strip() for text in picture.getroot().itertext())
            for expected in ("newton_cg", "gauss_newton", "lbfgs", "seconds", "passes over the data",
                             "training loss", "20-8-10, tanh, softmax_cross_entropy", "300 samples of clouds"):
                self.assertIn(expected, texts)

    def test_without_gnuplot_there_are_the_data(self):
        output = self.run_program("--synthetic", "--samples", 100, "--passes", 5, "--svg", "curves",
                                  environment={"PATH": "/nowhere"}).stdout
        self.assertIn("curves: curves.dat, but no picture (gnuplot is not installed) install Debian's gnuplot-nox, "
                      "then: gnuplot curves.gp", output)
        self.assertTrue((self.folder / "curves.gp").exists())
        self.refused("the file cannot be written ('no/where.dat': No such file or directory)", "--synthetic",
                     "--samples", 100, "--passes", 5, "--svg", "no/where")

    # ---- points, checkpoints, signals

    def test_a_point_is_begun_at(self):
        common = ["--synthetic", "--widths", 8, "--methods", "lbfgs"]
        first = self.rows(self.run_program(*common, "--passes", 20, "--save", "point").stdout)["lbfgs"]
        output = self.run_program(*common, "--passes", 1, "--start", "point").stdout
        self.assertEqual(float(re.search(r"pass +1  loss +([\d.]+)", output)[1]), float(first["loss"]))
        self.refused("x0 has the wrong size", "--synthetic", "--widths", 9, "--start", "point")

    def long_run(self, *more):
        return ["--synthetic", "--samples", 4000, "--widths", 64, "--threads", 1, "--methods", "lbfgs,newton_cg",
                "--checkpoint", "run", "--checkpoint-every", 5, *more]

    def wait_for(self, process, condition):
        begin = time.monotonic()
        while not condition():
            self.assertIsNone(process.poll(), "it has ended too early")
            self.assertLess(time.monotonic() - begin, LONGEST)
            time.sleep(0.005)

    def iterations_saved(self, method):
        file = self.folder / f"run.{method}"
        if not file.exists():
            return 0
        content = file.read_bytes()
        at, length = place_of_parameters(content)
        return struct.unpack_from("<i", content, at + length + 5 * 8)[0]

    def test_a_killed_run_is_gone_on_with(self):
        limits = ["--passes", 150]
        whole = self.rows(self.run_program(*self.long_run(*limits, "--save", "whole")).stdout)
        for file in self.folder.glob("run.*"):
            file.unlink()
        # Once within each method.
        for method, iterations in (("lbfgs", 20), ("newton_cg", 5)):
            arguments = self.long_run(*limits, "--resume")
            with subprocess.Popen(self.command(*arguments), cwd=self.folder, stdout=subprocess.DEVNULL) as process:
                self.wait_for(process, lambda: self.iterations_saved(method) >= iterations)
                process.kill()
            self.assertGreaterEqual(self.iterations_saved(method), iterations)
            self.assertEqual(self.iterations_saved(method) % 5, 0)
        resumed = self.rows(self.run_program(*self.long_run(*limits, "--resume", "--save", "resumed")).stdout)
        for method, row in whole.items():
            for column in ("iterations", "passes", "loss", "g", "training", "test", "status"):
                self.assertEqual(resumed[method][column], row[column], (method, column))
        self.assertEqual(parameters_in(self.folder / "resumed"), parameters_in(self.folder / "whole"))

    def test_checkpoints_that_do_not_fit(self):
        def changed(option="--samples", value=200):
            return [part for pair in ({"--samples": 200, "--widths": 8, "--checkpoint-every": 5} | {option: value}).items()
                    for part in pair] + ["--synthetic", "--methods", "lbfgs", "--checkpoint", "run", "--passes", 40]

        common = changed()
        self.run_program(*common)
        self.refused("there is a checkpoint already ('run.lbfgs') pass --resume", *common)
        for more in (("--seed", 2), ("--l2", 1e-3), ("--activation", "relu"), ("--samples", 190), ("--widths", 9)):
            with self.subTest(more):
                self.refused("the checkpoint is of another run ('run.lbfgs' is of: ", *changed(*more), "--resume")
        self.refused("the checkpoint has numbers of another type ('run.lbfgs': float, not double)", *common,
                     "--precision", "f64", "--resume")
        content = (self.folder / "run.lbfgs").read_bytes()
        self.write("run.lbfgs", content[:-1])
        self.refused("the checkpoint is damaged ('run.lbfgs': it has", *common, "--resume")
        self.write("run.lbfgs", content[:-1] + bytes([content[-1] ^ 1]))
        self.refused("the checkpoint is damaged ('run.lbfgs': its checksum is another)", *common, "--resume")
        self.write("run.lbfgs", "text, not bytes")
        self.refused("the file is no checkpoint ('run.lbfgs'", *common, "--resume")

    def interrupt(self, number, *arguments):
        """The output of a run that the signal has come to in its first method."""
        with subprocess.Popen(self.command(*arguments), cwd=self.folder, text=True, stdout=subprocess.PIPE) as process:
            lines = [process.stdout.readline() for _ in range(8)]
            process.send_signal(number)
            output = "".join(lines) + process.communicate(timeout=LONGEST)[0]
        self.assertEqual(process.returncode, 128 + number)
        rows = self.rows(output)
        self.assertEqual([row["status"] for row in rows.values()], ["interrupted"], output)
        return output

    def test_an_interrupted_run_saves_its_best_point(self):
        common = ["--synthetic", "--widths", 16, "--methods", "lbfgs,newton_cg", "--passes", 1e9]
        for number, more, file in ((signal.SIGINT, [], "train_mlp.best"), (signal.SIGTERM, ["--save", "p"], "p")):
            output = self.interrupt(number, *common, *more)
            self.assertIn(f"the best point is saved: {file}\n", output)
            loss = float(self.rows(output)["lbfgs"]["loss"])
            begun = self.run_program("--synthetic", "--widths", 16, "--methods", "lbfgs", "--passes", 1, "--start",
                                     file).stdout
            self.assertEqual(float(re.search(r"pass +1  loss +([\d.]+)", begun)[1]), loss)

    def test_an_interrupted_run_is_gone_on_with(self):
        limits = ["--passes", 60]
        whole = self.rows(self.run_program(*self.long_run(*limits, "--save", "whole")).stdout)
        for file in self.folder.glob("run.*"):
            file.unlink()
        self.assertIn("the best point is saved: run.best\n", self.interrupt(signal.SIGINT, *self.long_run("--passes", 1e9)))
        resumed = self.rows(self.run_program(*self.long_run(*limits, "--resume", "--save", "resumed")).stdout)
        self.assertEqual(resumed["newton_cg"]["loss"], whole["newton_cg"]["loss"])
        if self.iterations_saved("lbfgs") < 60:
            self.assertEqual(parameters_in(self.folder / "resumed"), parameters_in(self.folder / "whole"))


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
