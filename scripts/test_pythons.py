"""Try every Python that the pack names, with the newest and the oldest packages that it allows.

    python scripts/test_pythons.py                  each environment: media tests, node tests, a demo
    python scripts/test_pythons.py 3.13 3.11-floors only these
    python scripts/test_pythons.py --list           their names, and what is special about each

An environment is built once per machine and brought up to date before each run. They share their files,
so the second one costs little disk.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import environment
import machine_cache
from environment import ROOT
from machine_cache import venv_python

PYTHONS = ("3.11", "3.12", "3.13")
# What ComfyUI 0.3.75 asks for; the pack itself names no version.
OLDEST_AV = "av==14.2.0"
TESTS = ("tests/engine/media", "tests/nodes")
FRAMES = 24
DAY_S = 24 * 3600.0
HOUR_S = 3600.0

ROOM = 15e9
"""Bytes that should stay free: an environment has 6e9."""


@dataclass(frozen=True)
class Variant:
    """An environment to try.

    Attributes:
        name: what it is called on the command line.
        python: its Python, such as ``"3.12"``.
        pins: requirements that hold packages at a version; everything else is the newest.
    """

    name: str
    python: str
    pins: tuple[str, ...] = ()


def variants() -> list[Variant]:
    """All environments. The oldest Python's has the floors of requirements.txt along with the oldest PyAV."""
    oldest = PYTHONS[0]
    listed = []
    for python in PYTHONS:
        listed.append(Variant(python, python))
        if python != oldest:
            listed.append(Variant(f"{python}-oldest-av", python, (OLDEST_AV,)))
    listed.append(Variant(f"{oldest}-floors", oldest, (OLDEST_AV, *floors())))
    return listed


def floors() -> list[str]:
    """The lines of requirements.txt at the lowest version that each allows."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.replace(">=", "==") for line in lines if line and not line.startswith("#")]


def main() -> int:
    """Try them; 0 if every one that could be tried is well."""
    known = {variant.name: variant for variant in variants()}
    parser = argparse.ArgumentParser(description="Try LiveStyle on every Python that it names.")
    parser.add_argument("name", nargs="*", help=f"of {', '.join(known)}; default: all")
    parser.add_argument("--list", action="store_true", help="say what there is")
    parser.add_argument("--comfyui", metavar="PATH", help="the ComfyUI to try with")
    arguments = parser.parse_args()
    if arguments.list:
        for variant in known.values():
            print(
                f"{variant.name:15} Python {variant.python}, {', '.join(variant.pins) or 'newest packages'}"
            )
        return 0
    if unknown := set(arguments.name) - set(known):
        parser.error(f"no environment is called {', '.join(sorted(unknown))}; --list names them")
    comfyui = environment.enter(__file__, "dev", comfyui=arguments.comfyui)

    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    broken = []
    for name in arguments.name or known:
        if name == own and not arguments.name:
            print(f"{name}: scripts/test.py runs everything on it", flush=True)
            continue
        python = find_python(known[name].python)
        if python is None:
            print(f"{name}: NOT TRIED, there is no Python {known[name].python} here", flush=True)
            continue
        started = time.monotonic()
        if problem := try_variant(known[name], python, comfyui):
            broken.append(name)
        print(f"{name}: {problem or 'well'}, {time.monotonic() - started:.0f} s", flush=True)
    if broken:
        print(f"Broken: {', '.join(broken)}. Again: python scripts/test_pythons.py {' '.join(broken)}")
    return 1 if broken else 0


def find_python(version: str) -> str | None:
    """An interpreter of ``version``: one on PATH that starts, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        found.insert(0, sys.executable)
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for python in filter(None, found):
        # A name on PATH may be a shim of a version that is not switched on.
        done = subprocess.run([python, "-c", ask], capture_output=True, text=True)
        if done.returncode == 0 and done.stdout.strip() == version:
            return python
    return None


