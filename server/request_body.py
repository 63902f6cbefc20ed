"""The body of a request to a session's routes: a small JSON object."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

LARGEST_JSON = 64 * 1024
"""Bytes of a body or of a text message; a larger text message ends the connection with code 1009."""


async def json_object(request: web.Request) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        HTTPUnsupportedMediaType: it is not application/json, which a form of another site could send.
        HTTPRequestEntityTooLarge, HTTPBadRequest: it is too large, or not a JSON object.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send application/json.")
    try:
        data = json.loads(await _small_body(request))
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="The body is not JSON.") from None
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="The body must be a JSON object.")
    return data


async def _small_body(request: web.Request) -> bytes:
    declared = request.content_length or 0
    if declared > LARGEST_JSON:
        raise web.HTTPRequestEntityTooLarge(max_size=LARGEST_JSON, actual_size=declared)
    body = bytearray()
    async for piece in request.content.iter_chunked(LARGEST_JSON):
        body += piece
        if len(body) > LARGEST_JSON:
            raise web.HTTPRequestEntityTooLarge(max_size=LARGEST_JSON, actual_size=len(body))
    return bytes(body)
