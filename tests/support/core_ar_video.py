"""Writes what ComfyUI's own causal sampler makes of random tiny weights, by hand, from a checkout of 0.33.0::

    python tests/support/core_ar_video.py CHECKOUT tests/data/core_ar_video.safetensors

Core's ``sample_ar_video`` (behind SamplerARVideo) and its ``CausalWanModel`` run; only the wrapper between
them, which turns a velocity into a picture, is written out here. All in fp32.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import torch
from safetensors.torch import save_file

CHANNELS, SIDE, SEED = 4, 4, 7
SIZES = {"dim": 24, "ffn_dim": 32, "freq_dim": 16, "text_dim": 8}
HEADS, LAYERS = 2, 2
SIGMAS = (1.0, 0.9375, 0.833333, 0.625, 0.0)
CASES = {"chunk_wise": (3, 9, 0), "frame_wise": (1, 5, 0), "from_picture": (1, 5, 1)}
"""Latents of a block, of the clip, and of the picture before it."""


def main(checkout: str, out: str) -> None:
    """Run core on every case and write inputs, noises and outputs."""
    sys.path.insert(0, checkout)
    sys.argv = [sys.argv[0], "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    import comfy.ops
    from comfy.k_diffusion.sampling import sample_ar_video
    from comfy.ldm.wan.ar_model import CausalWanModel

    torch.manual_seed(0)
    net = CausalWanModel(
        in_dim=CHANNELS,
        out_dim=CHANNELS,
        num_heads=HEADS,
        num_layers=LAYERS,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
        **SIZES,
    ).eval()
    for name, parameter in net.named_parameters():
        value = torch.randn_like(parameter) * (0.2 if parameter.ndim > 1 else 1.0)
        if name.endswith(("norm_q.weight", "norm_k.weight", "norm3.weight")):
            value = value.abs() + 0.5
        parameter.data = value.half().float()  # what is written is what has run
    tensors = {f"weights/{name}": tensor.half() for name, tensor in net.state_dict().items()}
    text = torch.randn(1, 6, SIZES["text_dim"])
    tensors["text"] = text
    inner = SimpleNamespace(
        diffusion_model=net, get_dtype=lambda: torch.float32, process_latent_in=lambda x: x
    )

    class Denoiser:
        inner_model = SimpleNamespace(inner_model=inner)

        def __call__(self, x: torch.Tensor, sigma: torch.Tensor, **more: dict) -> torch.Tensor:
            options = more["model_options"]["transformer_options"]
            velocity = net(x, sigma * 1000.0, text, transformer_options=options)
            return x - sigma.view(-1, 1, 1, 1, 1) * velocity

    for case, (block, length, picture) in CASES.items():
        noise = torch.randn(1, CHANNELS, length, SIDE, SIDE)
        config = {"initial_latent": torch.randn(1, CHANNELS, picture, SIDE, SIDE)} if picture else {}
        options = {"model_options": {"transformer_options": {"ar_config": config}}, "seed": SEED}
        made = sample_ar_video(
            Denoiser(), noise, torch.tensor(SIGMAS), options, disable=True, num_frame_per_block=block
        )
        tensors |= {f"{case}/noise": noise, f"{case}/made": made}
        for number in range((length - picture) // block):
            for step in range(len(SIGMAS) - 2):
                torch.manual_seed(SEED + 1000 * number + step)
                tensors[f"{case}/fresh/{number}/{step}"] = torch.randn(1, CHANNELS, block, SIDE, SIDE)
        if picture:
            tensors[f"{case}/picture"] = config["initial_latent"]
    from comfyui_version import __version__

    said = {"comfyui": __version__, "command": "python tests/support/core_ar_video.py CHECKOUT OUT"}
    said |= {"heads": str(HEADS), "sigmas": json.dumps(SIGMAS), "cases": json.dumps(CASES)}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out, said)


if __name__ == "__main__":
    main(*sys.argv[1:])
