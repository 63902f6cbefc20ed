"""Checkpoints in pieces, from the folders where ComfyUI keeps such files, on a real ComfyUI."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from diffusers import AutoencoderTiny
from graphs import DENOISE, ENCODE, LOAD, READ, Prompt, play, restyle, shown_file, workflow
from live_session import Run
from safetensors.torch import save_file
from sample_clips import make_clip
from tiny_checkpoint import write_tiny_checkpoint
from tiny_lora import write_lora

from livestyle.engine.families.mllm_edit.unet import load_unet

STRENGTH = f"{LOAD}.lora_strength"


@dataclass(frozen=True)
class Pieces:
    """Names as the widgets offer them."""

    checkpoint: str
    autoencoder: str
    text_encoder: str
    lora: str


@pytest.fixture(scope="module")
def pieces(server: ComfyServer) -> Pieces:
    """A random checkpoint whose autoencoder and text encoder lie in ComfyUI's own folders, and a LoRA."""
    models = server.base / "models"
    folders = {name: models / name for name in ("stream_models", "vae_approx", "text_encoders", "loras")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    tiny = write_tiny_checkpoint(folders["stream_models"])
    vae = AutoencoderTiny.from_pretrained(folders["stream_models"] / "tiny-vae")
    last = vae.decoder.layers[-1]  # random pictures are almost black: H.264 would swallow what differs
    with torch.no_grad():
        last.weight.mul_(30.0)
        last.bias.fill_(0.5)
    for half, shift in (("encoder", 0), ("decoder", 1)):
        tensors = {}
        for key, value in getattr(vae, half).layers.state_dict().items():
            number, _, rest = key.partition(".")
            tensors[f"{int(number) + shift}.{rest}"] = value.contiguous()
        save_file(tensors, folders["vae_approx"] / f"tiny_{half}.safetensors")
    shutil.move(
        tiny / "text_encoder" / "model.safetensors", folders["text_encoders"] / "tiny_text.safetensors"
    )
    shutil.rmtree(folders["stream_models"] / "tiny-vae")
    write_lora(
        load_unet(tiny / "unet", torch.float32), folders["loras"] / "lcm.safetensors", "kohya", alpha=40
    )
    return Pieces("tiny", "tiny_decoder.safetensors", "tiny_text.safetensors", "lcm.safetensors")


def graph(clip: str, pieces: Pieces, **load: object) -> Prompt:
    prompt = restyle(clip, pieces.checkpoint, prompt="paper sketch")
    prompt[LOAD]["inputs"] |= {
        "autoencoder": pieces.autoencoder,
        "text_encoder": pieces.text_encoder,
        "dtype": "fp32",
        **load,
    }
    return prompt


def pixels(server: ComfyServer, client: ComfyClient, prompt: Prompt) -> np.ndarray:
    ended = client.run(prompt)
    assert ended.status == "success", ended.error
    return play(shown_file(ended, server.output)["path"]).pixels.astype(int)


def test_pieces_make_a_model_and_a_lora_acts(
    server: ComfyServer, client: ComfyClient, pieces: Pieces, clip: str
) -> None:
    plain = pixels(server, client, graph(clip, pieces))
    assert plain.shape == (24, 96, 128, 3)
    off, full = (
        pixels(server, client, graph(clip, pieces, lora=pieces.lora, lora_strength=strength))
        for strength in (0.0, 1.0)
    )
    assert np.array_equal(off, plain)
    assert np.abs(full - plain).mean() > 0.5


def test_without_its_pieces_the_checkpoint_says_what_it_lacks(
    client: ComfyClient, pieces: Pieces, clip: str
) -> None:
    ended = client.run(graph(clip, pieces, autoencoder="auto"))
    assert ended.status == "error" and "Checkpoint tiny lacks vae" in ended.error


def test_a_loras_strength_changes_while_the_stream_plays(
    client: ComfyClient, pieces: Pieces, long_clip: str
) -> None:
    run = Run(client, graph(long_clip, pieces, lora=pieces.lora))
    run.wait_frames(2)
    with run.session().socket() as socket:
        socket.send(type="set", key=STRENGTH, value=0.25, seq=1)
        assert socket.wait_for("received", key=STRENGTH, seq=1)["value"] == 0.25
        assert socket.wait_for("applied", key=STRENGTH, seq=1)["frame"] >= 0
        socket.send(type="set", key=STRENGTH, value=9, seq=2)
        assert "\n" not in socket.wait_for("error")["message"]
    client.interrupt()
    run.end()


def test_a_release_is_not_fetched_without_consent(
    server: ComfyServer, client: ComfyClient, clip: str
) -> None:
    ended = client.run(restyle(clip, "DreamLite-mobile"))
    assert ended.status == "error"
    assert "switch on download" in ended.error and "CC BY-NC 4.0" in ended.error
    assert not (Path(server.base) / "models" / "stream_models" / "DreamLite-mobile").exists()


def test_the_low_memory_template_runs(server: ComfyServer, client: ComfyClient, checkpoint: str) -> None:
    prompt = workflow("low_memory")
    assert prompt[ENCODE]["inputs"]["te_batch_one"] and prompt[DENOISE]["inputs"]["chunk"] == 2
    make_clip(server.input / prompt[READ]["inputs"]["file"], frames=5, size=(192, 112))
    prompt[LOAD]["inputs"]["checkpoint"] = checkpoint
    assert pixels(server, client, prompt).shape == (5, 160, 256, 3)
