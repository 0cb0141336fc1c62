#!/usr/bin/env python3
"""Compares two results of `cunewton_bench --json`, row by row, against their measured noise.

    scripts/compare.py [--fail-on-slower] BEFORE.json AFTER.json

A row is FASTER or SLOWER when the medians differ by more than the two spreads together, else SAME.
"""
import argparse
import json
import sys

KEY = ("case", "variant", "backend", "precision", "dimension", "samples", "batch", "threads")
# Two runs of one binary differ by a little more than either run's own spread.
LEAST_NOISE = 0.02


def key(row):
    return tuple(row.get(name) for name in KEY)


def label(row):
    return " ".join(f"{name}={row[name]}" for name in KEY if row.get(name) is not None)


def compare(before, after):
    """Yields (verdict, ratio after/before or None, row) for the rows of both results."""
    old_rows = {key(row): row for row in before["rows"]}
    new_keys = {key(row) for row in after["rows"]}
    for row in after["rows"]:
        old = old_rows.get(key(row))
        if old is None:
            yield "NEW", None, row
            continue
        old_median, median = old["seconds_median"], row["seconds_median"]
        # A spread is relative to its median.
        noise = max(old["seconds_spread"] * old_median + row["seconds_spread"] * median,
                    LEAST_NOISE * old_median)
        if abs(median - old_median) <= noise:
            verdict = "SAME"
        else:
            verdict = "SLOWER" if median > old_median else "FASTER"
        yield verdict, median / old_median if old_median else None, row
    for row_key, row in old_rows.items():
        if row_key not in new_keys:
            yield "GONE", None, row


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--fail-on-slower", action="store_true", help="exit with 1 if a row is SLOWER")
    options = parser.parse_args(arguments)
    results = []
    for path in (options.before, options.after):
        with open(path, encoding="utf-8") as file:
            results.append(json.load(file))
    before, after = results

    environments = [result.get("environment", {}) for result in results]
    for name in sorted(environments[0].keys() | environments[1].keys()):
        values = [environment.get(name) for environment in environments]
        if values[0] != values[1]:
            print(f"note: {name} differs: {values[0]} -> {values[1]}", file=sys.stderr)

    slower = False
    for verdict, ratio, row in compare(before, after):
        print(f"{verdict:6} {'' if ratio is None else f'{ratio:.3f}x':>9}  {label(row)}")
        slower |= verdict == "SLOWER"
    return 1 if slower and options.fail_on_slower else 0


if __name__ == "__main__":
    sys.exit(main())
