"""Prompts read by ComfyUI's own text encoder: UMT5 in core's file, by core's loader, live."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from comfy_client import ComfyClient
from comfy_server import ComfyServer
from core_umt5 import write_core_umt5
from graphs import DENOISE, ENCODE, LOAD, Prompt, play, restyle, shown_file
from live_session import Run
from safetensors.torch import save_file
from sample_clips import make_clip
from tiny_rtr_dit import tiny_autoencoder, tiny_wan, write_demo

CHECKPOINT, FP16, FP8 = (
    "self_forcing_dmd.safetensors",
    "umt5_tiny_fp16.safetensors",
    "umt5_tiny_fp8_scaled.safetensors",
)


@pytest.fixture(scope="module")
def reader(comfyui: Path, pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A ComfyUI with both files, a checkpoint that reads their width, and one that reads its own."""
    base = tmp_path_factory.mktemp("core_text")
    models = base / "models"
    for fp8 in (False, True):
        write_core_umt5(models, base / "custom_nodes", fp8=fp8)
    (models / "stream_models").mkdir(parents=True)
    weights = {f"model.{name}": tensor for name, tensor in tiny_wan(text_dim=4096).state_dict().items()}
    save_file(weights, models / "stream_models" / CHECKPOINT)
    write_demo(models / "stream_models" / "tiny")
    published = tiny_autoencoder(base / "taew", lead=0) / "diffusion_pytorch_model.safetensors"
    (models / "vae").mkdir()
    shutil.copy(published, models / "vae" / "taew_tiny.safetensors")
    both = ("--whitelist-custom-nodes", "livestyle", "small_umt5")
    with pytest.MonkeyPatch.context() as surroundings:
        # Pictures are compared to the bit, and a busy machine gives a product fewer threads: another order.
        surroundings.setenv("OMP_NUM_THREADS", "1")
        with ComfyServer(comfyui, pack, base, folder="livestyle", options=both) as server:
            make_clip(server.input / "clip.mp4", frames=24, size=(64, 48))
            make_clip(server.input / "long.mp4", frames=600, size=(64, 48))
            yield server


def graph(prompt: str, clip: str = "", *, text_encoder: str = "auto", file: str = "clip.mp4") -> Prompt:
    """``clip`` names the file of a CLIPLoader on MLLMEncode."""
    made = restyle(file, CHECKPOINT, prompt=prompt, width=64, height=48, steps=2, strength=0.9)
    made[LOAD]["inputs"] |= {"autoencoder": "taew_tiny.safetensors", "text_encoder": text_encoder}
    if clip:
        made["7"] = {"class_type": "CLIPLoader", "inputs": {"clip_name": clip, "type": "wan"}}
        made[ENCODE]["inputs"]["clip"] = ["7", 0]
    return made


def frames(reader: ComfyServer, prompt: Prompt) -> np.ndarray:
    ended = ComfyClient(reader.url).run(prompt)
    assert ended.status == "success", ended.error
    return play(shown_file(ended, reader.output)["path"]).pixels


def test_a_file_of_core_s_reads_the_prompt_by_itself_and_the_smallest_is_taken(reader: ComfyServer) -> None:
    ended = ComfyClient(reader.url).run(graph("dark water"))
    assert ended.status == "success", ended.error
    assert f"prompts read by {FP8}" in reader.log.read_text(errors="replace")
    taken, chosen = (
        play(shown_file(ended, reader.output)["path"]).pixels,
        frames(reader, graph("dark water", text_encoder=FP16)),
    )
    assert taken.shape == chosen.shape == (24, 48, 64, 3)


def test_clip_reads_as_core_s_own_encode_does(reader: ComfyServer) -> None:
    """The same file by MLLMEncode's clip, by LoadStreamModel, and as a CONDITIONING of CLIPTextEncode."""
    by_clip = frames(reader, graph("dark water", FP16))
    assert np.array_equal(by_clip, frames(reader, graph("dark water", text_encoder=FP16)))
    fixed = graph("", FP16)
    fixed["8"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["7", 0], "text": "dark water"}}
    del fixed[ENCODE]["inputs"]["clip"]
    fixed[ENCODE]["inputs"]["conditioning"] = ["8", 0]
    assert np.array_equal(by_clip, frames(reader, fixed))
    assert not np.array_equal(by_clip, frames(reader, graph("red paper", FP16)))


def test_the_prompt_stays_live_and_a_long_one_is_refused(reader: ComfyServer) -> None:
    run = Run(ComfyClient(reader.url), graph("dark water", FP8, file="long.mp4"))
    run.wait_frames(4)
    session = run.session()
    with session.socket() as socket:
        socket.send(type="set", key=f"{ENCODE}.prompt", value="paper " * 600, seq=1)
        assert "this model reads 512: shorten it" in socket.wait_for("error", seq=1)["message"]
        socket.send(type="set", key=f"{ENCODE}.prompt", value="red paper", seq=2)
        assert socket.wait_for("applied", key=f"{ENCODE}.prompt", seq=2)["frame"] > 0
        session.stop()
    assert run.end().status == "success"


def test_parts_that_are_told_where_to_be_give_the_same_pictures(reader: ComfyServer) -> None:
    """All on the CPU by name, also the text encoder that ComfyUI itself loads."""
    chosen = graph("dark water", text_encoder=FP16)
    parts = ("device", "text_encoder_device", "autoencoder_device")
    chosen[LOAD]["inputs"] |= dict.fromkeys(parts, "cpu")
    assert np.array_equal(frames(reader, chosen), frames(reader, graph("dark water", text_encoder=FP16)))


def test_other_models_say_that_clip_is_not_theirs(reader: ComfyServer) -> None:
    wrong = graph("dark water", FP16)
    wrong[LOAD]["inputs"] |= {"checkpoint": "demo: mllm-edit", "autoencoder": "auto"}
    wrong[DENOISE]["inputs"] |= {"width": 64, "height": 64}
    ended = ComfyClient(reader.url).run(wrong)
    assert ended.status == "error" and "clip is for causal video models" in str(ended.error)
    demo = graph("dark water", FP16)
    demo[LOAD]["inputs"] |= {"checkpoint": "tiny/rtr-dit", "autoencoder": "auto"}
    ended = ComfyClient(reader.url).run(demo)
    assert ended.status == "error" and "clip does not fit this model" in str(ended.error)
