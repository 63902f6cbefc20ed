"""The engine gives the numbers of independent implementations; a wrong one fails; odd folders are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from livestyle.engine.errors import CheckpointError
from livestyle.lab.evaluation.fixtures import Case, check

FIXTURES = Path(__file__).resolve().parents[4] / "shared" / "fixtures"


@pytest.mark.parametrize(("name", "cases"), [("lllite_a", 4), ("metrics_a", 11), ("taehv_wan21", 4)])
def test_equals_an_independent_implementation(name: str, cases: int) -> None:
    if not (FIXTURES / name).is_dir():
        pytest.skip(f"needs {FIXTURES / name}, which comes with the project's shared files")
    results = list(check(FIXTURES / name))
    assert len(results) == cases
    assert [case for case in results if not case.ok] == []


def test_a_wrong_number_fails(tmp_path: Path) -> None:
    if not (FIXTURES / "metrics_a").is_dir():
        pytest.skip(f"needs {FIXTURES / 'metrics_a'}, which comes with the project's shared files")
    folder = shutil.copytree(FIXTURES / "metrics_a", tmp_path / "metrics_b")
    expected = json.loads((folder / "expected.json").read_text())
    expected["warping_error"] *= 1.002
    (folder / "expected.json").write_text(json.dumps(expected))
    assert [case.name for case in check(folder) if not case.ok] == ["warping_error"]


def test_not_a_number_is_not_ok() -> None:
    assert not Case("x", float("nan"), 1.0).ok


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(CheckpointError, match="is of no known kind: causal_wan, lllite, metrics, taehv"):
        check(tmp_path / "other")
    with pytest.raises(CheckpointError, match="does not exist"):
        check(tmp_path / "missing")
