"""Which families there are, and what becomes of one that can't be used."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from livestyle.engine.families import families, registry
from livestyle.engine.families.family import Family


class Point:
    """An entry point as importlib.metadata finds it."""

    def __init__(self, name: str, result: object) -> None:
        self.name, self.value, self._result = name, f"package.{name}:FAMILY", result

    def load(self) -> object:
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result


@pytest.fixture
def fresh() -> Iterator[None]:
    """Families are looked for again, and after the test those of before are back."""
    before = dict(families())
    families.cache_clear()
    yield
    families.cache_clear()
    families().update(before)


def _family(name: str) -> Family:
    family = families()["mllm_edit"]
    return Family(name, family.recognises, family.load, family.runner)


def test_our_four_are_found_by_their_folders(fresh: None) -> None:
    assert list(families()) == ["mllm_edit", "rtr_dit", "stream_dit", "streamedit_dit"]
    assert all(name == family.name for name, family in families().items())


def test_one_that_cannot_be_used_is_one_line_in_the_log(
    fresh: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = [
        Point("good", _family("good")),
        Point("raises", ImportError("No module named 'nowhere'\nand more")),
        Point("other", {"name": "other"}),
        Point("twice", _family("mllm_edit")),
    ]
    families.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: points if "families" in group else [])
    with caplog.at_level(logging.WARNING, "livestyle"):
        assert list(families())[4:] == ["good"]
        families()
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3 and not any("\n" in line for line in lines)
    assert lines[0].startswith("Family raises (package.raises:FAMILY) is left out: No module named 'nowhere'")
    assert "it is a dict, not a Family" in lines[1]
    assert "there is one named mllm_edit already" in lines[2]
