"""The temporal adapters of one stream: they are shown its own output (arXiv 2606.05981, section III-B).

A picture is the last frame of the previous chunk's output, carried along the source's motion to
each frame of the chunk that uses it. When, and along which flow, is decided on the encode lane and
bound to that chunk; the output itself exists only when the denoise lane gets there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...log import log
from ...motion.flow import FlowSettings
from ...motion.refresh import RefreshClock
from ...motion.warp import carry_tensor
from ...motion.workers import FlowAhead
from ...networks.hooks import hooked
from ...networks.lllite import TemporalLLLite
from ...networks.lllite_file import load_lllite
from ...transfers import upload
from ..base import LiveParameter, TemporalAdapter
from .denoiser import Denoiser

BLOCKS = {"all": (), "down": ("down_blocks",), "middle": ("mid_block",), "up": ("up_blocks",)}


@dataclass(frozen=True)
class AdapterContext:
    """What is known of a chunk when it is prepared.

    Attributes:
        before: the last source frame of the chunk before, uint8 RGB (H, W, 3), or None.
        pixels: this chunk's, uint8 RGB (N, H, W, 3); None without a source.
        count: N.
        cut: its first frame that begins another scene, if there is one.
        first: nothing was denoised before it.
        prompted: its prompt is new.
    """

    before: np.ndarray | None
    pixels: np.ndarray | None
    count: int
    cut: int | None
    first: bool
    prompted: bool


@dataclass(frozen=True)
class AdapterRefresh:
    """New pictures for one chunk.

    Attributes:
        carried: leading frames that are shown the previous output; the ones after them have none.
        flows: to each of these, or None where nothing is known to move.
    """

    carried: int
    flows: FlowAhead | None


class StreamAdapter:
    """One adapter on one stream, with buffers of its own."""

    def __init__(self, settings: TemporalAdapter, network: TemporalLLLite) -> None:
        self.settings, self.network = settings, network
        self.parameter = LiveParameter(
            f"{settings.node_id}.multiplier", "float", settings.multiplier, 0.0, 4.0, late=True
        )
        self._multiplier = 1.0

    def decide(
        self, chunk: AdapterContext, clock: RefreshClock, flows: FlowAhead | None
    ) -> AdapterRefresh | None:
        """Encode lane: whether the chunk gets new pictures; their flow is found from now on."""
        policy = self.settings.refresh
        moved = 0.0
        if policy.motion > 0 and flows is not None:
            moved = float(np.linalg.norm(flows.flow(chunk.count - 1), axis=2).mean())
        carried = clock.decide(
            chunk.count,
            restart=chunk.first or (policy.prompt and chunk.prompted),
            cut=chunk.cut if policy.cuts else None,
            moved=moved,
        )
        if carried is None:
            return None
        if flows is not None:
            for frame in range(carried):
                flows.begin(frame)
        return AdapterRefresh(carried, flows)

    def show(self, renewal: AdapterRefresh, output: torch.Tensor | None, blank: torch.Tensor) -> None:
        """Denoise lane: write new pictures into the buffers.

        Args:
            renewal: what was decided for the chunk that comes next.
            output: the last output, (1, 3, H, W) in -1..1; None where nothing is carried.
            blank: (count, 3, H, W), what frames without a picture hold.
        """
        carried, pictures = renewal.carried, blank.clone()
        if carried and renewal.flows is not None:
            found = np.stack([renewal.flows.flow(frame) for frame in range(carried)])
            pictures[:carried] = carry_tensor(output, upload(torch.from_numpy(found), blank.device))
        elif carried:
            pictures[:carried] = output
        self.network.refresh(pictures, torch.arange(len(blank), device=blank.device) < carried)

    def turn(self, multiplier: float) -> None:
        """Denoise lane: how strongly the adapter acts from now on."""
        if multiplier != self._multiplier:
            self._multiplier = multiplier
            self.network.set_multiplier(multiplier)

    def place(self, device: torch.device) -> None:
        """Follow the U-Net; ComfyUI does not know our weights, which are small."""
        if next(self.network.parameters()).device != device:
            with torch.inference_mode(False), torch.no_grad():
                self.network.to(device)


class AdapterStack:
    """All adapters of a stream, and the denoiser that they act on.

    Args:
        denoiser: the model's; it stays as it is.
        adapters: in the order of their nodes; may be empty.
        count: frames in a chunk.
        width, height: of the picture in pixels.

    Raises:
        CheckpointError: a file that is no adapter for this model.
        SettingError: a size that an adapter can't work at.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        adapters: tuple[TemporalAdapter, ...],
        *,
        count: int,
        width: int,
        height: int,
    ) -> None:
        unet, profile = denoiser.unet, denoiser.profile
        self._frames = (count, 3, height, width)
        self.adapters: list[StreamAdapter] = []
        for settings in adapters:
            network, report = load_lllite(Path(settings.path), unet, BLOCKS[settings.hooks])
            log.info("Adapter %s: %s", Path(settings.path).name, report)
            stream = network.for_stream(count, height, width, profile.injection)
            self.adapters.append(StreamAdapter(settings, stream))
        patched = hooked(unet, *(adapter.network.hooks for adapter in self.adapters)) if adapters else unet
        self.denoiser = Denoiser(patched, profile)

    @property
    def live_parameters(self) -> tuple[LiveParameter, ...]:
        return tuple(adapter.parameter for adapter in self.adapters)

    def clocks(self) -> tuple[RefreshClock, ...]:
        """For a new clip: when each adapter is shown new pictures."""
        return tuple(RefreshClock(adapter.settings.refresh) for adapter in self.adapters)

    def decide(
        self, chunk: AdapterContext, clocks: tuple[RefreshClock, ...]
    ) -> tuple[AdapterRefresh | None, ...]:
        """Encode lane: what each adapter will be shown for this chunk."""
        flows: dict[FlowSettings, FlowAhead] = {}
        if chunk.before is not None and chunk.pixels is not None:
            for settings in {adapter.settings.flow for adapter in self.adapters}:
                flows[settings] = FlowAhead(settings, chunk.before, chunk.pixels)
        return tuple(
            adapter.decide(chunk, clock, flows.get(adapter.settings.flow))
            for adapter, clock in zip(self.adapters, clocks, strict=True)
        )

    def apply(
        self,
        renewals: tuple[AdapterRefresh | None, ...],
        last_output: Callable[[], torch.Tensor],
        late: Mapping[str, Any],
    ) -> None:
        """Denoise lane, before a chunk is denoised: its pictures and the multipliers.

        Args:
            renewals: what ``decide`` said for this chunk.
            last_output: decodes the last frame of the output so far, (1, 3, H, W) in -1..1.
            late: the late values of this moment.
        """
        device = self.denoiser.unet.device
        shown = [renewal for renewal in renewals if renewal is not None]
        output = last_output() if any(renewal.carried for renewal in shown) else None
        for adapter, renewal in zip(self.adapters, renewals, strict=True):
            adapter.place(device)
            if renewal is not None:
                adapter.show(renewal, output, torch.zeros(self._frames, device=device))
            adapter.turn(float(late[adapter.parameter.key]))
