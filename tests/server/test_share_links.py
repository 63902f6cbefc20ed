"""Addresses for OBS: signed, lasting, and showing only; and the stream behind them."""

from __future__ import annotations

import asyncio
import re
import stat
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from route_client import FOREIGN, LINKS, PAGE, serve, start
from yarl import URL

from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.server.connection_limit import MOST_PAGES
from livestyle.server.mjpeg import BOUNDARY
from livestyle.server.share_links import SECRET_BYTES, SharedNode, ShareLinks, load_secret

WRITER = "9"
ADDRESS = f"/livestyle/watch?node={WRITER}&client=tab"


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_key_names_its_node_and_owner_but_not_the_client(node_id: str, client: str) -> None:
    shared = SharedNode(node_id, LINKS.client_hash(client))
    assert LINKS.read(LINKS.key(shared)) == shared
    assert LINKS.client_hash("the tab's id") not in ("the tab's id", LINKS.client_hash("another"))


@given(st.text())
def test_any_other_key_names_none(key: str) -> None:
    assert LINKS.read(key) is None


def test_keys_of_another_secret_are_worth_nothing() -> None:
    shared = SharedNode("5", LINKS.client_hash("tab"))
    assert LINKS.read(ShareLinks(b"another").key(shared)) is None
    assert LINKS.key(shared) != LINKS.key(SharedNode("6", shared.client_hash))
    assert LINKS.read(LINKS.key(shared).replace(shared.client_hash, LINKS.client_hash("another"))) is None


def test_the_secret_outlives_the_process(tmp_path: Path) -> None:
    file = tmp_path / "livestyle" / "watch.key"
    secret = load_secret(file)
    assert len(secret) == SECRET_BYTES and load_secret(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_secret_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "watch.key"
    file.write_bytes(b"")
    assert len(load_secret(file)) == SECRET_BYTES


async def _address(client: TestClient) -> str:
    answer = await client.get(ADDRESS, headers=PAGE)
    return (await answer.json())["path"]


async def _pictures(answer: ClientResponse, count: int) -> list[bytes]:
    """The next JPEGs of a stream."""
    pictures = []
    while len(pictures) < count:
        line = await asyncio.wait_for(answer.content.readline(), 10)
        if line.startswith(b"Content-Length"):
            length = int(line.split(b":")[1])
            await answer.content.readline()
            pictures.append(await answer.content.readexactly(length))
    return pictures


def test_who_may_ask_for_an_address(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        for path, headers, status in (
            (ADDRESS, {}, 403),
            (ADDRESS, {**PAGE, **FOREIGN}, 403),
            ("/livestyle/watch", PAGE, 400),
            ("/livestyle/watch?node=9", PAGE, 400),
            ("/livestyle/watch?node=9&client=", PAGE, 400),
            (f"/livestyle/watch?node={'9' * 300}&client=tab", PAGE, 400),
            (ADDRESS, PAGE, 200),
        ):
            assert (await client.get(path, headers=headers)).status == status

    serve(registry, talk)


@pytest.mark.parametrize("part", ["", "/stream.mjpg"])
def test_a_wrong_key_or_a_foreign_page_sees_nothing(registry: SessionRegistry, part: str) -> None:
    key = quote(LINKS.key(SharedNode(WRITER, LINKS.client_hash("tab"))))

    async def talk(client: TestClient) -> None:
        for wrong in ("9.wrong", "9", key[:-1], f"8{key[1:]}", quote("../../etc/passwd", safe="")):
            assert (await client.get(f"/livestyle/watch/{wrong}{part}")).status == 401
        for headers in (FOREIGN, {"Sec-Fetch-Site": "cross-site"}):
            assert (await client.get(f"/livestyle/watch/{key}{part}", headers=headers)).status == 403

    serve(registry, talk)


def test_the_page_shows_the_stream_of_its_own_address(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        answer = await client.get(await _address(client))
        text = await answer.text()
        assert answer.content_type == "text/html" and "/stream.mjpg" in text and "token" not in text

    serve(registry, talk)


@pytest.mark.parametrize("part", ["", "/webrtc"])
def test_a_page_finds_its_style_and_script(registry: SessionRegistry, part: str) -> None:
    async def talk(client: TestClient) -> None:
        page = await client.get(await _address(client) + part)
        wanted = re.findall(r'(?:href|src)="([^"]+)"', await page.text())
        kinds = []
        for relative in wanted:
            answer = await client.get(page.url.join(URL(relative)).path)
            assert answer.status == 200 and await answer.text()
            kinds.append(answer.content_type)
        assert kinds == ["text/css", "text/javascript"]

    serve(registry, talk)


@pytest.mark.parametrize("name", ["share_mjpeg.html", "..%2Fjs%2Fuplink.mjs", "%2Fetc%2Fpasswd", "none.css"])
def test_no_other_file_is_served(registry: SessionRegistry, name: str) -> None:
    async def talk(client: TestClient) -> None:
        assert (await client.get(URL(f"/livestyle/pages/{name}", encoded=True))).status == 404

    serve(registry, talk)


def test_the_stream_goes_on_from_run_to_run(registry: SessionRegistry, tmp_path: Path) -> None:
    async def talk(client: TestClient) -> None:
        async with client.get(f"{await _address(client)}/stream.mjpg") as answer:
            assert BOUNDARY.decode() in answer.headers["Content-Type"]
            (black,) = await _pictures(answer, 1)
            assert _size(black, tmp_path) == (160, 90)
            for size in ((64, 48), (96, 80)):
                session = start(registry, size=size)
                while _size((await _pictures(answer, 1))[0], tmp_path) != size:
                    pass
                first, second = await _pictures(answer, 2)
                assert first != second
                session.cancel()
                # The last picture stands.
                assert _size((await _pictures(answer, 3))[-1], tmp_path) == size

    serve(registry, talk)


def test_another_tabs_session_is_not_shown(registry: SessionRegistry, tmp_path: Path) -> None:
    async def talk(client: TestClient) -> None:
        start(registry, size=(64, 48))
        async with client.get(f"{await _address(client)}/stream.mjpg") as answer:
            while _size((await _pictures(answer, 1))[0], tmp_path) != (64, 48):
                pass
            another = start(registry, client="another", size=(96, 80))
            while another.preview.latest() is None:
                await asyncio.sleep(0.1)
            # The last picture stands, though the same node plays in another tab.
            assert _size((await _pictures(answer, 4))[-1], tmp_path) == (64, 48)

    serve(registry, talk)


def _size(jpeg: bytes, folder: Path) -> tuple[int, int]:
    (folder / "picture.jpg").write_bytes(jpeg)
    with Image.open(folder / "picture.jpg") as picture:
        return picture.size


def test_only_so_many_watch(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        address = f"{await _address(client)}/stream.mjpg"
        watchers = [await client.get(address) for _ in range(MOST_PAGES)]
        assert (await client.get(address)).status == 429
        watchers.pop().close()
        while (answer := await client.get(address)).status == 429:
            await asyncio.sleep(0.2)
        for each in (*watchers, answer):
            each.close()

    serve(registry, talk)
