#!/usr/bin/env python3
"""Runs the program of several ranks under mpiexec.

    bits      1, 2 and 4 ranks, more than there may be processors, end with the same bits
    throw     what one rank throws is what all end with
    mismatch  ranks with different arguments say so
    killed    a rank that is killed ends all
    memory    device memory is given to MPI where all ranks choose so
"""
import argparse
import os
import re
import subprocess
import sys

# Whatever the machine: processors may be fewer, and the user root, as in a container.
OPEN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
            "OMPI_MCA_plm_rsh_agent": "/bin/false",  # where there is no ssh
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
SAYS = {
    "throw": r"the disk is full",
    "mismatch": r"rank 1 has another start than rank 0",
    "killed": r"",
}


def run(options, what: str, ranks: int):
    """The exit status and what was printed; a program that hangs is a TimeoutExpired."""
    done = subprocess.run([options.mpiexec, options.ranks_flag, str(ranks), options.program, what],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
                          env=os.environ | OPEN_MPI | {"OPENBLAS_NUM_THREADS": "1"})
    print(done.stdout)
    return done.returncode, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["bits", "memory", *SAYS])
    parser.add_argument("--mpiexec", required=True)
    parser.add_argument("--ranks-flag", required=True)
    parser.add_argument("--program", required=True)
    options = parser.parse_args()
    if options.what == "bits":
        found = []
        for ranks in (1, 2, 4):
            status, text = run(options, "bits", ranks)
            bits = re.findall(r"bits ([0-9a-f]{16}) on rank", text)
            if status != 0 or len(bits) != ranks:
                sys.exit(f"{ranks} ranks: exit status {status}, {len(bits)} results")
            found += bits
        if len(set(found)) != 1:
            sys.exit(f"the bits differ: {found}")
        return
    status, text = run(options, options.what, 2)
    if options.what == "memory":
        if status != 0 or len(re.findall("given host, device, host on rank", text)) != 2:
            sys.exit(f"exit status {status}, or not the memory that was chosen")
        return
    if status == 0:
        sys.exit("the exit status is 0")
    if not re.search(SAYS[options.what], text):
        sys.exit(f"nobody says {SAYS[options.what]}")
    if "has finished" in text:
        sys.exit("a rank went on")


if __name__ == "__main__":
    main()
