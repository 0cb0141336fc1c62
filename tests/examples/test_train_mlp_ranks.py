#!/usr/bin/env python3
"""examples/train_mlp by several processes of MPI: what it prints does not depend on how many they are, one speaks for
all, and all end together.

Usage: test_train_mlp_ranks.py PROGRAM MPIEXEC FLAG-FOR-RANKS [unittest's arguments]
"""
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = MPIEXEC = FLAG = ""
LONGEST = 60  # seconds
# Whatever the machine: processors may be fewer, and the user root, as in a container.
ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
               "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
               "OMPI_MCA_plm_rsh_agent": "/bin/false",  # where there is no ssh
               "OMPI_MCA_mpi_yield_when_idle": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
               "OPENBLAS_NUM_THREADS": "1"}


def table(count, seed):
    """Lines of four features and the label: which of the first three is the largest."""
    numbers = random.Random(seed)
    lines = []
    for _ in range(count):
        features = [round(numbers.gauss(0, 1), 3) for _ in range(4)]
        lines.append(",".join(map(str, features + [max(range(3), key=lambda j: features[j])])))
    return "\n".join(lines) + "\n"


def children(parent):
    """Processes that it has started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if re.search(rf"^PPid:\t{parent}$", status.read_text(), re.M):
                found.append(int(status.parent.name))
        except OSError:
            pass  # it has ended
    return found


def without_times(text):
    """Lines but for what they say about time and ranks."""
    text = re.sub(r"^ranks: \d+\n", "", text, flags=re.M)
    text = re.sub(r" +[\d.]+ s$", "", text, flags=re.M)
    return re.sub(r"^(\w+ +\d+ +\d+) +[\d.]+", r"\1", text, flags=re.M)


def said_by_program(error):
    """Without what MPI's hwloc says of containers."""
    return [line for line in error.splitlines() if line and not line.startswith("[hwloc/")]


class Ranks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "train.csv").write_text(table(300, 1))
        (self.folder / "test.csv").write_text(table(101, 2))
        self.common = ["--csv", "train.csv", "--test-csv", "test.csv", "--widths", "6", "--threads", "1"]

    def start(self, ranks, *arguments):
        return subprocess.Popen([MPIEXEC, FLAG, str(ranks), PROGRAM, *self.common, *map(str, arguments)], text=True,
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=os.environ | ENVIRONMENT)

    def run_program(self, ranks, *arguments, status=0):
        with self.start(ranks, *arguments) as process:
            out, error = process.communicate(timeout=LONGEST)
        if status is not None:
            self.assertEqual(process.returncode, status, out + error)
        return out, error

    def test_what_is_printed_does_not_depend_on_the_number_of_ranks(self):
        arguments = ["--passes", 8, "--methods", "kfac,newton_cg,lbfgs,adam,sgd,subsampled_newton", "--svg", "curves"]
        found = {}
        for ranks in (1, 2):
            out, error = self.run_program(ranks, *arguments)
            self.assertEqual(said_by_program(error), [])
            self.assertEqual(out.count("4-6-3, tanh"), 1, "one speaks for all")
            self.assertIn(f"ranks: {ranks}\n", out)
            self.assertTrue((self.folder / "curves.dat").exists())
            found[ranks] = without_times(out)
        self.assertEqual(found[1], found[2])
        self.assertEqual(len(re.findall(r"^\w+ +\d+ +\d+ .*  passes$", found[1], re.M)), 6)
        accuracies = re.findall(r"training +([\d.]+)%  test +([\d.]+)%", found[1])
        self.assertGreater(max(float(training) for training, _ in accuracies), 60)
        self.assertGreater(max(float(test) for _, test in accuracies), 60)

    def test_a_run_is_gone_on_with_by_other_ranks(self):
        common = ["--methods", "lbfgs", "--checkpoint-every", 4]
        whole, _ = self.run_program(1, *common, "--passes", 20, "--checkpoint", "whole")
        self.run_program(2, *common, "--passes", 10, "--checkpoint", "run")
        _, error = self.run_program(2, *common, "--passes", 10, "--checkpoint", "run", status=None)
        self.assertEqual(error.count("error: there is a checkpoint already ('run.lbfgs') pass --resume"), 1, error)
        gone_on, _ = self.run_program(2, *common, "--passes", 20, "--checkpoint", "run", "--resume")
        rows = [re.search(r"^lbfgs +\d+ .*$", without_times(text), re.M)[0] for text in (whole, gone_on)]
        self.assertEqual(rows[0], rows[1])

    def test_a_signal_ends_all(self):
        # Passed on by mpiexec, and to one of the ranks alone. (By SIGINT mpiexec gives all of them a second.)
        for number in (signal.SIGUSR1, signal.SIGINT):
            with self.subTest(number), self.start(2, "--passes", 1e9, "--print-every", 1e9, "--methods", "adam,lbfgs",
                                                  "--save", "best") as process:
                lines = [process.stdout.readline() for _ in range(5)]
                if number == signal.SIGINT:
                    os.kill(max(children(process.pid)), number)
                else:
                    process.send_signal(number)
                rest, _ = process.communicate(timeout=LONGEST)
                out = "".join(lines) + rest
                self.assertNotEqual(process.returncode, 0)
                self.assertRegex(out, r"(?m)^adam +\d+ .*  interrupted$")
                self.assertNotRegex(out, r"(?m)^lbfgs +\d+ ")
                self.assertIn("the best point is saved: best\n", out)

    def test_errors_are_said_once(self):
        for arguments, text in ((["--samples", 60], "there are too many ranks (2 for 60 samples)"),
                                (["--nonsense"], "--nonsense")):
            with self.subTest(arguments):
                out, error = self.run_program(2, *arguments, status=None)
                self.assertEqual((out + error).count(text), 1, out + error)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    MPIEXEC = sys.argv.pop(1)
    FLAG = sys.argv.pop(1)
    unittest.main()
