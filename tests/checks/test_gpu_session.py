"""scripts/gpu-session: steps that hang, fail or crash cost themselves alone, and what the others gave is
kept. No CUDA is needed: the steps, and the programs where there are any, are stand-ins."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
import unittest.mock
from pathlib import Path

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "gpu-session")
loader = importlib.machinery.SourceFileLoader("gpu_session", SCRIPT)
gpu = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_session", loader))
sys.modules["gpu_session"] = gpu  # dataclasses look their module up
loader.exec_module(gpu)


def python(code):
    return [sys.executable, "-c", code]


def program(path, code):
    """An executable Python program in the place of a compiled one."""
    path.write_text(f"#!{sys.executable}\n" + textwrap.dedent(code))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


# A GoogleTest program with three suites: one passes, one fails, one hangs.
FAKE_TESTS = """\
    import json, sys, time
    words = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
    if "--gtest_list_tests" in sys.argv:
        print("Running main() from gtest_main.cc\\nGood.\\n  One\\n  Two\\nKinds/Bad/0.  # TypeParam = double\\n"
              "  Wrong\\nHangs.\\n  Forever")
        sys.exit()
    suite = words["--gtest_filter"][:-2]
    if suite == "Hangs":
        time.sleep(60)
    bad = suite == "Kinds/Bad/0"
    tests = [{"name": "Wrong", "failures": [{"failure": "file.cpp:7\\n1 is not 2"}], "result": "COMPLETED"}] \\
        if bad else [{"name": "One", "result": "COMPLETED"}, {"name": "Two", "result": "SKIPPED"}]
    with open(words["--gtest_output"].removeprefix("json:"), "w") as file:
        json.dump({"testsuites": [{"name": suite, "testsuite": tests}]}, file)
    sys.exit(bad)
    """
# cunewton_bench: a row whose time depends on the backend; one case crashes on the GPU.
FAKE_BENCH = """\
    import json, os, signal, sys
    value = lambda name: sys.argv[sys.argv.index(name) + 1]
    if "--device" in sys.argv:
        print(json.dumps({"name": "Stand-in 1", "copy_gb_per_second": 3.5}))
        sys.exit()
    case = value("--case")
    if "--write-data" in sys.argv:
        with open(value("--write-data") + "/" + case + ".json", "w") as file:
            file.write(case)
        sys.exit()
    backend = value("--backend")
    if case == "nist" and backend == "cuda":
        os.kill(os.getpid(), signal.SIGSEGV)
    seconds = {"cuda": 0.5, "cpu": 4.0}[backend]
    row = {"case": case, "variant": "all", "dimension": 5, "precision": "float64", "backend": backend,
           "seconds_median": seconds, "resident_seconds": 0.25 if backend == "cuda" else None,
           "batch": 1000, "mean_iterations": 6.5, "share_accurate": 0.75}
    if case == "dwi_batch":
        row["variant"] = "exact derivatives"
    with open(value("--json"), "w") as file:
        json.dump({"rows": [row], "environment": {"threads": 1}}, file)
    """

# A program of bench/peers/gpu: a row, a peer without its module, and what the time's end leaves behind.
FAKE_PEER = """\
    import json, sys
    value = lambda name: sys.argv[sys.argv.index(name) + 1]
    case = sys.argv[0].split("/")[-1][:-3]
    assert open(value("--data") + "/" + case + ".json").read() == case
    common = {"case": case, "job": "65 signals, tight", "style": "expert", "precision": "float64",
              "sizes": {"problems": 500}, "seconds": 0.002, "seconds_host": 0.004, "iterations": 7.5,
              "share_reached": 0.875, "failed": 3, "note": "so it was"}
    with open(value("--json"), "w") as file:
        file.write(json.dumps({"module": "fast", "version": "1"}) + "\\n")
        if case != "rosenbrock_batch":
            file.write(json.dumps({**common, "peer": "Fast", "status": "ran"}) + "\\n")
        file.write(json.dumps({**common, "job": None, "peer": "Absent", "status": "skipped",
                               "note": "no module absent"}) + "\\n")
        file.write('{"case": "cut o')
    """
NCU_CSV = """\
==PROF== Connected to process 7
"ID","Kernel Name","gpu__time_duration.sum","launch__grid_size","sm__warps_active.avg.pct_of_peak_sustained_active",\
"smsp__average_warps_issue_stalled_wait_per_issue_active.ratio","smsp__average_warps_issue_stalled_selected_per_issue_active.ratio",\
"smsp__average_warps_issue_stalled_long_scoreboard_per_issue_active.ratio","dram__throughput.avg.pct_of_peak_sustained_elapsed"
"","","us","","%","inst","inst","inst","%"
"0","batch_thread_kernel","680.5","1,563","9.25","0.5","1","2.25","n/a"
"""


class Steps(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def session(self, steps, total=60.0, **more):
        session = gpu.Session(self.folder, total, echo=False, **more)
        for step in steps:
            session.run(step)
        self.record = json.loads((self.folder / "results.json").read_text())
        return session

    def statuses(self):
        return [step["status"] for step in self.record["steps"]]

    def test_a_hang_a_failure_and_a_missing_program_cost_themselves_alone(self):
        begin = time.monotonic()
        session = self.session([
            gpu.Step("hangs", 1, python("import time; print('begun', flush=True); time.sleep(60)")),
            gpu.Step("fails", 20, python("import sys; print('why'); sys.exit(3)")),
            gpu.Step("crashes", 20, python("import os; os.abort()")),
            gpu.Step("is missing", 20, [self.folder / "no such program"]),
            gpu.Step("raises", 20, work=lambda session, limit: 1 / 0),
            gpu.Step("is skipped", 20, ["false"], why_skipped="not here"),
            gpu.Step("passes", 20, python("print('fine')"))])
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(self.statuses(), ["timed out", "failed", "failed", "failed", "failed",
                                           "skipped", "passed"])
        self.assertFalse(session.passed())
        hang, fail, crash, missing, raising = self.record["steps"][:5]
        self.assertIn("begun", hang["output_end"])
        self.assertEqual(fail["reason"], "exit status 3")
        self.assertIn("SIGABRT", crash["reason"])
        self.assertIn("could not be started", missing["reason"])
        self.assertIn("ZeroDivisionError", raising["reason"])
        log = (self.folder / "log.txt").read_text()
        self.assertIn("why", log)
        self.assertIn("fine", log)
        text = (self.folder / "summary.txt").read_text()
        self.assertIn("NOT all steps passed", text)
        for name in ("hangs", "fails", "passes"):
            self.assertIn(name, text)

    def test_what_a_hanging_step_has_started_ends_with_it(self):
        mark = self.folder / "child"
        code = (f"import subprocess, sys, time\n"
                f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
                f"open({str(mark)!r}, 'w').write(str(child.pid))\ntime.sleep(60)")
        self.session([gpu.Step("hangs", 3, python(code))])
        child = int(mark.read_text())

        def runs():
            try:
                return Path(f"/proc/{child}/stat").read_text().split()[2] != "Z"
            except FileNotFoundError:
                return False
        end = time.monotonic() + 5
        while runs() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertFalse(runs())

    def test_results_are_there_after_each_step(self):
        seen = []

        def look(session, limit):
            seen.append(len(json.loads((self.folder / "results.json").read_text())["steps"]))
            return gpu.Outcome("passed"), {"device": {"found": 7.0}}
        session = self.session([gpu.Step("one", 9, python("")), gpu.Step("two", 9, work=look)])
        self.assertEqual(seen, [1])
        self.assertTrue(session.passed())
        self.assertEqual(self.record["steps"][1]["device"], {"found": 7.0})
        self.assertIn("all steps passed", (self.folder / "summary.txt").read_text())

    def test_no_step_begins_without_time(self):
        self.session([gpu.Step("long", 60, python("import time; time.sleep(60)")),
                      gpu.Step("late", 60, python(""))], total=1.5)
        self.assertEqual(self.statuses(), ["timed out", "not run"])
        self.assertFalse(self.record["passed"])


class Programs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("build/tests", "build/bench"):
            (self.folder / name).mkdir(parents=True)
        for name in gpu.TESTS:
            program(self.folder / "build" / "tests" / name, FAKE_TESTS)
        program(self.folder / "build" / "bench" / gpu.BENCH, FAKE_BENCH)

    def run_session(self, *words, status):
        arguments = gpu.parse(["run", "--build", str(self.folder / "build"), "--results",
                               str(self.folder / "results"), *words])
        with contextlib.redirect_stdout(io.StringIO()) as out, self.assertRaises(SystemExit) as end:
            gpu.run(arguments)
        self.assertEqual(end.exception.code, status, out.getvalue())
        record = json.loads((self.folder / "results" / "results.json").read_text())
        return {step["name"]: step for step in record["steps"]}

    def test_a_suite_that_hangs_or_fails_costs_no_other(self):
        with unittest.mock.patch.object(gpu, "SHORTEST_SUITE", 2), \
                unittest.mock.patch.object(gpu, "TESTS", gpu.TESTS[:2]):
            steps = self.run_session("--prefix", "env", "--only", "^tests of", "--scale", "0.04", status=1)
        step, = steps.values()
        self.assertEqual(step["status"], "failed")
        # Of two programs, whose suites are side by side.
        self.assertEqual((step["passed_tests"], step["skipped_tests"]), (2, 2))
        self.assertEqual(len(step["failures"]), 4)
        for failed, hung in (step["failures"][:2], step["failures"][2:]):
            self.assertIn("Kinds/Bad/0.Wrong: file.cpp:7 1 is not 2", failed)
            self.assertIn("Hangs. timed out", hung)

    def test_a_filter_that_hangs_under_the_sanitizer_costs_no_other_and_not_more_than_the_limit(self):
        sanitizer = self.folder / "sanitizer"
        program(sanitizer, """\
            import sys, time
            chosen = next(word for word in sys.argv if word.startswith("--gtest_filter=")).split("=")[1]
            if chosen == "Hangs":
                time.sleep(60)
            print("[==========] %d tests from 1 test suite ran." % (0 if chosen == "Empty" else 2))
            sys.exit(chosen == "Bad")
            """)
        machine = gpu.Machine(self.folder / "build", None, [], [])

        def run(*filters):
            session = gpu.Session(self.folder / "results", 60, echo=False)
            begin = time.monotonic()
            outcome = session.run(gpu.Step("memcheck", 3, work=gpu.sanitize(
                machine, sanitizer, "memcheck", gpu.TESTS[0], filters, 2)))
            self.assertLess(time.monotonic() - begin, 10)
            return outcome, session.record["steps"][0]["failures"]

        outcome, failures = run("Good", "Fine")
        self.assertEqual((outcome.status, failures), ("passed", []))
        outcome, failures = run("Good", "Hangs", "Bad", "Empty")
        self.assertEqual((outcome.status, outcome.reason), ("failed", "1 of 4 filters passed"))
        self.assertEqual([line.split(",")[0] for line in failures],
                         ["Hangs timed out", "Bad failed", "Empty failed"])
        outcome, failures = run("Hangs", "Hangs", "Good")
        self.assertEqual(outcome.status, "timed out")
        self.assertEqual(failures[-1], "Good not run, no time was left")

    def test_the_benchmark_on_both_backends(self):
        steps = [gpu.Step(f"bench {backend} {case}", 20,
                          work=gpu.run_case(gpu.Machine(self.folder / "build", None, [], []), case,
                                            backend, False, 3))
                 for backend in ("cuda", "cpu") for case in ("nist", "dwi_batch")]
        session = gpu.Session(self.folder / "results", 60, echo=False)
        for step in steps:
            session.run(step)
        record = json.loads((self.folder / "results" / "results.json").read_text())
        self.assertEqual([step["status"] for step in record["steps"]],
                         ["failed", "passed", "passed", "passed"])
        self.assertIn("SIGSEGV", record["steps"][0]["reason"])
        line, = [line for line in (self.folder / "results" / "summary.txt").read_text().splitlines()
                 if line.startswith("dwi_batch")]
        self.assertEqual(line.split()[-4:], ["0.5", "0.25", "4", "8"])

    def test_peers_beside_our_rows(self):
        peers = self.folder / "peers"
        peers.mkdir()
        for case in ("dwi_batch", "rosenbrock_batch"):
            (peers / f"{case}.py").write_text(textwrap.dedent(FAKE_PEER))
        machine = gpu.Machine(self.folder / "build", None, [], [], peers)
        session = gpu.Session(self.folder / "results", 60, echo=False)
        session.run(gpu.Step("bench cuda dwi_batch", 20,
                             work=gpu.run_case(machine, "dwi_batch", "cuda", False, 3)))
        for case in ("dwi_batch", "rosenbrock_batch", "nist"):
            session.run(gpu.Step(f"peers {case}", 20, work=gpu.run_peers(machine, case, False)))
        record = json.loads((self.folder / "results" / "results.json").read_text())
        _, dwi, rosenbrock, missing = record["steps"]
        self.assertEqual((dwi["status"], dwi["reason"]),
                         ("passed", "1 rows; Absent skipped: no module absent"))
        self.assertEqual([row["peer"] for row in dwi["peers"]], ["Fast", "Absent"])
        self.assertEqual(dwi["peers_environment"], [{"module": "fast", "version": "1"}])
        self.assertEqual(rosenbrock["status"], "skipped")
        self.assertEqual(missing["status"], "failed")  # there is no such program
        lines = (self.folder / "results" / "summary.txt").read_text().splitlines()
        at = lines.index("dwi_batch: 65 signals, tight")
        self.assertEqual(lines[at + 1].split(), ["cunewton:", "exact", "derivatives", "float64", "0.25",
                                                 "0.5", "250", "6.5", "0.75"])
        self.assertEqual(lines[at + 2].split(), ["Fast", "(expert)", "float64", "0.002", "0.004", "4",
                                                 "7.5", "0.875", "3"])
        self.assertIn("  Absent: skipped: no module absent", lines)

    def test_each_peer_has_its_program_and_its_row_of_ours(self):
        for case in gpu.PEERS:
            self.assertTrue((gpu.ROOT / "bench" / "peers" / "gpu" / f"{case}.py").is_file(), case)
        for case, job, variant in (("gaussian2d_batch", "15x15, 1e-4", "15x15, 1e-4, analytic"),
                                   ("rosenbrock_batch", "n=8", "n=8, analytic"),
                                   ("dwi_batch", "65 signals, tight", "exact derivatives"),
                                   ("logistic_dense", "synthetic n=785", "synthetic n=785, newton"),
                                   ("fd_hessian", "n=50", "black box, from values")):
            same = gpu.own_variant({"case": case, "job": job})
            self.assertTrue(same({"variant": variant, "dimension": 50}), case)
            self.assertFalse(same({"variant": "something else", "dimension": 5}), case)

    def test_counters_of_a_kernel(self):
        ncu = self.folder / "ncu"
        program(ncu, f"import sys\nprint({NCU_CSV!r})\nsys.exit(9)  # the program was ended\n")
        machine = gpu.Machine(self.folder / "build", None, [], [])
        session = gpu.Session(self.folder / "results", 60, echo=False)
        session.run(gpu.Step("profile float32", 20, work=gpu.profile(machine, ncu, "f32", False)))
        session.run(gpu.Step("profile float64", 20, work=gpu.profile(machine, "false", "f64", False)))
        good, bad = json.loads((self.folder / "results" / "results.json").read_text())["steps"]
        self.assertEqual(good["status"], "passed")
        self.assertAlmostEqual(good["counters"]["seconds"], 680.5e-6)
        self.assertEqual(good["counters"]["blocks"], 1563)
        self.assertIsNone(good["counters"]["dram_percent"])
        self.assertEqual(list(good["stalls"].items()), [("long_scoreboard", 2.25), ("wait", 0.5)])
        self.assertEqual(bad["status"], "failed")
        text = (self.folder / "results" / "summary.txt").read_text()
        self.assertIn("profile float32: 0.6805 ms, 1563 blocks", text)
        self.assertIn("warps resident 9.25 %", text)
        self.assertIn("two instructions: long scoreboard 2.25, wait 0.5", text)

    def test_an_emulated_device_has_no_times(self):
        steps = self.run_session("--prefix", "env", "--only", "^device|^bench|sanitizer|^peers|^profile",
                                 status=0)
        self.assertEqual(steps["device"]["device"]["name"], "Stand-in 1")
        self.assertEqual({step["status"] for name, step in steps.items() if name != "device"},
                         {"skipped"})

    def test_without_a_device_it_says_so(self):
        environment = {**os.environ, "PATH": str(self.folder), "CUNEWTON_DEVICE_RUNNER": ""}
        ended = subprocess.run([sys.executable, SCRIPT, "run", "--build", self.folder / "build",
                                "--results", self.folder / "results"], env=environment, text=True,
                               capture_output=True)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("no GPU: nvidia-smi lists none", ended.stderr)
        record = json.loads((self.folder / "results" / "results.json").read_text())
        self.assertFalse(record["passed"])

    def test_without_a_packed_session_it_says_so(self):
        ended = subprocess.run([sys.executable, SCRIPT, "run", "--packed", self.folder / "nothing"],
                               text=True, capture_output=True)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("scripts/gpu-session prepare", ended.stderr)

    def test_a_build_tree_without_the_programs_says_so(self):
        (self.folder / "build" / "bench" / gpu.BENCH).unlink()
        ended = subprocess.run([sys.executable, SCRIPT, "run", "--build", self.folder / "build"],
                               text=True, capture_output=True)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn(f"has no {gpu.BENCH}: build them first", ended.stderr)

    def test_a_packed_session_runs_where_it_is_unpacked(self):
        # prepare() strips programs, which these are not.
        with unittest.mock.patch.object(gpu, "strip", lambda source, target: gpu.shutil.copy(source, target)), \
                unittest.mock.patch.object(gpu, "external_libraries", lambda program: {}):
            with contextlib.redirect_stdout(io.StringIO()):
                gpu.prepare(gpu.parse(["prepare", "--no-wheels", "--build", str(self.folder / "build"),
                                       "--to", str(self.folder / "packed")]))
            with gpu.tarfile.open(self.folder / "packed" / gpu.ARCHIVE) as packed:
                names = packed.getnames()
        self.assertIn("session/data/dwi64.csv.gz", names)
        for name in ("common", *gpu.PEERS):
            self.assertIn(f"session/peers/{name}.py", names)
        with contextlib.redirect_stdout(io.StringIO()) as out, self.assertRaises(SystemExit) as end:
            gpu.run(gpu.parse(["run", "--packed", str(self.folder / "packed"), "--prefix", "env",
                               "--only", "device", "--results", str(self.folder / "results")]))
        self.assertEqual(end.exception.code, 0, out.getvalue())
        self.assertIn("Stand-in 1", (self.folder / "results" / "summary.txt").read_text())


if __name__ == "__main__":
    unittest.main()
