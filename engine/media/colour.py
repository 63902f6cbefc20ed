"""HDR and wide-gamut pictures as BT.709: one 3-D table for each kind of picture.

FFmpeg's ``tonemap`` needs linear light, for which PyAV's build has no filter (``zscale``), and
``colorspace`` knows neither PQ nor HLG. Its ``lut3d`` is there and fast, so the equations of the
standards are tabulated once and looked up for each pixel.

Light is relative to SDR white, 203 nits in HDR (BT.2408). SDR goes through the display's curve
(BT.1886), as people see it, and back.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

SIZE = 49
"""Entries along each side of the table."""

WHITE_NITS = 203.0
PEAK_NITS = 1000.0
"""What is brighter becomes white; BT.2100 and most masters end here."""

KNEE = 0.85
"""Light up to this is kept as it is; what is brighter is pressed between it and white."""

_GAMMA = 2.4  # BT.1886

# AVColorTransferCharacteristic.
_PQ, _HLG = 16, 18
# AVColorPrimaries: name, and x, y of red, green, blue and white. BT.601's differ too little to be seen.
_D65 = (0.3127, 0.3290)
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_WIDE = {
    9: ("BT.2020", ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)),
    11: ("DCI-P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351))),
    12: ("Display P3", ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65)),
}
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class Colour:
    """A picture's colour beside its matrix: AVColorPrimaries and AVColorTransferCharacteristic as tagged."""

    primaries: int = 2
    transfer: int = 2

    @property
    def remark(self) -> str:
        """What is done to it, in one line; empty where nothing is."""
        if self.transfer in (_PQ, _HLG):
            kind = "PQ" if self.transfer == _PQ else "HLG"
            return f"HDR ({kind}) is shown as SDR: highlights are compressed."
        if self.primaries in _WIDE:
            return f"{_WIDE[self.primaries][0]} colours are converted to BT.709."
        return ""

    @property
    def ordinary(self) -> bool:
        """Whether the picture can be used as it is."""
        return not self.remark


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="livestyle-colour-")  # goes with the process


@lru_cache(maxsize=8)
def table_file(colour: Colour) -> Path:
    """The table as a .cube file, the only way in which ``lut3d`` takes one."""
    path = Path(_folder().name) / f"{colour.primaries}_{colour.transfer}.cube"
    # Red runs fastest in the file.
    rows = table(colour).transpose(2, 1, 0, 3).reshape(-1, 3).tolist()
    lines = "\n".join(f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in rows)
    path.write_text(f"LUT_3D_SIZE {SIZE}\n{lines}\n", encoding="ascii")
    return path


def table(colour: Colour) -> np.ndarray:
    """Display BT.709 R'G'B', 0..1, for each R'G'B' of the picture; shape (SIZE, SIZE, SIZE, 3)."""
    axis = np.linspace(0, 1, SIZE)
    return convert(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1), colour)


def convert(pixels: np.ndarray, colour: Colour) -> np.ndarray:
    """BT.709 R'G'B' of the picture's full-range R'G'B'; both 0..1, shape (..., 3)."""
    hdr = colour.transfer in (_PQ, _HLG)
    light = {_PQ: _from_pq, _HLG: _from_hlg}.get(colour.transfer, _from_sdr)(pixels)
    # HDR without tagged primaries is BT.2020 by its standard.
    wide = _WIDE.get(colour.primaries) or (_WIDE[9] if hdr and colour.primaries == 2 else None)
    if wide is not None:
        light = light @ (_to_xyz(_BT709, inverse=True) @ _adapted(wide[1])).T
    light = light.clip(0)
    if hdr:
        # By the strongest of the three, so that hues stay.
        strongest = light.max(-1, keepdims=True)
        light = light * _compress(strongest) / np.maximum(strongest, 1e-9)
    return light.clip(0, 1) ** (1 / _GAMMA)


def _from_sdr(signal: np.ndarray) -> np.ndarray:
    return signal**_GAMMA


def _from_pq(signal: np.ndarray) -> np.ndarray:
    """BT.2100, table 4: the EOTF of PQ."""
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = signal ** (1 / m2)
    return 10_000 / WHITE_NITS * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)


def _from_hlg(signal: np.ndarray) -> np.ndarray:
    """BT.2100, table 5: the inverse OETF and the OOTF of HLG for a display of ``PEAK_NITS``."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ np.array([0.2627, 0.6780, 0.0593])
    return PEAK_NITS / WHITE_NITS * scene * luminance[..., None] ** 0.2


def _compress(light: np.ndarray) -> np.ndarray:
    """A Moebius curve through ``KNEE``, with its slope there, that takes the peak to 1."""
    peak = PEAK_NITS / WHITE_NITS
    a = -(KNEE**2) * (peak - 1) / (KNEE**2 - 2 * KNEE + peak)
    b = (KNEE**2 - 2 * KNEE * peak + peak) / (peak - 1)
    scale = (b**2 + 2 * b * KNEE + KNEE**2) / (b - a)
    light = np.minimum(light, peak)
    return np.where(light > KNEE, scale * (light + a) / (light + b), light)


def _to_xyz(primaries: tuple[tuple[float, float], ...], inverse: bool = False) -> np.ndarray:
    """The matrix from linear RGB to XYZ."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    matrix = columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])
    return np.linalg.inv(matrix) if inverse else matrix


def _adapted(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Like ``_to_xyz``, with its white as D65 (Bradford)."""
    white, d65 = (_BRADFORD @ np.array([x / y, 1, (1 - x - y) / y]) for x, y in (primaries[3], _D65))
    return np.linalg.inv(_BRADFORD) @ np.diag(d65 / white) @ _BRADFORD @ _to_xyz(primaries)
