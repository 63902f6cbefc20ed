"""Tells controllers of every change, so that a motorised fader follows: 30 times a second at most."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..engine.errors import SettingError
from ..engine.runtime.session import StreamSession
from .addresses import controls_of
from .osc_bindings import Learned, Peer, one_value, sender_name, to_fader

MOST_SUBSCRIBERS = 8

INTERVAL_S = 1 / 30


class OscFeedback:
    """On the server's event loop.

    Args:
        send: sends address and value to a controller.
        learned: gives what the faders of a session's owner were taught.
    """

    def __init__(
        self,
        send: Callable[[str, float | int | str, Peer], None],
        learned: Callable[[StreamSession], Learned],
    ) -> None:
        self._send = send
        self._learned = learned
        # By where a controller sends from: where it listens.
        self._subscribers: OrderedDict[Peer, Peer] = OrderedDict()
        self._heard: weakref.WeakKeyDictionary[StreamSession, Callable[[], None]] = (
            weakref.WeakKeyDictionary()
        )
        self._changes: dict[tuple[StreamSession, str], Mapping[str, Any]] = {}

    @property
    def subscribers(self) -> list[str]:
        """Where controllers listen."""
        return [f"{host}:{port}" for host, port in self._subscribers.values()]

    def subscribe(self, sender: Peer, arguments: Sequence[Any]) -> None:
        """Tell a controller of changes from now on, and of all present values at once.

        Args:
            sender: where it sends from; only its own host is ever told anything.
            arguments: the port at which it listens, or nothing where that is the same.

        Raises:
            SettingError: that is no port.
        """
        port = one_value(arguments) if arguments else sender[1]
        if not isinstance(port, int) or not 1024 <= port <= 65535:
            raise SettingError("send the port at which you listen, 1024 to 65535.")
        self._subscribers[sender] = (sender[0], port)
        self._subscribers.move_to_end(sender)
        while len(self._subscribers) > MOST_SUBSCRIBERS:
            self._subscribers.popitem(last=False)
        for session in list(self._heard):
            self._tell_all(session)

    def hear(self, session: StreamSession) -> None:
        """Hear of the changes in a session, once its models have said what there is to change."""
        if session in self._heard or not session.store.parameters():
            return
        loop, known = asyncio.get_running_loop(), weakref.ref(session)

        def heard(event: Mapping[str, Any]) -> None:
            if event["type"] in ("gliding", "modulated") or (
                event["type"] == "received" and "fade" not in event
            ):
                with contextlib.suppress(RuntimeError):  # the server is shutting down
                    loop.call_soon_threadsafe(self._changed, known(), event)

        self._heard[session] = session.listen(heard)
        self._tell_all(session)

    def close(self) -> None:
        """Tell nobody anything any more."""
        for leave in self._heard.values():
            leave()
        self._heard.clear()
        self._subscribers.clear()

    def _changed(self, session: StreamSession | None, event: Mapping[str, Any]) -> None:
        if session is None or not self._subscribers:
            return
        if not self._changes:
            asyncio.get_running_loop().call_later(INTERVAL_S, self._flush)
        self._changes[session, event["key"]] = event

    def _flush(self) -> None:
        changes, self._changes = self._changes, {}
        for (session, key), event in changes.items():
            self._tell(session, {key: event["value"]}, event.get("sender", ""))

    def _tell_all(self, session: StreamSession) -> None:
        self._tell(session, session.store.snapshot(), "")

    def _tell(self, session: StreamSession, values: Mapping[str, float | int | str], sender: str) -> None:
        """Send values to all controllers but the one that they came from."""
        listening = [listens for peer, listens in self._subscribers.items() if sender_name(peer) != sender]
        learned = self._learned(session)
        for control in controls_of(session) if listening else ():
            key = control.parameter.key
            for peer in listening if key in values else ():
                self._send(control.address, values[key], peer)
                if key in learned:
                    self._send(learned[key], to_fader(control.parameter, values[key]), peer)
