"""Addresses at which anyone who has one may watch a node's picture: for OBS, players and second screens.

An address only shows; it gives no control. It names a node of one ComfyUI client, which is a browser tab
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

SECRET_BYTES = 32

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>LiveStyle</title>
<style>
  html, body { margin: 0; height: 100%; background: #000; overflow: hidden }
  img { width: 100%; height: 100%; object-fit: contain; display: block }
</style>
<img alt="">
<script>
  // ComfyUI may be restarted while OBS shows this page: ask again until it is back.
  const picture = document.querySelector("img");
  const address = location.pathname.replace(/\\/$/, "") + "/stream.mjpg";
  const load = () => { picture.src = address + "?" + Date.now(); };
  picture.addEventListener("error", () => setTimeout(load, 2000));
  load();
</script>
</html>
"""


@dataclass(frozen=True)
class Watched:
    """What an address shows.

    Attributes:
        node_id: of this node.
        owner: in sessions of the client with this mark; the client's id itself stays out of addresses,
            because it gives control.
    """

    node_id: str
    owner: str


class WatchKeys:
    """Makes and checks addresses.

    Args:
        secret: whoever has it can make addresses.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def mark(self, client: str) -> str:
        """What stands for a client in its keys."""
        return self._digest("client", client)

    def key(self, watched: Watched) -> str:
        """The key to a node's picture: its id, its owner, and a signature of 128 bits."""
        shown = f"{watched.node_id}.{watched.owner}"
        return f"{shown}.{self._digest('key', shown)}"

    def path(self, node_id: str, client: str) -> str:
        """The path of the page that shows a node's picture in a client's sessions."""
        return f"/livestyle/watch/{quote(self.key(Watched(node_id, self.mark(client))), safe='')}"

    def watched(self, key: str) -> Watched | None:
        """What a key shows, or None where the key is not one of ours."""
        node_id, _, owner = key.rpartition(".")[0].rpartition(".")
        watched = Watched(node_id, owner)
        if node_id and hmac.compare_digest(self.key(watched).encode(), key.encode()):
            return watched
        return None

    def _digest(self, use: str, text: str) -> str:
        digest = hmac.digest(self._secret, f"{use} {text}".encode(), hashlib.sha256)[:16]
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


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
