"""The only door to ComfyUI: folders, devices, memory, progress, interrupt, events, routes."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.utils
import folder_paths
import numpy as np
import torch
from comfy.cli_args import args
from comfy_api.latest import ComfyExtension, InputImpl, io
from comfy_execution.graph_utils import ExecutionBlocker
from PIL import Image

from server import PromptServer

from ..engine.conditioning.host_text import HostTextFile
from ..engine.errors import LiveStyleError, one_line, printable_lines
from ..engine.families.base import StreamModel
from ..engine.log import log
from ..engine.runtime.device import WEIGHT_DTYPES, plan_device

__all__ = ["ComfyExtension", "io"]

MODEL_FOLDER = "stream_models"

MEDIA_FOLDER = "stream_media"
"""Further folders that may be read from, where extra_model_paths.yaml names some."""

PLAYS_ON = True
"""Whether a session may outlive its prompt."""

PREVIEW_SIDE = 512
"""Pixels of the longer side of a preview that goes through ComfyUI's own progress messages."""

Given = ParamSpec("Given")
Given_back = TypeVar("Given_back")


# --- nodes ------------------------------------------------------------------------------------


def extension(nodes: list[type[io.ComfyNode]]) -> ComfyExtension:
    """The object that ``comfy_entrypoint`` returns."""

    class LiveStyleExtension(ComfyExtension):
        async def get_node_list(self) -> list[type[io.ComfyNode]]:
            return nodes

    return LiveStyleExtension()


def blocked(reason: str) -> ExecutionBlocker:
    """An output value that stops whoever uses it, with this one line."""
    return ExecutionBlocker(printable_lines(reason))


def plain_errors(execute: Callable[Given, Given_back]) -> Callable[Given, Given_back]:
    """Have a node's ``execute`` raise nothing that ComfyUI can't show.

    ComfyUI writes an error with all that led to it to its log. What the log can't encode, and what no
    artist can read, is raised as a LiveStyleError alone; cancelling and lack of memory are ComfyUI's own.
    """
    untouched = (comfy.model_management.InterruptProcessingException, comfy.model_management.OOM_EXCEPTION)

    @functools.wraps(execute)
    def guarded(*arguments: Given.args, **inputs: Given.kwargs) -> Given_back:
        try:
            return execute(*arguments, **inputs)
        except untouched:
            raise
        except Exception as error:
            story = "".join(traceback.format_exception(error))
            if isinstance(error, LiveStyleError) and story == printable_lines(story):
                raise
            log.error("%s", story)
            known = isinstance(error, LiveStyleError)
            said = str(error) if known else f"{type(error).__name__}: {one_line(error)}"
            kind = type(error) if known else LiveStyleError
        raise kind(said)

    return guarded


# --- folders ----------------------------------------------------------------------------------


def register_model_folder() -> None:
    """Make ``models/stream_models`` known, keeping folders that the user's yaml added to it."""
    default = os.path.join(folder_paths.models_dir, MODEL_FOLDER)
    folder_paths.add_model_folder_path(MODEL_FOLDER, default)
    folders, _ = folder_paths.folder_names_and_paths[MODEL_FOLDER]
    folder_paths.folder_names_and_paths[MODEL_FOLDER] = (folders, {".safetensors", ".pt", ".pth", ".json"})


def model_files(folder: str) -> list[str]:
    """Names below one of ComfyUI's model folders; empty where it has no such folder."""
    return folder_paths.get_filename_list(folder) if _has_folder(folder) else []


def model_path(folder: str, name: str) -> str | None:
    """Absolute path of a name that ``model_files`` listed, or None."""
    return folder_paths.get_full_path(folder, name)


def text_file(chosen: str = "") -> HostTextFile | None:
    """A text encoder that ComfyUI reads: the chosen file, else the smallest UMT5 in its folder, if any."""
    folder, names = "text_encoders", (name for name in model_files("text_encoders") if "umt5" in name.lower())
    found = [path for name in names if (path := model_path(folder, name)) and path.endswith(".safetensors")]
    path = chosen or min(found, key=os.path.getsize, default="")
    return HostTextFile(path, _load_clip) if path else None


