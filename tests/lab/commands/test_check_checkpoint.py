"""The self-check plays a checkpoint and says what it saw, or what stands in the way."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest
from tiny_rtr_dit import write_demo, write_public

from livestyle.lab.commands.check_checkpoint import main


def check(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> str:
    out = folder / "out"
    monkeypatch.setattr(sys, "argv", ["check", *arguments, "--size", "50x32", "--output", str(out)])
    monkeypatch.setattr(sys, "stdout", sys.stderr)
    main()
    return (out / "report.md").read_text()


def test_eight_blocks_a_sheet_and_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is the pack's own where a model needs one; 50 pixels become a multiple of 16."""
    demo = write_demo(tmp_path)
    report = check(monkeypatch, tmp_path, str(demo), "--dtype", "fp32")
    assert "recognised: played as described (livestyle.json)" in report
    assert "stream: 48x32, 2 steps" in report and "source: flower.mp4, 29 frames" in report
    assert sum(line.startswith(("| 1 ", "| 8 ", "| 9 ")) for line in report.splitlines()) == 2
    assert str(tmp_path) not in report
    assert cv2.imread(str(tmp_path / "out" / "sheet.jpg")).shape == (2 * (32 + 22), 4 * 48, 3)


def test_what_can_not_be_played_is_in_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_public(tmp_path / "x", "renamed.safetensors")
    with pytest.raises(SystemExit) as ended:
        check(monkeypatch, tmp_path, str(path))
    assert ended.value.code == 1
    report = (tmp_path / "out" / "report.md").read_text()
    assert "**Refused:** renamed.safetensors does not say which one" in report
