"""Stands in for CUDA's driver where there is none, so that code for a device can be called."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch

CAPABILITY = (9, 0)
"""Of Hopper; FlashAttention and bf16 need 8.0."""
DEVICES = 2
"""Cards that a model's parts can be spread over."""


MILLISECONDS = 10.0
"""Between any two events, as far as one that asks is told."""


class Event:
    """Has happened as soon as it is recorded; ``waited`` is called where the host would wait for it."""

    waited: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, *_: Any, **__: Any) -> None: ...
    def record(self, *_: Any) -> None: ...
    def wait(self, *_: Any) -> None: ...

    def synchronize(self) -> None:
        self.waited()

    def query(self) -> bool:
        return True

    def elapsed_time(self, _later: Event) -> float:
        return MILLISECONDS


class Stream:
    """One of a device whose streams need not be told apart."""

    cuda_stream = 0

    def __init__(self, device: Any = None, *_: Any, **__: Any) -> None:
        self.device = torch.device("cuda", 0) if device is None else torch.device(device)

    def record_event(self, event: Event | None = None) -> Event:
        return event or Event()

    def wait_event(self, _event: Event) -> None: ...
    def wait_stream(self, _stream: Stream) -> None: ...
    def synchronize(self) -> None: ...

    def query(self) -> bool:
        return True


def _move(module: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor], _: bool = True) -> Any:
    """``Module._apply`` with new Parameters: no fake tensor can take a real one's place, nor the reverse.

    One that several modules hold stays one.
    """
    for child in module.children():
        child._apply(change)
    for name, parameter in module._parameters.items():
        if parameter is None:
            continue
        moved = getattr(parameter, "moved", lambda: None)()
        if moved is None:
            with torch.no_grad():
                changed = change(parameter)
            if changed is parameter:
                continue
            moved = torch.nn.Parameter(changed, parameter.requires_grad)
            parameter.moved = weakref.ref(moved)
        module._parameters[name] = moved
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = change(buffer)
    return module


@contextmanager
def no_driver(waited: Callable[[], None]) -> Iterator[None]:
    """``torch.cuda`` as far as the engine asks it, without a driver; modules move by new Parameters.

    Args:
        waited: called where the host waits for an event, or for the whole device.
    """
    cuda: dict[str, Any] = {
        "_lazy_init": lambda: None,
        "current_device": lambda: 0,
        "device_count": lambda: DEVICES,
        "get_device_capability": lambda *_: CAPABILITY,
        "get_device_name": lambda *_: "pretended",
        "current_stream": lambda *_: Stream(),
        "default_stream": lambda *_: Stream(),
        "synchronize": lambda *_: waited(),
        "is_current_stream_capturing": lambda: False,
        "Event": Event,
        "Stream": Stream,
    }
    lifted = torch._C._only_lift_cpu_tensors()
    with ExitStack() as stack:
        for name, stub in cuda.items():
            stack.enter_context(mock.patch.object(torch.cuda, name, stub))
        stack.enter_context(mock.patch.object(torch.nn.Module, "_apply", _move))
        stack.enter_context(mock.patch.object(Event, "waited", staticmethod(waited)))
        stack.callback(torch._C._set_only_lift_cpu_tensors, lifted)
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device="cuda") is an upload, then
        yield
