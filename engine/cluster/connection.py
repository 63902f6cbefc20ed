"""The one connection of this process to a Ray cluster."""

from __future__ import annotations

import logging
import os
import socket
import threading
import warnings
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ..errors import LiveStyleError, SettingError, one_line

ADDRESS = "LIVESTYLE_RAY_ADDRESS"
"""Environment variable: ``ray://host:port`` of a cluster.

No workflow and no page can set it: whoever answers there can run code here, as everywhere in a Ray cluster.
"""

HERE = "run_on is cluster: set run_on to this machine, or "

_lock = threading.Lock()
os.environ.setdefault("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "10")  # seconds; Ray's own 30 are long for a show


class ClusterError(LiveStyleError):
    """The cluster can't be used."""


def connect(advice: str = HERE) -> Any:
    """The module ``ray``, connected. As a Ray Client: this process outlives the cluster.

    Args:
        advice: begins the line that says what to do where there is none.

    Raises:
        SettingError: no address, or one that is not trusted.
        ClusterError: Ray is missing, or the cluster doesn't answer.
    """
    address = trusted(os.environ.get(ADDRESS, ""), advice)
    try:
        import ray
        from ray.util.client import ray as client
    except ImportError as error:
        raise ClusterError(f"{advice}run 'pip install \"ray[client]\"' in this Python ({error}).") from None
    with _lock:
        if not client.is_connected():
            try:
                # Its advice is for tasks; frames are as large as they are.
                warnings.filterwarnings("ignore", "More than 10MB of messages", UserWarning)
                ray.shutdown()  # what is left of a lost connection
                _init(ray, address)
            except ConnectionAbortedError:
                line = f"{advice}try again: the cluster at {address} is too busy to take another session."
                raise ClusterError(line) from None
            except Exception as error:  # gRPC's, and RuntimeError for another version
                line = f"{advice}look after the cluster at {address}: {one_line(error)}."
                raise ClusterError(line) from None
    return ray


def _init(ray: Any, address: str) -> None:
    """Ray starts a process for each client, and gives up where a busy machine needs half a minute for it."""
    for last in (False, False, True):
        try:
            ray.init(address, namespace="livestyle", log_to_driver=False, logging_level=logging.ERROR)
            return
        except ConnectionAbortedError:
            if last:
                raise
            ray.shutdown()


def trusted(address: str, advice: str = HERE) -> str:
    """An address, where it names a Ray cluster of this machine or its own network.

    Raises:
        SettingError: it doesn't.
    """
    if not address:
        raise SettingError(f"{advice}start it with {ADDRESS}=ray://host:10001.")
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        host = port = None
    if url.scheme != "ray" or not host or not port:
        raise SettingError(f"{ADDRESS} can't be '{address}': use ray://host:port, like ray://farm:10001.")
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise SettingError(f"{ADDRESS}: there is no machine '{host}' ({one_line(error)}).") from None
    public = [each for each in found if ip_address(each.partition("%")[0]).is_global]
    if public:
        raise SettingError(
            f"{ADDRESS} leads to {public[0]}, a public address, and whoever answers there could run code "
            "here: use one of this machine or its own network, such as a VPN's."
        )
    return address
