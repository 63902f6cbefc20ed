"""Figures are renewed in place, again and again; what no file holds is said to be missing."""

from __future__ import annotations

import json
from pathlib import Path

from livestyle.lab import ROOT
from livestyle.lab.commands.fill_figures import MISSING, fill


def test_figures_follow_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"rows": [{"fps": 1.0}, {"fps": 2.468}], "ok": True}))
    text = (
        "| <!--a.json rows/1/fps .1f-->?<!--/--> | <!--a.json ok s-->?<!--/--> | "
        "<!--a.json rows/7/fps .1f-->3.0<!--/--> | <!--b.json fps .1f-->?<!--/--> |"
    )
    filled, missing = fill(text, tmp_path)
    assert missing == 2
    for shown in (".1f-->2.5<", " s-->True<", f".1f-->{MISSING}<"):
        assert shown in filled
    (tmp_path / "a.json").write_text(json.dumps({"rows": [{}, {"fps": 9.0}], "ok": False}))
    again, missing = fill(filled, tmp_path)
    assert ".1f-->9.0<" in again and " s-->False<" in again and missing == 2


def test_the_documents_quote_what_is_committed() -> None:
    """A document that was filled is a fixed point: nobody edits a figure by hand."""
    document = (ROOT / "docs" / "mllm_edit_paper.md").read_text(encoding="utf-8")
    assert fill(document, ROOT)[0] == document
