"""From a decoded frame to RGB pixels of the wanted size: crop, scale and colour in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from .filters import ACCURATE, FilterChain
from .geometry import Fit, Orientation, display_size, fit
from .types import Resize

# AVColorSpace -> libswscale's name of the matrix.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


@dataclass(frozen=True)
class Picture:
    """A decoded frame, its pixel aspect ratio, and how it is turned to be upright."""

    frame: av.VideoFrame
    aspect: Fraction = Fraction(1)
    orientation: Orientation = Orientation()


@dataclass(frozen=True)
class Layout:
    """Everything about a picture that decides how it is converted.

    Attributes:
        width, height: coded size in pixels.
        format: pixel format.
        space, range: AVColorSpace and AVColorRange as tagged.
        aspect: pixel aspect ratio.
        orientation: how it is turned to be upright.
    """

    width: int
    height: int
    format: str
    space: int
    range: int
    aspect: Fraction
    orientation: Orientation

    @classmethod
    def of(cls, picture: Picture) -> Layout:
        """Describe a picture."""
        frame = picture.frame
        return cls(
            frame.width,
            frame.height,
            frame.format.name,
            int(frame.colorspace),
            int(frame.color_range),
            picture.aspect,
            picture.orientation,
        )

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) as seen."""
        return display_size(self.width, self.height, self.aspect, self.orientation)

    @property
    def matrix(self) -> str:
        """The YUV matrix: as tagged, else what players assume for that size."""
        by_size = "bt709" if self.width >= 1280 or self.height > 576 else "bt601"
        return _MATRICES.get(self.space, by_size)

    @property
    def full_range(self) -> bool:
        """Whether 0..255 is black to white: as tagged, else by the pixel format."""
        if self.range:
            return self.range == _FULL_RANGE
        rgb = av.VideoFormat(self.format, self.width, self.height).is_rgb
        return rgb or self.format.startswith(("yuvj", "gray", "mono", "pal"))


class Resizer:
    """Converts frames to uint8 RGB of one size; a change of the input's layout is followed."""

    def __init__(self, width: int, height: int, resize: Resize) -> None:
        self.width = width
        self.height = height
        self._resize: Resize = resize
        self._layout: Layout | None = None
        self._fit: Fit
        self._chain: FilterChain

    def convert(self, picture: Picture, out: np.ndarray) -> None:
        """Write ``picture`` into ``out``, uint8, shape (height, width, 3)."""
        layout = Layout.of(picture)
        if layout != self._layout:
            self._adapt(layout)
        for scaled in self._chain.push(picture.frame):
            pixels = layout.orientation.apply(rgb_view(scaled))
            height, width = pixels.shape[:2]
            x, y = self._fit.place
            if (width, height) != (self.width, self.height):
                out[:] = 0
            out[y : y + height, x : x + width] = pixels

    def _adapt(self, layout: Layout) -> None:
        self._fit = fit(
            (layout.width, layout.height),
            layout.aspect,
            layout.orientation,
            (self.width, self.height),
            self._resize,
        )
        x, y, width, height = self._fit.crop
        scaled_width, scaled_height = self._fit.scaled
        self._chain = FilterChain(
            (
                "buffer",
                f"video_size={layout.width}x{layout.height}:pix_fmt={layout.format}:time_base=1/1000"
                f":colorspace={layout.space}:range={layout.range}",
            ),
            ("crop", f"{width}:{height}:{x}:{y}:exact=1"),
            (
                "scale",
                f"{scaled_width}:{scaled_height}:{ACCURATE}:in_color_matrix={layout.matrix}"
                f":in_range={'full' if layout.full_range else 'limited'}:out_range=full",
            ),
            ("format", "rgb24"),
            ("buffersink", ""),
        )
        self._layout = layout


def rgb_view(frame: av.VideoFrame) -> np.ndarray:
    """The pixels of an rgb24 frame, uint8, shape (H, W, 3), without a copy; rows may be padded."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)
    return rows[:, : frame.width * 3].reshape(frame.height, frame.width, 3)


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """How the frame's display matrix (phones write one) turns it; upright without one.

    Not for every frame: PyAV's side data keep their frame alive until the garbage collector runs.
    """
    if not frame.rotation:
        return Orientation()
    try:
        matrix = frame.side_data["DISPLAYMATRIX"]
    except ValueError:  # PyAV gives no side data at all where one piece (EXIF) is unknown to it.
        return Orientation.from_rotation(frame.rotation)
    return Orientation.from_display_matrix(np.frombuffer(matrix, np.int32).tolist())
