#!/usr/bin/env python3
"""Compares what scripts/bench says of itself, without a build, with what the program says.

    test_usage.py PROGRAM SCRIPT
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = SCRIPT = ""


def output(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


def from_script(argument):
    """Where no compiler, package manager or CMake would be found."""
    with tempfile.TemporaryDirectory() as tools:
        for tool in ("bash", "dirname", "sed", "cat"):
            os.symlink(shutil.which(tool), os.path.join(tools, tool))
        return output("bash", SCRIPT, argument, env={"PATH": tools})


def flags(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))


class Usage(unittest.TestCase):
    def test_list_is_the_programs(self):
        self.assertEqual(from_script("--list"), output(PROGRAM, "--list"))

    def test_help_has_the_programs_options_and_their_values(self):
        ours, theirs = from_script("--help"), output(PROGRAM, "--help")
        self.assertEqual(flags(ours) - {"--peers"}, flags(theirs))
        values = re.compile(r"\{[a-z0-9,]+\}")
        self.assertEqual(sorted(values.findall(ours)), sorted(values.findall(theirs)))
        self.assertGreater(len(values.findall(ours)), 3)


if __name__ == "__main__":
    PROGRAM, SCRIPT = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
