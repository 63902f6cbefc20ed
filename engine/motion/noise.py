"""A stream's noise; where it moves with the picture, it stays white."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future

import numpy as np
import torch

from ..sampling.noise import draw, frame_noise
from .flow import FlowSettings
from .warp import grid_of, read_at, shrink_flow
from .workers import flows_between


class CarriedNoise:
    """Every cell's noise is a particle that the flow carries, at fractions of a cell too.

    Interpolating noise would blur it and take variance away. A particle keeps its value; where
    several meet in a cell the oldest stays, and a cell that none reached gets a new one. Who stays
    depends on the flow alone, so every frame's noise is independent standard normal.

    Args:
        shape: of one frame's latent (C, h, w).
        seed: with a frame's index, the key of what is drawn at that frame.

    Attributes:
        values: the noise of the last frame, (C, h, w).
    """

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        self.shape, self.seed = shape, seed
        self.values = torch.empty(0)
        self._points = self._drawn_at = np.empty(0)

    def start(self, frame: int) -> torch.Tensor:
        """New noise everywhere, (C, h, w)."""
        self.values = draw(self.shape, self.seed, frame)
        self._points = grid_of(*self.shape[1:])
        self._drawn_at = np.full(self._points[..., 0].size, frame)
        return self.values

    def carry(self, flow: np.ndarray, frame: int) -> torch.Tensor:
        """The noise of the next frame, (C, h, w).

        Args:
            flow: float32 (H, W, 2) from the last frame to this one, in pixels of the picture.
            frame: index of this one.
        """
        channels, height, width = self.shape
        motion = shrink_flow(flow, height, width)
        points = self._points + read_at(motion, self._points)
        column, row = np.floor(points + 0.5).astype(np.int64).reshape(-1, 2).T
        inside = np.flatnonzero((column >= 0) & (column < width) & (row >= 0) & (row < height))
        inside = inside[np.argsort(self._drawn_at[inside], kind="stable")]
        cells, oldest = np.unique(row[inside] * width + column[inside], return_index=True)
        stays = inside[oldest]
        values = draw(self.shape, self.seed, frame).view(channels, -1)
        values[:, cells] = self.values.view(channels, -1)[:, stays]
        self._points = grid_of(height, width).copy()
        self._points.reshape(-1, 2)[cells] = points.reshape(-1, 2)[stays]
        drawn_at = np.full_like(self._drawn_at, frame)
        drawn_at[cells] = self._drawn_at[stays]
        self._drawn_at = drawn_at
        self.values = values.view(self.shape)
        return self.values


class StreamNoise:
    """The noise of one stream, by its policy.

    Args:
        policy: one of ``sampling.noise.POLICIES``.
        shape: of one frame's latent (C, h, w).
        dtype: in which ``"per_slot"`` draws, the model's.
        flow: how motion is found for ``"flow_warped"``.
    """

    def __init__(
        self, policy: str, shape: tuple[int, int, int], dtype: torch.dtype, flow: FlowSettings
    ) -> None:
        self.policy, self.shape, self.dtype, self.flow = policy, shape, dtype, flow
        self._carried: CarriedNoise | None = None

    def look(self, before: np.ndarray | None, pixels: np.ndarray | None) -> list[Future[np.ndarray]]:
        """Begin to find the motion that a chunk's noise will need; returns at once.

        Args:
            before: the last source frame of the chunk before, uint8 RGB (H, W, 3), or None.
            pixels: this chunk's, uint8 RGB (N, H, W, 3); None without a source.
        """
        if self.policy != "flow_warped" or pixels is None:
            return []
        return flows_between(self.flow, pixels[0] if before is None else before, pixels)

    def draw(
        self,
        *,
        seed: int,
        first_frame: int,
        count: int,
        motion: Sequence[Future[np.ndarray]] = (),
        cuts: Collection[int] = (),
    ) -> torch.Tensor:
        """Float32 or ``dtype`` (count, C, h, w).

        Args:
            seed: any integer; a new one starts anew.
            first_frame: index of the first frame in the stream.
            count: number of frames.
            motion: what ``look`` gave; without it nothing moves.
            cuts: frames of the chunk that begin a scene, whose noise is all new.
        """
        if self.policy != "flow_warped":
            dtype = self.dtype if self.policy == "per_slot" else torch.float32
            return frame_noise(
                self.shape, seed=seed, first_frame=first_frame, count=count, policy=self.policy, dtype=dtype
            )
        frames = []
        for offset in range(count):
            if self._carried is None or self._carried.seed != seed or offset in cuts:
                self._carried = CarriedNoise(self.shape, seed)
                frames.append(self._carried.start(first_frame + offset))
            elif motion:
                frames.append(self._carried.carry(motion[offset].result(), first_frame + offset))
            else:
                frames.append(frames[-1] if frames else self._carried.values)
        return torch.stack(frames)
