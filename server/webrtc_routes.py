"""Signalling for WebRTC: a page posts its offer and gets the answer; without the extra, how to install it."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..engine.errors import MediaError, SettingError
from ..engine.media.live.extras import extra
from .bodies import json_object
from .fields import text_field

if TYPE_CHECKING:
    from .routes import Routes
    from .webrtc import Peer

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>LiveStyle</title>
<style>
  html, body { margin: 0; height: 100%; background: #000; color: #999; overflow: hidden }
  video { width: 100%; height: 100%; object-fit: contain; display: block }
  p { position: absolute; inset: 0; margin: 2em; text-align: center; font: 16px sans-serif }
</style>
<video muted autoplay playsinline></video>
<p></p>
<script>
  const video = document.querySelector("video"), text = document.querySelector("p");
  async function connect() {
    const peer = new RTCPeerConnection();
    // ComfyUI may be restarted while this page is open: ask again until it is back.
    const again = (reason) => { peer.close(); text.textContent = reason; setTimeout(connect, 2000); };
    peer.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); text.textContent = ""; };
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed") again("Connecting");
    };
    try {
      peer.addTransceiver("video", { direction: "recvonly" });
      await peer.setLocalDescription();
      const answer = await fetch(location.href, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ sdp: peer.localDescription.sdp }),
      });
      if (!answer.ok) return again(await answer.text());
      await peer.setRemoteDescription({ type: "answer", sdp: (await answer.json()).sdp });
    } catch (error) {
      again(String(error));
    }
  }
  connect();
</script>
</html>
"""


class WebRtcRoutes:
    """The handlers.

    Args:
        routes: let requests in.
    """

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    async def camera(self, request: web.Request) -> web.Response:
        """Take a page's camera or screen for a read node: ``token``, ``node``, ``sdp``."""
        session, said = await self._routes.command(request)
        try:
            inbox = session.inboxes.get(text_field(said, "node"))
            if inbox is None:
                raise SettingError(f"Node {said['node']} takes no pictures from a page.")
            peer = await self._peer(f"camera {session.id}")
            return web.json_response({"sdp": await peer.receive(_offer(said), inbox)})
        except SettingError as error:
            raise web.HTTPBadRequest(text=str(error)) from None

    async def page(self, request: web.Request) -> web.Response:
        """A page with nothing but the picture, as video."""
        self._routes.watched(request)
        return web.Response(text=PAGE, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def watch(self, request: web.Request) -> web.Response:
        """Send a node's picture, from Run to Run: ``sdp``."""
        watched = self._routes.watched(request)
        said = await json_object(request)
        try:
            offer = _offer(said)
            peer = await self._peer(f"watch {watched}")
            return web.json_response({"sdp": await peer.send(offer, self._routes.session_of(watched))})
        except SettingError as error:
            raise web.HTTPBadRequest(text=str(error)) from None

    async def _peer(self, place: str) -> Peer:
        """A connection that is counted at a place for as long as it lasts."""
        try:
            make = await asyncio.to_thread(_peer_class)
        except MediaError as error:
            raise web.HTTPNotImplemented(text=str(error)) from None
        stay = ExitStack()
        stay.enter_context(self._routes.connections.stay(place))
        return make(stay.close)


def _peer_class() -> type[Peer]:
    """``Peer``; the first import of its package takes long enough to hold up the event loop.

    Raises:
        MediaError: the package is missing.
    """
    extra("aiortc")
    from .webrtc import Peer

    return Peer


def _offer(said: dict[str, Any]) -> str:
    """The text of an offer; how long a body may be is what bounds it."""
    offer = said.get("sdp")
    if not isinstance(offer, str):
        raise SettingError("sdp must be text.")
    return offer
