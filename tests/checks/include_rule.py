#!/usr/bin/env python3
"""Checks that includes follow the arrows of the design:

    include <- kernels <- host/cuda;  include <- host/cpu;  host/backend <- host/minimize, cpu, cuda;  host/data <- host/cpu, cuda;
    host/backend <- host/curvature <- host/cpu, cuda

that headers other than include/cunewton/cuda/*.cuh can be used without a CUDA toolkit, and that the tests'
oracle includes nothing of what it judges.
Usage: include_rule.py [ROOT]. Prints one line a violation; exit status 1 if there is any.
"""
import re
import sys
from pathlib import Path

# Where a file lies -> what it may include from this repository. The first matching row counts.
ARROWS = [
    ("include", ["include"]),
    ("kernels", ["include", "kernels"]),
    ("host/backend/registry.cpp", ["include", "host/backend", "host/cpu", "host/cuda"]),
    ("host/backend", ["include", "host/backend"]),
    # the caller's arrays, wherever they are
    ("host/data", ["include", "host/data", "host/cuda/device_memory.h", "kernels/samples.h"]),
    ("host/cpu", ["include", "host/backend", "host/curvature", "host/data", "host/cpu"]),
    ("host/cuda", ["include", "kernels", "host/backend", "host/curvature", "host/data", "host/cuda"]),
    # algorithms on what a backend gives, which name none
    ("host/curvature", ["include", "host/at_point.h", "host/backend", "host/data", "host/curvature"]),
    ("host/sparse", ["include", "host/at_point.h", "host/backend", "host/data", "host/sparse"]),
    ("host/minimize", ["include", "host/backend", "host/data", "host/curvature", "host/sparse", "host/minimize"]),
    ("host", ["include", "host"]),
    ("readers", ["include", "readers"]),
    ("tool", ["include", "readers", "tool"]),
    ("examples", ["include", "readers", "examples"]),
    # both backends share the library's mathematics; what they are compared with must not
    ("tests/support/oracle.h", []),
    ("tests/support/oracle.cpp", ["tests/support/oracle.h"]),
    ("tests/support/perceptron_oracle.h", ["tests/support/oracle.h"]),
    ("tests/support/perceptron_oracle.cpp", ["tests/support/perceptron_oracle.h"]),
    ("tests", [""]),
]
SOURCES = {".h", ".inc", ".cuh", ".cpp", ".cu"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
CUDA_HEADER = re.compile(r"\.cuh$|^(cuda|cu(blas|solver|sparse|rand|fft)|thrust|cub|nv|cooperative_groups"
                         r"|device_launch_parameters|vector_types|math_constants|sm_\d)", re.I)
BACKEND_NAME = re.compile(r"\b(cpu|cuda)/")


def within(path: str, folder: str) -> bool:
    return folder in ("", path) or path.startswith(folder + "/")


def resolve(root: Path, file: Path, name: str) -> str | None:
    """The included file relative to root, or None if it is not one of this repository."""
    for base in (file.parent, root, root / "include", root / "host"):
        found = (base / name).resolve()
        if found.is_file() and found.is_relative_to(root):
            return found.relative_to(root).as_posix()
    return None


def violations(root: Path):
    root = root.resolve()
    for file in sorted(p for top in {row[0].split("/")[0] for row in ARROWS}
                       for p in (root / top).rglob("*") if p.suffix in SOURCES):
        path = file.relative_to(root).as_posix()
        allowed = next(folders for place, folders in ARROWS if within(path, place))
        without_cuda = within(path, "include") and not (
            within(path, "include/cunewton/cuda") and file.suffix == ".cuh")
        for number, line in enumerate(file.read_text().splitlines(), 1):
            where = f"{path}:{number}: "
            if within(path, "host/minimize") and BACKEND_NAME.search(line):
                yield where + f"the solver names a backend: {line.strip()}"
            match = INCLUDE.match(line)
            if not match:
                continue
            name = match[1]
            target = resolve(root, file, name)
            if target and not any(within(target, folder) for folder in allowed):
                yield where + f"includes {target}, may include {' and '.join(allowed) or 'nothing'}"
            if without_cuda and CUDA_HEADER.search(target.removeprefix("include/") if target else name):
                yield where + f"includes {name}, which needs CUDA"


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    found = list(violations(root))
    print("\n".join(found) or "includes follow the arrows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
