"""Post-hoc blending: each picture mixed with the result before it, carried along the motion."""

from __future__ import annotations

import numpy as np

from .flow import FlowSettings
from .occlusion import visible
from .scene import CutDetector
from .warp import sample
from .workers import flows_between


class FlowBlender:
    """``(1 - share) * picture + share * (last result, warped)``, which is recursive.

    The flow goes from each picture back to the one before, so the warp reads where it is defined.

    Args:
        flow: how motion is found.
        occlusion: keep the picture alone where the last one did not show that place.
    """

    def __init__(self, flow: FlowSettings, occlusion: bool = True) -> None:
        self._flow, self._occlusion = flow, occlusion
        self._cuts = CutDetector()
        self._guide: np.ndarray | None = None
        self._result = np.empty(0)

    def blend(self, pixels: np.ndarray, guide: np.ndarray, share: float) -> np.ndarray:
        """The next pictures of the stream.

        Args:
            pixels: uint8 or float32 (N, H, W, C).
            guide: uint8 RGB (N, H, W, 3), whose motion is followed; a hard cut in it starts anew.
            share: of the warped picture, 0 to 1; 0 gives ``pixels`` back.

        Returns:
            Shape and dtype of ``pixels``.
        """
        before = guide[0] if self._guide is None else self._guide
        cuts = self._cuts.cuts(guide)
        started = self._guide is not None
        back = flows_between(self._flow, before, guide, backward=True)
        ahead = flows_between(self._flow, before, guide) if self._occlusion else []
        results = np.empty_like(pixels)
        for index, picture in enumerate(pixels.astype(np.float32)):
            if started and index not in cuts:
                flow = back[index].result()
                away = (sample(self._result, flow) - picture) * np.float32(share)
                if self._occlusion:
                    away *= visible(flow, ahead[index].result())[..., None]
                picture += away
            started = True
            self._result = picture
            results[index] = np.rint(picture) if results.dtype == np.uint8 else picture
        self._guide = guide[-1].copy()
        return results
