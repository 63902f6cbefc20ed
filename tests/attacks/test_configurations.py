"""Checkpoints whose descriptions say what can't be: refused in one line, at once, with nothing built."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest
import torch
from absurd_checkpoints import ARCHIVES, CONFIGURATIONS, copy
from hypothesis import given, settings
from hypothesis import strategies as st

from livestyle.engine.errors import CheckpointError
from livestyle.engine.families import demo_checkpoints, load_model, weight_bytes
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.sizes import check_descriptions, check_sizes

CPU_S = 20.0
"""Of this process, for one refusal; loading a demo checkpoint takes a few."""

ROOM = 500e6


def _refused(path: Path) -> str:
    """The line with which a checkpoint is refused, wherever in the node or the session that is."""
    cpu, memory = time.process_time(), psutil.Process().memory_info().rss
    with pytest.raises(CheckpointError) as refused:
        handle = ModelHandle(str(path))
        weight_bytes(handle, torch.float32)
        load_model(handle, torch.device("cpu"), torch.float32)
    assert time.process_time() - cpu < CPU_S
    assert psutil.Process().memory_info().rss - memory < ROOM
    line = str(refused.value)
    assert "\n" not in line and len(line) < 400
    return line


@pytest.mark.parametrize("case", CONFIGURATIONS)
def test_a_configuration(case: str, tmp_path: Path) -> None:
    demo, damage, word = CONFIGURATIONS[case]
    folder = copy(demo, tmp_path / "absurd")
    damage(folder)
    assert word in _refused(folder)


@pytest.mark.parametrize("case", ARCHIVES)
def test_an_archive(case: str, tmp_path: Path) -> None:
    make, word = ARCHIVES[case]
    make(tmp_path / "wan.pt")
    assert word in _refused(tmp_path / "wan.pt")


def test_empty_tensors_do_not_make_room_for_a_size(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    folder = copy("stream-dit", tmp_path / "absurd")
    CONFIGURATIONS["10^9 heads"][1](folder)
    save_file({"a": torch.zeros(10**9, 0)}, folder / "more.safetensors")
    assert "heads" in _refused(folder)


def test_the_demo_checkpoints_are_as_they_say() -> None:
    for folder in demo_checkpoints().values():
        check_descriptions(folder)
        check_sizes(ModelHandle(str(folder)))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30)
@given(note=JSON, config=JSON)
def test_any_description_is_read_or_refused_in_a_line(
    tmp_path_factory: pytest.TempPathFactory, note: object, config: object
) -> None:
    import json

    folder = tmp_path_factory.mktemp("any")
    (folder / "livestyle.json").write_text(json.dumps(note))
    (folder / "config.json").write_text(json.dumps(config))
    _refused(folder)
