"""Host names at which this ComfyUI may be asked for.

DNS rebinding: a page of evil.example has its own name point to 127.0.0.1 and then talks to ComfyUI as if
both were one site. Its requests name that site in ``Host``, so a public name counts only where the user
named it, or where the request came over TLS, for which somebody needs a certificate for the name.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

SETTING = "LIVESTYLE_HOSTS"
"""Environment variable: further names, separated by commas; ``*`` stands for any letters."""

PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan", ".home", ".localdomain")
"""No public name server answers for names that end so."""


_NAME = re.compile(r"[a-z0-9_.-]+")


class HostNames:
    """Tells names that lead to this ComfyUI from names that somebody else may have pointed at it.

    Args:
        configured: names or patterns such as ``*.example.com``.
    """

    def __init__(self, configured: Iterable[str] = ()) -> None:
        names = (name.strip().lower().rstrip(".") for name in configured)
        self._patterns = [name for name in names if name]
        self._machine = socket.gethostname().lower()

    def allows(self, host: str) -> bool:
        """Whether a ``Host`` header, with or without a port, is an IP address, a name of this machine or
        of the local network, or configured. A request without the header comes from no browser.
        """
        if not host:
            return True
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if _is_address(name):
            return True
        if not _NAME.fullmatch(name):  # browsers send names in ASCII
            return False
        private = "." not in name or name.endswith(PRIVATE_SUFFIXES)
        return private or name == self._machine or any(fnmatchcase(name, each) for each in self._patterns)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
