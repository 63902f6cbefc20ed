"""FrameStreamIO: where a stream comes from and where it goes; a last write node runs it."""

from __future__ import annotations

from typing import Any

import torch

from ..engine.errors import MediaError, SettingError
from ..engine.media.live.sink_spec import LiveSinkSpec
from ..engine.media.sinks import SinkSpec
from ..engine.media.types import Trim
from ..engine.runtime.plan import PlanNode, Read, Write
from . import host
from .checks import one_of, within
from .frame_stream_inputs import live_inputs
from .host import io, schema
from .live import LiveChoice, live_target
from .reading import Choice, file_fingerprint, source_of, videos_in_input
from .run import run_plan
from .secrets import without_secrets
from .sockets import CATEGORY, FrameStream
from .writing import reserve_path

MODES = ("auto", "read", "write")
RESIZES = ("crop", "letterbox", "stretch")
COMPARES = ("off", "side_by_side", "wipe")
CODECS = ("auto", "libx264", "h264_nvenc")
LONGEST = 1_000_000.0
FRAMES, VIDEO, IMAGES = range(3)


class FrameStreamIO(io.ComfyNode):
    """Reads unless ``frames`` is connected, then writes; runs the plan where nothing follows."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return schema(
            node_id="FrameStreamIO",
            display_name="Frame Stream IO",
            category=CATEGORY,
            description=(
                "Opens a video, a camera or a network stream as frames or, with 'frames' connected, writes "
                "them to a video file, a network stream or a virtual camera. The last write node of a graph "
                "runs the stream."
            ),
            search_aliases=[
                *("load video", "save video", "video input", "video output", "stream", "vid2vid"),
                *("webcam", "camera", "screen capture", "rtsp", "rtmp", "srt", "hls", "ndi", "obs", "record"),
            ],
            inputs=[
                FrameStream.Input(
                    "frames", optional=True, tooltip="The stream to write; connected, this node writes."
                ),
                FrameStream.Input(
                    "compare",
                    optional=True,
                    tooltip="Write: a second stream shown left of the first; compare_mode says how.",
                ),
                io.Video.Input(
                    "video", optional=True, tooltip="Read: a video from another node, decoded as it plays."
                ),
                io.Image.Input("images", optional=True, tooltip="Read: a batch of images as frames."),
                io.Combo.Input(
                    "mode",
                    options=list(MODES),
                    default="auto",
                    optional=True,
                    tooltip="auto reads unless 'frames' is connected, then writes; read and write insist.",
                ),
                io.Combo.Input(
                    "file",
                    options=videos_in_input(),
                    default="",
                    optional=True,
                    upload=io.UploadType.video,
                    tooltip="Read: a video in ComfyUI's input folder; the button uploads one.",
                ),
                io.String.Input(
                    "path",
                    default="",
                    optional=True,
                    placeholder="clips/take_1.mov or a folder of pictures",
                    tooltip=(
                        "Read: a video or a folder of pictures by path, inside ComfyUI's input, output or "
                        "temp folder."
                    ),
                ),
                io.Float.Input(
                    "images_fps",
                    default=24.0,
                    min=0.1,
                    max=240.0,
                    step=0.001,
                    optional=True,
                    tooltip="Read: frames a second of 'images' or of a folder of pictures.",
                ),
                io.Float.Input(
                    "start",
                    default=0.0,
                    min=0.0,
                    max=LONGEST,
                    step=0.01,
                    optional=True,
                    tooltip="Read: seconds to skip at the beginning.",
                ),
                io.Float.Input(
                    "duration",
                    default=0.0,
                    min=0.0,
                    max=LONGEST,
                    step=0.01,
                    optional=True,
                    tooltip="Read: seconds to take; 0 takes everything.",
                ),
                io.Int.Input(
                    "every_nth",
                    default=1,
                    min=1,
                    max=1000,
                    optional=True,
                    tooltip="Read: take one frame of this many; the clip keeps its length.",
                ),
                io.Float.Input(
                    "fps",
                    default=0.0,
                    min=0.0,
                    max=240.0,
                    step=0.001,
                    optional=True,
                    tooltip="Read: resample to this many frames a second; 0 keeps the source's timing.",
                ),
                io.Combo.Input(
                    "resize",
                    options=list(RESIZES),
                    default="crop",
                    optional=True,
                    tooltip=(
                        "Read: how the picture meets another aspect ratio: cut off, add bars, or distort."
                    ),
                ),
                io.String.Input(
                    "filename_prefix",
                    default="livestyle/video",
                    optional=True,
                    tooltip="Write: name of the file in ComfyUI's output folder; a number is added.",
                ),
                io.Combo.Input(
                    "compare_mode",
                    options=list(COMPARES),
                    default="off",
                    optional=True,
                    tooltip=(
                        "Write: show 'compare', or the source where nothing is connected to it, beside the "
                        "picture."
                    ),
                ),
                io.Int.Input(
                    "quality",
                    default=18,
                    min=0,
                    max=51,
                    optional=True,
                    tooltip=(
                        "Write: 0 is the best and largest, 51 the worst; 18 is hard to tell from the "
                        "original."
                    ),
                ),
                io.Combo.Input(
                    "codec",
                    options=list(CODECS),
                    default="auto",
                    optional=True,
                    tooltip="Write: auto encodes on the graphics card where that works, else with libx264.",
                ),
                io.Int.Input(
                    "keep_last",
                    default=0,
                    min=0,
                    max=256,
                    optional=True,
                    tooltip="Write: how many of the last frames the images output gives.",
                ),
                io.Boolean.Input(
                    "preview",
                    default=True,
                    optional=True,
                    tooltip="Write: show the picture on the node while it runs.",
                ),
                *live_inputs(),
            ],
            outputs=[
                FrameStream.Output(
                    display_name="frames",
                    tooltip="The stream. On a write node: connect it, and the next write node runs both.",
                ),
                io.Video.Output(
                    display_name="video", tooltip="The finished file of the write node that ran the stream."
                ),
                io.Image.Output(display_name="images", tooltip="Its last frames, as many as keep_last says."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt, io.Hidden.prompt, io.Hidden.extra_pnginfo],
            is_output_node=True,
            not_idempotent=True,  # the output names this node, so an equal node must not share it
        )

    @classmethod
    def validate_inputs(cls, file: str | None = None, device: str | None = None) -> bool:
        """Leave these to ``execute``: a file may be newer than the list or annotated, a device plugged in."""
        return True

    @classmethod
    def fingerprint_inputs(
        cls, file: str = "", path: str = "", source: str = "file", **inputs: Any
    ) -> str | float:
        """The file's size and time on the read side; the write side and live sources run at every Run."""
        if "frames" in inputs or source != "file":  # links are present here, with the value None
            return float("nan")
        name = file or path.strip()
        try:
            return file_fingerprint(host.media_path(name)) if name else ""
        except (MediaError, OSError):
            return ""  # execute says what is wrong

    @classmethod
    def execute(
        cls,
        frames: PlanNode | None = None,
        compare: PlanNode | None = None,
        video: Any = None,
        images: torch.Tensor | None = None,
        mode: str = "auto",
        file: str = "",
        path: str = "",
        images_fps: float = 24.0,
        start: float = 0.0,
        duration: float = 0.0,
        every_nth: int = 1,
        fps: float = 0.0,
        resize: str = "crop",
        filename_prefix: str = "livestyle/video",
        compare_mode: str = "off",
        quality: int = 18,
        codec: str = "auto",
        keep_last: int = 0,
        preview: bool = True,
        source: str = "file",
        url: str = "",
        device: str = "",
        clock: str = "auto",
        allow_private: bool = False,
        target: str = "file",
        target_url: str = "",
        bitrate: int = 4000,
        record: bool = True,
    ) -> io.NodeOutput:
        live = LiveChoice(source, url, device, clock, allow_private)
        choice = Choice(file, path, video, images, live)
        if not writes(mode, frames is not None, compare is not None, choice):
            within("images_fps", images_fps, 0.1, 240)
            within("start", start, 0, LONGEST)
            within("duration", duration, 0, LONGEST)
            within("every_nth", every_nth, 1, 1000)
            within("fps", fps, 0, 240)
            spec = source_of(choice, Trim(start, duration, every_nth, fps), images_fps)
            plan = PlanNode(Read(spec, one_of("resize", resize, RESIZES)), node_id=cls._id())
            reason = "This FrameStreamIO reads: take video and images from the one that writes."
            return io.NodeOutput(plan, host.blocked(reason), host.blocked(reason))

        within("quality", quality, 0, 51)
        within("keep_last", keep_last, 0, 256)
        sink: SinkSpec | LiveSinkSpec
        if target == "file":
            sink = SinkSpec(
                reserve_path(filename_prefix, cls._id()),
                codec=one_of("codec", codec, CODECS),
                quality=quality,
                metadata=without_secrets(host.metadata(cls.hidden)),
                keep_last=keep_last,
                record=record,
            )
        else:
            sink = live_target(target, target_url, allow_private, bitrate, keep_last)
        plan = PlanNode(
            Write(sink, one_of("compare_mode", compare_mode, COMPARES), preview),
            parents=tuple(stream for stream in (frames, compare) if stream is not None),
            node_id=cls._id(),
        )
        if host.consumers(cls.hidden, FRAMES):
            reason = (
                "This FrameStreamIO passes its stream on: take video and images from the write node after it."
            )
            return io.NodeOutput(plan, host.blocked(reason), host.blocked(reason))
        return cls._pump(plan)

    @classmethod
    def _pump(cls, plan: PlanNode) -> io.NodeOutput:
        """Run the plan; its own file becomes the outputs and the picture on the node."""
        result, entry = run_plan(plan)
        tail = host.blocked("keep_last is 0: raise it to get the last frames as images.")
        if result.tail is not None and len(result.tail):
            tail = torch.from_numpy(result.tail).float().div_(255)
        if entry is None:
            return io.NodeOutput(plan, host.blocked("This node recorded no file."), tail)
        return io.NodeOutput(plan, host.video_output(result.path), tail, ui={"video": [entry]})

    @classmethod
    def _id(cls) -> str:
        return str(cls.hidden.unique_id)


def writes(mode: str, has_frames: bool, has_compare: bool, choice: Choice) -> bool:
    """Whether the node writes.

    Raises:
        SettingError: mode and connections contradict each other.
    """
    one_of("mode", mode, MODES)
    if mode == "read" and (has_frames or has_compare):
        raise SettingError(
            "mode is read, but frames or compare is connected: set mode to auto, or disconnect it."
        )
    if not has_frames:
        if mode == "write" or has_compare:
            raise SettingError("FrameStreamIO can't write: connect a stream to frames.")
        return False
    sockets = [name for name in choice.used() if name in ("video", "images")]
    if sockets:
        raise SettingError(
            f"frames and {' and '.join(sockets)} are connected: a node writes or reads, so use two."
        )
    return True
