"""Share links: addresses at which anyone who has one can see a node's picture, in OBS or a player.

A link only shows; it gives no control. It names a node of one ComfyUI client, which is a browser tab
or a program, and no session: so it stays the same from Run to Run and shows no other tab's pictures. It is
signed with a secret that is kept in ComfyUI's user folder, so it outlives a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..engine.runtime.registry import SessionRegistry
from ..engine.runtime.session import StreamSession
from .owners import owner_of
from .preview_feed import SessionOf

SECRET_BYTES = 32


@dataclass(frozen=True)
class SharedNode:
    """What a share link shows.

    Attributes:
        node_id: of this node.
        client_hash: in sessions of the client with this hash. The client's id itself is in no link.
    """

    node_id: str
    client_hash: str


class ShareLinks:
    """Makes share links and checks their keys.

    Args:
        secret: whoever has it can make links.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def client_hash(self, client: str) -> str:
        """What stands for a client in its keys."""
        return self._digest("client", client)

    def key(self, shared: SharedNode) -> str:
        """The key to a node's picture: node id, client hash, and a signature of 128 bits."""
        shown = f"{shared.node_id}.{shared.client_hash}"
        return f"{shown}.{self._digest('key', shown)}"

    def path(self, node_id: str, client: str) -> str:
        """The path of the page that shows a node's picture in a client's sessions."""
        return f"/livestyle/watch/{quote(self.key(SharedNode(node_id, self.client_hash(client))), safe='')}"

    def read(self, key: str) -> SharedNode | None:
        """What a key shows, or None where the key is not one of ours."""
        node_id, _, client_hash = key.rpartition(".")[0].rpartition(".")
        shared = SharedNode(node_id, client_hash)
        if node_id and hmac.compare_digest(_encoded(self.key(shared)), _encoded(key)):
            return shared
        return None

    def shows(self, shared: SharedNode, session: StreamSession) -> bool:
        """Whether a session is one that a link shows."""
        owner = owner_of(session)
        return (
            owner.client is not None
            and self.client_hash(owner.client) == shared.client_hash
            and shared.node_id in owner.nodes
        )

    def _digest(self, use: str, text: str) -> str:
        digest = hmac.digest(self._secret, _encoded(f"{use} {text}"), hashlib.sha256)[:16]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def session_finder(sessions: SessionRegistry, links: ShareLinks, shared: SharedNode) -> SessionOf:
    """Finds the session that a link shows now, the newest first."""

    def find() -> StreamSession | None:
        return next((each for each in reversed(sessions.running()) if links.shows(shared, each)), None)

    return find


def load_secret(path: Path) -> bytes:
    """The secret in a file that is made if missing; a fresh one where the folder can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
    except FileExistsError:
        pass
    except OSError:
        return secrets.token_bytes(SECRET_BYTES)
    secret = path.read_bytes()
    return secret if len(secret) == SECRET_BYTES else secrets.token_bytes(SECRET_BYTES)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # an address can hold bytes that are no text
