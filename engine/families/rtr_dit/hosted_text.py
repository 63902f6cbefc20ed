"""UMT5 as ComfyUI loads it: one file, in eight bits too; the encoder that is taken where there is one."""

from __future__ import annotations

from pathlib import Path

import torch

from ...conditioning.host_text import HostText
from ...errors import SettingError
from ..base import ModelHandle
from ..note import read_note
from .text import PaddedText, fit_external


class HostedText(PaddedText):
    """Prompts through the host's encoder.

    Args:
        host: the encoder.
        rows, width: of the states that the network reads.
    """

    offload = True
    null = False

    def __init__(self, host: HostText, rows: int, width: int) -> None:
        super().__init__(rows)
        self.host, self.width = host, width

    @property
    def lent_bytes(self) -> int:
        return self.host.device_bytes

    def check(self, prompt: str) -> None:
        rows = self.host.rows(prompt)
        if rows > self.rows:
            raise SettingError(f"prompt has {rows} tokens, this model reads {self.rows}: shorten it.")

    def _states(self, prompt: str, device: torch.device) -> torch.Tensor:
        self.check(prompt)
        return fit_external([[self.host.states(prompt)]], self.rows, self.width)


def hosted_file(handle: ModelHandle) -> Path | None:
    """The file that the host reads the text with; None where the checkpoint's own encoder does.

    A checkpoint's own UMT5 stands back for the host's, which may be in eight bits; another kind does not.
    """
    if handle.host_text is None:
        return None
    if not handle.text_encoder:
        path = Path(handle.checkpoint)
        own = (path if path.is_dir() else path.parent) / "text_encoder"
        if read_note(own, "config.json").get("model_type", "umt5") != "umt5":
            return None
    return Path(handle.host_text.path)
