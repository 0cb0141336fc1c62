"""What CONTRIBUTING.md says about adding a loss, a method and a backend is done in a copy of the sources:
what is left out of its lists does not compile.

The environment variable CUNEWTON_INCLUDE names the folder of the headers that the build writes, and
CUNEWTON_COMPILER the compiler.
"""
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = os.environ.get("CUNEWTON_INCLUDE", str(ROOT / "build/dev/include"))
COMPILER = os.environ.get("CUNEWTON_COMPILER", "c++")

LOSS = """
#pragma once
#include "cunewton/functor/builtin.h"
#include "cunewton/scalar/functions.h"
#include "cunewton/scalar/macros.h"
#include "cunewton/scalar/scalar.h"
namespace cunewton {
/// log(1 + (z - y)^2)
struct CauchyRegression {
    static constexpr bool needs_targets = true;
    CUNEWTON_HOST_DEVICE int outputs() const { return 1; }
    template <class Z, class Y>
    CUNEWTON_HOST_DEVICE auto operator()(const Z& z, const Y& y) const {
        using namespace math;
        return log1p(square(z[0] - y));
    }
};
CUNEWTON_DECLARE_BUILTIN(Predictor, CauchyRegression)
}  // namespace cunewton
"""
USE_OF_LOSS = """
#include "cunewton/loss/cauchy_regression.h"
#include "cunewton/problem.h"
cunewton::Problem<double> made(const cunewton::Samples<double>& s) {
    static_assert(cunewton::Builtin<cunewton::CauchyRegression, cunewton::builtin::Predictor, double>);
    return cunewton::make_linear_predictor<double>(cunewton::CauchyRegression{}, s);
}
"""
METHOD = """
#include "host/minimize/methods.h"
namespace cunewton::solver {
template <class T>
Status barzilai_borwein(Minimization<T>& run) {
    run.vectors().scale(run.direction(), T(-1), run.g(), run.n());
    const Trial trial = run.try_step(1);
    run.accept(trial, false);
    return run.end_iteration(trial, trial.f, 1, 0).value_or(Status::precision_limit);
}
template Status barzilai_borwein(Minimization<double>&);
template Status barzilai_borwein(Minimization<float>&);
}  // namespace cunewton::solver
"""
USE_OF_METHOD = """
#include "cunewton/options.h"
#include <algorithm>
#include <iterator>
static_assert(std::ranges::find(cunewton::all_methods, cunewton::Method::barzilai_borwein) !=
              std::end(cunewton::all_methods));
"""
USE_OF_BACKEND = """
#include "cunewton/options.h"
cunewton::Options chosen() {
    cunewton::Options options;
    options.backend = "reference";
    return options;
}
"""


