#!/usr/bin/env python3
"""Checks what a user reads who makes a mistake that the compiler finds.

    standard      each public header, compiled as C++17: the first error is ours, and nothing follows but
                  the end of compilation
    functors      wrong_functors.cpp: the first error is ours and names the rule, and the rest is a few dozen lines

Usage: messages.py WHAT --compiler COMPILER --include FOLDER... [--cases NUMBER...]
"""
import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
MOST_LINES = {"g++": 40, "clang++": 100}
# What the first message must say, by the first word of a case's comment.
SAYS = {
    "number": "makes a plain number of a scalar",
    "branch": "branches on the value of a scalar",
    "result": "returns void or a plain number",
    "call": "cannot be called",
}
# macros alone, for any language
ANY_STANDARD = {"cunewton/version.h"}


def errors_of(command) -> list[str]:
    """What the compiler prints; nothing if it succeeds."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return [] if done.returncode == 0 else done.stderr.splitlines()


def first_error(lines: list[str]) -> str:
    return next((line for line in lines if re.search(r"\berror( #\S+)?:", line)), "no error")


def standard(options):
    """Yields (what, problem) for every header that does not say it."""
    headers = [header.relative_to(folder).as_posix() for folder in options.include
               for header in sorted((folder / "cunewton").rglob("*")) if header.suffix in (".h", ".cuh")]

    def check(name):
        lines = errors_of([options.compiler, "-std=c++17", "-x", "c++", "-fsyntax-only", "-w",
                           *[f"-I{folder}" for folder in options.include], "-include", name, "/dev/null"])
        if name in ANY_STANDARD:
            return name, first_error(lines) if lines else None
        if "cunewton needs C++20: compile with -std=c++20" not in first_error(lines):
            return name, first_error(lines)
        return name, f"{len(lines)} lines" if len(lines) > 20 else None

    with ThreadPoolExecutor() as pool:
        yield from pool.map(check, headers)


def functors(options):
    source = HERE / "wrong_functors.cpp"
    version = subprocess.run([options.compiler, "--version"], capture_output=True, text=True).stdout
    most = MOST_LINES["clang++" if "clang" in version else "g++"]
    no_code = ["-x", "cu", "-arch=sm_80", "-c", "-o", "/dev/null"] if "nvcc" in version else ["-fsyntax-only"]
    cases = [case for case in re.findall(r"^#(?:el)?if CASE == (\d+)  // (\w+)", source.read_text(), re.M)
             if not options.cases or case[0] in options.cases]

    def check(case):
        number, mistake = case
        lines = errors_of([options.compiler, "-std=c++20", "-DCUNEWTON_BASELINE_LANES", *no_code,
                           f"-DCASE={number}", *(f"-I{folder}" for folder in options.include), source])
        if SAYS[mistake] not in first_error(lines):
            return f"case {number}", first_error(lines)
        return f"case {number}", f"{len(lines)} lines" if len(lines) > most else None

    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(check, cases)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["standard", "functors"])
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--include", type=Path, nargs="+", required=True)
    parser.add_argument("--cases", nargs="+", help="of the functors; all, if not given")
    options = parser.parse_args()
    found = list(globals()[options.what](options))
    wrong = [f"{name}: {problem}" for name, problem in found if problem]
    print("\n".join(wrong) or f"{len(found)} messages are right")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
