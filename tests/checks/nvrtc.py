#!/usr/bin/env python3
"""Checks that formulas can be compiled at run time: NVRTC, which has no standard library, takes

    each header that a loss, a model or the small solver is made of, by itself;
    a kernel for each functor of builtin.inc, with its derivatives by every method;
    a kernel of the small solver.

Usage: nvrtc.py [--folder FOLDER_OF_LIBNVRTC]. Prints NVRTC's log of each program that it does not take; exit
status 1 if there is any, 77 if there is no NVRTC.
"""
import argparse
import ctypes
import os
import re
import shutil
import sys
from pathlib import Path

INCLUDE = Path(__file__).parents[2] / "include"
FOLDERS = ["scalar", "math", "small", "loss", "model"]
FURTHER = ["choices.h", "functor/as_sample.h", "functor/builtin.h", "functor/kinds.h",
           "functor/residual.h"]
# The lanes of the CPU, made of the vectors of its compilers.
ONLY_CPU = {"scalar/pack.h", "scalar/lane_functions.h", "scalar/float_format.h"}
# What is not marked is the device's: functors, and generic lambdas in templates, which NVRTC takes for the
# host's otherwise.
OPTIONS = ["--std=c++20", "--gpu-architecture=compute_90", "--device-as-default-execution-space",
           f"--include-path={INCLUDE}"]

# `kernel` is instantiated for double and for what stands for a float on a GPU.
PROGRAM = """
#include "{header}"
#include "cunewton/math/predictor_derivatives.h"
#include "cunewton/scalar/single.h"
#include "cunewton/scalar/views.h"
#include "cunewton/small/problem.h"
#include "cunewton/small/solver.h"
using namespace cunewton;
{functor}
template <class S>
struct Lower {{
    S* data;
    __device__ S& operator()(int i, int j) const {{ return data[8 * j + i]; }}
}};
template <class S>
__device__ void kernel(const S* in, S* out) {{
    {body}
}}
extern "C" __global__ void of_double(const double* in, double* out) {{ kernel<double>(in, out); }}
extern "C" __global__ void of_float(const float* in, float* out) {{ kernel<float>(in, out); }}
extern "C" __global__ void of_single(const Single* in, Single* out) {{ kernel<Single>(in, out); }}
"""
BODIES = {
    "Predictor": """
    const Functor loss{};
    const real_t<S> step(1e-5);
    const StridedView<const S> z{in + 1, loss.outputs(), 2};
    *out++ = loss(z, in[0]);
    for (const GradientBy by : {GradientBy::autodiff, GradientBy::central_differences})
        *out++ = predictor_partial(loss, z, in[0], 0, by, step);
    for (const HessianBy by :
         {HessianBy::autodiff, HessianBy::gradient_differences, HessianBy::value_differences})
        *out++ = predictor_second_partial(loss, z, in[0], 0, 0, by, step);
    VectorView<S> g{out, 8};
    loss.gradient(z, in[0], g);
    Lower<S> h{out + 8};
    loss.hessian(z, in[0], h);""",
    "Sample": """
    const Functor loss{};
    const VectorView<const S> x{in, 8};
    const SampleView<S> s{in + 8, 8, 1, S(1.0), 3};
    *out++ = loss(x, s);
    *out++ = loss(DualView<VectorView<const S>>{x, 1}, s).d;
    *out++ = loss(HyperDualView<VectorView<const S>>{x, 1, 2}, s).d12;
    *out++ = loss(ShiftedView<VectorView<const S>>{x, 1, 2, S(0.1), S(0.1)}, s);
    VectorView<S> g{out, 8};
    if constexpr (requires { loss.gradient(x, s, g); }) loss.gradient(x, s, g);
    Lower<S> h{out + 8};
    if constexpr (requires { loss.hessian(x, s, h); }) loss.hessian(x, s, h);""",
    "Fit": """
    const Functor model{};
    constexpr int n = Functor::parameters;
    const S* const p = in;
    const S* const steps = in + n;
    const S* const x = steps + n;
    batch::Sums<S, n> sums;
    sums.clear();
    S row[n];
    const auto add = [&](const S& value) {
        batch::add_residual(value - x[8], row, sums);
        batch::add_point(Estimator::poisson, real_t<S>(1), value, x[8], x[9], row, sums);
    };
    add(batch::model_row<BatchDerivatives::autodiff, S>(model, p, x, steps, row));
    add(batch::model_row<BatchDerivatives::differences, S>(model, p, x, steps, row));
    if constexpr (batch::HasOwnGradient<Functor>)
        add(batch::model_row<BatchDerivatives::analytic, S>(model, p, x, steps, row));
    *reinterpret_cast<batch::Sums<S, n>*>(out) = sums;""",
    "Residual": """
    const Functor loss{};
    const VectorView<const S> x{in, Functor::parameters};
    const SampleView<S> s{in + 8, 2, 1, S(1.0), 3};
    cunewton::residual::derivatives<S, false>(
        loss, x, x.size(), s, [&](int c, const S& value) { out[c] = value; },
        [&](int, int j, const S& d) { out[1 + j] = d; });""",
    "Objective": """
    const Functor term{};
    constexpr int n = Functor::parameters;
    const S* const p = in;
    const S* const steps = in + n;
    const S* const x = steps + n;
    batch::Sums<S, n> sums;
    sums.clear();
    batch::add_term<BatchDerivatives::autodiff, S>(term, p, x, steps, steps, x[9], sums);
    batch::add_term<BatchDerivatives::differences, S>(term, p, x, steps, steps, x[9], sums);
    if constexpr (batch::HasOwnHessian<Functor>)
        batch::add_term<BatchDerivatives::analytic, S>(term, p, x, steps, steps, x[9], sums);
    *reinterpret_cast<batch::Sums<S, n>*>(out) = sums;""",
}
# Sizes that the compiler knows, and that it does not.
SOLVER = """
    using T = real_t<S>;
    if constexpr (std::is_arithmetic_v<S>) {
        const batch::Memory<T> memory{out, 32};
        const batch::TrialMemory<T> trial{memory.from(100), memory.from(101), memory.from(103)};
        const batch::SolverSettings<T> settings{.bounded = in[0] > T(0), .max_iterations = 9};
        const batch::StateLayout fit{2, true, true, false}, objective{3, false, true, true};
        batch::begin_problem(memory, fit, T(0), T(1));
        batch::advance_fit<2>(memory, fit, trial, settings);
        batch::begin_problem(memory, objective, T(0), T(1));
        batch::advance_objective<0>(memory, objective, trial, settings);
    }"""


