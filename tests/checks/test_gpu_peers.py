"""bench/peers/gpu: without their modules the programs say so; where there are such modules they solve
small problems on the CPU, and what they answer is right."""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "bench" / "peers" / "gpu"
PROGRAMS = sorted(path for path in FOLDER.glob("*_*.py") if "PEERS = " in path.read_text())
sys.path.insert(0, str(FOLDER))
sys.dont_write_bytecode = True
import common  # noqa: E402


def missing(*modules):
    return [name for name in modules if not importlib.util.find_spec(name)]


def run(program, *options, python=()):
    """The rows, after the lines about the environment."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "CUNEWTON_DATA": ""}
    ended = subprocess.run([sys.executable, *python, program, "--tiny", "--cpu", *options],
                           capture_output=True, text=True, env=environment)
    if ended.returncode:
        raise AssertionError(ended.stderr)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return [line for line in lines if "case" in line], ended.stderr


class Programs(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreater(len(PROGRAMS), 5)

    def test_without_modules_they_say_so(self):
        for program in PROGRAMS:
            with self.subTest(program=program.name):
                rows, text = run(program, python=["-S"])  # without installed packages
                self.assertGreater(len(rows), 1)
                for row in rows:
                    self.assertEqual(tuple(row), common.FIELDS)
                    self.assertEqual((row["case"], row["status"]), (program.stem, "skipped"))
                    self.assertRegex(row["note"], "^no module [a-z]+$")
                self.assertIn("skipped: no module ", text)

    @unittest.skipIf(missing("numpy", "jax", "torch", "optimistix"), "needs jax, torch and optimistix")
    def test_they_solve_what_they_are_given(self):
        for program in PROGRAMS:
            with self.subTest(program=program.name):
                rows, text = run(program, "--seconds", "0.05")
                ran = [row for row in rows if row["status"] == "ran"]
                self.assertFalse([row for row in rows if row["status"] == "failed"], text)
                self.assertGreater(len(ran), 2)
                for row in ran:
                    self.assertEqual(tuple(row), common.FIELDS)
                    # In float the sum of squares is rounded.
                    least = 0.9 if row["precision"] == "float32" else 1
                    self.assertGreaterEqual(row["share_reached"], least, row)
                    self.assertGreater(row["seconds"] or row["seconds_host"], 0)


class Frame(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "rows.jsonl")
        self.run = common.Run("dwi_batch", ["--tiny", "--cpu", "--seconds", "0.001", "--json", str(self.path)])
        self.addCleanup(self.run.out.close)

    def rows(self):
        lines = map(json.loads, self.path.read_text().splitlines())
        return [line for line in lines if "case" in line]

    def test_a_peer_that_fails_or_is_missing_costs_no_other(self):
        def absent(run):
            raise ModuleNotFoundError("No module named 'fast'", name="fast")

        def good(run):
            run.row(peer="good", seconds=1.0, share_reached=1.0, quality="all")
        self.assertEqual(self.run.peers([("absent", absent), ("bad", lambda run: 1 / 0), ("good", good)]), 0)
        self.assertEqual([(row["peer"], row["status"]) for row in self.rows()],
                         [("absent", "skipped"), ("bad", "failed"), ("good", "ran")])
        self.assertEqual(self.rows()[0]["note"], "no module fast")
        self.assertIn("ZeroDivisionError", self.rows()[1]["note"])

    def test_a_field_that_no_row_has_is_refused(self):
        with self.assertRaises(ValueError):
            self.run.row(peer="good", second=1.0)

    def test_the_first_call_is_not_counted(self):
        calls = []
        result, times = self.run.measure(lambda: calls.append(0) or len(calls))
        self.assertEqual(result, len(calls))
        self.assertEqual(times["repeats"], common.REPEATS)
        self.assertEqual(len(calls), common.WARM_UPS + common.REPEATS)


if __name__ == "__main__":
    unittest.main()
