"""Play live for a long time under everything that goes wrong, and see whether anything grows.

    python scripts/soak.py --minutes 60 --json FILE
    python scripts/soak.py --perform --minutes 30 --json FILE

A real ComfyUI restyles a network stream that is 1.5 times faster than it can take, dies every
40 seconds and returns. One viewer draws, one never reads. Instruction and strength change twice a
second, recording goes on and off. With ``--perform`` it plays in the background, at a speed that the
machine can take, and modulators, a fader over OSC, presets and Runs move it. Latency, and memory, threads,
sockets and handles of the server are measured; docs/measures.md defines the keys of the report.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

import environment

COMFYUI = environment.enter(__file__, "serve")  # has python-osc

import soak_report  # noqa: E402 - only the environment above can import what it needs
import soak_run  # noqa: E402


def main() -> int:
    """Soak, print, write; 0 if nothing grew and nothing was left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0, help="how long to play (default: 3)")
    parser.add_argument("--perform", action="store_true", help="in the background, moved by OSC and presets")
    parser.add_argument("--json", type=Path, help="write the report there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="livestyle-soak-") as folder:
        report = asyncio.run(
            soak_run.soak(COMFYUI, Path(folder), arguments.minutes * 60, performs=arguments.perform)
        )
    for key, value in report.items():
        if key != "by_minute":
            print(f"{key:28} {value}")
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in report.items())
        arguments.json.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    failed = soak_report.problems(report)
    for line in failed:
        print(f"FAILED: {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
