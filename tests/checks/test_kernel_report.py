"""scripts/kernel-report: reading ptxas's output, and names."""
import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

SCRIPT = str(Path(__file__).parents[2] / "scripts" / "kernel-report")
loader = importlib.machinery.SourceFileLoader("kernel_report", SCRIPT)
report = importlib.util.module_from_spec(importlib.util.spec_from_loader("kernel_report", loader))
loader.exec_module(report)

LOG = """\
ptxas info    : 0 bytes gmem, 24 bytes cmem[4]
ptxas info    : Compiling entry function '_Z5smallPd' for 'sm_80'
ptxas info    : Function properties for _Z5smallPd
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 8 registers, used 0 barriers, 360 bytes cmem[0]
ptxas info    : Compiling entry function '_Z5largePd' for 'sm_90'
ptxas info    : Function properties for _Z5largePd
    64 bytes stack frame, 16 bytes spill stores, 20 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 64 bytes cumulative stack size, 4096 bytes smem
ptxas info    : Function properties for _Z6helperd
    40 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
"""


class KernelReport(unittest.TestCase):
    def test_ptxas_output(self):
        small, large = report.parse(LOG)
        self.assertEqual(small, report.Kernel("_Z5smallPd", "80", registers=8))
        self.assertEqual(large, report.Kernel("_Z5largePd", "90", 64, 16, 20, 255, 4096))
        self.assertFalse(small.spills)
        self.assertTrue(large.spills)

    def test_names(self):
        self.assertEqual(
            report.without_namespaces("void cunewton::kernels::(anonymous namespace)::fit_kernel"
                                      "<cunewton::Rosenbrock, double, (int)4>(cunewton::Arguments<double>)"),
            "fit_kernel<Rosenbrock, double, (int)4>")

    def test_families(self):
        kernels = [report.Kernel("fit_kernel<Rosenbrock, double, (int)4>", "80", registers=90),
                   report.Kernel("fit_kernel<Rosenbrock, double, (int)2>", "80", 64, 4, 4, registers=70),
                   report.Kernel("fit_kernel<Rosenbrock, float, (int)2>", "90", registers=40),
                   report.Kernel("sum_kernel", "90", registers=120)]
        self.assertEqual(report.family_of(kernels[0].name), ("fit_kernel", "double"))
        self.assertEqual(report.family_table(kernels).splitlines()[2:], [
            "| `sum_kernel` | 1 |  |  | 120 | 120 | 0 | 0 |",
            "| `fit_kernel` | 3 |  | 90 | 40 |  | 64 | 1 |"])


if __name__ == "__main__":
    unittest.main()
