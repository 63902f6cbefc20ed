"""How sharp pictures are: the paper's two measures, and the gradient that its "Sobel" is not."""

from __future__ import annotations

import cv2
import numpy as np

from ...engine.motion.flow import grey


def sobel_mixed(pictures: np.ndarray) -> float:
    """The paper's "Sobel": mean absolute mixed second derivative (dx = dy = 1) of the luma.

    Straight horizontal and vertical edges do not count in it.

    Args:
        pictures: uint8 RGB (N, H, W, 3).
    """
    return float(np.mean([np.abs(cv2.Sobel(grey(p), cv2.CV_64F, 1, 1, ksize=3)).mean() for p in pictures]))


def gradient_magnitude(pictures: np.ndarray) -> float:
    """Mean length of the luma's Sobel gradient, for uint8 RGB (N, H, W, 3)."""
    lengths = []
    for picture in pictures:
        luma = grey(picture)
        x, y = (cv2.Sobel(luma, cv2.CV_64F, dx, 1 - dx, ksize=3) for dx in (1, 0))
        lengths.append(np.hypot(x, y).mean())
    return float(np.mean(lengths))


def high_frequency(pictures: np.ndarray) -> float:
    """The paper's "HF-FFT": mean Fourier magnitude of the luma beyond a quarter of the short side.

    It grows with the picture's area and with noise.

    Args:
        pictures: uint8 RGB (N, H, W, 3).
    """
    height, width = pictures.shape[1:3]
    y, x = np.ogrid[:height, :width]
    beyond = (x - width // 2) ** 2 + (y - height // 2) ** 2 > (min(height, width) // 4) ** 2
    spectra = (np.abs(np.fft.fftshift(np.fft.fft2(grey(p).astype(np.float64)))) for p in pictures)
    return float(np.mean([spectrum[beyond].mean() for spectrum in spectra]))
