"""Where a checkpoint's autoencoder is looked for: its description may come from a stranger."""

from __future__ import annotations

from pathlib import Path

import pytest

from livestyle.engine.errors import CheckpointError
from livestyle.engine.families.base import ModelHandle
from livestyle.engine.families.checkpoint_folder import AUTOENCODER, CheckpointDescription


def _found(folder: Path, name: object) -> Path:
    return CheckpointDescription(None, None, name).find_autoencoder(ModelHandle(str(folder)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "models" / "mine"
    (made / AUTOENCODER).mkdir(parents=True)
    return made


def test_it_lies_inside_or_beside_also_as_a_link(folder: Path, tmp_path: Path) -> None:
    assert _found(folder, "") == folder / AUTOENCODER
    (tmp_path / "elsewhere").mkdir()
    link = folder.parent / "video"
    link.symlink_to(tmp_path / "elsewhere")
    assert _found(folder, "video") == link


@pytest.mark.parametrize("name", ["..", ".", "../..", "mine/autoencoder", "..\\..", "C:video", "/", 5, None])
def test_a_path_is_refused_though_it_is_there(folder: Path, name: object) -> None:
    if name is None:
        name = str(folder.parent)
    with pytest.raises(
        CheckpointError, match="^autoencoder in config.json of mine is no plain name"
    ) as caught:
        _found(folder, name)
    assert "\n" not in str(caught.value)
