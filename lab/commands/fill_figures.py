"""Write measured figures into the documents that quote them.

    python scripts/fill_figures.py docs/mllm_edit_paper.md

A figure stands between two comments, which a reader does not see:
``<!--benchmarks/temporal.json excess_with .2f-->18.34<!--/-->``. They name the file, the way to the value in
it (keys and list positions, with slashes) and its format (``s`` as it is). What a file does not hold becomes
"not measured".
"""

from __future__ import annotations

import argparse
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from .. import ROOT

MISSING = "not measured"
FIGURE = re.compile(r"<!--(\S+?\.json) (\S+) (\S+?)-->.*?<!--/-->")


def fill(text: str, root: Path) -> tuple[str, int]:
    """The text with every figure renewed, and how many are missing.

    Args:
        root: the folder that the files' names start from.
    """
    read = cache(lambda name: _read(root / name))
    missing = 0

    def renewed(match: re.Match[str]) -> str:
        nonlocal missing
        name, way, form = match.groups()
        value = _value(read(name), way)
        missing += value is None
        shown = MISSING if value is None else format(value, "" if form == "s" else form)
        return f"<!--{name} {way} {form}-->{shown}<!--/-->"

    return FIGURE.sub(renewed, text), missing


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None


def _value(content: Any, way: str) -> Any:
    for step in way.split("/"):
        if isinstance(content, list) and step.isdigit() and int(step) < len(content):
            content = content[int(step)]
        else:
            content = content.get(step) if isinstance(content, dict) else None
    return content


def main() -> None:
    parser = argparse.ArgumentParser(description="Write measured figures into documents.")
    parser.add_argument("documents", type=Path, nargs="+")
    for document in parser.parse_args().documents:
        text, missing = fill(document.read_text(encoding="utf-8"), ROOT)
        document.write_text(text, encoding="utf-8")
        print(f"{document}: {len(FIGURE.findall(text))} figures, {missing} not measured")
