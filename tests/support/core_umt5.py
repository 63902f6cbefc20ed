"""UMT5 in the one file that ComfyUI reads, with random weights: core's classes, made small.

Core knows the file by its 24 layers and 4096 channels (newer versions by 10240 hidden ones) and builds what
its description says, so the server gets a pack of its own that makes the description as small as the file.
"""

from __future__ import annotations

import json
from pathlib import Path

import sentencepiece
import torch
from safetensors.torch import save_file

WIDTH, LAYERS, INNER, HEADS, HIDDEN = 4096, 24, 8, 2, 16
WORDS = "paint picture colour sketch light dark water stone glass paper red blue green oil pencil the a of in"

SHRINK = '''"""Makes core's UMT5 as small as the test's file."""

import json
import os

import comfy.sd as sd
import comfy.text_encoders.wan as wan

NODE_CLASS_MAPPINGS = {}
here = os.path.dirname(os.path.realpath(__file__))
whole = wan.UMT5XXlModel.__init__
known = sd.detect_te_model


def small(self, *arguments, model_options={}, **options):
    with open(os.path.join(here, "small.json")) as file:
        sizes = json.load(file)
    name = model_options.get("model_name", "umt5xxl")
    changed = {"model_name": name, f"{name}_model_config": sizes}
    whole(self, *arguments, model_options={**model_options, **changed}, **options)


def detected(weights):
    return sd.TEModel.T5_XXL if "spiece_model" in weights else known(weights)


wan.UMT5XXlModel.__init__ = small
sd.detect_te_model = detected
'''


def write_core_umt5(models: Path, packs: Path, *, fp8: bool = False) -> str:
    """``models/text_encoders/umt5_tiny.safetensors``, and the pack that makes core take it; its name.

    Args:
        fp8: weights in eight bits with a scale, as the published ``fp8_e4m3fn_scaled`` has them.
    """
    folder = models / "text_encoders"
    folder.mkdir(parents=True, exist_ok=True)
    spiece = _tokenizer(folder)
    vocabulary = sentencepiece.SentencePieceProcessor(model_proto=spiece).vocab_size()
    torch.manual_seed(5)
    tensors: dict[str, torch.Tensor] = {
        "shared.weight": torch.randn(vocabulary, WIDTH),
        "encoder.final_layer_norm.weight": torch.ones(WIDTH),
        "spiece_model": torch.frombuffer(bytearray(spiece), dtype=torch.uint8).clone(),
    }
    for layer in range(LAYERS):
        attention, feed = (f"encoder.block.{layer}.layer.{number}" for number in (0, 1))
        matrices = {f"{attention}.SelfAttention.{part}": (INNER, WIDTH) for part in "qkv"}
        matrices |= {
            f"{attention}.SelfAttention.o": (WIDTH, INNER),
            f"{feed}.DenseReluDense.wi_0": (HIDDEN, WIDTH),
            f"{feed}.DenseReluDense.wi_1": (HIDDEN, WIDTH),
            f"{feed}.DenseReluDense.wo": (WIDTH, HIDDEN),
        }
        for name, shape in matrices.items():
            weight = torch.randn(shape) * shape[1] ** -0.5
            if fp8:
                scale = weight.abs().max() / 448.0
                tensors[f"{name}.scale_weight"] = scale.reshape(())
                tensors[f"{name}.weight"] = (weight / scale).to(torch.float8_e4m3fn)
            else:
                tensors[f"{name}.weight"] = weight.half()
        tensors[f"{attention}.SelfAttention.relative_attention_bias.weight"] = torch.randn(32, HEADS)
        tensors |= {f"{part}.layer_norm.weight": torch.ones(WIDTH) for part in (attention, feed)}
    if fp8:
        tensors["scaled_fp8"] = torch.empty(0, dtype=torch.float8_e4m3fn)
    name = f"umt5_tiny_{'fp8_scaled' if fp8 else 'fp16'}.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / name)
    pack = packs / "small_umt5"
    pack.mkdir(parents=True, exist_ok=True)
    (pack / "__init__.py").write_text(SHRINK)
    sizes = {"d_ff": HIDDEN, "d_kv": INNER // HEADS, "num_heads": HEADS, "vocab_size": vocabulary}
    (pack / "small.json").write_text(json.dumps(sizes))
    return name


def _tokenizer(folder: Path) -> bytes:
    """A sentencepiece model of a few words; padding is 0 and the end 1, as UMT5 has them."""
    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(WORDS.split() * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tiny"),
        vocab_size=60,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    model = (folder / "tiny.model").read_bytes()
    for leftover in (corpus, folder / "tiny.model", folder / "tiny.vocab"):
        leftover.unlink()
    return model
