"""Put a script into a Python environment that has what it needs.

``enter(__file__)`` at a script's start restarts it inside a virtual environment that is built once
per machine, named by a hash of the requirements, and shared by every clone. Standard library only.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import machine_cache
from comfy_location import ComfyUI, find_comfyui
from machine_cache import venv_python

ROOT = Path(os.path.abspath(__file__)).parents[1]
OLDEST, NEWEST = (3, 11), (3, 13)
NEEDED_BYTES = 9 << 30

# ComfyUI 0.3.75 leaves torch open, and the newest torch does not go with any released torchaudio.
CONSTRAINTS = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0")
# It imports requests without asking for it.
UNLISTED = ("requests",)
GROUPS = {"dev": "requirements-dev.txt", "serve": "requirements-serve.txt", "train": "requirements-train.txt"}
# What tells a ComfyUI's own Python that can run the pack from one that cannot.
MODULES = ("torch", "aiohttp", "av", "diffusers", "transformers", "cv2")


def enter(script: str, *groups: str, comfyui: str | None = None) -> Path:
    """Make sure that this process runs in a fitting environment; restart ``script`` in it if not.

    Args:
        script: the caller's ``__file__``.
        groups: ``"dev"`` (the tests' tools) and ``"train"`` (teachers and encoders) as needed.
            Without any, the own environment of a ComfyUI that is installed here is good enough.
        comfyui: the folder of a ComfyUI, or None to look for one.

    Returns:
        The folder of the ComfyUI to run with.

    Raises:
        SystemExit: with one line that says what to do.
    """
    _check_python()
    # Idle OpenMP threads spin by default; on few cores that starves decoding and x264 (docs/architecture.md).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    place = find_comfyui(comfyui, ROOT)
    python = None if groups or place.pypi_copy else _own_python(place.folder)
    if python is None:
        if not (groups or place.pypi_copy):
            _say_what_was_missing(place.folder)
        prefix = ensure(place, groups)
        python = venv_python(prefix)
        _link_venv(prefix)
    if _runs_on(python):
        return place.folder
    command = [str(python), os.path.abspath(script), *sys.argv[1:]]
    sys.stdout.flush()
    if os.name == "nt":  # there exec detaches from the console
        raise SystemExit(subprocess.call(command))
    os.execv(command[0], command)


def ensure(place: ComfyUI, groups: Sequence[str] = ()) -> Path:
    """Build the cached environment for ``place`` where it is missing; its prefix.

    Two processes may call this at once: one builds, the other waits. A build that was interrupted
    has left no record and starts afresh.
    """
    constraints = CONSTRAINTS if place.pypi_copy else ()
    files = [place.folder / "requirements.txt", ROOT / "requirements.txt"]
    prefix = machine_cache.cache_root() / f"env-{digest_of(files, constraints)}"
    record = prefix / "livestyle-base.txt"
    with machine_cache.locked(prefix):
        if not record.exists():
            _create(prefix)
            wanted = [*UNLISTED, *(argument for file in files for argument in ("-r", str(file)))]
            install(prefix, "what ComfyUI and LiveStyle need", wanted, constraints)
            record.write_text(_installed(prefix))
        for group in groups:
            # The base's versions constrain a group, so adding one never changes what others run on.
            file = ROOT / GROUPS[group]
            mark, digest = prefix / f"livestyle-{group}.txt", digest_of([file], ())
            if not mark.exists() or mark.read_text() != digest:
                install(prefix, f"what '{group}' needs", ["-r", str(file), "-c", str(record)], ())
                mark.write_text(digest)
    return prefix


def _check_python() -> None:
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        raise SystemExit(
            f"LiveStyle runs on Python 3.11 to 3.13; this is {version[0]}.{version[1]}. "
            "Start the script with one of those, such as python3.12."
        )


def digest_of(files: Sequence[Path], constraints: Sequence[str]) -> str:
    """Names an environment: equal requirements on an equal Python have equal names."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    parts = [version, platform.system(), platform.machine(), *constraints]
    parts += [file.read_text(encoding="utf-8") for file in files]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _own_python(comfyui: Path) -> Path | None:
    """The Python that a user's ComfyUI runs on, if it has what the pack needs."""
    pythons = [venv_python(prefix) for prefix in _environments(comfyui)]
    pythons += [comfyui.parent / "python_embeded" / "python.exe", Path(sys.executable)]
    probe = f"import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, {MODULES!r})))"
    for python in pythons:
        if python.exists() and subprocess.run([str(python), "-c", probe]).returncode == 0:
            return python
    return None


def _say_what_was_missing(comfyui: Path) -> None:
    """Before a second environment is built for a ComfyUI that has one, say so, and how to use that one."""
    looked = ", ".join(map(str, _environments(comfyui))) or "none found"
    print(
        f"No Python of {comfyui} has all of {', '.join(MODULES)} (looked at: {looked}).\n"
        f"LiveStyle builds an environment of its own, up to {NEEDED_BYTES >> 30} GB in "
        f"{machine_cache.cache_root()}; Ctrl-C stops that. To use ComfyUI's own instead, activate it, run "
        f"'pip install -r {ROOT / 'requirements.txt'}' and start this script again.",
        flush=True,
    )


def _environments(comfyui: Path) -> list[Path]:
    """Where a ComfyUI's environment may lie, the likeliest first.

    Whatever is one in ComfyUI's folder or beside it, under any name, as venv and uv (``pyvenv.cfg``) and
    ``conda create -p`` (``conda-meta``) make them; then the active one; then conda's that are named after it.
    """
    active = [Path(os.environ[name]) for name in ("VIRTUAL_ENV", "CONDA_PREFIX") if os.environ.get(name)]
    near = [prefix for folder in (comfyui, comfyui.parent) for prefix in sorted(folder.iterdir())]
    marks = ("pyvenv.cfg", "conda-meta")
    near = [prefix for prefix in near if any(os.path.exists(prefix / mark) for mark in marks)]
    near.sort(key=lambda prefix: prefix.name not in ("venv", ".venv"))
    record = Path.home() / ".conda" / "environments.txt"
    named = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    conda = [Path(line) for line in named if "comfy" in Path(line).name.lower()]
    return [*near, *active, *conda]


def _runs_on(python: Path) -> bool:
    """Whether this process is that Python, or another name of the same virtual environment."""
    here, there = (os.path.normcase(os.path.abspath(path)) for path in (sys.executable, python))
    return here == there or Path(sys.prefix).resolve() == python.parents[1].resolve()


def _create(prefix: Path) -> None:
    shutil.rmtree(prefix, ignore_errors=True)
    free = shutil.disk_usage(prefix.parent).free
    if free < NEEDED_BYTES:
        raise SystemExit(
            f"{prefix.parent} has {free / 2**30:.1f} GiB free and the environment needs "
            f"{NEEDED_BYTES >> 30}; free some, or name another folder in LIVESTYLE_CACHE."
        )
    print(f"Building a Python environment for LiveStyle, once for this machine: {prefix}", flush=True)
    done = subprocess.run([sys.executable, "-m", "venv", str(prefix)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            f"{sys.executable} can't make a virtual environment; on Debian and Ubuntu "
            "'apt-get install python3-venv' adds that."
        )


def install(prefix: Path, what: str, wanted: Sequence[str], constraints: Sequence[str]) -> None:
    """Run pip, showing a line for every large step; its whole output goes to ``<prefix>.log``."""
    limits = prefix / "livestyle-constraints.txt"
    limits.write_text("\n".join(constraints) + "\n")
    command = [str(venv_python(prefix)), "-m", "pip", "install", "--progress-bar", "off"]
    command += ["-c", str(limits), *wanted]
    print(f"Installing {what} ...", flush=True)
    started, lines = time.monotonic(), []
    with open(prefix.with_name(prefix.name + ".log"), "a", encoding="utf-8") as log:
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, **output, encoding="utf-8", errors="replace")
        assert process.stdout
        for line in process.stdout:
            log.write(line)
            lines.append(line.strip())
            if step := _step(lines[-1]):
                print(f"  [{time.monotonic() - started:4.0f} s] {step}", flush=True)
        code = process.wait()
    if code:
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "")
        raise SystemExit(f"pip could not install {what}: {reason} (all of it: {prefix}.log)")


def _step(line: str) -> str | None:
    """What to show of a line of pip's output: the large downloads and the unpacking."""
    if line.startswith("Downloading ") and line.endswith((" MB)", " GB)")):
        return line
    if line.startswith("Installing collected packages:"):
        return f"Unpacking {line.count(',') + 1} packages"
    return None


def _installed(prefix: Path) -> str:
    # venv's own setuptools is older than what building a wheel needs, so it binds nobody.
    command = [str(venv_python(prefix)), "-m", "pip", "list", "--format=freeze", "--exclude", "setuptools"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _link_venv(prefix: Path) -> None:
    """Show the environment as ``.venv`` in the clone, unless something of the user's is there."""
    link = ROOT / ".venv"
    try:
        if not (link.exists() and os.path.samefile(link, prefix)):
            machine_cache.link_folder(link, prefix)
    except OSError as error:
        print(f"{link} was left as it is ({error}); the environment is {prefix}", flush=True)
