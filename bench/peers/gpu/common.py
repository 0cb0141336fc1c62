"""What the programs of this folder have in common: arguments, data, clocks and rows.

A program runs the peers of one case, each in a function that is given a `Run`, and writes one JSON
object a line: first the environment, then a row a measurement, all with the same fields. A peer
whose module is missing gets a row that says so, one that fails gets its error, and the next goes on.
Without NumPy nothing can be done, which is said in the same way.
"""
import argparse
import json
import os
import platform
import statistics
import sys
import time
import traceback
from pathlib import Path

FIELDS = (
    "case", "job", "peer",
    "style",            # expert: written for speed; user: the library's own solver, as one calls it
    "precision", "sizes",
    "seconds",          # data and result on the device
    "seconds_host",     # from NumPy's arrays to NumPy's arrays
    "spread", "repeats",
    "compile_seconds",  # what the first call took beyond a later one
    "iterations",       # of a batch: the mean
    "quality",          # what `share_reached` counts
    "share_reached",    # of the problems
    "failed",           # problems that the peer itself calls unfinished
    "criterion", "criterion_of",  # in double, by the case's judge, the worst problem of all
    "status",           # ran, skipped, failed
    "note", "device")
WARM_UPS, REPEATS, LEAST_REPEATS = 5, 20, 3


