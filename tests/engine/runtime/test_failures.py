"""An exception anywhere ends the session in order, in one line that says where."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from runtime_stubs import Behaviour, InvertRunner, Zoo, read, spec_of, stylise, write

from livestyle.engine.errors import CheckpointError, LiveStyleError, MediaError, SettingError
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.media.types import FrameSource
from livestyle.engine.runtime.failures import is_out_of_memory, stage_error
from livestyle.engine.runtime.plan import PlanNode, Read
from livestyle.engine.runtime.session import StreamSession

WAIT = 60.0


def failed(plan: PlanNode, loader: object) -> StreamSession:
    session = StreamSession(plan, loader)
    session.start()
    assert session.wait(WAIT) and session.join(WAIT)
    assert session.state == "failed"
    assert isinstance(session.error, LiveStyleError)
    assert "\n" not in str(session.error) and session.stage == str(session.error)
    return session


def plays(plan: PlanNode) -> None:
    """The next session in the same process works."""
    session = StreamSession(plan, Zoo({"stub": Behaviour()}))
    session.start()
    assert session.wait(WAIT) and session.state == "done", session.error
    assert spec_of(plan).sink.frames == 10


@pytest.mark.parametrize("chunk", [0, 2])
@pytest.mark.parametrize(
    ("stage", "name"), [("encode", "Encode"), ("denoise", "Denoise"), ("decode", "Decode")]
)
def test_a_stage_is_named(stage: str, name: str, chunk: int):
    original = RuntimeError("shapes differ\nwith a second line")
    plan = write(stylise(source := read(40)))
    session = failed(plan, Zoo({"stub": Behaviour(raises={(stage, chunk): original})}))
    assert str(session.error) == f"{name}: RuntimeError: shapes differ"
    assert session.error.__cause__ is original
    assert spec_of(plan).sink.ended == "aborted"
    assert spec_of(plan).sink.frames <= 4 * chunk
    assert spec_of(source).opened[0].closed.wait(5)
    plays(write(stylise(read())))


def test_a_source_that_breaks_is_named():
    plan = write(stylise(read(40, fail_at=9)))
    session = failed(plan, Zoo({"stub": Behaviour()}))
    assert str(session.error) == "Read: OSError: the camera was unplugged"
    assert spec_of(plan).sink.ended == "aborted"


def test_a_full_disk_is_named():
    plan = write(stylise(read(40)), full_at=8)
    session = failed(plan, Zoo({"stub": Behaviour()}))
    assert str(session.error).startswith("Write: OSError: ") and "No space left" in str(session.error)
    assert spec_of(plan).sink.ended == "aborted" and session.results["9"].frames == 8


def test_a_checkpoint_that_does_not_load_keeps_its_class():
    def loader(handle: object) -> None:
        raise CheckpointError("model.safetensors is cut short: download it again.")

    plan = write(stylise(source := read()))
    session = failed(plan, loader)
    assert isinstance(session.error, CheckpointError)
    assert str(session.error) == "Load: model.safetensors is cut short: download it again."
    assert spec_of(source).opened[0].closed.is_set() and spec_of(plan).opened == []


@dataclass(frozen=True)
class MissingSpec(SourceSpec):
    """A source that can't be opened."""

    def open(self) -> FrameSource:
        raise MediaError("clip.mp4 is missing.")


def test_a_source_that_does_not_open_is_named():
    session = failed(write(stylise(PlanNode(Read(MissingSpec("file")), (), "1"))), Zoo({"stub": Behaviour()}))
    assert isinstance(session.error, MediaError) and str(session.error) == "Read: clip.mp4 is missing."


