"""What the nodes read and write stays in ComfyUI's folders, and every text they refuse is a line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_clips import make_clip

from livestyle.engine.errors import LiveStyleError, MediaError, SettingError

RunNode = Callable[..., Any]
TEXT = st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp", "Lu", "Po"]), max_size=12)


@pytest.fixture(scope="module")
def media(comfy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside ComfyUI's with a clip and a folder of pictures; links lead there from the input."""
    outside = tmp_path_factory.mktemp("elsewhere")
    make_clip(outside / "clip.mp4", frames=3)
    (comfy / "input" / "link.mp4").symlink_to(outside / "clip.mp4")
    (comfy / "input" / "linked").symlink_to(outside)
    (comfy / "input" / "slides").mkdir()
    (comfy / "input" / "slides" / "1.png").symlink_to(outside / "secret.png")
    (comfy / "output" / "linked").symlink_to(outside)
    make_clip(comfy / "input" / "own.mp4", frames=3)
    (comfy / "input" / "second.mp4").symlink_to(comfy / "input" / "own.mp4")
    (comfy / "output" / "taken").write_bytes(b"a file")
    return outside


@pytest.fixture
def allowed(comfy: Path, media: Path) -> Iterator[None]:
    """``stream_media`` of extra_model_paths.yaml names the other folder."""
    import folder_paths

    folder_paths.add_model_folder_path("stream_media", str(media))
    yield
    del folder_paths.folder_names_and_paths["stream_media"]


def _refused(run_node: RunNode, **inputs: Any) -> str:
    with pytest.raises(LiveStyleError) as refused:
        run_node("FrameStreamIO", "1", **inputs)
    line = str(refused.value)
    assert "\n" not in line and line.encode()
    return line


@pytest.mark.parametrize("path", ["link.mp4", "linked/clip.mp4", "linked", "slides"])
def test_a_link_out_of_the_folders_is_refused(run_node: RunNode, media: Path, path: str) -> None:
    line = _refused(run_node, path=path)
    assert "through a link" in line and "extra_model_paths.yaml" in line and str(media) not in line


def test_a_link_inside_the_folders_is_followed(run_node: RunNode, media: Path, comfy: Path) -> None:
    (plan, *_) = run_node("FrameStreamIO", "1", file="second.mp4").args
    assert Path(plan.operation.source.location) == (comfy / "input" / "own.mp4").resolve()


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("path", ["link.mp4", "linked/clip.mp4", "{}/clip.mp4"])
def test_a_folder_that_comfyui_settings_name_may_be_read(run_node: RunNode, media: Path, path: str) -> None:
    (plan, *_) = run_node("FrameStreamIO", "1", path=path.format(media)).args
    assert Path(plan.operation.source.location) == (media / "clip.mp4").resolve()


def test_the_input_folder_may_be_a_link_itself(
    run_node: RunNode, media: Path, comfy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import folder_paths

    (tmp_path / "link").symlink_to(comfy / "input")
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path / "link"))
    (plan, *_) = run_node("FrameStreamIO", "1", file="own.mp4").args
    assert Path(plan.operation.source.location) == (comfy / "input" / "own.mp4").resolve()
    assert "outside" in _refused(run_node, path=str(media / "clip.mp4"))


PREFIXES = {
    "a line break": ("one\ntwo", "line break"),
    "a NUL": ("one\0two", "odd character"),
    "a lone surrogate": ("one\ud800", "broken character"),
    "a name of Latin-1 bytes": ("caf\udce9", "broken character"),
    "a hidden file": (".hidden", "dot"),
    "a hidden folder": ("a/.git/b", "dot"),
    "300 characters": ("x" * 300, "shorten"),
    "300 characters of folder": ("x" * 300 + "/a", "shorten"),
    "100 characters of four bytes": ("\N{GRINNING FACE}" * 100, "shorten"),
    "out of the folder": ("../x", "inside"),
    "absolute": ("/tmp/x", "inside"),
    "out by a link": ("linked/x", "inside"),
    "a file as folder": ("taken/x", "choose another"),
    "nothing": (" ", "inside"),
}


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize("case", PREFIXES)
def test_a_prefix_is_refused_by_the_node_before_anything_is_loaded(run_node: RunNode, case: str) -> None:
    prefix, word = PREFIXES[case]
    (plan, *_) = run_node("FrameStreamIO", "1", file="own.mp4").args
    line = _refused(run_node, frames=plan, filename_prefix=prefix)
    assert "filename_prefix" in line and word in line and len(line) < 250


@settings(max_examples=20)
@given(text=TEXT)
def test_any_text_in_any_text_widget_is_taken_or_refused_in_a_line(
    run_node: RunNode, node_classes: dict[str, Any], media: Path, text: str
) -> None:
    known = {"MLLMEncode": ("prompt",), "FrameStreamIO": ("file", "path", "url", "device", "source")}
    known["LoadStreamModel"] = ("checkpoint", "autoencoder", "lora", "dtype")
    for kind, widgets in known.items():
        for widget in widgets:
            inputs = {"checkpoint": "none"} if kind == "LoadStreamModel" else {}
            inputs |= {"prompt": ""} if kind == "MLLMEncode" else {}
            inputs |= {"source": "network"} if widget == "url" else {}
            try:
                run_node(kind, "1", **{**inputs, widget: text})
            except LiveStyleError as refused:
                assert "\n" not in str(refused) and str(refused).encode()


def test_an_unexpected_error_becomes_a_line_that_can_be_encoded(node_classes: dict[str, Any]) -> None:
    from livestyle.nodes.host import plain_errors

    @plain_errors
    def fails(kind: type[Exception], led_to_it: bool) -> None:
        try:
            raise ValueError("half \ud800")
        except ValueError as error:
            raise kind("and \udcff") from (error if led_to_it else None)

    for kind, expected in (
        (KeyError, LiveStyleError),
        (MediaError, MediaError),
        (SettingError, SettingError),
    ):
        with pytest.raises(expected) as raised:
            fails(kind, True)
        assert raised.value.__cause__ is None and raised.value.__context__ is None
        assert "\\udcff" in str(raised.value)


def test_a_checkpoint_folder_may_hold_names_in_another_encoding(comfy: Path, tmp_path: Path) -> None:
    from livestyle.nodes.checkpoints import fingerprint

    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_bytes(b"x")
    assert len(fingerprint(str(tmp_path))) == 16
