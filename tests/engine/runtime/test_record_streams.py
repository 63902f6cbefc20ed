"""Tensors that pass from one lane to another are found wherever they lie."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from runtime_stubs import Behaviour, Zoo, read, stylise, write

from livestyle.engine.cache.staged_references import StagedReferenceKV
from livestyle.engine.runtime import stage_pipeline as pipeline
from livestyle.engine.runtime.record_streams import record_streams, tensors_in
from livestyle.engine.runtime.session import StreamSession


class OnTheGpu(torch.Tensor):
    """Says that it lies on a GPU, and remembers which streams were recorded."""

    is_cuda = True

    def record_stream(self, stream: Any) -> None:
        self.__dict__.setdefault("streams", []).append(stream)


@dataclass(frozen=True)
class Prepared:
    source: Any
    also: Any = None


class Pair(NamedTuple):
    k: torch.Tensor
    v: torch.Tensor


def tensor(cls: type[torch.Tensor] = torch.Tensor) -> torch.Tensor:
    return torch.zeros(2).as_subclass(cls)


def shadow_of(*pairs: tuple[torch.Tensor, torch.Tensor]) -> StagedReferenceKV:
    return StagedReferenceKV(list(pairs), 1, "relative")


@pytest.mark.parametrize(
    ("wrap", "count"),
    [
        (lambda make: make(), 1),
        (lambda make: Prepared(make(), Prepared(make())), 2),
        (lambda make: Prepared((make(), None, [make(), 3.0]), "text"), 2),
        (lambda make: {"a": make(), "b": OrderedDict(c=(make(),))}, 2),
        (lambda make: Pair(make(), make()), 2),
        (lambda make: Prepared(shadow_of((make(), make()), (make(), make())), make()), 5),
        (lambda make: (None, 1, "text", np.zeros(3), Prepared, object()), 0),
    ],
)
def test_tensors_are_found_in_what_holds_them(wrap: Any, count: int):
    made: list[torch.Tensor] = []

    def make() -> torch.Tensor:
        made.append(tensor())
        return made[-1]

    found = list(tensors_in(wrap(make)))
    assert {id(each) for each in found} == {id(each) for each in made}
    assert len(found) == count


def test_every_gpu_tensor_is_recorded_on_the_current_stream(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "main")
    mine, host = tensor(OnTheGpu), tensor()
    record_streams(Prepared([mine], host))
    assert mine.streams == ["main"]


def test_without_a_gpu_nobody_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: pytest.fail("asked"))
    record_streams(Prepared(tensor(), {"mask": tensor()}))


def test_what_was_prepared_is_handed_over_before_each_step(monkeypatch: pytest.MonkeyPatch):
    behaviour, handed = Behaviour(), []

    def note(prepared: Any) -> None:
        handed.append((prepared[0].index, len(behaviour.late)))

    monkeypatch.setattr(pipeline, "record_streams", note)
    session = StreamSession(write(stylise(read(12))), Zoo({"stub": behaviour}))
    session.start()
    assert session.join(20.0) and session.state == "done"
    assert handed == [(0, 0), (1, 1), (2, 2)]
