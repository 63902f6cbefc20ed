"""The environments that are tried beside the suite's own."""

from __future__ import annotations

import sys
import tomllib

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
