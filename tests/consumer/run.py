#!/usr/bin/env python3
"""Uses an installed copy of the library as its users would.

    install       installs the build tree; the others need that
    find_package  the README's quick start, with CMake
    pkg_config    the same, with a compiler and pkg-config
    link_order    a loss in files that compile it differently, linked in every order
    mpi           a project of several processes, one here
    nccl          a project of several GPUs; where there is none it links, and runs on the CPU
    cuda          a project that nvcc compiles, and the README's quick start for the GPU; where there
                  is no GPU they run on the CPU

A quick start is the first block of code after the README's line <!-- quick start --> or <!-- quick start
for the GPU -->. It must exit with 0 and print "converged".
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BLOCK = r"^<!-- {} -->$.*?^```\w+\n(.*?)^```$"


def run(*command, **keywords):
    print("+", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, **keywords)


def example(readme: Path, name: str) -> str:
    match = re.search(BLOCK.format(name), readme.read_text(), re.MULTILINE | re.DOTALL)
    return match[1] if match else sys.exit(f"{readme}: no code after <!-- {name} -->")


def run_example(program: Path, **keywords):
    output = run(program, stdout=subprocess.PIPE, **keywords).stdout
    print(output)
    if "converged" not in output:
        sys.exit(f'{program.name} did not print "converged"')


def build(options, *definitions) -> Path:
    """Configures and builds the project; returns the folder of its programs."""
    folder = options.work / "build"
    run(options.cmake, "-G", "Ninja", "-S", options.work / "source", "-B", folder,
        f"-DCMAKE_PREFIX_PATH={options.prefix}", f"-DCMAKE_CXX_COMPILER={options.compiler}",
        "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *definitions)
    run(options.cmake, "--build", folder)
    return folder


def find_package(options):
    run_example(build(options) / "quick_start")


def pkg_config(options):
    program = options.work / "quick_start"
    modules = next(options.prefix.rglob("cunewton.pc")).parent
    environment = os.environ | {"PKG_CONFIG_PATH": str(modules)}

    def flags(*arguments):
        return run("pkg-config", *arguments, "cunewton", stdout=subprocess.PIPE,
                   env=environment).stdout.split()

    if "-fno-ipa-sra" in flags("--cflags", "--define-variable=gnu_cflags="):
        sys.exit("gnu_cflags does not take the flag for g++ away")
    named = flags("--cflags", "--libs")
    run(options.compiler, "-std=c++20", "-O2", "-o", program, options.work / "source" / "main.cpp", *named)
    # unlike CMake, pkg-config leaves it to the user where the libraries are found at run time
    paths = [os.environ.get("LD_LIBRARY_PATH"), str(modules.parent), *options.library_path.split(";"),
             *(str(Path(flag).parent) for flag in named if flag.startswith("/"))]
    run_example(program, env=os.environ | {"LD_LIBRARY_PATH": ":".join(path for path in paths if path)})


def link_order(options):
    programs = build(options, f"-DWITH_CUDA={options.cuda}")
    for program in sorted(programs.glob("from_*")):
        run(program)


def mpi(options):
    # Open MPI looks for ssh even where all processes are here.
    run_example(build(options) / "ranks", env=os.environ | {"OMPI_MCA_plm_rsh_agent": "/bin/false"})


def nccl(options):
    run_example(build(options) / "gpus")


def cuda(options):
    programs = build(options)
    commands = json.loads((programs / "compile_commands.json").read_text())
    for command in commands:
        # the last one counts
        dialects = re.findall(r"-std=\S+", command["command"])
        if dialects[-1:] != ["-std=c++20"]:
            sys.exit(f"{command['output']}: compiled as {dialects or 'the default'}, not as C++20")
    run(programs / "app")
    run_example(programs / "quick_start")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["install", "find_package", "pkg_config", "link_order", "mpi",
                                         "nccl", "cuda"])
    parser.add_argument("--prefix", type=Path, required=True, help="where the installed copy lies")
    parser.add_argument("--build", type=Path, help="the build tree to install")
    parser.add_argument("--work", type=Path, help="folder to work in; emptied first")
    parser.add_argument("--readme", type=Path)
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--compiler")
    parser.add_argument("--cuda", default="OFF", help="ON: there is a compiler for CUDA")
    parser.add_argument("--library-path", default="", help="where the CUDA libraries are")
    options = parser.parse_args()

    if options.what == "install":
        shutil.rmtree(options.prefix, ignore_errors=True)
        run(options.cmake, "--install", options.build, "--prefix", options.prefix,
            stdout=subprocess.DEVNULL)
        return
    project = "quick_start" if options.what in ("find_package", "pkg_config") else options.what
    shutil.rmtree(options.work, ignore_errors=True)
    shutil.copytree(HERE / project, options.work / "source")
    if project == "quick_start":
        (options.work / "source" / "main.cpp").write_text(example(options.readme, "quick start"))
    elif project == "cuda":
        (options.work / "source" / "quick_start.cu").write_text(
            example(options.readme, "quick start for the GPU"))
    globals()[options.what](options)


if __name__ == "__main__":
    main()
