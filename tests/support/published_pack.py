"""The pack as the Comfy Registry publishes it: what git has, less what .comfyignore names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def published_files() -> list[Path]:
    """Relative paths of what is published, new files of this work tree among them.

    Raises:
        subprocess.CalledProcessError: ``ROOT`` is not a git clone.
    """
    mine = _listed("--exclude-standard")
    left_out = _listed("--ignored", "--exclude-from=.comfyignore")
    return sorted(path for path in mine - left_out if (ROOT / path).is_file())


def unpack(target: Path) -> Path:
    """Copy the published files into ``target``; they may be changed without harm to the work tree."""
    for path in published_files():
        copy = target / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy)
    return target


def _listed(*options: str) -> set[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {Path(name) for name in done.stdout.split("\0") if name}
