"""``livestyle.json``: the note by which a checkpoint folder is listed, and which names its family."""

from __future__ import annotations

import json
from pathlib import Path, PureWindowsPath
from typing import Any

NOTE = "livestyle.json"


def read_note(folder: Path, name: str = NOTE) -> dict[str, Any]:
    """A JSON object of a checkpoint folder; empty where there is none that can be read."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def shared_parts(folder: Path) -> dict[str, Path]:
    """Parts that a demo checkpoint has in common with others, which lie beside its folder."""
    named = read_note(folder).get("shared", {})
    return {
        part: folder.parent / name
        for part, name in (named.items() if isinstance(named, dict) else ())
        # the note may be a stranger's: a plain name leads nowhere else
        if isinstance(name, str) and name == PureWindowsPath(name).name and name not in ("", "..")
        if not (folder / part).is_dir() and (folder.parent / name).is_dir()
    }
