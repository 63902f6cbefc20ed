"""The file of presets, version 2: pictures, references and cues, checked like any hostile file."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient
from PIL import Image
from route_client import SECRET, next_frame, next_text, of_type, serve, socket_of, start
from runtime_stubs import read, stylise, write

from livestyle.engine.cues.cue import Cue, CueList
from livestyle.engine.errors import SettingError
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession
from livestyle.server.owners import hash_secret, set_owner
from livestyle.server.preset_bank import bank_json, bank_of, parse_bank
from livestyle.server.prompt_settings import begin_settings

DUSK = {"name": "Dusk", "fade": 2.0, "values": {"2.strength": 0.25}}
HEAD = "data:image/{};base64,"


def _bank(*cues: Any, **preset: Any) -> dict[str, Any]:
    presets = [{**DUSK, **preset}]
    return {"format": "livestyle-presets", "version": 2, "presets": presets, "cues": {"list": list(cues)}}


def _url(kind: str = "webp", size: tuple[int, int] = (96, 54), noise: bool = False, **options: Any) -> str:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    if noise:
        pixels[:] = np.random.default_rng(1).integers(0, 256, pixels.shape)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return HEAD.format(kind) + base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("kind", ["webp", "jpeg"])
def test_a_preset_keeps_its_picture_and_references(kind: str) -> None:
    facts = {
        "picture": _url(kind),
        "references": {"3.reference": "looks/dusk.png", "6.reference": "example: starry night"},
    }
    bank = parse_bank(_bank(**facts))
    assert bank_json(bank)["presets"] == [{**DUSK, **facts}]
    assert parse_bank(bank_json(bank)) == bank


ANIMATED = _url(save_all=True, append_images=[Image.new("RGB", (96, 54), "red")])
SVG = HEAD.format("svg+xml") + base64.b64encode(b"<svg onload='alert(1)'/>").decode()


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (SVG, "data URL of a WebP or JPEG"),
        ("https://example.com/track.png", "data URL"),
        (7, "data URL"),
        (HEAD.format("webp") + "A" * 20_000, "data URL"),
        (HEAD.format("webp") + "not base64!", "can't be decoded"),
        (HEAD.format("webp") + base64.b64encode(b"<svg/>").decode(), "can't be decoded"),
        (HEAD.format("jpeg") + _url("webp").partition(",")[2], "can't be decoded"),
        (HEAD.format("webp") + _url("png").partition(",")[2], "can't be decoded"),
        (_url("jpeg")[:200], "can't be decoded"),
        (_url(size=(97, 50)), "at most 96 x 192"),
        (_url(size=(96, 200)), "at most 96 x 192"),
        (_url(size=(6000, 6000)), "at most 96 x 192|data URL"),
        (ANIMATED, "one still"),
        (_url("jpeg", (96, 192), noise=True, quality=95), "data URL"),
    ],
)
def test_a_hostile_picture_is_refused_in_one_line(picture: Any, told: str) -> None:
    with pytest.raises(SettingError, match=told) as refused:
        parse_bank(_bank(picture=picture))
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "references",
    [7, {"image": "a.png"}, {"7.image": 3}, {"7.image": "../a.png"}, {"7.image": "/etc/passwd"},
     {"7.image": "c:\\a.png"}, {"7.image": "a\nb"}, {f"{n}.image": "a" for n in range(20)}],
)  # fmt: skip
def test_a_reference_is_the_name_of_a_file_in_the_input_folder(references: Any) -> None:
    with pytest.raises(SettingError, match="references|input folder|node id"):
        parse_bank(_bank(references=references))


def test_a_cue_names_a_preset_or_brings_values() -> None:
    dark = {"name": "Dark", "values": {"2.strength": 0}, "when": "cut", "after": 5, "later": 1}
    data = _bank({"preset": "Dusk"}, {"preset": "Dusk", "fade": 0, "when": "bars", "after": 8}, dark)
    data["cues"] |= {"tempo": 90, "beats": 3}
    bank = parse_bank(data)
    by_name = {preset.name: preset for preset in bank.presets}
    assert bank.cues.resolved(by_name) == CueList(
        (
            Cue("Dusk", {"2.strength": 0.25}, 2.0, "hand"),
            Cue("Dusk", {"2.strength": 0.25}, 0.0, "bars", 8),
            Cue("Dark", {"2.strength": 0}, 0.0, "cut"),
        ),
        90,
        3,
    )
    assert parse_bank(bank_json(bank)) == bank


@pytest.mark.parametrize(
    ("cue", "told"),
    [
        (7, "JSON object"),
        ({"preset": "Dawn"}, "one of this file"),
        ({"preset": ["Dusk"]}, "one of this file"),
        ({"values": {}}, "name must be"),
        ({"name": "a", "values": {"strength": 1}}, "node id"),
        ({"preset": "Dusk", "when": "later"}, "when must be"),
        ({"preset": "Dusk", "when": ["cut"]}, "when must be"),
        ({"preset": "Dusk", "when": "frames", "after": 1.5}, "whole number"),
        ({"preset": "Dusk", "when": "seconds", "after": float("nan")}, "after must be"),
        ({"preset": "Dusk", "when": "bars", "after": -1}, "after must be"),
        ({"preset": "Dusk", "fade": 601}, "fade must be"),
    ],
)
def test_a_hostile_cue_is_refused_in_one_line(cue: Any, told: str) -> None:
    with pytest.raises(SettingError, match=f"Cue 1: .*{told}"):
        parse_bank(_bank(cue))


def test_a_prompt_brings_presets_and_cues() -> None:
    session = StreamSession(write(stylise(read())), lambda handle: None)
    meta = {"livestyle_presets": _bank({"preset": "Dusk", "when": "frames", "after": 8})}
    begin_settings(session, {session.node_id: {"class_type": "FrameStreamIO", "_meta": meta}})
    assert [preset.name for preset in bank_of(session).presets] == ["Dusk"]
    piece = StreamSession(
        write(stylise(read())), lambda handle: None
    )  # of a render farm: a writer of its own
    begin_settings(piece, {"other": {"class_type": "FrameStreamIO", "_meta": meta}})
    assert bank_of(piece) == bank_of(session)
    assert session.store.cues.status().items() >= {"count": 1, "next": "Dusk", "due": {"frame": 8}}.items()
    with pytest.raises(SettingError, match="no file of presets"):
        begin_settings(session, {session.node_id: {"_meta": {"livestyle_presets": []}}})
    assert session.wait(1) and session.state == "cancelled"


def test_a_page_plays_cues_and_is_told_where_they_stand(registry: SessionRegistry) -> None:
    session = start(registry)
    set_owner(session, write(stylise(read())), "tab", hash_secret(SECRET))
    own = {"token": session.token}
    base = f"/livestyle/sessions/{session.id}"

    async def talk(client: TestClient) -> None:
        async with socket_of(client, session) as socket:
            await socket.send_json({"type": "credit", "n": 1})
            live = await next_text(socket, of_type("live"))
            assert live["cues"]["count"] == 0
            await next_frame(socket)
            refused = await client.post(f"{base}/live", json={**own, "action": "go"})
            assert refused.status == 409 and "no cues" in await refused.text()
            bank = _bank({"preset": "Dusk"}, {"preset": "Dusk"})
            assert (await client.post(f"{base}/presets", json={**own, "bank": bank})).status == 200
            assert (await next_text(socket, of_type("cues")))["cues"]["next"] == "Dusk"
            for on in (True, False):
                done = await client.post(f"{base}/live", json={**own, "action": "hold", "on": on})
                assert done.status == 200
                assert (await next_text(socket, of_type("cues")))["cues"]["held"] is on
            assert (await client.post(f"{base}/live", json={**own, "action": "go"})).status == 200
            told = await next_text(socket, lambda text: text["type"] == "received" and "fade" in text)
            assert told["key"] == "2.strength" and told["value"] == 0.25 and told["fade"] == 2
            state = await (await client.get(f"{base}/live?token={session.token}")).json()
            assert state["cues"]["now"] == 0 and state["cues"]["name"] == "Dusk"

    serve(registry, talk)
