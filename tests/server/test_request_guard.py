"""Which requests are let in, and whose budget they use up."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from route_client import FOREIGN, LINKS, OWNER, PAGE, serve, start
from yarl import URL

from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.server.host_names import HostNames
from livestyle.server.request_guard import REQUESTS

LIST = "/livestyle/sessions"
LINK = LINKS.path("9", "tab")


async def _statuses(client: TestClient, path: str, count: int, **options: Any) -> set[int]:
    return {(await client.get(path, **options)).status for _ in range(count)}


async def _flood(client: TestClient, path: str, **options: Any) -> None:
    """Ask until this side is turned away; a slow machine may need several seconds for it."""
    while 429 not in await _statuses(client, path, 10, **options):
        pass


@pytest.mark.parametrize(
    "headers", [FOREIGN, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}, {"Origin": "http://["}]
)
def test_foreign_requests_use_up_nobodys_budget(registry: SessionRegistry, headers: dict) -> None:
    async def talk(client: TestClient) -> None:
        assert await _statuses(client, LIST, REQUESTS * 4, headers={**PAGE, **headers}) == {403}
        assert (await client.get(LIST, headers=PAGE)).status == 200

    serve(registry, talk)


def test_who_has_a_token_a_secret_or_a_link_is_not_locked_out_by_others(registry: SessionRegistry) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        snapshot, body = f"/livestyle/sessions/{session.id}/snapshot", {"token": session.token}
        for path in (LIST, "/livestyle/watch/9.wrong", f"/livestyle/sessions/{session.id}/ws?token=wrong"):
            await _flood(client, path, headers=PAGE)
            answers = {
                "secret": await client.get(LIST, headers=OWNER),
                "link": await client.get(LINK),
                "token": await client.post(snapshot, json=body),
                "none": await client.post(snapshot, json={"token": "wrong"}),
            }
            statuses = {who: answer.status for who, answer in answers.items()}
            assert statuses.pop("none") in (429, 401)  # 401 where the second is over
            assert set(statuses.values()) <= {200, 409}, statuses

    serve(registry, talk)


def test_a_session_has_a_budget_of_its_own(registry: SessionRegistry) -> None:
    first, second = start(registry), start(registry, client="another")

    async def talk(client: TestClient) -> None:
        assert first.wait(10)  # a later session of a node takes its place
        await _flood(client, LIST, headers=OWNER)
        assert (await client.get(LIST, headers=PAGE)).status == 200
        body = {"token": second.token}
        assert (await client.get(LINK)).status == 200
        assert (await client.post(f"/livestyle/sessions/{second.id}/stop", json=body)).status in (200, 429)

    serve(registry, talk)


@pytest.mark.parametrize(
    ("host", "configured", "allowed"),
    [
        ("127.0.0.1:8188", "", True),
        ("192.168.178.20:8188", "", True),
        ("8.8.8.8", "", True),
        ("[::1]:8188", "", True),
        ("[fe80::1]", "", True),
        ("localhost:8188", "", True),
        ("LOCALHOST.", "", True),
        ("studio.localhost", "", True),
        ("studio", "", True),
        ("studio.local:8188", "", True),
        (f"{socket.gethostname()}:8188", "", True),
        ("", "", True),
        ("evil.example", "", False),
        ("evil.example:8188", "", False),
        ("localhost.evil.example", "", False),
        ("127.0.0.1.evil.example", "", False),
        ("local", "", True),
        ("evillocal.example", "", False),
        ("[", "", False),
        (":8188", "", False),
        ("b\u00fccher", "", False),
        ("a b", "", False),
        ("comfy.example.com", "comfy.example.com", True),
        ("comfy.example.com:8188", " Comfy.Example.com. , other.example", True),
        ("other.example.com", "comfy.example.com", False),
        ("a.example.com", "*.example.com", True),
        ("example.com.evil", "*.example.com", False),
    ],
)
def test_names_of_this_comfyui(host: str, configured: str, allowed: bool) -> None:
    assert HostNames(configured.split(",")).allows(host) is allowed


REBOUND = {"Host": "evil.example:8188"}
"""A page of evil.example whose name now points to this machine; to the browser it is the same origin."""


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (REBOUND, 403),
        ({**REBOUND, "Origin": "http://evil.example:8188"}, 403),
        ({**REBOUND, "Origin": "http://evil.example:8188", "X-Forwarded-Proto": "https"}, 403),
        ({**REBOUND, "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Host": "studio.local:8188", "Origin": "http://studio.local:8188"}, 200),
        ({"Host": "192.168.178.20:8188", "Origin": "http://192.168.178.20:8188"}, 200),
        ({"Host": "192.168.178.20:8188", "Origin": "http://192.168.178.21:8188"}, 403),
        # behind a proxy with a certificate for the name, which nobody else's server has
        ({"Host": "me.proxy.example", "Origin": "https://me.proxy.example"}, 200),
        ({"Host": "me.proxy.example", "Sec-Fetch-Site": "same-origin", "X-Forwarded-Proto": "https"}, 200),
        ({"Host": "me.proxy.example", "Sec-Fetch-Site": "cross-site", "X-Forwarded-Proto": "https"}, 403),
    ],
)
def test_a_foreign_host_is_refused(registry: SessionRegistry, headers: dict, status: int) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        answer = await client.get(LIST, headers={**PAGE, **headers})
        assert answer.status == status and "\n" not in await answer.text()
        link = await client.get(LINK, headers=headers)
        path = f"/livestyle/sessions/{session.id}/stop"
        stop = await client.post(path, json={"token": session.token}, headers=headers)
        assert link.status == stop.status == status

    serve(registry, talk)


@pytest.mark.parametrize("odd", ["%ED%A0%80", "%FF", "%00", "%F0%9F%8E%A8", "a%0Ab", "%252E"])
def test_odd_text_in_an_address_is_refused_in_order(registry: SessionRegistry, odd: str) -> None:
    session = start(registry)

    async def talk(client: TestClient) -> None:
        for path, statuses in {
            f"/livestyle/watch/9.{odd}.x": {401},
            f"/livestyle/watch/{odd}/stream.mjpg": {401},
            f"/livestyle/watch?node={odd}&client=tab": {200, 400},
            f"/livestyle/sessions?client={odd}": {200},
            f"/livestyle/sessions/{odd}/ws": {404},
            f"/livestyle/sessions/{session.id}/ws?token={odd}": {401},
            f"/livestyle/pages/{odd}": {404},
        }.items():
            assert (await client.get(URL(path, encoded=True), headers=PAGE)).status in statuses, path

    serve(registry, talk)


def test_odd_bytes_in_headers_are_refused_in_order(registry: SessionRegistry) -> None:
    async def talk(client: TestClient) -> None:
        for name in ("X-LiveStyle-Client-Secret", "Host", "Origin", "X-LiveStyle"):
            reader, writer = await asyncio.open_connection(client.host, client.port)
            lines = {"Host": "localhost", "X-LiveStyle": "1", "Connection": "close", name: "\xff\xed\xa0\x80"}
            head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
            writer.write(f"GET {LIST} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
            status = int((await reader.readline()).split()[1])
            assert status == (200 if "Secret" in name else 403), name
            writer.close()

    serve(registry, talk)
