"""Between a stream's memory and a CUDA device's, or two devices', without a wait that is not needed.

A copy from ordinary memory makes the host wait until it is done; one from page-locked memory goes on beside
the host's work. torch keeps page-locked blocks in a pool, and gives one out again only when copies from or to
it are done, which it knows by an event for each: the few blocks that a stream's chunks take in turn are a
ring of buffers. From card to card torch copies peer to peer where the machine can, on this thread's stream of
the one, and has its stream of the other wait by an event. On every other device these are ordinary copies, or
none.
"""

from __future__ import annotations

import numpy as np
import torch


def upload(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A tensor on a device, ready for whatever this thread's stream does next."""
    if device.type != "cuda" or x.device.type != "cpu":
        return x.to(device, non_blocking=device.type == "cuda")
    return x.pin_memory().to(device, non_blocking=True)


def download(x: torch.Tensor) -> np.ndarray:
    """A tensor's values in ordinary memory; waits for the work of this thread's stream, and no other's.

    They are copied out of the page-locked block, which a frame that a recording keeps would hold for ever.
    """
    if x.device.type != "cuda":
        return x.cpu().numpy()
    block = torch.empty(x.shape, dtype=x.dtype, pin_memory=True)
    block.copy_(x, non_blocking=True)
    done = torch.cuda.Event(blocking=True)
    done.record(torch.cuda.current_stream(x.device))
    done.synchronize()
    return block.numpy().copy()
