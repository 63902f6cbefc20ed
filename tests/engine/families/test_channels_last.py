"""The edit U-Net's own layers: diffusers' numbers, and no map in another order of memory."""

from __future__ import annotations

import pytest
import torch
from demo_model import demo_model
from torch import nn

from livestyle.engine.conditioning.states import TextStates
from livestyle.engine.families.mllm_edit.channels_last import MapGroupNorm, MapTransformer

CHANNELS_LAST = torch.channels_last


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("side", [8, 32])
def test_maps_are_normed_as_torch_does(side: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    own = nn.GroupNorm(8, 32)
    nn.init.normal_(own.weight)
    nn.init.normal_(own.bias)
    x = torch.randn(2, 32, side, side).to(memory_format=CHANNELS_LAST)
    wanted = own(x)
    own.to(dtype).__class__ = MapGroupNorm
    found = own(x.to(dtype))
    assert found.is_contiguous(memory_format=CHANNELS_LAST)
    assert torch.allclose(found.float(), wanted, rtol=0.0, atol=1e-6 if dtype == torch.float32 else 0.05)


def test_every_map_stays_channels_last() -> None:
    model = demo_model()
    unet, seen = model.denoiser.unet, []
    kinds = (nn.Conv2d, nn.GroupNorm, MapTransformer)

    def look(module: nn.Module, _inputs: object, output: object) -> None:
        found = output[0] if isinstance(output, tuple) else getattr(output, "sample", output)
        assert isinstance(found, torch.Tensor)
        seen.append((type(module), found.is_contiguous(memory_format=CHANNELS_LAST)))

    hooks = [m.register_forward_hook(look) for m in unet.modules() if isinstance(m, kinds)]
    try:
        latent = torch.randn(2, unet.config.out_channels, 16, 16)
        text = TextStates(torch.randn(2, 8, unet.config.encoder_hid_dim), torch.ones(2, 8, dtype=torch.long))
        with torch.inference_mode():
            model.denoiser(latent, latent, torch.ones(2), text)
    finally:
        for hook in hooks:
            hook.remove()
    assert {kind for kind, _ in seen} >= {MapGroupNorm, MapTransformer}
    assert all(last for _, last in seen)