def try_variant(variant: Variant, python: str, comfyui: Path) -> str | None:
    """Build the environment, run the tests and a demo in it; what went wrong in a few words."""
    built = build(variant, python, comfyui)
    if built is None:
        return "its packages can't be installed"
    say = "import av, numpy, torch, transformers, diffusers, cv2; print(*(f'{m.__name__} {m.__version__}' "
    say += "for m in (av, numpy, torch, transformers, diffusers, cv2)), sep=', ')"
    print(f"{variant.name}: {_output([built, '-c', say]).strip()}", flush=True)
    around = {**os.environ, "COMFYUI_PATH": str(comfyui), "OMP_NUM_THREADS": "1"}
    tests = [built, "-m", "pytest", "-q", *TESTS, "-m", "not slow", "--hypothesis-profile=fast"]
    if subprocess.call([*tests, "--numprocesses=2", "--dist=loadfile"], cwd=ROOT, env=around):
        return "tests failed"
    return demo(built, comfyui)


def build(variant: Variant, python: str, comfyui: Path) -> str | None:
    """The environment's interpreter, with the newest packages that the pins leave; None if that fails."""
    files = [comfyui / "requirements.txt", ROOT / "requirements.txt", ROOT / "requirements-dev.txt"]
    pins = [*variant.pins, *environment.CONSTRAINTS]
    parts = [_output([python, "-VV"]), *pins, *(file.read_text(encoding="utf-8") for file in files)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
    cache = machine_cache.cache_root()
    prefix = cache / f"python-{variant.name}-{digest}"
    uv = {**os.environ, "UV_CACHE_DIR": str(cache / "uv"), "UV_NO_PROGRESS": "1"}
    run = [sys.executable, "-m", "uv", "--quiet"]
    with machine_cache.locked(prefix), tempfile.TemporaryDirectory() as scratch:
        built, complete = venv_python(prefix), prefix / "livestyle-complete"
        if not complete.exists():
            print(f"{variant.name}: building {prefix}", flush=True)
            forget_old(cache, variant)
            subprocess.call([*run, "cache", "prune"], env=uv)
            if subprocess.call([*run, "venv", "--clear", "--python", python, str(prefix)], env=uv):
                return None
        limits = Path(scratch) / "pins.txt"
        limits.write_text("\n".join(pins) + "\n")
        wanted = [*environment.UNLISTED, *(part for file in files for part in ("-r", str(file)))]
        install = [*run, "pip", "install", "--upgrade", "--python", str(built), "-c", str(limits), *wanted]
        if subprocess.call(install, env=uv):
            if not complete.exists():
                return None
            print(f"{variant.name}: could not be brought up to date; what is there is tried", flush=True)
        complete.touch()
    return str(built)


def forget_old(cache: Path, variant: Variant) -> None:
    """Remove environments of other requirements unused for a day, or an hour where room is short."""
    patience = DAY_S if shutil.disk_usage(cache).free > ROOM else HOUR_S
    for mark in cache.glob(f"python-{variant.name}-*/livestyle-complete"):
        if re.fullmatch(f"python-{variant.name}-[0-9a-f]{{12}}", mark.parent.name):
            if time.time() - mark.stat().st_mtime > patience:
                shutil.rmtree(mark.parent, ignore_errors=True)


def demo(python: str, comfyui: Path) -> str | None:
    """Restyle a short clip in a real ComfyUI; what went wrong in a few words."""
    with tempfile.TemporaryDirectory() as scratch:
        clip, report = Path(scratch) / "clip.mp4", Path(scratch) / "report.json"
        make = f"import pathlib, sample_clips as c; c.make_clip(pathlib.Path(r'{clip}'), frames={FRAMES})"
        around = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support")}
        if subprocess.call([python, "-c", make], env=around):
            return "no clip could be made"
        # A ComfyUI that is named runs on the Python that asks, if that has what the pack needs.
        command = [python, str(ROOT / "scripts" / "demo.py"), "--comfyui", str(comfyui)]
        command += ["--input", str(clip), "--size", "128x96", "--json", str(report)]
        if subprocess.call([*command, "--output", str(Path(scratch) / "restyled.mp4")]):
            return "the demo failed"
        frames = json.loads(report.read_text())["frames"]
        return None if frames == FRAMES else f"the demo gave {frames} of {FRAMES} frames"


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
