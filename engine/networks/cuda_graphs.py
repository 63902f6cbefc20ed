"""CUDA graphs: what a network launches for one kind of call is recorded once, then replayed by one launch.

A network of thousands of small kernels waits for the host, which takes 5 to 20 us to launch each. A graph
reads and writes the same memory every time: tensors that go in are written into buffers of its own, and all
else that it touches (weights, a cache's slots, masks) must stay where it is and be changed in place. A LoRA's
strength and an adapter's pictures are. It belongs to the thread and the stream that recorded it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ..errors import one_line
from ..log import log
from .graph_buffers import Buffers, Given, layout

Run = Callable[..., torch.Tensor]
Replay = Callable[[], torch.Tensor]
"""Does again what was recorded; its result is good until the next replay."""
Recorder = Callable[[Replay], Replay]
"""Records what a function launches, which must not make the host wait."""

_Key = tuple[Hashable, Hashable, Hashable]  # a call's kind, layouts of its inputs, and of its constants

KEPT = 8
"""Kinds of call whose graphs are kept: those asked for last."""


class Graphs:
    """The graphs of one stream through one network.

    Args:
        modules: everything whose weights a call reads.
        wanted: False runs every call plainly, as do a device other than CUDA and weights on several cards.
    """

    def __init__(self, modules: Iterable[nn.Module], wanted: bool) -> None:
        self._modules = tuple(modules)
        self._weights = _Weights(self._modules)
        self._wanted = wanted
        self._recorder: Recorder | None = None
        self._recorded_on: Hashable = None
        self._graphs: OrderedDict[_Key, _Graph] = OrderedDict()
        self._constants: dict[Hashable, Buffers] = {}

    def __call__(
        self, run: Run, *inputs: Given, constants: Sequence[Given] = (), kind: Hashable = ()
    ) -> torch.Tensor:
        """``run(*inputs, *constants)``, replayed where such a call was recorded.

        Args:
            run: may read nothing that changes from call to call but its arguments and what is written in
                place; what it refers to is kept as long as its graph. Does the same when it runs twice.
            inputs: new values at every call.
            constants: seldom others (a text); written again only when other tensors come.
            kind: of the call, where ``run`` does other things for tensors of the same shapes.

        Returns:
            A tensor of the caller's own.
        """
        if not self._ready():
            return run(*inputs, *constants)
        shared = tuple(map(layout, constants))
        key = (kind, tuple(map(layout, inputs)), shared)
        if shared not in self._constants:
            self._constants[shared] = Buffers(constants, seldom=True)
        self._constants[shared].write(constants)
        if key in self._graphs:
            self._graphs.move_to_end(key)
            graph = self._graphs[key]
            graph.inputs.write(inputs)
            return graph.replay().clone()
        return self._first(key, run, Buffers(inputs), self._constants[shared])

    def __deepcopy__(self, memo: dict[int, Any]) -> Graphs:
        """None of the graphs: a copy of what a stream remembers, its cache too, lies elsewhere."""
        return Graphs(self._modules, self._wanted)

    def clear(self) -> None:
        """Forget all graphs, and free their memory."""
        self._graphs.clear()
        self._constants.clear()

    def _first(self, key: _Key, run: Run, inputs: Buffers, constants: Buffers) -> torch.Tensor:
        """Run a new kind of call, which also sets up what libraries and compilers keep, and record it."""
        arguments = (*inputs.tensors, *constants.tensors)
        made = run(*arguments)
        assert self._recorder is not None
        try:
            replay = self._recorder(lambda: run(*arguments))
        except RuntimeError as error:
            reason = one_line(error, 120) or type(error).__name__
            log.warning("CUDA graphs can't be recorded here (%s): the network runs without.", reason)
            self._wanted = False
            self.clear()
            return made
        self._graphs[key] = _Graph(inputs, replay, run)
        if len(self._graphs) > KEPT:
            self._graphs.popitem(last=False)
            used = {shared for _, _, shared in self._graphs}
            self._constants = {shared: kept for shared, kept in self._constants.items() if shared in used}
        return made

    def _ready(self) -> bool:
        """Whether to record and replay; graphs of another thread, or of weights that moved, go first."""
        if not self._wanted:
            return False
        now = (threading.get_ident(), self._weights.addresses())
        if now != self._recorded_on:
            self.clear()
            self._recorded_on, devices = now, self._weights.devices()
            self._recorder = recorder_for(devices.pop()) if len(devices) == 1 else None
        return self._recorder is not None


def recorder_for(device: torch.device) -> Recorder | None:
    """What records on a device; None where there are no graphs."""
    return _CudaRecorder(device) if device.type == "cuda" else None


class _CudaRecorder:
    """Records on the stream of the thread that asks, and runs nothing; its graphs share working memory."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.pool = device, torch.cuda.graph_pool_handle()

    def __call__(self, run: Replay) -> Replay:
        stream, graph = torch.cuda.current_stream(self.device), torch.cuda.CUDAGraph()
        if stream == torch.cuda.default_stream(self.device):
            stream = torch.cuda.Stream(self.device)  # nothing can be captured on the default one
        # other lanes go on meanwhile; torch leaves the stream of a capture that fails the current one
        capture = torch.cuda.graph(graph, self.pool, stream, capture_error_mode="thread_local")
        with torch.cuda.stream(stream), capture:
            made = run()

        def replay() -> torch.Tensor:
            graph.replay()
            return made

        return replay


@dataclass(frozen=True)
class _Graph:
    """A recorded call: its buffers, and what must live as long as it."""

    inputs: Buffers
    replay: Replay
    run: Run


class _Weights:
    """Where parameters and buffers of modules are now, also where others took their place."""

    def __init__(self, modules: Iterable[nn.Module]) -> None:
        layers = [layer for module in modules for layer in module.modules()]
        holders: list[Any] = [each for layer in layers for each in (layer._parameters, layer._buffers)]
        self._places = [(holder, name) for holder in holders for name in holder if holder[name] is not None]

    def addresses(self) -> tuple[int, ...]:
        return tuple(address(holder[name]) for holder, name in self._places)

    def devices(self) -> set[torch.device]:
        return {holder[name].device for holder, name in self._places}


def address(x: torch.Tensor) -> int:
    """Where a tensor's values are."""
    return x.data_ptr()
