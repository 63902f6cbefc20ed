"""One part of what is done when a GPU is at hand; ``scripts/gpu_session.sh`` runs them all.

    python scripts/gpu_session.py suite --json FILE
    python scripts/gpu_session.py parity --json FILE
    python scripts/gpu_session.py row 0 --json FILE

Every result is one line of JSON, added to FILE as soon as it is there. ``--toy`` runs the same on a CPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from ...engine.families import demo_checkpoints
from .. import ROOT
from ..benchmark import headline, parity
from ..benchmark.published import ROWS

HEADLINES = tuple(row for row in ROWS if row.headline)
SUITE = ("tests/device/test_on_card.py", "tests/device/test_counting.py")


def main() -> None:
    arguments = parse()
    device = torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    if device.type == "cpu" and not arguments.toy:
        raise SystemExit("No CUDA device here: --toy tries this out on the CPU.")
    for result in results(arguments, device):
        line = {"part": arguments.part, "device": name_of(device), "at": round(time.time()), **result}
        print(json.dumps(line), flush=True)
        with arguments.json.open("a") as file:
            file.write(json.dumps(line) + "\n")


def results(arguments: argparse.Namespace, device: torch.device) -> Iterator[dict[str, Any]]:
    """What the part finds, one after the other."""
    if arguments.part == "suite":
        yield suite()
    elif arguments.part == "parity":
        for folder in demo_checkpoints().values():
            yield parity.compare(folder.name, device)
    else:
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        yield from headline.measure(HEADLINES[arguments.number], device, dtype, toy=arguments.toy)


def suite() -> dict[str, Any]:
    """The tests that take the real device; those that play on a pretended one need none."""
    missing = [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]
    if missing:
        return {"note": f"not run: {' and '.join(missing)} missing (requirements-dev.txt)"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    lines = done.stdout.strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return {"status": done.returncode, "summary": lines[-1] if lines else "", "failed": failed}


def name_of(device: torch.device) -> str:
    """The card's name, and torch's version."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return f"{name}, torch {torch.__version__}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["suite", "parity", "row"])
    parser.add_argument("number", nargs="?", type=int, default=0, choices=range(len(HEADLINES)))
    parser.add_argument("--toy", action="store_true", help="few widths, and a CPU will do")
    parser.add_argument("--json", type=Path, required=True, help="lines are added to it")
    return parser.parse_args()
