"""What a node may read and write: nothing outside ComfyUI's folders, not even through a link."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from ..engine.errors import MediaError, SettingError, printable
from ..server.examples import example_path
from . import host

LONGEST_NAME = 200
"""Bytes of a file's name before its number and suffix; file systems take 255 in all."""

_LEADS_OUT = (
    "'{}' leads out of ComfyUI's folders through a link: copy the files, or name the folder that it leads to "
    "under stream_media in extra_model_paths.yaml."
)
_ODD_ON_WINDOWS = frozenset('<>:"|?*')


_lock = threading.Lock()
_reserved: dict[str, str] = {}


def media_path(name: str) -> str:
    """Absolute path, without links, of something to read.

    Args:
        name: relative to the input folder, annotated as ComfyUI does (``clip.mp4 [output]``), absolute, or
            an example (``example: flower``).

    Raises:
        MediaError: it, or where a link in it leads, lies outside ComfyUI's folders and those that the user
            allows; it is not there; its name is no text.
    """
    if printable(name) != name:
        raise MediaError(f"'{name}' has characters that are no text: rename it with plain letters.")
    if example := example_path(name):
        return str(example)
    path = host.locate(name)
    own = host.own_folders()
    roots = [os.path.realpath(root) for root in (*own, *host.allowed_folders())]
    real = os.path.realpath(path)
    if not _inside(real, roots):
        if _inside(path, map(os.path.abspath, own)):
            raise MediaError(_LEADS_OUT.format(name))
        raise MediaError(f"'{name}' lies outside ComfyUI's folders: copy it into ComfyUI's input folder.")
    if not os.path.exists(real):
        raise MediaError(
            f"'{name}' is not in ComfyUI's input folder: choose another file or upload it again."
        )
    if os.path.isdir(real):
        with os.scandir(real) as entries:
            links = [os.path.realpath(entry.path) for entry in entries if entry.is_symlink()]
        if not all(_inside(link, roots) for link in links):
            raise MediaError(_LEADS_OUT.format(name))
    return real


def unquoted(path: str) -> str:
    """A path as typed or pasted: Windows' "Copy as path" puts it in quotes."""
    path = path.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "\"'":
        return path[1:-1].strip()
    return path


def reserve_path(prefix: str, node_id: str) -> str:
    """A path in the output folder that no file has, and that no other node was given.

    A file appears only when the session starts, so two write nodes in one plan would
    otherwise be given the same one. A node's reservation lasts until its next Run.

    Raises:
        SettingError: see ``output_stem``.
    """
    stem, counter = output_stem(prefix)
    with _lock:
        taken = {path for owner, path in _reserved.items() if owner != node_id}
        while (path := f"{stem}_{counter:05}_.mp4") in taken or os.path.exists(path):
            counter += 1
        _reserved[node_id] = path
    return path


def output_stem(prefix: str) -> tuple[str, int]:
    """Where ``filename_prefix`` leads: absolute path without counter, and the next free counter.

    Raises:
        SettingError: no file can have that name, or it leads out of the output folder, also by a link.
    """
    _check_prefix(prefix)
    try:
        return host.numbered_stem(prefix)
    except OSError as error:
        raise SettingError(
            f"filename_prefix '{prefix}': its folder can't be made ({error.strerror}): choose another."
        ) from error


def _check_prefix(prefix: str) -> None:
    shown = prefix if len(prefix) <= 80 else f"{prefix[:80]}..."
    if printable(prefix) != prefix:
        raise SettingError(f"filename_prefix '{shown}' has a line break or an odd character: remove it.")
    if os.name == "nt" and _ODD_ON_WINDOWS.intersection(os.path.splitdrive(prefix)[1]):
        raise SettingError(f"filename_prefix '{shown}' is no name on Windows: leave out < > : | ? * and \".")
    root = host.output_folder()
    folder = os.path.realpath(os.path.join(root, os.path.dirname(prefix)))
    if not prefix.strip() or not _inside(folder, [os.path.realpath(root)]):
        raise SettingError(f"filename_prefix '{shown}' must name a file inside ComfyUI's output folder.")
    for part in prefix.replace("\\", "/").split("/"):
        if part.startswith(".") and part not in (".", ".."):
            raise SettingError(f"filename_prefix '{shown}' begins with a dot and would be hidden: remove it.")
        if len(part.encode()) > LONGEST_NAME:
            raise SettingError(
                f"filename_prefix '{shown}' has a name of {len(part)} characters: shorten it to "
                f"{LONGEST_NAME} at most."
            )


def _inside(path: str, roots: Iterable[str]) -> bool:
    """Whether an absolute path lies in one of the folders, as text."""
    for root in roots:
        try:
            if os.path.commonpath((root, path)) == root:
                return True
        except ValueError:  # another drive on Windows
            continue
    return False
