"""The inputs of FrameStreamIO, in the order in which they were added to the node."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import get_args

from ..engine.media.live.choice import CLOCKS, SOURCES, TARGETS
from ..engine.media.live.devices import labels, list_cameras, list_screens
from ..engine.media.mixing import MixMode
from ..engine.media.types import Resize
from ..engine.media.volume import LOUDEST
from ..engine.runtime.mix_stage import SMALLEST
from ..engine.runtime.plan import CompareMode
from ..engine.runtime.stream_role import MODES
from .declare import FrameStream, boolean_widget, combo_widget, float_widget, int_widget, string_widget
from .host import io
from .reading import videos

RUN_MODES = ("foreground", "background")
RESIZES = get_args(Resize)
MIXES = get_args(MixMode)
COMPARES = get_args(CompareMode)
CODECS = ("auto", "libx264", "h264_nvenc")
LONGEST = 1_000_000.0

LISTED_S = 3.0
"""How long a list of devices is shown again: looking takes a while, and ComfyUI asks often."""


def stream_inputs() -> list[io.Input]:
    """All of them."""
    return [*_file_inputs(), *_live_inputs(), *_track_inputs(), *_mix_inputs()]


def _file_inputs() -> list[io.Input]:
    """Streams, and what comes from files and goes to them."""
    return [
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
        combo_widget(
            "mode",
            MODES,
            "auto reads, writes with 'frames' connected, mixes with 'frames_b', too; the others insist.",
        ),
        combo_widget(
            "file",
            ["", *videos()],
            "Read: an example, or a video in ComfyUI's input folder; the button uploads one.",
            upload=io.UploadType.video,
        ),
        string_widget(
            "path",
            "",
            ("Read: a video or a folder of pictures by path, inside ComfyUI's input, output or temp folder."),
            placeholder="clips/take_1.mov or a folder of pictures",
        ),
        float_widget(
            "images_fps",
            24.0,
            (0.1, 240.0),
            0.001,
            "Read: frames a second of 'images' or of a folder of pictures.",
        ),
        float_widget("start", 0.0, (0.0, LONGEST), 0.01, "Read: seconds to skip at the beginning."),
        float_widget("duration", 0.0, (0.0, LONGEST), 0.01, "Read: seconds to take; 0 takes everything."),
        int_widget(
            "every_nth", 1, (1, 1000), "Read: take one frame of this many; the clip keeps its length."
        ),
        float_widget(
            "fps",
            0.0,
            (0.0, 240.0),
            0.001,
            (
                "Read: resample a file to this many frames a second, or ask a camera or screen for them; 0 "
                "keeps the source's timing. Network, browser and NDI have their own."
            ),
        ),
        combo_widget(
            "resize",
            RESIZES,
            "Read: how the picture meets another aspect ratio: cut off, add bars, or distort.",
        ),
        string_widget(
            "filename_prefix",
            "livestyle/video",
            "Write: name of the file in ComfyUI's output folder; a number is added.",
        ),
        combo_widget(
            "compare_mode",
            COMPARES,
            ("Write: show 'compare', or the source where nothing is connected to it, beside the picture."),
        ),
        int_widget(
            "quality",
            18,
            (0, 51),
            "Write: 0 is the best and largest, 51 the worst; 18 is hard to tell from the original.",
        ),
        combo_widget(
            "codec", CODECS, "Write: auto encodes on the graphics card where that works, else with libx264."
        ),
        int_widget("keep_last", 0, (0, 256), "Write: how many of the last frames the images output gives."),
        boolean_widget("preview", True, "Write: show the picture on the node while it runs."),
    ]


@lru_cache(maxsize=1)
def device_labels(period: int) -> tuple[str, ...]:
    """Cameras and screens as they were at the first look in this ``period``."""
    return tuple(labels([*list_cameras(), *list_screens()]))


def _live_inputs() -> list[io.Input]:
    """Where pictures come from and go to beside files."""
    return [
        combo_widget(
            "source", SOURCES, "Read: a file (or what is connected), a network stream, a camera, a screen."
        ),
        string_widget(
            "url",
            "",
            (
                "Read, source network: an address that begins with rtsp, rtmp, http(s), srt or udp. "
                "Source ndi: a part of the sender's name, or empty."
            ),
            placeholder="rtsp://camera.example/stream",
        ),
        combo_widget(
            "device",
            ["", *device_labels(int(time.monotonic() / LISTED_S))],
            "Read, source camera or screen: which one; empty takes the first. R lists them again.",
        ),
        combo_widget(
            "clock",
            CLOCKS,
            (
                "Read, live: which pictures are used when more come than the model takes. latest has the "
                "least delay, resample the evenest motion, drop_oldest keeps a short queue, every_frame "
                "makes the source wait. auto is latest."
            ),
        ),
        boolean_widget(
            "allow_private",
            False,
            "Allow an address on this machine or in its own network; only one that you trust.",
        ),
        combo_widget(
            "target",
            TARGETS,
            "Write: a file, a network stream, a virtual camera or NDI. One a node; chain several.",
        ),
        string_widget(
            "target_url",
            "",
            (
                "Write, target network: an address that begins with rtmp, rtsp, srt or udp. Virtual camera "
                "or NDI: its name, or empty."
            ),
            placeholder="rtmp://server/app/key",
        ),
        int_widget("bitrate", 4000, (100, 50_000), "Write, target network: kilobits a second."),
        boolean_widget(
            "record",
            True,
            "Write, target file: record from the first frame; off waits until you switch it on.",
        ),
    ]


def _track_inputs() -> list[io.Input]:
    """What few files need."""
    return [
        int_widget(
            "video_track",
            0,
            (0, 99),
            "Read: which picture track of the file, counted from 1; 0 takes the one marked as default.",
        ),
        int_widget(
            "audio_track",
            0,
            (0, 99),
            "Read: which sound track of the file, counted from 1; 0 takes the one marked as default.",
        ),
        string_widget(
            "background",
            "#000000",
            "Read: the colour under transparent parts, as # and six hexadecimal digits.",
        ),
        boolean_widget(
            "keep_audio_codec",
            False,
            (
                "Write, target file: copy Opus, AC-3 and FLAC sound as it is. Off makes AAC of it, which "
                "QuickTime, Premiere and all browsers play."
            ),
        ),
        string_widget(
            "take",
            "",
            "Write: a take to play back. It moves the live widgets as they were moved when it was recorded.",
            placeholder="livestyle/video_00001_.take.jsonl [output]",
        ),
        boolean_widget(
            "record_source",
            False,
            "Write, target file: keep a live source beside the file, so that its take renders again.",
        ),
        combo_widget(
            "run_mode",
            RUN_MODES,
            (
                "Write: background ends the Run at the first picture and plays on until Stop; the next Run "
                "changes what plays."
            ),
        ),
    ]


def _mix_inputs() -> list[io.Input]:
    """A second stream and how it is shown in the first, and how loud the first is."""
    return [
        FrameStream.Input("frames_b", optional=True, tooltip="Mix: the second stream, B; frames is A."),
        FrameStream.Input("mask", optional=True, tooltip="Mix, mask: B shows where this stream is bright."),
        combo_widget(
            "mix", MIXES, "Mix: B over all of A, in an inset, or where the mask (else B) is bright."
        ),
        float_widget("balance", 1.0, (0.0, 1.0), 0.01, "Mix: 0 shows A alone, 1 all of B. Live."),
        float_widget("inset_x", 1.0, (0.0, 1.0), 0.01, "Mix: the inset from left, 0, to right, 1. Live."),
        float_widget("inset_y", 1.0, (0.0, 1.0), 0.01, "Mix: the inset from top, 0, to bottom, 1. Live."),
        float_widget("inset_size", 0.3, (SMALLEST, 1.0), 0.01, "Mix: share of the picture's width. Live."),
        float_widget("volume", 1.0, (0.0, LOUDEST), 0.01, "Write: how loud; 0 is silent, 1 as it comes."),
    ]
