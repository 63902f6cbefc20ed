"""What two machines must have in common to play the same stream."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from functools import cache
from typing import TypedDict

from ..version import PACK, pack_version


class Facts(TypedDict):
    """One process: its LiveStyle, and where it is; ``cards`` are the numbers of the GPUs that it may use."""

    version: str
    source: str
    python: str
    machine: str
    pid: int
    cards: str


@cache
def facts() -> Facts:
    """This process."""
    source = hashlib.sha256()
    for file in sorted((PACK / "engine").rglob("*.py")):
        source.update(file.relative_to(PACK).as_posix().encode() + file.read_bytes())
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Facts(
        version=pack_version(),
        source=source.hexdigest()[:12],
        python=python,
        machine=socket.gethostname(),
        pid=os.getpid(),
        cards=os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    )


def difference(here: Facts, there: Facts) -> str:
    """One line on what keeps two processes from playing one stream; empty where nothing does."""
    if all(here[key] == there[key] for key in ("version", "source", "python")):
        return ""
    return (
        f"The worker on {there['machine']} has LiveStyle {there['version']} ({there['source']}) on Python "
        f"{there['python']}, this machine {here['version']} ({here['source']}) on {here['python']}: install "
        "the same."
    )