def _load_clip(path: str, device: str) -> Any:
    where = {"load_device": torch.device(device)} if device else {}
    return comfy.sd.load_clip([path], None, comfy.sd.CLIPType.WAN, where)


def model_folder(folder: str) -> Path:
    """Where new files of one of ComfyUI's model folders go."""
    return Path(folder_paths.get_folder_paths(folder)[0])


def input_files() -> list[str]:
    """Names of the files that lie directly in ComfyUI's input folder, sorted."""
    folder = folder_paths.get_input_directory()
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_file())


def locate(name: str) -> str:
    """Absolute path of a name: below the input folder, annotated (``clip.mp4 [output]``), or absolute."""
    relative, base = folder_paths.annotated_filepath(name)
    return os.path.abspath(os.path.join(base or folder_paths.get_input_directory(), relative))


def own_folders() -> tuple[str, ...]:
    """ComfyUI's folders for media."""
    return (
        folder_paths.get_input_directory(),
        folder_paths.get_output_directory(),
        folder_paths.get_temp_directory(),
    )


def allowed_folders() -> tuple[str, ...]:
    """Further folders that may be read from, as extra_model_paths.yaml names them under ``stream_media``."""
    return tuple(folder_paths.get_folder_paths(MEDIA_FOLDER)) if _has_folder(MEDIA_FOLDER) else ()


def output_folder() -> str:
    """Absolute path of ComfyUI's output folder."""
    return os.path.abspath(folder_paths.get_output_directory())


def numbered_stem(prefix: str) -> tuple[str, int]:
    """Where a checked ``filename_prefix`` leads: absolute path without counter, and the next free counter.

    ``%width%`` and ``%height%`` stay: the size is known when the file is opened.

    Raises:
        OSError: its folder can't be made.
    """
    folder, filename, counter, _, _ = folder_paths.get_save_image_path(
        prefix, output_folder(), "%width%", "%height%"
    )
    if "%" in folder:
        with contextlib.suppress(OSError):
            os.rmdir(folder)  # it was just made under a name that it will not have
    return os.path.join(folder, filename), counter


def view_of(path: Path) -> dict[str, str]:
    """How ComfyUI's ``/view`` route names a file in the output folder."""
    relative = path.relative_to(output_folder())
    subfolder = "" if relative.parent == Path() else relative.parent.as_posix()
    return {"filename": relative.name, "subfolder": subfolder, "type": "output"}


def user_folder() -> Path:
    """Where the pack keeps what belongs to this ComfyUI; not served to anyone."""
    return Path(folder_paths.get_user_directory()) / "livestyle"


def video_output(path: Path) -> Any:
    """A finished file as a VIDEO."""
    return InputImpl.VideoFromFile(str(path))


def _has_folder(name: str) -> bool:
    """Whether ComfyUI knows a model folder of this name."""
    return name in folder_paths.folder_names_and_paths


# --- the running prompt -----------------------------------------------------------------------


def check_interrupt() -> None:
    """Raise ComfyUI's InterruptProcessingException after Cancel; only on the prompt's thread."""
    comfy.model_management.throw_exception_if_processing_interrupted()


class Progress:
    """The progress bar, picture and text of one node, for the client that queued the prompt."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._bar = comfy.utils.ProgressBar(1, node_id=node_id)

    def bar(self, done: int, total: int, picture: np.ndarray | None = None) -> None:
        """Show ``done`` of ``total`` frames, and a picture; raises after Cancel, like ``check_interrupt``.

        Args:
            picture: uint8 RGB (H, W, 3); shown at ``PREVIEW_SIDE`` pixels at most.
        """
        preview = None
        if picture is not None:
            image = Image.fromarray(picture)
            image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
            preview = ("JPEG", image, None)
        self._bar.update_absolute(done, total, preview)

    def text(self, line: str) -> None:
        """Show a line on the node."""
        show_text(self._node_id, line)


def show_text(node_id: str, line: str) -> None:
    """Show a line on a node of the running prompt."""
    server = _server()
    if server is not None and server.client_id is not None:
        server.send_progress_text(printable_lines(line), node_id, server.client_id)


class Sender:
    """Sends events to the tab or client that queued the prompt that runs now."""

    def __init__(self) -> None:
        server = _server()
        self.client: str | None = None if server is None else server.client_id

    def __call__(self, event: str, data: Mapping[str, Any]) -> None:
        """From any thread; a prompt queued without a client hears nothing."""
        server = _server()
        if server is not None and self.client is not None:
            server.send_sync(event, dict(data), self.client)


def before_queueing(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Have ``change`` alter every ``POST /prompt`` body before the prompt is queued."""
    server = _server()
    if server is not None:
        server.add_on_prompt_handler(change)


