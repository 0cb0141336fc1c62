"""Each arrow of include_rule.py is violated once, and the violation is found."""
import tempfile
import unittest
from pathlib import Path

import include_rule

GOOD = {
    "include/cunewton/loss.h": "#include <cmath>\n#include <cunewton/math.h>\n",
    "include/cunewton/math.h": "",
    "include/cunewton/cuda/launch.cuh": "#include <cuda_runtime.h>\n#include <cunewton/math.h>\n",
    "kernels/fit.h": '#include "cunewton/math.h"\n',
    "kernels/fit.cu": '#include "kernels/fit.h"\n#include <cub/cub.cuh>\n',
    "host/backend/backend.h": "#include <cunewton/math.h>\n",
    "host/backend/registry.cpp": '#include "host/cpu/pool.h"\n#include "host/cuda/buffer.h"\n',
    "host/cpu/pool.h": '#include "host/backend/backend.h"\n',
    "host/cuda/buffer.h": '#include "kernels/fit.h"\n#include <cuda_runtime.h>\n',
    "host/minimize/newton.h": '#include "host/backend/backend.h"\n',
    "host/api.cpp": '#include "minimize/newton.h"\n',
    "examples/fit.cpp": "#include <cunewton/loss.h>\n",
    "tests/support/oracle.h": "#include <cmath>\n",
    "tests/unit/solver.cpp": '#include "host/minimize/newton.h"\n',
}
BAD = {
    "include/cunewton/a.h": '#include "kernels/fit.h"\n',
    "include/cunewton/b.h": "#  include <cuda_runtime.h>\n",
    "include/cunewton/c.h": '#include "cunewton/cuda/launch.cuh"\n',
    "include/cunewton/cuda/code.h": "#include <cuda_runtime.h>\n",
    "include/cunewton/math/d.h": "#include <thrust/complex.h>\n",
    "kernels/a.cu": '#include "host/backend/backend.h"\n',
    "host/backend/a.cpp": '#include "host/cpu/pool.h"\n',
    "host/cpu/a.cpp": '#include "host/cuda/buffer.h"\n',
    "host/cpu/b.cpp": '#include "kernels/fit.h"\n',
    "host/cuda/a.cpp": '#include "host/cpu/pool.h"\n',
    "host/cuda/b.cpp": '#include "../minimize/newton.h"\n',
    "host/minimize/a.cpp": '#include "host/cpu/pool.h"\n',
    "host/minimize/b.cpp": "// as in cuda/buffer.h\n",
    "tests/support/oracle.cpp": "#include <cunewton/math.h>\n",
    "examples/a.cpp": '#include "host/backend/backend.h"\n',
}


class IncludeRule(unittest.TestCase):
    def violations_with(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return list(include_rule.violations(Path(folder)))

    def test_right_includes_pass(self):
        self.assertEqual(self.violations_with(GOOD), [])

    def test_each_violation_is_found(self):
        for path, text in BAD.items():
            with self.subTest(path=path, text=text):
                found = self.violations_with(GOOD | {path: text})
                self.assertTrue(found and all(line.startswith(f"{path}:1: ") for line in found), found)


if __name__ == "__main__":
    unittest.main()
