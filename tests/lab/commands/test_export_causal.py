"""A causal checkpoint as one file that says what it is, whatever it is called."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from tiny_rtr_dit import tiny_wan, write_public

from livestyle.engine.families import identify
from livestyle.engine.families.base import ModelHandle
from livestyle.lab.commands.export import main


def export(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["export", "causal", *map(str, arguments)])
    main()


def test_the_file_says_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = write_public(tmp_path / "x", "framewise.pt"), tmp_path / "renamed.safetensors"
    export(monkeypatch, "--weights", source, "--output", out)
    with safe_open(out, "pt") as file:
        header, names = file.metadata(), set(file.keys())
        weights = tiny_wan().state_dict()
        assert names == set(weights)
        assert all(torch.equal(file.get_tensor(name), weights[name]) for name in names)
    assert json.loads(header["config"]) == {"transformer": {"causal_ar": True}}
    told = identify(ModelHandle(str(out)))
    assert told == "played as self_forcing_framewise (its header)"
    assert identify(ModelHandle(str(out), profile="longlive")) == "played as longlive (the profile widget)"
    with pytest.raises(SystemExit, match="is there already"):
        export(monkeypatch, "--weights", source, "--output", out)


def test_one_that_is_not_recognised_needs_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = write_public(tmp_path / "x", "model.safetensors"), tmp_path / "longlive.safetensors"
    with pytest.raises(SystemExit, match="choose profile"):
        export(monkeypatch, "--weights", source, "--output", out)
    export(monkeypatch, "--weights", source, "--output", out, "--profile", "memflow")
    assert identify(ModelHandle(str(out))).startswith("played as memflow (its header)")
