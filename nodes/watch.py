"""Addresses at which anyone who has one may watch a node's picture: for OBS, players and second screens.

An address only shows; it gives no control. It names the node, not a session, so it stays the same from
Run to Run, and it is signed with a secret that is kept in ComfyUI's user folder, so it outlives a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
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


class WatchKeys:
    """Makes and checks addresses.

    Args:
        secret: whoever has it can make addresses.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def key(self, node_id: str) -> str:
        """The key to a node's picture: its id, a dot, and a signature of 128 bits."""
        signature = hmac.digest(self._secret, node_id.encode(), hashlib.sha256)[:16]
        return f"{node_id}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def path(self, node_id: str) -> str:
        """The path of the page that shows a node's picture."""
        return f"/livestyle/watch/{quote(self.key(node_id), safe='')}"

    def node_of(self, key: str) -> str | None:
        """The node that a key shows, or None where the key is not one of ours."""
        node_id = key.rpartition(".")[0]
        if node_id and hmac.compare_digest(self.key(node_id).encode(), key.encode()):
            return node_id
        return None


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
