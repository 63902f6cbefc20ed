"""Two pretended CUDA devices: their tensors have shape, dtype and place but no values; the host's are real.

Built on torch's fake tensors. Code under it runs on a machine without a GPU, and every kernel, copy and
wait is written into a ``Ledger``. Small tensors keep their values where these are known without
weights, because networks read sizes and indices back from the device. It can't see: races between
streams, what Triton, Inductor or cuDNN refuse, numbers, speed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import flop_registry

from ..memory import LiveBytes
from .attention import back_end
from .driver import DEVICES, no_driver
from .graphs import pretended_graphs
from .ledger import Attention, Copy, Crossed, Launch, Ledger, expected_kernel, place

aten = torch.ops.aten
DEVICE, SECOND = (torch.device("cuda", number) for number in range(DEVICES))
KNOWN_VALUES = 2**16
"""Elements up to which a tensor's values are kept."""
FAKE = FakeTensorMode(allow_non_fake_inputs=True)
"""One for the whole process: the engine keeps some tensors of a device as long."""
HALF = {torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2}
MAKERS = {"arange", "full", "ones", "zeros", "scalar_tensor", "eye", "linspace", "tril_indices"}
"""Make tensors whose values are known at once."""
UNCOUNTED = {
    *("empty", "empty_strided", "empty_like", "new_empty", "new_empty_strided", "detach", "alias"),
    *("lift_fresh", "_reshape_alias", "_unsafe_view", "set_", "resize_", "is_same_size"),
}
"""No kernels though their schema doesn't call them views."""
WHOLE = {"_fused_rms_norm"}
"""Have a CUDA kernel of their own, and are taken apart elsewhere."""
SIZED_BY_DATA = {"nonzero", "masked_select", "unique_consecutive", "_unique2", "unique_dim"}
GATHERS = {"index", "embedding", "index_select", "gather"}
SCATTERS = {"index_put_", "index_copy_", "copy_", "index_put", "scatter_"}


