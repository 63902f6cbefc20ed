"""A prompt's secret is hashed before others can see the prompt."""

from __future__ import annotations

from typing import Any

import pytest

from livestyle.server.owners import OWNER_FIELD, SECRET_FIELD, hash_secret, hide_secret


def test_the_queue_gets_the_hash_and_what_else_there_was() -> None:
    request = {"prompt": {}, "extra_data": {SECRET_FIELD: "s", "extra_pnginfo": {}}}
    assert hide_secret(request) is request
    assert request == {"prompt": {}, "extra_data": {OWNER_FIELD: hash_secret("s"), "extra_pnginfo": {}}}


@pytest.mark.parametrize("secret", [None, "", 5, ["s"], {"a": 1}])
def test_no_secret_is_no_owner(secret: Any) -> None:
    request = {"extra_data": {SECRET_FIELD: secret, OWNER_FIELD: hash_secret("another's")}}
    assert hide_secret(request) == {"extra_data": {}}


@pytest.mark.parametrize("extra", [None, [], "text"])
def test_other_requests_stay_as_they_are(extra: Any) -> None:
    assert hide_secret({"extra_data": extra}) == {"extra_data": extra}
    assert hide_secret({}) == {}


def test_any_text_is_a_secret() -> None:
    assert hash_secret("\ud800") != hash_secret("\ud801")
