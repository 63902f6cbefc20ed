"""What OSC messages do to the sessions of those who let them in."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..engine.errors import SettingError
from ..engine.media.live.extras import extra
from ..engine.runtime.registry import SessionRegistry
from ..engine.runtime.session import StreamSession
from .actions import Action, Actions
from .addresses import ROOT, keys_of
from .osc_bindings import Learned, Peer, can_be_learned, from_fader, one_value, sender_name
from .osc_feedback import OscFeedback
from .owners import owner_of
from .preset_bank import find_preset

if TYPE_CHECKING:
    from .osc_port import OscPort

HOST_SETTING = "LIVESTYLE_OSC_HOST"
"""Environment variable: the address at which OSC is received; without it, this machine alone may send."""

MOST_OWNERS = 64

PROBLEMS = 20
"""Lines that are kept for the page of addresses."""

LOOK_S = 0.5
"""How often new sessions are looked for, to tell controllers of their values."""


class OscDesk:
    """One for the process; on the server's event loop.

    Args:
        sessions: of this process.
        actions: what may be fired.

    Attributes:
        port: at which OSC is received now; 0 for none.
        problems: the latest lines of what could not be done.
        feedback: to controllers.
    """

    def __init__(self, sessions: SessionRegistry, actions: Actions) -> None:
        self._sessions = sessions
        self._actions = actions
        self._socket: OscPort | None = None
        self._owners: OrderedDict[str, Learned] = OrderedDict()
        self._learning: dict[str, asyncio.Future[str]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self.port = 0
        self.problems: deque[str] = deque(maxlen=PROBLEMS)
        self.feedback = OscFeedback(self._send, lambda session: self.learned(owner_of(session).secret_hash))

    @property
    def host(self) -> str:
        """Where OSC is received."""
        return os.environ.get(HOST_SETTING, "127.0.0.1")

    def learned(self, owner: str) -> Learned:
        """What an owner's faders were taught."""
        return self._owners.get(owner, {})

    def sessions_of(self, owner: str) -> list[StreamSession]:
        """An owner's running sessions, oldest first."""
        return [each for each in self._sessions.running() if owner_of(each).secret_hash == owner]

    async def admit(self, owner: str, port: int, learned: Learned) -> None:
        """Let OSC move the sessions of an owner, and receive it at this port.

        Args:
            owner: hash of the secret that its prompts come with.
            port: 1024 to 65535; one for the process, the latest wins.
            learned: addresses of a controller by key.

        Raises:
            MediaError: the package is missing.
            SettingError: the port can't be had.
        """
        extra("pythonosc")
        from .osc_port import OscPort, open_port

        if port != self.port:
            opened = OscPort(self._on_message, self.problems.append)
            try:
                await open_port(self.host, port, opened)
            except OSError as error:
                raise SettingError(
                    f"OSC can't be received at {self.host}:{port}: choose another port ({error.strerror})."
                ) from None
            self._close()
            self._socket, self.port = opened, port
            self._begin(self._look(opened))
        self._owners[owner] = learned
        self._owners.move_to_end(owner)
        while len(self._owners) > MOST_OWNERS:
            self._owners.popitem(last=False)

    def dismiss(self, owner: str) -> None:
        """Move the owner's sessions no more; the port is closed behind the last one."""
        self._owners.pop(owner, None)
        if not self._owners:
            self._close()

    async def learn(self, owner: str, timeout: float) -> str | None:
        """The address of the next message that is a controller's own, or None where none came in time."""
        earlier = self._learning.pop(owner, None)
        if earlier is not None:
            earlier.cancel()
        waiting = self._learning[owner] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait({waiting}, timeout=timeout)
        finally:
            if self._learning.get(owner) is waiting:
                del self._learning[owner]
        return waiting.result() if waiting.done() and not waiting.cancelled() else None

    def _on_message(self, address: str, arguments: Sequence[Any], sender: Peer) -> None:
        try:
            if not self._handle(address, arguments, sender):
                self.problems.append(f"Nothing that plays has the address {address[:80]!a}.")
        except SettingError as error:
            self.problems.append(f"{address[:80]!a}: {error}")

    def _handle(self, address: str, arguments: Sequence[Any], sender: Peer) -> bool:
        """Whether the address means anything now."""
        if self._learning and can_be_learned(address):
            for waiting in self._learning.values():
                if not waiting.done():
                    waiting.set_result(address)
            return True
        if address == f"{ROOT}/subscribe":
            self.feedback.subscribe(sender, arguments)
            return True
        acted = False
        for owner, learned in self._owners.items():
            for session in self.sessions_of(owner):
                acted |= self._act(session, address, arguments)
                acted |= self._move(session, learned, address, arguments, sender_name(sender))
        return acted

    def _act(self, session: StreamSession, address: str, arguments: Sequence[Any]) -> bool:
        """Fire an action; of a button, what it sends when it is let go does nothing."""
        pressed = not arguments or bool(arguments[0])
        match address.removeprefix(f"{ROOT}/"):
            case "stop" | "snapshot" | "step" | "go" | "back" as action:
                if pressed:
                    self._begin(self._fire(session, action))
            case "record" | "pause" | "hold" as action:
                self._begin(self._fire(session, action, pressed))
            case "preset":
                preset = find_preset(session, one_value(arguments))
                _, refused = session.store.recall(preset.values, preset.fade)
                self.problems.extend(refused.values())
            case _:
                return False
        return True

    async def _fire(self, session: StreamSession, action: Action, on: bool = True) -> None:
        try:
            await self._actions.fire(session, action, on)
        except web.HTTPException as error:
            self.problems.append(error.text or action)

    def _move(
        self, session: StreamSession, learned: Learned, address: str, arguments: Sequence[Any], sender: str
    ) -> bool:
        """Set the live values that an address moves; whether there are any."""
        specs = session.store.parameters()
        own = keys_of(session).get(address)
        taught = [key for key, known in learned.items() if known == address and key in specs]
        if own is not None:
            session.store.set(own, one_value(arguments), sender=sender)
        for key in taught:
            session.store.set(key, from_fader(specs[key], one_value(arguments)), sender=sender)
        return own is not None or bool(taught)

    async def _look(self, socket: OscPort) -> None:
        """Have controllers told of every session that is reached, for as long as the port is open."""
        while self._socket is socket:
            for owner in self._owners:
                for session in self.sessions_of(owner):
                    self.feedback.hear(session)
            await asyncio.sleep(LOOK_S)

    def _send(self, address: str, value: float | int | str, peer: Peer) -> None:
        if self._socket is not None:
            self._socket.send(address, value, peer)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)  # the loop alone would forget it
        task.add_done_callback(self._tasks.discard)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self.port = None, 0
        self.feedback.close()
