"""Only the page that runs a session gets at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import websocket
from comfy_client import ComfyClient, ComfyError
from comfy_fixtures import StartServer
from graphs import generate
from live_session import Run, Session

FOREIGN = "http://evil.example"


@pytest.fixture(scope="module")
def session(server_url: str, checkpoint: str) -> Iterator[Session]:
    """A running session, which has no end: one of the tests starts a ComfyUI meanwhile."""
    client = ComfyClient(server_url)
    run = Run(client, generate(checkpoint))
    run.wait_frames(1)
    yield run.session()
    client.interrupt()
    run.end()


def _status(call: object, *arguments: object, **options: object) -> int:
    with pytest.raises(ComfyError) as refused:
        call(*arguments, **options)
    assert "Traceback" not in str(refused.value)
    return refused.value.status


def test_tokens_are_long_and_differ(session: Session) -> None:
    assert len(session.token) >= 32 and session.token != session.id


def test_stop_needs_the_token(session: Session) -> None:
    assert _status(session.stop, token="") == 401
    assert _status(session.stop, token=session.token[:-1] + "!") == 401
    assert session.state() == "running"


def test_stop_refuses_a_foreign_page(session: Session) -> None:
    assert _status(session.stop, headers={"Origin": FOREIGN}) == 403
    assert session.state() == "running"


def test_stop_of_an_unknown_session(session: Session) -> None:
    assert _status(Session(session.url, "0" * 32, session.token).stop) == 404


def test_stop_takes_json_only(session: Session) -> None:
    # what a form on a foreign page could send
    assert _status(session.stop, headers={"Content-Type": "text/plain"}) == 415


@pytest.mark.parametrize("body", [[], "token", {}, {"token": 3}, {"token": None}])
def test_stop_with_a_malformed_body(session: Session, body: object) -> None:
    path = f"/livestyle/sessions/{session.id}/stop"
    assert _status(ComfyClient(session.url).request, path, body) in (400, 401)
    assert session.state() == "running"


def test_the_list_is_for_the_own_page(session: Session) -> None:
    client = ComfyClient(session.url)
    assert _status(client.request, "/livestyle/sessions") == 403
    headers = {"X-LiveStyle": "1", "Origin": FOREIGN}
    assert _status(client.request, "/livestyle/sessions", headers=headers) == 403


def test_the_list_is_for_names_of_this_comfyui(session: Session) -> None:
    client = ComfyClient(session.url)
    rebound = {"X-LiveStyle": "1", "Host": "evil.example"}
    assert _status(client.request, "/livestyle/sessions", headers=rebound) == 403
    client.request("/livestyle/sessions", headers={**rebound, "Host": "192.168.178.20:8188"})


def test_the_user_names_further_hosts(start_server: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVESTYLE_HOSTS", "comfy.example, *.studio.example")
    server = start_server()
    try:
        client = ComfyClient(server.url)
        for host in ("comfy.example", "a.studio.example:80"):
            client.request("/livestyle/sessions", headers={"X-LiveStyle": "1", "Host": host})
        refused = {"X-LiveStyle": "1", "Host": "evil.example"}
        assert _status(client.request, "/livestyle/sessions", headers=refused) == 403
    finally:
        server.stop()


@pytest.mark.parametrize("token", ["", "wrong"])
def test_the_socket_needs_the_token(session: Session, token: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused, session.socket(token=token):
        pass
    assert refused.value.status_code == 401


def test_the_socket_refuses_a_foreign_page(session: Session) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused, session.socket(origin=FOREIGN):
        pass
    assert refused.value.status_code == 403


def test_an_oversized_message_closes_the_socket(session: Session) -> None:
    # The server may hang up before it has read all of it, and then TCP resets instead of closing.
    with session.socket() as socket:
        socket.send(type="set", key="3.prompt", value="x" * 70_000)
        with pytest.raises((EOFError, ConnectionResetError)) as closed:
            socket.wait_for("nothing")
    if closed.type is EOFError:
        assert closed.value.args == (1009,)
    assert session.state() == "running"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '{"type": "nonsense"}', '{"type": "set"}', '{"type": "credit", "n": "x"}'],
)
def test_a_malformed_message_gets_one_line_and_the_socket_stays(session: Session, text: str) -> None:
    with session.socket() as socket:
        socket.connection.send(text)
        assert "\n" not in socket.wait_for("error")["message"]
        socket.send(type="credit", n=1)
        assert socket.wait_for("frame")["jpeg"][:2] == b"\xff\xd8"
