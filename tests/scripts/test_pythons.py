"""The environments that are tried beside the suite's own."""

from __future__ import annotations

import os
import shutil
import sys
import time
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import test_pythons
from environment import NEWEST, OLDEST, ROOT


def test_every_python_that_pyproject_names_is_tried_new_and_old() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [line.split(" :: ")[-1] for line in project["classifiers"] if "Python :: 3." in line]
    assert list(test_pythons.PYTHONS) == named
    assert named[0] == "{}.{}".format(*OLDEST) and named[-1] == "{}.{}".format(*NEWEST)
    for version in named:
        pins = [variant.pins for variant in test_pythons.variants() if variant.python == version]
        assert () in pins and any(test_pythons.OLDEST_AV in each for each in pins)


def test_one_environment_has_every_floor() -> None:
    (lowest,) = (each for each in test_pythons.variants() if each.name.endswith("floors"))
    floors = dict(pin.split("==") for pin in lowest.pins)
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = dict(line.split(">=") for line in lines if not line.startswith("#"))
    assert asked.items() <= floors.items() and "av" in floors


def test_an_interpreter_is_found_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    own = "{}.{}".format(*sys.version_info)
    assert test_pythons.find_python(own)
    assert test_pythons.find_python("3.99") is None
    # a shim that is there but starts nothing
    monkeypatch.setattr(test_pythons.shutil, "which", lambda name: sys.executable)
    assert test_pythons.find_python("3.99") is None


@pytest.mark.parametrize(("free", "left"), [(1e12, {"used", "new"}), (1e9, {"new"})])
def test_old_environments_go_sooner_where_room_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: float, left: set[str]
) -> None:
    variant = test_pythons.variants()[0]
    names = {"old": "0" * 12, "used": "1" * 12, "new": "2" * 12}
    for name, hours in (("old", 30), ("used", 3), ("new", 0)):
        mark = tmp_path / f"python-{variant.name}-{names[name]}" / "livestyle-complete"
        mark.parent.mkdir()
        mark.touch()
        then = time.time() - 3600 * hours
        os.utime(mark, (then, then))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    test_pythons.forget_old(tmp_path, variant)
    assert {path.name[-12:] for path in tmp_path.iterdir()} == {names[name] for name in left}