class Copy:
    """The sources, to be changed."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        for name in ("include", "host", "kernels"):
            shutil.copytree(ROOT / name, self.path / name)
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def write(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def change(self, name, old, new):
        path = self.path / name
        text = path.read_text()
        assert text.count(old) == 1, f"{name}: {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new))

    def compile(self, *names):
        """What the compiler says against the files, which are not translated any further."""
        said = ""
        for name in names:
            run = subprocess.run(
                [COMPILER, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                 "-DCUNEWTON_WITH_CUDA=0", "-DCUNEWTON_ONLY_LANES=BaseLanes", f"-I{self.path / 'include'}",
                 f"-I{GENERATED}", f"-I{self.path}", str(self.path / name)],
                capture_output=True, text=True)
            said += run.stderr
            if run.returncode != 0 and not run.stderr:
                said += f"{name}: status {run.returncode}"
        return said


class Contributing(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "CONTRIBUTING.md").read_text()

    def section(self, title):
        """The items below a bold title."""
        found = re.search(r"\*\*" + title + r".*?(?=\n\*\*|\Z)", self.text, re.S)
        self.assertIsNotNone(found, title)
        return found[0]

    def test_a_loss(self):
        section = self.section("A loss")
        with Copy() as copy:
            for name in ("include/cunewton/loss/", "include/cunewton/builtin.inc"):
                self.assertIn(name, section)
            copy.write("include/cunewton/loss/cauchy_regression.h", LOSS)
            copy.change("include/cunewton/builtin.inc", "CUNEWTON_BUILTIN(Predictor, Huber,",
                        'CUNEWTON_BUILTIN(Predictor, CauchyRegression, "cunewton/loss/cauchy_regression.h")\n'
                        "CUNEWTON_BUILTIN(Predictor, Huber,")
            # As the build makes it from the line.
            part = (copy.path / "host/builtin.cpp.in").read_text()
            for name, value in {"header": '"cunewton/loss/cauchy_regression.h"',
                                "cpu_header": self.cpu_header(), "code": "PredictorCodeOf<T, CauchyRegression>",
                                "form": "Predictor", "functor": "CauchyRegression"}.items():
                part = part.replace(f"@{name}@", value)
            self.assertNotRegex(part, r"@\w+@")
            self.assertEqual(copy.compile(copy.write("part.cpp", part), copy.write("use.cpp", USE_OF_LOSS)), "")

    def cpu_header(self):
        """The header of predictors' code, as cmake/library.cmake names it."""
        found = re.search(r"set\(cpu_header \$\{kind\}(\S+)\)", (ROOT / "cmake/library.cmake").read_text())
        return "predictor" + found[1]

    def test_a_method(self):
        section = self.section("A method")
        with Copy() as copy:
            for name in ("include/cunewton/methods.inc", "host/minimize/NAME.cpp"):
                self.assertIn(name, section)
            line = "CUNEWTON_METHOD(bfgs, 1)\n"
            copy.change("include/cunewton/methods.inc", line, line + "CUNEWTON_METHOD(barzilai_borwein, 0)\n")
            files = ["host/minimize/methods.cpp", "host/names.cpp",
                     copy.write("host/minimize/barzilai_borwein.cpp", METHOD),
                     copy.write("use.cpp", USE_OF_METHOD)]
            self.assertEqual(copy.compile(*files), "")

    def test_a_backend(self):
        section = self.section("A backend")
        self.assertIn("host/backend/registry.cpp", section)
        with Copy() as copy:
            # A backend of the CPU's parts stands for one of its own.
            copy.write("host/reference/reference.h", '#pragma once\n#include "host/cpu/vectors.h"\n'
                       '#include "host/cpu/batch_engine.h"\n')
            registry = (ROOT / "host/backend/registry.cpp").read_text()
            entry = re.search(r'    entries\.push_back\(\{"cpu",.*?\}\);\n', registry, re.S)
            self.assertIsNotNone(entry, "the CPU's entry")
            copy.change("host/backend/registry.cpp", entry[0],
                        entry[0].replace('"cpu"', '"reference"', 1) + entry[0])
            copy.change("host/backend/registry.cpp", '#include "host/cpu/vectors.h"\n',
                        '#include "host/cpu/vectors.h"\n#include "host/reference/reference.h"\n')
            self.assertEqual(copy.compile("host/backend/registry.cpp", "host/backend/choice.cpp",
                                          copy.write("use.cpp", USE_OF_BACKEND)), "")

    def test_what_is_listed_is_there(self):
        for name in re.findall(r"`([\w/.]+/[\w.]+)`", self.text):
            self.assertTrue("NAME" in name or any((root / name).exists() for root in
                            (ROOT, ROOT / "include", ROOT / "include/cunewton", Path(GENERATED))), name)
        methods = re.findall(r"^CUNEWTON_METHOD\((\w+),", (ROOT / "include/cunewton/methods.inc").read_text(), re.M)
        self.assertGreaterEqual(len(methods), 4)
        for method in methods:
            self.assertTrue((ROOT / f"host/minimize/{method}.cpp").is_file(), method)
        headers = re.findall(r'^CUNEWTON_BUILTIN\(.*, "(.*)"\)$',
                             (ROOT / "include/cunewton/builtin.inc").read_text(), re.M)
        for folder in ("loss", "model"):
            for path in (ROOT / "include/cunewton" / folder).glob("*.h"):
                self.assertIn(f"cunewton/{folder}/{path.name}", headers, "a header that builtin.inc forgets")


if __name__ == "__main__":
    unittest.main()
