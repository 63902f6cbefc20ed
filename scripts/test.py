"""Run the whole test suite on a machine that has Python and nothing else.

python scripts/test.py              lint, types, engine, nodes, a real ComfyUI, a real browser
python scripts/test.py --fast       without types, ComfyUI's server, the browser and what is slow
python scripts/test.py --types      lint and types alone
python scripts/test.py -- -k audio  everything after -- goes to pytest
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import environment
from type_check import check_types

# program that the tests look for: the Debian package that has it
FFPROBE = {"ffprobe": "ffmpeg"}
CHROMIUM = {"chromium": "chromium"}
NPM = {"npm": "npm"}

REAL = ("tests/comfyui", "tests/browser")
"""A real ComfyUI and a real browser: one after the other, so that nothing else is in their way."""
TWO_PROCESSES = [*(f"--ignore={folder}" for folder in REAL), "--numprocesses=2", "--dist=loadfile"]
"""Everything else: each of the two processes has a core."""


def main() -> int:
    """Lint, check types, then test; 0 if all are clean."""
    parser = argparse.ArgumentParser(description="Run LiveStyle's tests.")
    parser.add_argument("--fast", action="store_true", help="no ComfyUI server, no browser; under 2 minutes")
    parser.add_argument("--types", action="store_true", help="lint and types, no tests")
    parser.add_argument("--comfyui", metavar="PATH", help="the ComfyUI to test with")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    comfyui = environment.enter(__file__, "dev", "train", comfyui=arguments.comfyui)
    provide_programs(FFPROBE if arguments.fast else FFPROBE | CHROMIUM | NPM)

    os.chdir(environment.ROOT)
    ruff = [sys.executable, "-m", "ruff"]
    lint = subprocess.call([*ruff, "check"]) | subprocess.call([*ruff, "format", "--check", "--quiet"])
    if not arguments.fast and not arguments.pytest:
        lint |= check_types()
    if arguments.types:
        return lint
    given = ["-m", "not slow", "--hypothesis-profile=fast"] if arguments.fast else []
    tests = 0
    if arguments.fast or not arguments.pytest:
        tests = run_pytest(comfyui, [*TWO_PROCESSES, *given, *arguments.pytest], OMP_NUM_THREADS="1")
    if not arguments.fast:
        tests |= run_pytest(comfyui, arguments.pytest or REAL)
    if lint:
        print("ruff or a type checker found something; see above. 'ruff format' formats.")
    return lint or tests


def run_pytest(comfyui: Path, arguments: Sequence[str], **surroundings: str) -> int:
    """Pytest's exit status."""
    command = [sys.executable, "-m", "pytest", "--durations=10", *arguments]
    return subprocess.call(command, env={**os.environ, "COMFYUI_PATH": str(comfyui), **surroundings})


def provide_programs(wanted: dict[str, str]) -> None:
    """Install missing programs with apt where that is possible; say what is skipped where it is not."""
    missing = {program: package for program, package in wanted.items() if not shutil.which(program)}
    if not missing:
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        print(f"Installing {', '.join(missing.values())} with apt ...", flush=True)
        apt = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "-qq", "update"], env=apt)
        install = ["apt-get", "-qq", "install", "--no-install-recommends", *missing.values()]
        subprocess.run(install, env=apt, stdout=subprocess.DEVNULL)
    for program, package in missing.items():
        if not shutil.which(program):
            print(f"SKIPPED: tests that need {program}; install it ({package}) to run them.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
