"""The pack's logger: whatever its records are given, any stream can take them.

Also keeps a warning of a library's that nobody can act on out of ComfyUI's log.
"""

from __future__ import annotations

import logging
import traceback

from .errors import printable_lines


class _Printable(logging.Filter):
    """Makes a record ``printable`` before a handler sees it.

    ComfyUI's handlers raise on text that their stream can't encode, on the thread that logs.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = printable_lines(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = printable_lines("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return True


def _concerns_us(record: logging.LogRecord) -> bool:
    """Not so: diffusers misses old tensor kinds of torchao when it is imported; no file of ours has any."""
    return "Unable to import `torchao` Tensor objects" not in str(record.msg)


log = logging.getLogger("livestyle")
log.addFilter(_Printable())
logging.getLogger("diffusers.quantizers.torchao.torchao_quantizer").addFilter(_concerns_us)
