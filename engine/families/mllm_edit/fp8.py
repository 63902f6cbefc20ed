"""Eight-bit floating point for the matrices of U-Net and text encoder (torchao), and its error.

Weights are stored as float8 e4m3 with a scale a row; products run in the format of the activations.
Plain fp16 is no alternative: the text encoder's states reach an absolute value of 1160 and overflow
on the way (arXiv 2606.05981, section V), where float8 with scales keeps their range.
"""

from __future__ import annotations

import torch

from ...conditioning.states import TextStates
from ...errors import SettingError, one_line
from ..crossing import Crossing
from ..fp8 import is_matrix, takes, torchao_quantization
from .model import MLLMEditModel, QuantisationError

PROBE = "make it an oil painting"
QUANTISED = ("unet", "text_encoder")
"""Parts of a checkpoint whose matrices are quantised."""


def quantise(model: MLLMEditModel) -> QuantisationError:
    """Quantise a loaded model in place and measure the error.

    Raises:
        SettingError: torchao is not installed, or can't do it here.
    """
    torchao = torchao_quantization()
    before = _probe(model)
    try:
        for network in (model.encoder.model, model.denoiser.unet):
            torchao.quantize_(network, torchao.Float8WeightOnlyConfig(), filter_fn=takes)
        after = _probe(model, before[0])
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        line = one_line(error, 120)
        raise SettingError(f"dtype fp8 can't work on this machine ({line}): use bf16.") from error
    return QuantisationError(_relative(after[0].states, before[0].states), _relative(after[1], before[1]))


def quantised(part: str, name: str, shape: tuple[int, ...]) -> bool:
    """Whether a weight of a checkpoint's file is stored in eight bits."""
    return part in QUANTISED and is_matrix(name, shape)


def _probe(model: MLLMEditModel, states: TextStates | None = None) -> tuple[TextStates, torch.Tensor]:
    """Text states of a fixed picture, and the U-Net's x0 from fixed noise.

    Args:
        states: what the U-Net is given instead of the text states just computed.
    """
    unet = model.denoiser.unet
    levels = len(unet.config.block_out_channels) - 1
    side = 8 * 2**levels
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(0)
        picture = torch.randint(0, 256, (1, 64, 64, 3), generator=generator, dtype=torch.uint8)
        encoded = Crossing().states(model.encoder.encode(PROBE, picture), unet.device)
        noise = torch.randn(2, model.autoencoder.channels, side, side, generator=generator)
        x, source = noise.to(unet.device, unet.dtype).split(1)
        sigma = torch.ones(1, dtype=unet.dtype, device=unet.device)
        return encoded, model.denoiser(x, source, sigma, states or encoded).float()


def _relative(after: torch.Tensor, before: torch.Tensor) -> float:
    before = before.float()
    return float((after.float() - before).norm() / before.norm().clamp_min(1e-12))