class PretendedCuda(TorchDispatchMode):
    """While it is on, ``cuda`` is a pretended device; enter it by ``pretend_cuda``.

    Attributes:
        ledger: what the device was asked to do.
        memory: bytes of the device's tensors, now and at the peak.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.memory = Ledger(), LiveBytes()
        self._pinned: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func.namespace == "prim":  # questions about a tensor
            return func(*args, **kwargs)
        name = func._schema.name.split("::")[1]
        leaves = tree_leaves((args, kwargs))
        given = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        onto = next((leaf for leaf in leaves if isinstance(leaf, torch.device)), None)
        if not any(map(_on_device, given)) and (onto is None or onto.type != "cuda"):
            return self._on_host(func, name, args, kwargs)
        special = self._special(func, name, args, kwargs, onto)
        if special is not NotImplemented:
            return special
        if func._overloadpacket not in flop_registry and name not in WHOLE:
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        return self._kernel(func, name, args, kwargs, given)

    def _on_host(self, func: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """The host's own tensors are real; only that they are pinned is pretended."""
        if name in ("pin_memory", "_pin_memory"):
            return self._pin(args[0].clone())
        if name == "is_pinned":
            return args[0].untyped_storage()._cdata in self._pinned
        if kwargs.pop("pin_memory", False):
            return self._pin(func(*args, **kwargs))
        return func(*args, **kwargs)

    def _pin(self, tensor: torch.Tensor) -> torch.Tensor:
        key = tensor.untyped_storage()._cdata
        self._pinned.add(key)
        LiveBytes.when_freed(tensor.untyped_storage(), self._pinned.discard, key)
        return tensor

    def _special(
        self, func: Any, name: str, args: Any, kwargs: dict[str, Any], onto: torch.device | None
    ) -> Any:
        """Everything between host and device, and what can't be left to fake tensors."""
        if name in ("_local_scalar_dense", "is_nonzero", "equal"):
            self.ledger.wait("read")
            return self._read(name, args)
        if name == "_to_copy" and onto is not None and onto.type == "cpu":
            return self._download(args[0], kwargs.get("dtype"), bool(kwargs.get("non_blocking")))
        if name == "copy_" and not _on_device(args[0]):
            free = bool(kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
            self.ledger.download(self._copy(args[0], free))
            known = _known(args[1])
            return args[0] if known is None else args[0].copy_(known)
        if name == "scaled_dot_product_attention":
            return self._attention(*args, **kwargs)
        if name == "grid_sampler":  # else cuDNN's, which fake tensors don't know
            with self:
                return aten.grid_sampler_2d(*args, **kwargs)
        if name in ("index", "index_put_", "index_put", "_index_put_impl_") and len(args) > 1:
            if any(index is not None and index.dtype == torch.bool for index in args[1]):
                self.ledger.wait("mask")
                places = [part for index in args[1] for part in self._places(index)]
                with self:
                    return func(args[0], places, *args[2:], **kwargs)
        return NotImplemented

    def _kernel(
        self, func: Any, name: str, args: Any, kwargs: dict[str, Any], given: list[torch.Tensor]
    ) -> Any:
        by_data = name in SIZED_BY_DATA or (
            func is aten.repeat_interleave.Tensor and kwargs.get("output_size") is None
        )
        known = self._values(func, name, args, kwargs, given)
        if by_data:
            self.ledger.wait(name)
            if known is None:
                raise NotImplementedError(f"{name} of unknown values at {place()}")
            device = next(tensor.device for tensor in given if _on_device(tensor))
            out = tree_map(lambda values: self._like(values, device), known)
        else:
            with FAKE:
                out = func(*args, **kwargs)
        made = [leaf for leaf in tree_leaves(out) if isinstance(leaf, FakeTensor)]
        for leaf in made:
            self.memory.count(leaf)
        if known is None:
            for leaf in made:
                leaf.__dict__.pop("known", None)
        else:
            for leaf, values in zip(made, tree_leaves(known), strict=False):
                if isinstance(values, torch.Tensor) and values.numel() <= KNOWN_VALUES:
                    leaf.__dict__["known"] = values
        self._write(func, name, args, kwargs, given, made)
        return out

    def _write(
        self,
        func: Any,
        name: str,
        args: Any,
        kwargs: dict[str, Any],
        given: list[torch.Tensor],
        made: list[FakeTensor],
    ) -> None:
        """Into the ledger: an upload, or a kernel, or nothing for a view."""
        hosts = [tensor for tensor in given if not _on_device(tensor) and tensor.ndim]
        if hosts and name in ("_to_copy", "copy_"):
            free = bool(kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
            self.ledger.upload(self._copy(hosts[0], free))
            return
        if name in ("_to_copy", "copy_") and (way := _way(name, given, made)):
            self.ledger.crossings.append(Crossed(given[-1].numel() * given[-1].element_size(), way, place()))
            return
        for tensor in hosts:  # indices: torch uploads them itself
            self.ledger.upload(self._copy(tensor, free=False))
        if func.is_view or name in UNCOUNTED or not any(map(_on_device, [*given, *made])):
            return
        flops, out = 0, made[0] if len(made) == 1 else tuple(made)
        if func._overloadpacket in flop_registry:
            flops = int(flop_registry[func._overloadpacket](*args, **kwargs, out_val=out))
        half = any(tensor.dtype in HALF for tensor in given[:2])
        card = next(tensor.device.index for tensor in (*made, *given) if _on_device(tensor))
        self.ledger.launches.append(Launch(name, flops, _traffic(name, given, made), half, place(), card))

    def _attention(
        self,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        **_: Any,
    ) -> torch.Tensor:
        chosen = back_end(q, k, v, attn_mask)
        read = [tensor for tensor in (q, k, v, attn_mask) if tensor is not None]
        if {tensor.device for tensor in read} != {q.device}:
            raise RuntimeError(f"attention between devices: {[str(tensor.device) for tensor in read]}")
        *batch, length, width = q.shape
        flops = 4 * math.prod(batch) * length * k.shape[-2] * width
        if is_causal and length == k.shape[-2]:
            flops //= 2
        with FAKE:
            out = q.new_empty(*batch, length, v.shape[-1])
        self.memory.count(out)
        traffic = _traffic("attention", read, [out])
        if chosen == "math":  # scores are written and read again, in full
            traffic += 4 * math.prod(batch) * length * k.shape[-2] * q.element_size()
        at = place()
        self.ledger.attention[Attention(chosen, expected_kernel(), at)] += 1
        half, card = q.dtype in HALF, q.device.index
        self.ledger.launches.append(Launch(f"attention_{chosen}", flops, traffic, half, at, card))
        return out

    def _read(self, name: str, args: Any) -> Any:
        """What the host reads: values where they are known, else something of the same kind."""
        known = [_known(arg) for arg in args if isinstance(arg, torch.Tensor)]
        if all(values is not None for values in known):
            with _disable_current_modes():
                return torch.equal(*known) if name == "equal" else known[0].item()
        if name == "equal":
            return False
        return {torch.bool: True}.get(args[0].dtype, 1.0 if args[0].is_floating_point() else 1)

    def _download(self, tensor: torch.Tensor, dtype: torch.dtype | None, free: bool) -> torch.Tensor:
        self.ledger.download(self._copy(tensor, free=False))  # what .cpu() makes is pageable
        known = _known(tensor)
        with _disable_current_modes():
            if known is not None:
                return known.to(dtype or tensor.dtype, copy=True)
            return torch.zeros(tensor.shape, dtype=dtype or tensor.dtype)

    def _copy(self, host: torch.Tensor, free: bool) -> Copy:
        pinned = host.untyped_storage()._cdata in self._pinned if not _on_device(host) else False
        return Copy(host.numel() * host.element_size(), pinned, not free, place())

    def _values(
        self, func: Any, name: str, args: Any, kwargs: dict[str, Any], given: list[torch.Tensor]
    ) -> Any:
        """The result's values where all that go in are known and few; else None."""
        if not given and (name not in MAKERS or _elements(name, args) > KNOWN_VALUES):
            return None
        if any(_known(tensor) is None for tensor in given) or sum(map(torch.numel, given)) > 4 * KNOWN_VALUES:
            return None

        def on_host(leaf: Any) -> Any:
            if isinstance(leaf, torch.Tensor):
                return _known(leaf)
            return torch.device("cpu") if isinstance(leaf, torch.device) else leaf

        # The host's kernels lay some results out otherwise: a view on the device may be a copy here.
        values = aten.reshape if func is aten.view.default else func
        with _disable_current_modes():
            return values(*tree_map(on_host, args), **tree_map(on_host, kwargs))

    def _places(self, index: torch.Tensor | None) -> list[torch.Tensor | None]:
        """A mask as the indices that it stands for."""
        if index is None or index.dtype != torch.bool:
            return [index]
        known = _known(index)
        if known is None:
            raise NotImplementedError(f"a mask of unknown values at {place()}")
        with _disable_current_modes():
            return [self._like(part, index.device) for part in known.nonzero().unbind(1)]

    def _like(self, values: Any, device: torch.device) -> Any:
        """A tensor of a device with known values."""
        if not isinstance(values, torch.Tensor):
            return values
        with FAKE:
            made = torch.empty(values.shape, dtype=values.dtype, device=device)
        made.__dict__["known"] = values
        return made


@contextmanager
def pretend_cuda() -> Iterator[PretendedCuda]:
    """A pretended device for this thread; ``.tolist()`` of its tensors is a wait of the host, too."""
    device = PretendedCuda()

    def listed(tensor: FakeTensor) -> Any:
        device.ledger.wait("read")
        values = _known(tensor)
        with _disable_current_modes():
            return (torch.ones(tensor.shape, dtype=tensor.dtype) if values is None else values).tolist()

    with (
        no_driver(lambda: device.ledger.wait("event")),
        pretended_graphs(device),
        mock.patch.object(FakeTensor, "tolist", listed),
        device,
    ):
        yield device


def _on_device(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, FakeTensor) and tensor.device.type == "cuda"


def _way(name: str, given: list[torch.Tensor], made: list[FakeTensor]) -> str:
    """From which card to which a copy goes; empty where it stays on one."""
    source, target = (given[0], made[0]) if name == "_to_copy" else (given[1], given[0])
    cards = _on_device(source) and _on_device(target) and source.device != target.device
    return f"{source.device} {target.device}" if cards else ""


def _known(tensor: torch.Tensor) -> torch.Tensor | None:
    """A tensor's values; None where only its shape is known."""
    return tensor.__dict__.get("known") if isinstance(tensor, FakeTensor) else tensor


def _elements(name: str, args: Any) -> int:
    """Of what a maker makes, at most."""
    if name in ("full", "ones", "zeros"):
        return math.prod(args[0])
    return KNOWN_VALUES if name in ("arange", "linspace", "scalar_tensor") else KNOWN_VALUES + 1


def _traffic(name: str, given: list[torch.Tensor], made: list[torch.Tensor]) -> int:
    """Bytes that a kernel reads and writes; a broadcast tensor counts as much as is stored of it."""
    size: Callable[[torch.Tensor], int] = lambda tensor: min(  # noqa: E731
        tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    )
    device = [tensor for tensor in given if _on_device(tensor)]
    if name in GATHERS:
        return 2 * sum(map(size, made))
    if name in SCATTERS and len(device) > 1:
        return 2 * size(device[-1])
    return sum(map(size, device)) + sum(map(size, made))
