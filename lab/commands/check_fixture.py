"""Check the engine against a folder of results that another implementation computed.

    python scripts/check_fixture.py FOLDER

Prints ``case max_abs_error tolerance ok|FAIL`` for each case; the exit code is 0 only if all are ok.
The folder's name starts with its kind: causal_wan, lllite, metrics or taehv.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...engine.errors import CheckpointError
from ..evaluation.fixtures import check


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the engine with a folder of fixtures.")
    parser.add_argument("folder", type=Path, help="causal_wan_*, lllite_*, metrics_* or taehv_*")
    failed = False
    try:
        for case in check(parser.parse_args().folder.resolve()):
            verdict = "ok" if case.ok else "FAIL"
            print(f"{case.name} {case.error:.3g} {case.tolerance:.3g} {verdict}", flush=True)
            failed |= not case.ok
    except (CheckpointError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return int(failed)
