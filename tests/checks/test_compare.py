"""scripts/compare.py: verdicts against the noise, rows on one side only, the exit status."""
import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
import compare


def result(**medians):
    return {
        "environment": {"commit": "abc"},
        "rows": [{"case": case, "backend": "cpu", "batch": 1, "seconds_median": seconds,
                  "seconds_spread": 0.1} for case, seconds in medians.items()],
    }


class Compare(unittest.TestCase):
    def verdicts(self, before, after):
        return {row["case"]: verdict for verdict, _, row in compare.compare(before, after)}

    def test_differences_are_judged_against_both_spreads(self):
        before = result(same=1.0, faster=1.0, slower=1.0)
        after = result(same=1.15, faster=0.5, slower=1.5)
        self.assertEqual(self.verdicts(before, after),
                         {"same": "SAME", "faster": "FASTER", "slower": "SLOWER"})

    def test_rows_of_one_side(self):
        self.assertEqual(self.verdicts(result(old=1.0), result(new=1.0)), {"new": "NEW", "old": "GONE"})

    def test_rows_that_differ_in_one_key_are_not_compared(self):
        before, after = result(fit=1.0), result(fit=9.0)
        after["rows"][0]["batch"] = 2
        self.assertEqual({verdict for verdict, _, _ in compare.compare(before, after)}, {"NEW", "GONE"})

    def test_exit_status(self):
        with tempfile.TemporaryDirectory() as folder:
            before, after = Path(folder, "before.json"), Path(folder, "after.json")
            before.write_text(json.dumps(result(fit=1.0)))
            after.write_text(json.dumps(result(fit=2.0)))
            with contextlib.redirect_stdout(io.StringIO()) as output:
                self.assertEqual(compare.main([str(before), str(after)]), 0)
                self.assertEqual(compare.main(["--fail-on-slower", str(before), str(after)]), 1)
                self.assertEqual(compare.main(["--fail-on-slower", str(after), str(before)]), 0)
            self.assertIn("SLOWER    2.000x  case=fit backend=cpu batch=1", output.getvalue())


if __name__ == "__main__":
    unittest.main()
