"""What a shared file must not tell."""

from __future__ import annotations

import json

import pytest

from livestyle.server.secrets import without_secrets


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("rtmp://live.example.com/app/secret-key", "rtmp://live.example.com/app/"),
        ("rtsp://admin:secret@10.0.0.5:554/cam1", "rtsp://10.0.0.5:554/cam1"),
        ("srt://example.com:9000?passphrase=secret", "srt://example.com:9000"),
        ("https://example.com/live.m3u8?token=secret", "https://example.com/live.m3u8"),
        ("udp://127.0.0.1:9000", "udp://127.0.0.1:9000"),
        ("rtmp://live.example.com/secret-key", "rtmp://live.example.com/"),
        ("RTMPS://live.example.com/app/instance/secret-key?x", "rtmps://live.example.com/app/"),
        ("paint it like https://example.com?x=1 does", "paint it like https://example.com does"),
        ("camera:\nrtsp://me:secret@10.0.0.5/cam1\nkey below", "camera:\nrtsp://10.0.0.5/cam1\nkey below"),
        ("to rtmp://a/app/secret and srt://b:1?streamid=secret now", "to rtmp://a/app/ and srt://b:1 now"),
        ("rtmp://a/secret,rtsp://me:secret@b/cam;udp://c:1", "rtmp://a/,rtsp://b/cam;udp://c:1"),
        ('["rtsp://me:secret@a/x","rtsp://me:secret@b/y"]', '["rtsp://a/x","rtsp://b/y"]'),
        ("no address: a://b, 10:30, me@example.com", "no address: a://b, 10:30, me@example.com"),
    ],
)
def test_addresses_lose_their_secrets_and_nothing_else_changes(written: str, kept: str) -> None:
    prompt = {"1": {"inputs": {"url": written, "fps": 24.0, "frames": ["2", 0]}}}
    workflow = {"nodes": [{"widgets_values": [True, None, written]}]}
    tags = (("prompt", json.dumps(prompt)), ("workflow", json.dumps(workflow)))
    clean = {name: json.loads(text) for name, text in without_secrets(tags)}
    prompt["1"]["inputs"]["url"] = kept
    workflow["nodes"][0]["widgets_values"][2] = kept
    assert clean == {"prompt": prompt, "workflow": workflow}