class Nvrtc:
    def __init__(self, folders):
        names = [str(path) for folder in folders for path in sorted(folder.glob("libnvrtc.so*"))]
        for name in [*names, "libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12"]:
            try:
                self.library = ctypes.CDLL(name)
                break
            except OSError:
                continue
        else:
            raise FileNotFoundError("there is no NVRTC here (libnvrtc.so, a part of the CUDA toolkit)")

    def version(self):
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        return major.value, minor.value

    def log_of(self, source, options):
        """What NVRTC says of a program that it does not take; nothing of one that it does."""
        program, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"check.cu", 0, None, None)
        words = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        failed = self.library.nvrtcCompileProgram(program, len(options), words)
        self.library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self.library.nvrtcGetProgramLog(program, log)
        self.library.nvrtcDestroyProgram(ctypes.byref(program))
        return (log.value.decode() or f"error {failed} without a word") if failed else ""


def programs():
    """(what, source) of everything that is to be compiled."""
    for folder in FOLDERS:
        for header in sorted((INCLUDE / "cunewton" / folder).glob("*.h")):
            if f"{folder}/{header.name}" not in ONLY_CPU:
                yield f"{folder}/{header.name}", f'#include "cunewton/{folder}/{header.name}"\n'
    for name in FURTHER:
        yield name, f'#include "cunewton/{name}"\n'
    lines = (INCLUDE / "cunewton/builtin.inc").read_text()
    builtin = re.findall(r'^CUNEWTON_BUILTIN\((\w+), (.+), "(.+)"\)', lines, re.M)
    for form, functor, header in builtin:
        yield functor, PROGRAM.format(header=header, functor=f"using Functor = {functor};", body=BODIES[form])
    yield "the small solver", PROGRAM.format(header="cunewton/choices.h", functor="", body=SOLVER)
    if not builtin:
        raise RuntimeError("builtin.inc has no lines")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, nargs="*", default=[], help="where libnvrtc.so may be")
    folders = parser.parse_args().folder
    homes = [os.environ.get("CUDA_PATH"), os.environ.get("CUDA_HOME"), "/usr/local/cuda"]
    if compiler := shutil.which("nvcc"):
        homes.append(Path(compiler).resolve().parents[1])
    folders += [Path(home, library) for home in homes if home for library in ("lib64", "lib")]
    try:
        nvrtc = Nvrtc(folders)
    except FileNotFoundError as error:
        print(f"skipped: {error}")
        return 77
    version = nvrtc.version()
    if version < (12, 0):
        print(f"skipped: NVRTC {version[0]}.{version[1]} has no C++20")
        return 77
    # The solver is long, and only its being taken matters.
    fast = ["--Ofast-compile=max"] if version >= (12, 8) else []
    count, wrong = 0, []
    for what, source in programs():
        count += 1
        if log := nvrtc.log_of(source, OPTIONS + fast):
            wrong.append(f"{what}:\n{log}")
    print("\n".join(wrong) or f"NVRTC {version[0]}.{version[1]} takes {count} programs")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
