"""One line for the artist out of whatever went wrong in a stage."""

from __future__ import annotations

import torch

from ..errors import LiveStyleError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or its cause, is that memory ran out, on a GPU or on a CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, LiveStyleError) and error.__cause__ is not None:
        return is_out_of_memory(error.__cause__)
    # torch has no class of its own for a CPU allocation that failed.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def stage_error(stage: str, error: BaseException, remedy: str = "") -> LiveStyleError:
    """An error that names the stage, with the original as its cause.

    Args:
        stage: ``Read``, ``Load``, ``Encode``, ``Denoise``, ``Decode``, ``Write``.
        error: what was raised. It loses its traceback, whose frames may hold the tensors that
            filled the memory; print it before.
        remedy: what to change when memory ran out.
    """
    _strip(error)
    if is_out_of_memory(error):
        kind, line = LiveStyleError, f"out of memory: {remedy or 'lower width and height'}."
    else:
        lines = str(error).splitlines()
        line = lines[0] if lines else "no further details"
        kind = type(error) if isinstance(error, LiveStyleError) else LiveStyleError
        if kind is LiveStyleError and not isinstance(error, LiveStyleError):
            line = f"{type(error).__name__}: {line}"
            if not isinstance(error, Exception):  # Rust's panic, over a pattern of a tokenizer for one
                line = f"a library gave up ({line}): get the checkpoint again."
    failure = kind(f"{stage}: {line}")
    failure.__cause__ = error
    return failure


def _strip(error: BaseException | None) -> None:
    """Take the tracebacks off an error and what led to it."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