@pytest.mark.parametrize("pixels", [np.zeros((2, 6, 8, 3), np.uint8), np.zeros((4, 6, 8, 3), np.float32)])
def test_a_model_that_gives_something_else_is_told(pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(InvertRunner, "decode", lambda self, denoised: pixels)
    session = failed(write(stylise(read())), Zoo({"stub": Behaviour()}))
    assert str(session.error).startswith(f"Decode: ValueError: the model gave {pixels.dtype}")


class Counting:
    """A residency that counts."""

    device = torch.device("cpu")

    def __init__(self, error: BaseException | None = None) -> None:
        self.acquired: list[int] = []
        self.given_back = 0
        self.error = error
        self.modes: set[bool] = set()

    def acquire(self, models: object, memory_required: Mapping[torch.device, int]) -> None:
        self.acquired.append(memory_required[self.device])
        self.modes.add(torch.is_inference_mode_enabled() or torch.is_grad_enabled())
        if self.error is not None:
            raise self.error

    def released(self) -> None:
        self.given_back += 1


def test_out_of_memory_frees_caches_names_the_widget_and_the_next_run_works():
    tensors: list[weakref.ref] = []

    behaviour = Behaviour(raises={("denoise", 1): torch.OutOfMemoryError("CUDA out of memory. Tried to")})
    residency = Counting()
    plan = write(stylise(read(40)))
    session = StreamSession(plan, Remembering(behaviour, tensors), residency=residency)
    session.start()
    assert session.wait(WAIT) and session.join(WAIT) and session.state == "failed"
    assert isinstance(session.error.__cause__, torch.OutOfMemoryError)
    assert str(session.error) == (
        "Denoise: out of memory: lower chunk on StreamDenoise (now 4), then width and height (now 8x6)."
    )
    assert behaviour.released == 1 and residency.given_back == 1
    assert spec_of(plan).sink.ended == "aborted"
    gc.collect()
    # Although the error is still held, nothing that was in work is.
    assert len(tensors) >= 2 and all(tensor() is None for tensor in tensors)
    plays(write(stylise(read())))


class Remembering(Zoo):
    """A loader whose runners leave weak references to the tensors they are given to denoise."""

    def __init__(self, behaviour: Behaviour, tensors: list[weakref.ref]) -> None:
        super().__init__({"stub": behaviour})
        self.tensors = tensors

    def __call__(self, handle):
        model = super().__call__(handle)
        make = model.runner

        def runner(*args, **options):
            made = make(*args, **options)
            denoise = made.denoise

            def remembered(encoded, late):
                self.tensors.append(weakref.ref(encoded[1]))
                return denoise(encoded, late)

            made.denoise = remembered
            return made

        model.runner = runner
        return model


def test_out_of_memory_with_single_frames_names_the_size():
    behaviour = Behaviour(1, 1, raises={("decode", 0): MemoryError()})
    session = failed(write(stylise(read())), Zoo({"stub": behaviour}))
    assert str(session.error) == "Decode: out of memory: lower width and height (now 8x6)."


def test_out_of_memory_while_loading_names_what_helps():
    def loader(handle: object) -> None:
        raise torch.OutOfMemoryError("no")

    session = failed(write(stylise(read())), loader)
    assert str(session.error) == "Load: out of memory: choose a smaller checkpoint, or bf16 for dtype."


def test_weights_that_do_not_fit_end_the_session():
    residency = Counting(torch.OutOfMemoryError("no"))
    session = StreamSession(write(stylise(read())), Zoo({"stub": Behaviour()}), residency=residency)
    session.start()
    assert session.wait(WAIT) and session.state == "failed"
    assert str(session.error).startswith("Load: out of memory: lower chunk on StreamDenoise")


def test_the_model_is_acquired_before_each_burst_outside_inference_mode():
    residency = Counting()
    unblock = threading.Event()
    plan = write(stylise(read(20, block_at=12, unblock=unblock)))
    session = StreamSession(plan, Zoo({"stub": Behaviour()}), residency=residency)
    session.start()
    while session.progress.done < 12:
        assert not session.wait(0.01)
    bursts = len(residency.acquired)
    unblock.set()
    assert session.wait(WAIT) and session.join(WAIT) and session.state == "done"
    assert residency.acquired[0] == 8 * 6 * 4
    assert 1 <= bursts < len(residency.acquired)
    assert residency.modes == {False}
    assert residency.given_back == 1


def test_running_out_on_a_cpu_counts_too():
    allocation = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 1 bytes")
    assert is_out_of_memory(allocation) and is_out_of_memory(torch.OutOfMemoryError())
    assert is_out_of_memory(stage_error("Denoise", allocation))
    assert not is_out_of_memory(RuntimeError("memory format"))


def test_an_error_without_words_still_has_a_line():
    assert str(stage_error("Denoise", AssertionError())) == "Denoise: AssertionError: no further details"
    assert isinstance(stage_error("Load", SettingError("x")), SettingError)


def test_a_failure_that_is_cancelled_stays_a_failure():
    plan = write(stylise(read()))
    session = failed(plan, Zoo({"stub": Behaviour(raises={("denoise", 0): ValueError("no")})}))
    session.cancel()
    assert session.state == "failed"
