"""``livestyle.json``: the note by which a checkpoint folder is listed, and which names its family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NOTE = "livestyle.json"


def read_note(folder: Path, name: str = NOTE) -> dict[str, Any]:
    """A JSON object of a checkpoint folder; empty where there is none that can be read."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def shared_parts(folder: Path) -> dict[str, Path]:
    """Parts that a demo checkpoint has in common with others, which lie beside its folder."""
    return {
        part: folder.parent / name
        for part, name in read_note(folder).get("shared", {}).items()
        if not (folder / part).is_dir() and (folder.parent / name).is_dir()
    }
