"""The guide lists the functions that a loss may call: all of them, and no others."""
import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MATH = ROOT / "include/cunewton/scalar"


def documented(guide):
    """The names in the second column of the table in the guide's section on functions."""
    section = re.search(r"^### Functions\n(.*?)^##", guide, re.M | re.S).group(1)
    rows = re.findall(r"^\|(?! *-)[^|]*\|(.*)\|$", section, re.M)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def defined(functions, scalar):
    """The lists of scalar/functions.h, which tests/unit/functions_test.cpp calls one by one, and what
    scalar/scalar.h defines itself."""
    lists = re.findall(r"#define CUNEWTON_FUNCTIONS_OF_\w+\(X\)((?:.*\\\n)*.*)", functions)
    listed = [name for text in lists for name in re.findall(r"X\((\w+)", text)]
    own = re.findall(r"CUNEWTON_ALWAYS_INLINE [\w:<>, ]+?\s(\w+)\(", scalar)
    return set(listed) | set(own)


class FunctionList(unittest.TestCase):
    def test_the_guide_lists_all_functions_once(self):
        names = documented((ROOT / "docs/guide.md").read_text())
        self.assertEqual(len(names), len(set(names)), "named twice")
        exist = defined((MATH / "functions.h").read_text(), (MATH / "scalar.h").read_text())
        self.assertGreater(len(exist), 35)
        self.assertEqual(set(names), exist)

    def test_a_missing_function_is_found(self):
        guide = "### Functions\n| | |\n| --- | --- |\n| a | `exp`, `sin` (`not` this: `x y`) |\n## Next\n| b | `cos` |\n"
        self.assertEqual(documented(guide), ["exp", "sin", "not"])
        functions = "#define CUNEWTON_FUNCTIONS_OF_ONE(X) \\\n    X(exp, chain) \\\n    X(cos, chain)\nX(no)\n"
        scalar = "CUNEWTON_HOST_DEVICE CUNEWTON_ALWAYS_INLINE std::common_type_t<A, B> select(bool c"
        self.assertEqual(defined(functions, scalar), {"exp", "cos", "select"})


if __name__ == "__main__":
    unittest.main()