def running_prompt() -> tuple[dict[str, Any], dict[str, Any]]:
    """The graph and the ``extra_data`` of the prompt that runs now; empty where there is none."""
    server = _server()
    running = [] if server is None else server.prompt_queue.get_current_queue_volatile()[0]
    return next(((graph, extra) for _, _, graph, extra, *_ in running), ({}, {}))


def consumers(hidden: Any, output: int) -> list[str]:
    """Ids of the nodes that use output number ``output`` of the node that runs."""
    dynprompt, own = hidden.dynprompt, str(hidden.unique_id)
    return [
        node_id
        for node_id in dynprompt.all_node_ids()
        if any(
            isinstance(value, list) and len(value) == 2 and str(value[0]) == own and value[1] == output
            for value in dynprompt.get_node(node_id)["inputs"].values()
        )
    ]


def metadata(hidden: Any) -> tuple[tuple[str, str], ...]:
    """The prompt and the workflow as container tags; empty with ``--disable-metadata``."""
    if args.disable_metadata:
        return ()
    # The executor leaves its fingerprints (NaN, which is not JSON) in the prompt's nodes.
    prompt = {
        node_id: {name: value for name, value in node.items() if name != "is_changed"}
        for node_id, node in (hidden.prompt or {}).items()
    }
    tags = {"prompt": prompt, **(hidden.extra_pnginfo or {})}
    return tuple((name, json.dumps(value)) for name, value in tags.items())


# --- devices and memory -----------------------------------------------------------------------


