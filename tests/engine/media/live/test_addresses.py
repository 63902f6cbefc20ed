"""Which addresses are refused: at least everything that only this machine should reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine.errors import SettingError
from livestyle.engine.media.live.addresses import (
    SOURCE_SCHEMES,
    TARGET_SCHEMES,
    check_address,
    ip_address,
    parse_url,
    resolve,
)

NOT_AN_ADDRESS = [
    "",
    "   ",
    "clip.mp4",
    "/etc/passwd",
    "\\\\server\\share\\clip.mp4",
    "C:\\clip.mp4",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "concat:/etc/passwd|/etc/hosts",
    "subfile,,start,0,end,99,,:/etc/passwd",
    "data:video/mp4;base64,AAAA",
    "pipe:0",
    "crypto:http://example.com/x",
    "unix:/var/run/docker.sock",
    "gopher://example.com/",
    "ftp://example.com/clip.mp4",
    "sftp://example.com/clip.mp4",
    "smb://example.com/clip.mp4",
    "tcp://example.com:80",
    "tls://example.com:443",
    "tee:[f=mpegts]udp://example.com:1",
    "cache:http://example.com/",
    "async:http://example.com/",
    "hls+http://example.com/x.m3u8",
    "javascript:alert(1)",
    "lavfi:testsrc",
    "http:example.com/x",
    "http://",
    "http:///x",
    "rtsp://user@/x",
    "http://example.com:99999/x",
    "http://example.com:port/x",
    "http://exa mple.com/x",
    "http://example.com/\r\nHost: inside",
    "http://example.com/\x00",
    "http://example.com\\@10.0.0.1/",
    "http://ex\u00e4mple.com/x",
    "http://example.com/" + "x" * 3000,
    "http://[fe80::1%25eth0]/x",
    "http://[::1/x",
    "rtmp://example.com/app key=value",
    "udp://239.0.0.1",
    "http://exa$mple.com/x",
]

PRIVATE = [
    "http://127.0.0.1/x",
    "http://127.1/x",
    "http://2130706433/x",
    "http://0x7f000001/x",
    "http://0177.0.0.1/x",
    "http://0/x",
    "http://0.0.0.0/x",
    "http://localhost/x",
    "http://user:password@127.0.0.1/x",
    "http://10.1.2.3/x",
    "http://172.16.0.1/x",
    "http://192.168.1.1/x",
    "http://169.254.1.1/x",
    "http://100.64.0.1/x",
    "http://192.0.2.1/x",
    "http://198.18.0.1/x",
    "http://240.0.0.1/x",
    "http://255.255.255.255/x",
    "http://[::1]/x",
    "http://[::]/x",
    "http://[fe80::1]/x",
    "http://[fc00::1]/x",
    "http://[::ffff:127.0.0.1]/x",
    "http://[::ffff:10.0.0.1]/x",
    "http://[2002:7f00:1::]/x",
    "http://[64:ff9b::10.0.0.1]/x",
    "rtsp://192.168.1.64:554/stream",
    "rtmp://10.0.0.9/live/key",
    "srt://127.0.0.1:9000?mode=caller",
    "udp://127.0.0.1:9000",
    "udp://:9000",
    "udp://@:9000",
    "udp://239.1.2.3:9000",
    "srt://:9000?mode=listener",
    "http://[fec0::1]/x",
    "http://[64:ff9b:1::7f00:1]/x",
    "http://[::7f00:1]/x",
    "http://[::ffff:0:7f00:1]/x",
    "http://[::ffff:0:808:808]/x",
    "http://[5f00::1]/x",
    "http://[3fff::1]/x",
    "http://[4000::1]/x",
    "http://[2001:0:808:808::80ff:fffe]/x",
    "http://192.88.99.1/x",
]

METADATA = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://100.100.100.200/",
    "http://0xa9fea9fe/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[64:ff9b:1::169.254.169.254]/",
    "http://[::169.254.169.254]/",
]

OPENS_MORE = [
    "udp://8.8.8.8:9000?localaddr=0.0.0.0",
    "udp://8.8.8.8:9000?pkt_size=1316&localaddr=0.0.0.0",
    "udp://8.8.8.8:9000?pkt_size=1316#&localaddr=0.0.0.0",
    "udp://8.8.8.8:9000#?localaddr=0.0.0.0",
    "udp://8.8.8.8:9000?local%61ddr=0.0.0.0",
    "udp://8.8.8.8:9000?localport=1",
    "udp://8.8.8.8:9000?sources=10.0.0.1",
    "udp://8.8.8.8:9000?reuse",
    "srt://8.8.8.8:9000?mode=listener",
    "srt://8.8.8.8:9000?mode=caller&mode=rendezvous",
]


@pytest.mark.parametrize("text", NOT_AN_ADDRESS)
def test_what_is_no_stream_address_is_refused(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse_url(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_need_the_users_word(text: str) -> None:
    url = parse_url(text)
    with pytest.raises(SettingError, match="allow_private"):
        resolve(url, allow_private=False)
    assert resolve(url, allow_private=True)


@pytest.mark.parametrize("text", METADATA)
def test_metadata_services_are_never_read(text: str) -> None:
    for allowed in (False, True):
        with pytest.raises(SettingError, match="metadata"):
            resolve(parse_url(text), allow_private=allowed)


@pytest.mark.parametrize("text", OPENS_MORE)
def test_options_that_open_more_need_the_users_word(text: str) -> None:
    with pytest.raises(SettingError, match="has the option .* allow_private on if") as caught:
        resolve(parse_url(text), allow_private=False)
    assert "\n" not in str(caught.value)
    assert resolve(parse_url(text), allow_private=True) == "8.8.8.8"


@pytest.mark.parametrize(
    "text",
    [
        "udp://8.8.8.8:9000?pkt_size=1316&fifo_size=8192",
        "srt://8.8.8.8:9000?mode=caller&streamid=#!::r=live,m=request&passphrase=a%20b&latency=200000",
        "rtsp://8.8.8.8/cam?channel=1&subtype=0",
        "https://8.8.8.8/live.m3u8?token=x",
    ],
)
def test_other_options_are_the_servers_business(text: str) -> None:
    assert resolve(parse_url(text), allow_private=False) == "8.8.8.8"


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2a00:1450::1"]
)
def test_public_addresses_pass(address: str) -> None:
    check_address(ip_address(address), parse_url("http://example.com/"), allow_private=False)


def test_files_and_plain_http_are_no_targets() -> None:
    for text in ("http://8.8.8.8/x", "https://8.8.8.8/x", "file:///tmp/x.flv"):
        with pytest.raises(SettingError):
            parse_url(text, TARGET_SCHEMES)


def test_errors_and_the_node_show_no_secrets() -> None:
    url = parse_url("rtmp://user:secret@example.com/live/streamkey?token=hidden")
    assert url.shown == "rtmp://example.com:1935"
    assert "secret" not in parse_url("rtsp://user:secret@example.com/cam?token=hidden").shown


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    url = parse_url("rtsp://user:word@example.com/cam?x=1")
    assert url.at("8.8.8.8") == "rtsp://user:word@8.8.8.8:554/cam?x=1"
    assert url.at("2001:db8::1", 8554) == "rtsp://user:word@[2001:db8::1]:8554/cam?x=1"


@given(
    st.text(max_size=80) | st.builds("{}://{}".format, st.sampled_from(SOURCE_SCHEMES), st.text(max_size=60))
)
def test_any_text_is_an_address_or_one_line_of_advice(text: str) -> None:
    try:
        url = parse_url(text)
    except SettingError as error:
        assert "\n" not in str(error)
        return
    assert url.scheme in SOURCE_SCHEMES and 0 < url.port < 65536
    assert all(character > " " for character in url.at("192.0.2.1"))
