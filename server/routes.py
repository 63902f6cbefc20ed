"""The pack's HTTP routes, all below /livestyle."""

from __future__ import annotations

from aiohttp import web

from ..engine.runtime.registry import SessionRegistry
from .actions import Actions, Files
from .connection_limit import ConnectionLimit
from .control_routes import ControlRoutes
from .host_names import HostNames
from .osc_desk import OscDesk
from .osc_routes import OscRoutes
from .pages import page_asset
from .request_guard import RequestGuard
from .session_routes import SessionRoutes
from .share_links import ShareLinks
from .share_routes import ShareRoutes
from .take_routes import TakeRoutes
from .webrtc_routes import WebRtcRoutes


def register_routes(
    table: web.RouteTableDef, sessions: SessionRegistry, links: ShareLinks, hosts: HostNames, files: Files
) -> None:
    """Add the routes to ComfyUI's table, at load time."""
    guard, connections = RequestGuard(sessions, links, hosts), ConnectionLimit()
    actions = Actions(files)
    session = SessionRoutes(sessions, guard, connections, actions)
    table.get("/livestyle/sessions")(session.list_sessions)
    table.post("/livestyle/sessions/{id}/stop")(session.stop)
    table.post("/livestyle/sessions/{id}/snapshot")(session.snapshot)
    table.get("/livestyle/sessions/{id}/ws")(session.websocket)
    control = ControlRoutes(guard, actions)
    table.get("/livestyle/sessions/{id}/live")(control.read)
    table.post("/livestyle/sessions/{id}/live")(control.write)
    table.post("/livestyle/sessions/{id}/presets")(control.presets)
    table.post("/livestyle/presets")(control.check_presets)
    osc = OscRoutes(guard, OscDesk(sessions, actions))
    table.get("/livestyle/osc")(osc.read)
    table.post("/livestyle/osc")(osc.write)
    table.post("/livestyle/osc/learn")(osc.learn)
    table.get("/livestyle/osc/addresses")(osc.page)
    takes = TakeRoutes(guard, files)
    table.get("/livestyle/takes")(takes.read)
    table.post("/livestyle/takes")(takes.write)
    share = ShareRoutes(sessions, links, guard, connections)
    table.get("/livestyle/watch")(share.link)
    table.get("/livestyle/watch/{key}")(share.page)
    table.get("/livestyle/watch/{key}/stream.mjpg")(share.stream)
    webrtc = WebRtcRoutes(sessions, links, guard, connections)
    table.post("/livestyle/sessions/{id}/webrtc")(webrtc.camera)
    table.get("/livestyle/watch/{key}/webrtc")(webrtc.page)
    table.post("/livestyle/watch/{key}/webrtc")(webrtc.share)
    table.get("/livestyle/pages/{name}")(page_asset)