class Run:
    """One program's arguments, and where its rows go."""

    def __init__(self, case, words=None):
        parser = argparse.ArgumentParser(description=f"Peers of the case {case} on a GPU.")
        parser.add_argument("--data", help="folder that cunewton_bench --write-data has filled "
                                           "(default with --tiny: numbers of NumPy's)")
        parser.add_argument("--json", help="write the lines here instead of to stdout")
        parser.add_argument("--tiny", action="store_true", help="small problems, for tests")
        parser.add_argument("--cpu", action="store_true", help="use no GPU, for tests")
        parser.add_argument("--only", default="", help="peers whose name contains this")
        parser.add_argument("--seconds", type=float, default=3, help="about that long a measurement")
        options = parser.parse_args(words)
        if not options.data and not options.tiny:
            parser.error("--data is needed (or --tiny)")
        self.case, self.tiny, self.cpu, self.only = case, options.tiny, options.cpu, options.only
        self.data = Path(options.data) if options.data else None
        self.budget = options.seconds
        self.out = open(options.json, "w") if options.json else sys.stdout
        self.device = "cpu" if self.cpu else ""
        self.modules = {}
        # Read when the modules are loaded: peers share one device.
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        if self.cpu:
            os.environ["JAX_PLATFORMS"] = "cpu"

    # ---- Modules. An ImportError of these is caught in peers().

    def jax(self):
        import jax
        jax.config.update("jax_enable_x64", True)
        jax.config.update("jax_default_matmul_precision", "highest")
        if not self.cpu and jax.default_backend() != "gpu":
            raise RuntimeError("jax finds no GPU")
        self.know(jax, jax.devices()[0].device_kind)
        return jax

    def torch(self):
        """The module and the device."""
        import torch
        torch.set_float32_matmul_precision("highest")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        if not self.cpu and not torch.cuda.is_available():
            raise RuntimeError("torch finds no GPU")
        self.know(torch, "cpu" if self.cpu else torch.cuda.get_device_name(0))
        return torch, torch.device("cpu" if self.cpu else "cuda")

    def know(self, module, device=None):
        """Says once which version it is, and on what it runs."""
        self.device = device or self.device
        if module.__name__ not in self.modules:
            self.modules[module.__name__] = getattr(module, "__version__", "?")
            self.write({"module": module.__name__, "version": self.modules[module.__name__],
                        "device": self.device})

    # ---- Data.

    def jobs(self, make_tiny):
        """The case's jobs: dictionaries of name, numbers and NumPy's arrays."""
        import numpy as np
        if not self.data:
            return make_tiny(np)
        jobs = json.loads((self.data / f"{self.case}.json").read_text())
        for job in jobs:
            for name, file in job.pop("arrays").items():
                job[name] = np.load(self.data / file)
        return jobs

    # ---- Rows.

    def write(self, line):
        self.out.write(json.dumps(line) + "\n")
        self.out.flush()  # what there is counts if the time is up

    def row(self, **fields):
        unknown = set(fields) - set(FIELDS)
        if unknown:
            raise ValueError(f"a row has no {', '.join(sorted(unknown))}")
        row = {field: None for field in FIELDS}
        row.update({"case": self.case, "status": "ran", "device": self.device}, **fields)
        self.write(row)
        seconds = row["seconds"]
        print(f"{row['case']} {row['job'] or ''}: {row['peer']} {row['precision'] or ''}: "
              + (f"{seconds:.4g} s, {row['share_reached']} reached {row['quality']}" if seconds
                 else f"{row['status']}: {row['note']}"), file=sys.stderr, flush=True)

    def peers(self, peers):
        """Calls each of (name, function); returns the exit status."""
        self.write({"environment": {
            "python": platform.python_version(), "tf32": False, "jax_matmul_precision": "highest",
            "jax_preallocation": False, "tiny": self.tiny, "warm_ups": WARM_UPS,
            "repeats": f"{LEAST_REPEATS} to {REPEATS}, about {self.budget:g} s in all"}})
        for name, peer in peers:
            if self.only not in name:
                continue
            try:
                peer(self)
            except ImportError as error:
                module = getattr(error, "name", None) or str(error)
                self.row(peer=name, status="skipped", note=f"no module {module}")
            except Exception as error:  # the next peer is worth as much as this one
                traceback.print_exc()
                text = f"{type(error).__name__}: {error}"
                self.row(peer=name, status="failed", note=text[:500])
        return 0

    # ---- Clocks.

    def measure(self, call):
        """Times call(), which returns when the result is there. Gives its last result, and a row's
        seconds, spread, repeats and compile_seconds."""
        begin = time.perf_counter()
        result = call()
        first = time.perf_counter() - begin
        begin = time.perf_counter()
        result = call()
        second = time.perf_counter() - begin
        warm_ups = 0 if second > self.budget / 4 else WARM_UPS - 2
        for _ in range(warm_ups):
            result = call()
        repeats = max(LEAST_REPEATS, min(REPEATS, int(self.budget / max(second, 1e-9))))
        if second > 3 * self.budget:  # its second call is all that there is time for
            repeats = 0
        seconds = [second] * (not repeats)
        for _ in range(repeats):
            begin = time.perf_counter()
            result = call()
            seconds.append(time.perf_counter() - begin)
        median = statistics.median(seconds)
        return result, {"seconds": median, "spread": (max(seconds) - min(seconds)) / median,
                        "repeats": len(seconds), "compile_seconds": max(0.0, first - median)}

    def measure_torch(self, torch, call):
        """The same for call() that leaves work on the device, by CUDA's events."""
        if self.cpu:
            return self.measure(call)
        clock = {}

        def timed():
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            result = call()
            end.record()
            end.synchronize()
            clock.setdefault("seconds", []).append(begin.elapsed_time(end) / 1e3)
            return result
        result, times = self.measure(timed)
        seconds = clock["seconds"][-times["repeats"]:]
        times["seconds"] = statistics.median(seconds)
        times["spread"] = (max(seconds) - min(seconds)) / times["seconds"]
        return result, times

    def captured(self, torch, step):
        """step() as a CUDA graph, or as it is where that cannot be, and what to say of it."""
        if self.cpu:
            return step, "no CUDA graph: on the CPU"
        try:
            # Libraries make their workspaces in the first calls, outside of the graph.
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    step()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                step()
            return graph.replay, "one step is a CUDA graph"
        except RuntimeError as error:
            torch.cuda.synchronize()
            return step, f"no CUDA graph: {str(error).splitlines()[0][:120]}"

    def host_seconds(self, call):
        """Seconds of call(), which begins and ends with NumPy's arrays."""
        return self.measure(call)[1]["seconds"]
