"""The pack's logger: whatever its records are given, any stream can take them."""

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


log = logging.getLogger("livestyle")
log.addFilter(_Printable())
