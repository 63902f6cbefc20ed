"""Building blocks of the classical styles: edge-preserving smoothing, lines, tone.

Images are float32 RGB in 0..1 of shape (H, W, 3); grey planes are float32 (H, W).
"""

from __future__ import annotations

import cv2
import numpy as np

from ...engine.motion.flow import grey


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur with reflected borders."""
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """Cubic ramp from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def saturate(image: np.ndarray, amount: float) -> np.ndarray:
    """Scale the distance from grey by ``amount``."""
    luma = grey(image)[..., None]
    return np.clip(luma + (image - luma) * amount, 0.0, 1.0)


def contrast(image: np.ndarray, amount: float) -> np.ndarray:
    """Scale the distance from mid-grey by ``amount``."""
    return np.clip((image - 0.5) * amount + 0.5, 0.0, 1.0)


def tint(
    plane: np.ndarray, dark: tuple[float, float, float], light: tuple[float, float, float]
) -> np.ndarray:
    """Map a grey plane to the straight line between two colours."""
    shadow, paper = np.float32(dark), np.float32(light)
    return shadow + plane[..., None] * (paper - shadow)


def kuwahara(image: np.ndarray, radius: int) -> np.ndarray:
    """Generalised Kuwahara filter: each pixel takes the mean of its calmest surrounding quadrant.

    Four box quadrants, blended with weights 1 / variance^4, which gives paint-like patches
    with clean borders (Papari et al. 2007 blend; quadrants instead of sectors for speed).
    """
    size = radius + 1
    total = np.zeros_like(image)
    weights = np.zeros(image.shape[:2], np.float32)
    border = cv2.BORDER_REFLECT_101
    mean = cv2.blur(image, (size, size), borderType=border)
    square = cv2.blur(image * image, (size, size), borderType=border)
    variance = np.maximum(square - mean * mean, 0.0).sum(axis=2)
    height, width = image.shape[:2]
    half = size // 2
    padded_mean = cv2.copyMakeBorder(mean, half, half, half, half, border)
    padded_variance = cv2.copyMakeBorder(variance, half, half, half, half, border)
    for dy in (0, 2 * half):
        for dx in (0, 2 * half):
            quadrant = padded_mean[dy : dy + height, dx : dx + width]
            weight = 1.0 / (1e-3 + padded_variance[dy : dy + height, dx : dx + width]) ** 4
            total += quadrant * weight[..., None]
            weights += weight
    return total / weights[..., None]


def flatten(image: np.ndarray, radius: int = 9, rounds: int = 2, sigma: float = 0.12) -> np.ndarray:
    """Repeated bilateral filtering: flat regions, kept edges."""
    for _ in range(rounds):
        image = cv2.bilateralFilter(image, radius, sigma, radius / 2)
    return image


def ink_lines(plane: np.ndarray, sigma: float, gain: float, threshold: float, softness: float) -> np.ndarray:
    """Extended difference of Gaussians (Winnemoeller 2012): 0 on a line, 1 on paper."""
    response = (1.0 + gain) * blur(plane, sigma) - gain * blur(plane, sigma * 1.6)
    return smoothstep(threshold - softness, threshold + softness, response)


def edge_strength(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Gradient magnitude after a blur; about 0..1 for full-range steps."""
    soft = blur(plane, sigma)
    dx = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3)
    dy = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    return np.minimum(cv2.magnitude(dx, dy) * 0.5, 1.0)


def soft_levels(plane: np.ndarray, levels: int, sharpness: float) -> np.ndarray:
    """Posterise with soft borders between the levels."""
    scaled = plane * (levels - 1)
    base = np.floor(scaled)
    return (base + smoothstep(0.5 - sharpness, 0.5 + sharpness, scaled - base)) / (levels - 1)
