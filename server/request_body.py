"""The body of a request to a session's routes: a small JSON object."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

LARGEST_JSON = 64 * 1024
"""Bytes of a body or of a text message; a larger text message ends the connection with code 1009."""


async def json_object(request: web.Request, largest: int = LARGEST_JSON) -> dict[str, Any]:
    """The JSON object in a body of at most ``largest`` bytes.

    Raises:
        HTTPUnsupportedMediaType: it is not application/json, which a form of another site could send.
        HTTPRequestEntityTooLarge, HTTPBadRequest: it is too large, or not a JSON object.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send application/json.")
    try:
        data = json.loads(await _small_body(request, largest))
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="The body is not JSON.") from None
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return data


async def _small_body(request: web.Request, largest: int) -> bytes:
    declared = request.content_length or 0
    if declared > largest:
        raise web.HTTPRequestEntityTooLarge(max_size=largest, actual_size=declared)
    body = bytearray()
    async for piece in request.content.iter_chunked(largest):
        body += piece
        if len(body) > largest:
            raise web.HTTPRequestEntityTooLarge(max_size=largest, actual_size=len(body))
    return bytes(body)