class WholeModelPatcher(comfy.model_patcher.ModelPatcher):
    """All or nothing: modules that are not built of comfy.ops layers can't be loaded in part.

    Not ComfyUI 0.33's dynamic patcher, which pages such layers out for nobody: for this one ComfyUI pages
    its own models out, only as far as they are in the way, and this one whole for others.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.holders: set[object] = set()

    def partially_load(
        self, device_to: torch.device, extra_memory: float = 0, force_patch_weights: bool = False
    ) -> int:
        return super().partially_load(device_to, 1e32, force_patch_weights=force_patch_weights)

    def detach(self, unpatch_all: bool = True) -> Any:
        """Stay while somebody computes with it: ComfyUI then works with the memory that is left."""
        return self.model if self.holders else super().detach(unpatch_all)

    def partially_unload(self, device_to: torch.device, memory_to_free: float = 0, **options: Any) -> int:
        return 0  # makes ComfyUI detach the whole model instead


class ComfyResidency:
    """Lets ComfyUI's memory management decide which models are on the device."""

    def __init__(self) -> None:
        # By identity: a model need not be hashable. One for each device that it is on.
        self._patchers: dict[int, list[WholeModelPatcher]] = {}
        self._retired: list[WholeModelPatcher] = []

    @property
    def device(self) -> torch.device:
        """The device that models compute on, where nobody has chosen others."""
        return comfy.model_management.get_torch_device()

    def acquire(self, models: Sequence[StreamModel], memory_required: Mapping[torch.device, int]) -> None:
        """Have all the models whole on their devices, with so many bytes free beside them."""
        self._retired.clear()
        patchers = [patcher for model in models for patcher in self._patchers_of(model)]
        with torch.inference_mode(False), torch.no_grad():
            for device in dict.fromkeys(patcher.load_device for patcher in patchers):
                here = [patcher for patcher in patchers if patcher.load_device == device]
                comfy.model_management.load_models_gpu(here, memory_required=memory_required.get(device, 0))

    def hold(self, models: Sequence[StreamModel]) -> Callable[[], None]:
        """Have ComfyUI leave the models where they are until the function is called, from any thread."""
        patchers, holder = [patcher for model in models for patcher in self._patchers_of(model)], object()
        for patcher in patchers:
            patcher.holders.add(holder)

        def let_go() -> None:
            for patcher in patchers:
                patcher.holders.discard(holder)
                if not any(known.model is patcher for known in comfy.model_management.current_loaded_models):
                    patcher.detach()  # ComfyUI has asked for it meanwhile

        return let_go

    def released(self) -> None:
        """A session is over: what its caches held goes back to the device; weights may stay."""
        gc.collect()  # what a session leaves behind refers to itself
        comfy.model_management.soft_empty_cache()

    def _patchers_of(self, model: StreamModel) -> list[WholeModelPatcher]:
        key = id(model)
        if key not in self._patchers:
            self._patchers[key], keeps = [], comfy.model_management.unet_offload_device().type != "cpu"
            for device, modules in model.modules_on(self.device).items():
                offload = device if keeps else torch.device("cpu")  # --highvram unloads nothing
                patcher = WholeModelPatcher(torch.nn.ModuleList(modules), device, offload)
                self._patchers[key].append(patcher)
                if _lies_on(device, patcher.model):  # else ComfyUI would make room for it a second time
                    patcher.model.device = device
                    patcher.model.model_loaded_weight_memory = patcher.model_size()
            weakref.finalize(model, self._retire, key)
        return self._patchers[key]

    def _retire(self, key: int) -> None:
        """A model is gone: let go of its weights now, of its patcher later.

        With the patcher ComfyUI drops its own entry, at once and on any thread. While it unloads models
        on the prompt's thread that would shift its list under it; a session's thread is free to.
        """
        for patcher in self._patchers.pop(key):
            patcher.model._modules = {}  # replaced, not emptied: ComfyUI may be going through it
            patcher.model.model_loaded_weight_memory = 0
            self._retired.append(patcher)


def _lies_on(device: torch.device, module: torch.nn.Module) -> bool:
    """Whether all weights of a module are on a device."""
    return all(tensor.device == device for tensor in (*module.parameters(), *module.buffers()))


residency = ComfyResidency()


def preferred_dtype(device: torch.device) -> torch.dtype:
    """The number format for weights on a device, by ComfyUI's flags and by what is fast there."""
    if args.force_fp32:
        return torch.float32
    if comfy.model_management.is_device_cpu(device):
        return plan_device(device).dtype  # ComfyUI itself never computes in bf16 on a CPU
    return torch.bfloat16 if comfy.model_management.should_use_bf16(device) else torch.float32


def weights_dtype(choice: str, device: torch.device) -> torch.dtype:
    """The number format behind a choice of LoadStreamModel; for fp8, of what stays unquantised."""
    return WEIGHT_DTYPES.get(choice) or preferred_dtype(device)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on a device now; ComfyUI can free more by unloading other models."""
    return comfy.model_management.get_free_memory(device)


def make_room(size: int, device: torch.device) -> None:
    """Have ComfyUI free so many bytes on a device, for weights that are about to be loaded."""
    comfy.model_management.free_memory(size, device)


def empty_device() -> None:
    """After an out-of-memory error: take all models off all devices, as ComfyUI does for its own nodes."""
    for device in {each.device for each in comfy.model_management.current_loaded_models}:
        comfy.model_management.free_memory(1e30, device)
    comfy.model_management.soft_empty_cache()


# --- server -----------------------------------------------------------------------------------


def route_table() -> Any:
    """ComfyUI's aiohttp route table, or None where no server runs (unit tests)."""
    server = _server()
    return None if server is None else server.routes


def add_middleware(middleware: Any) -> None:
    """Have an aiohttp middleware see every request; only before ComfyUI listens."""
    server = _server()
    if server is not None:
        server.app.middlewares.append(middleware)


def _server() -> Any:
    return getattr(PromptServer, "instance", None)
