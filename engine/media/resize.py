"""From a decoded frame to RGB pixels of the wanted size: crop, scale and colour in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np

from .colour import Colour, table_file
from .filters import ACCURATE, FilterChain, escaped
from .geometry import Fit, Orientation, display_size, fit
from .types import Resize

# AVColorSpace -> libswscale's name of the matrix.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "smpte170m", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG


@dataclass(frozen=True)
class Picture:
    """A decoded frame, its pixel aspect ratio, how it is turned to be upright, and its colour tags."""

    frame: av.VideoFrame
    aspect: Fraction = Fraction(1)
    orientation: Orientation = Orientation()
    colour: Colour = Colour()


@dataclass(frozen=True)
class Layout:
    """Everything about a picture that decides how it is converted.

    Attributes:
        width, height: coded size in pixels.
        format: pixel format.
        space, range: AVColorSpace and AVColorRange as tagged.
        aspect: pixel aspect ratio.
        orientation: how it is turned to be upright.
        colour: primaries and transfer as tagged.
    """

    width: int
    height: int
    format: str
    space: int
    range: int
    aspect: Fraction
    orientation: Orientation
    colour: Colour = Colour()

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
            picture.colour,
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

    @property
    def alpha(self) -> bool:
        """Whether pixels may be transparent."""
        form = av.VideoFormat(self.format, self.width, self.height)
        return self.format == "pal8" or any(part.is_alpha for part in form.components)


class Resizer:
    """Converts frames to uint8 RGB of one size; a change of the input's layout is followed.

    Args:
        width, height: of the output, in pixels.
        resize: how the picture meets another aspect ratio.
        background: RGB, 0..255, under what is transparent.

    Attributes:
        remarks: what was done to the picture's colours, each in one line.
    """

    def __init__(
        self, width: int, height: int, resize: Resize, background: tuple[int, int, int] = (0, 0, 0)
    ) -> None:
        self.width = width
        self.height = height
        self.remarks: list[str] = []
        self._resize: Resize = resize
        self._background = np.array(background, np.uint16)
        self._layout: Layout | None = None
        self._alpha = False
        self._fit: Fit
        self._chain: FilterChain

    def convert(self, picture: Picture, out: np.ndarray) -> None:
        """Write ``picture`` into ``out``, uint8, shape (height, width, 3)."""
        layout = Layout.of(picture)
        if layout != self._layout:
            self._adapt(layout)
        for scaled in self._chain.push(picture.frame):
            pixels = layout.orientation.apply(pixels_of(scaled))
            height, width = pixels.shape[:2]
            x, y = self._fit.place
            if (width, height) != (self.width, self.height):
                out[:] = 0
            out[y : y + height, x : x + width] = self._flat(pixels) if self._alpha else pixels

    def _flat(self, pixels: np.ndarray) -> np.ndarray:
        """Premultiplied RGBA over the background; says so where anything is transparent."""
        clear = 255 - pixels[..., 3:].astype(np.uint16)
        if clear.any():
            self._remark("Transparent parts are shown over the background colour.")
        return (pixels[..., :3] + (clear * self._background + 127) // 255).clip(0, 255).astype(np.uint8)

    def _remark(self, line: str) -> None:
        if line and line not in self.remarks:
            self.remarks.append(line)

    def _adapt(self, layout: Layout) -> None:
        self._fit = fit(
            (layout.width, layout.height),
            layout.aspect,
            layout.orientation,
            (self.width, self.height),
            self._resize,
        )
        x, y, width, height = self._fit.crop
        size = "{}:{}".format(*self._fit.scaled)
        levels = (
            f":in_color_matrix={layout.matrix}"
            f":in_range={'full' if layout.full_range else 'limited'}:out_range=full"
        )
        look_up: list[tuple[str, str]] = []
        if not layout.colour.ordinary:
            self._remark(layout.colour.remark)
            deep = "gbrap16le" if layout.alpha else "gbrp16le"
            look_up = [("format", deep), ("lut3d", f"file={escaped(table_file(layout.colour))}")]
        self._alpha = layout.alpha
        if self._alpha:
            # Hidden colours must not bleed into what is seen.
            to_rgb = [
                ("scale", f"{width}:{height}:{ACCURATE}{levels}"),
                *look_up,
                ("format", "gbrap"),
                ("premultiply", "inplace=1"),
                ("scale", f"{size}:{ACCURATE}:in_range=full:out_range=full"),
                ("format", "rgba"),
            ]
        else:
            to_rgb = [("scale", f"{size}:{ACCURATE}{levels}"), *look_up]
            if look_up:
                to_rgb.append(("scale", f"{ACCURATE}:sws_dither=none:in_range=full:out_range=full"))
            to_rgb.append(("format", "rgb24"))
        self._chain = FilterChain(
            (
                "buffer",
                f"video_size={layout.width}x{layout.height}:pix_fmt={layout.format}:time_base=1/1000"
                f":colorspace={layout.space}:range={layout.range}",
            ),
            ("crop", f"{width}:{height}:{x}:{y}:exact=1"),
            *to_rgb,
            ("buffersink", ""),
        )
        self._layout = layout


def pixels_of(frame: av.VideoFrame) -> np.ndarray:
    """Pixels of an rgb24 or rgba frame, uint8, shape (H, W, 3 or 4), without a copy; rows may be padded."""
    plane = frame.planes[0]
    depth = 3 if frame.format.name == "rgb24" else 4
    # PyAV's stubs don't say that a plane is a buffer.
    flat = np.frombuffer(plane, np.uint8)  # pyright: ignore[reportCallIssue, reportArgumentType]
    rows = flat.reshape(frame.height, plane.line_size)
    return rows[:, : frame.width * depth].reshape(frame.height, frame.width, depth)


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """How the frame's display matrix (phones write one) turns it; upright without one.

    Not for every frame: PyAV's side data keep their frame alive until the garbage collector runs.
    """
    if not frame.rotation:
        return Orientation()
    try:
        matrix = frame.side_data["DISPLAYMATRIX"]  # pyright: ignore[reportGeneralTypeIssues]
    except ValueError:  # PyAV gives no side data at all where one piece (EXIF) is unknown to it.
        return Orientation.from_rotation(frame.rotation)
    return Orientation.from_display_matrix(np.frombuffer(matrix, np.int32).tolist())


def colour_of(frame: av.VideoFrame, context: av.VideoCodecContext) -> Colour:
    """Colour tags of a decoded frame; PyAV before 18 has them only where it was decoded."""
    tagged = frame if hasattr(frame, "color_trc") else context
    return _colour(tagged.color_primaries, tagged.color_trc)


@lru_cache(maxsize=16)
def _colour(primaries: int, transfer: int) -> Colour:
    return Colour(int(primaries), int(transfer))
