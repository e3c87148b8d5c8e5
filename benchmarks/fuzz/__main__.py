"""Fuzz each target for some seconds: `python -m benchmarks.fuzz --seconds N [--only TARGET] [--keep FOLDER]`.

It needs atheris, which is no dependency of the kit: it is built for few versions of Python.
"""

import argparse
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.fuzz.running import fuzz
from benchmarks.fuzz.targets import TARGETS


def main() -> int:
    """Print what each target came to; 1 if an input failed or hung, 2 if atheris is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target")
    parser.add_argument("--only", choices=TARGETS, action="append", help="a target; all if none is given")
    parser.add_argument("--keep", type=Path, help="a folder in which corpus and failed inputs stay")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        print("atheris is missing: install it beside the kit in Python 3.11 to 3.13: pip install atheris")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        runs = [fuzz(name, options.keep or Path(folder), options.seconds) for name in options.only or TARGETS]
    for run in runs:
        print(run)
    return int(any(run.failed for run in runs))


if __name__ == "__main__":
    sys.exit(main())
