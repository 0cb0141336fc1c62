#!/usr/bin/env python3
"""Builds and runs the README's quick start against an installed copy of the library.

The quick start is the first cpp block after the line <!-- quick start -->. It must exit with 0 and
print "converged".
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

QUICK_START = re.compile(r"^<!-- quick start -->$.*?^```cpp\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(*command, **keywords):
    print("+", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **keywords)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("how", choices=["find_package", "pkg_config"])
    parser.add_argument("--build", type=Path, required=True, help="the build tree to install")
    parser.add_argument("--readme", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="folder to work in; emptied first")
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--library-path", default="", help="where the CUDA libraries are")
    options = parser.parse_args()

    shutil.rmtree(options.work, ignore_errors=True)
    shutil.copytree(Path(__file__).parent / "project", options.work / "source")
    source, prefix = options.work / "source", options.work / "prefix"
    program = options.work / "build" / "quick_start"
    program.parent.mkdir()

    match = QUICK_START.search(options.readme.read_text())
    if not match:
        sys.exit(f"{options.readme}: no cpp block after <!-- quick start -->")
    (source / "main.cpp").write_text(match[1])
    run(options.cmake, "--install", options.build, "--prefix", prefix, stdout=subprocess.DEVNULL)

    environment = dict(os.environ)
    if options.how == "find_package":
        run(options.cmake, "-G", "Ninja", "-S", source, "-B", program.parent,
            f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={options.compiler}",
            "-DCMAKE_BUILD_TYPE=Release")
        run(options.cmake, "--build", program.parent)
    else:
        modules = next(prefix.rglob("cunewton.pc")).parent
        flags = run("pkg-config", "--cflags", "--libs", "cunewton", stdout=subprocess.PIPE,
                    env=environment | {"PKG_CONFIG_PATH": str(modules)}).stdout.split()
        run(options.compiler, "-std=c++20", "-O2", "-o", program, source / "main.cpp", *flags)
        # unlike CMake, pkg-config leaves it to the user where the libraries are found at run time
        paths = [environment.get("LD_LIBRARY_PATH"), str(modules.parent), *options.library_path.split(";")]
        environment["LD_LIBRARY_PATH"] = ":".join(path for path in paths if path)

    output = run(program, stdout=subprocess.PIPE, env=environment).stdout
    print(output)
    if "converged" not in output:
        sys.exit('the quick start did not print "converged"')


if __name__ == "__main__":
    main()
