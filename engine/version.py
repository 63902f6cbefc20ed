"""Which LiveStyle this is."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

PACK = Path(__file__).resolve().parents[1]
"""The pack's folder."""


@cache
def pack_version() -> str:
    """The version that ``pyproject.toml`` states; empty where there is no such file."""
    try:
        return tomllib.loads((PACK / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    except OSError:
        return ""
