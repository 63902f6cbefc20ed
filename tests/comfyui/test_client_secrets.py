"""Who queued a prompt with a secret gets the session's token, and nobody else."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from comfy_client import ComfyClient, ComfyError
from graphs import restyle
from live_session import Run, Session


def test_the_token_is_for_the_client_with_the_secret(
    server_url: str, checkpoint: str, long_clip: str
) -> None:
    """Others learn the client's id and the secret's hash from /queue, and may hear its events."""
    owner, other = ComfyClient(server_url, "a secret of 24 letters.."), ComfyClient(server_url)
    run = Run(owner, restyle(long_clip, checkpoint))
    run.wait_frames(1)
    event = run.wait_for(lambda event: event["type"] == "livestyle.session")["data"]
    assert event["token"] == ""

    (running,) = other.request("/queue")["queue_running"]
    assert owner.secret not in json.dumps(running)
    shown = running[3]

    def tokens(secret: str, query: str = "") -> list[str]:
        headers = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": secret}
        return [
            one["token"] for one in other.request(f"/livestyle/sessions{query}", headers=headers)["sessions"]
        ]

    for known in ("", *(text for text in shown.values() if isinstance(text, str)), other.id):
        assert tokens(known) == tokens(known, f"?client={shown['client_id']}") == [""]
    (token,) = tokens(owner.secret)
    Session(server_url, event["session"], token).stop()
    assert run.end().status == "success"
    with pytest.raises(ComfyError) as refused:
        Session(server_url, event["session"], token).stop()
    assert refused.value.status == 404


def test_nobody_starts_a_session_in_anothers_name(server_url: str, checkpoint: str, long_clip: str) -> None:
    victim, other = ComfyClient(server_url, "the victim's secret"), ComfyClient(server_url)
    stolen = {"livestyle_owner": hashlib.sha256(victim.secret.encode()).hexdigest()}
    prompt = {"prompt": restyle(long_clip, checkpoint), "client_id": victim.id, "extra_data": stolen}
    prompt_id = other.request("/prompt", prompt)["prompt_id"]
    headers = {"X-LiveStyle": "1", "X-LiveStyle-Client-Secret": victim.secret}
    while not (listed := victim.request("/livestyle/sessions", headers=headers)["sessions"]):
        time.sleep(0.1)
    other.interrupt()
    assert [one["token"] for one in listed] == [""]
    victim.wait(prompt_id)
