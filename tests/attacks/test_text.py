"""Text that can't be encoded, or that spans lines, reaches no log and no socket as it is."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestyle.engine import errors
from livestyle.engine.errors import LiveStyleError, one_line, printable, printable_lines
from livestyle.engine.log import log
from livestyle.engine.media.live.addresses import parse_url
from livestyle.engine.media.sources import SourceSpec
from livestyle.engine.runtime.failures import stage_error

ROOT = Path(__file__).resolve().parents[2]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
LONE = st.characters(categories=["Cs", "Cc", "Zl", "Zp", "Lu", "So"])
TEXT = st.text(st.one_of(LONE, st.characters(exclude_categories=[])), max_size=40)


def _is_shown(line: str) -> None:
    """What a log, a socket and a node can take."""
    line.encode()
    assert len(line.splitlines()) <= 1
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", line)


@given(TEXT)
def test_every_error_is_one_line_that_can_be_encoded(text: str) -> None:
    for kind in KINDS:
        _is_shown(str(kind(f"{text} is wrong: change it.")))
        _is_shown(str(stage_error("Read", kind(text))))
    _is_shown(str(stage_error("Read", ValueError(text))))
    _is_shown(one_line(ValueError(text)))


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text == str(LiveStyleError(text))


@given(TEXT)
def test_lines_stay_lines(text: str) -> None:
    assert printable_lines(text).count("\n") == text.count("\n")
    printable_lines(text).encode()


@given(TEXT)
def test_addresses_and_sources_refuse_any_text_in_a_line(text: str) -> None:
    for call in (lambda: parse_url(f"http://{text}/"), lambda: SourceSpec("file", f"/nowhere/{text}").open()):
        try:
            call()
        except LiveStyleError as refused:
            _is_shown(str(refused))


@given(TEXT)
def test_a_log_that_takes_ascii_only_takes_every_record(text: str) -> None:
    raw = io.BytesIO()
    handler = logging.StreamHandler(io.TextIOWrapper(raw, "utf-8", line_buffering=True))
    handler.handleError = _raise  # what ComfyUI's does in effect
    log.addHandler(handler)
    try:
        log.error("%s failed", text)
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("broken")
    finally:
        log.removeHandler(handler)
    assert b"broken" in raw.getvalue()


def _raise(record: logging.LogRecord) -> None:
    raise


@pytest.mark.parametrize("folder", ["engine", "nodes", "server"])
def test_all_records_go_through_that_logger(folder: str) -> None:
    others = [
        path
        for path in (ROOT / folder).rglob("*.py")
        if "logging.getLogger" in path.read_text(encoding="utf-8") and path.name != "log.py"
    ]
    assert not others
