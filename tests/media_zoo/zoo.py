"""The table: what people's files look like, and what is right. A new report is a row."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial

from recipes import (
    AAC,
    FLASH,
    H264,
    MPEG2,
    Recipe,
    changing_sound,
    clip,
    coloured,
    cut_without_decoding,
    flat,
    from_a_mac,
    held,
    joined,
    transparent,
    two_tracks,
    with_pauses,
)

from livestyle.engine.media.tracks import TrackChoice
from livestyle.engine.media.types import Trim


@dataclass(frozen=True)
class Right:
    """What must be in the written file.

    Attributes:
        seconds: of the picture, first frame to the last one's end.
        flashes, beeps: where they are, in seconds.
        sound: seconds of sound, None for no track.
        frames: how many, or None for any number.
        pixels: RGB in the middle of the picture's left and right half.
        note: a part of the line on the node; empty for no line.
    """

    seconds: float
    flashes: tuple[float, ...] = ()
    beeps: tuple[float, ...] = ()
    sound: float | None = None
    frames: int | None = None
    pixels: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None
    note: str = ""


@dataclass(frozen=True)
class Animal:
    """A file, how it is read, and what is right."""

    kind: str
    name: str
    make: Recipe
    right: Right
    trim: Trim = Trim()
    tracks: TrackChoice = field(default_factory=TrackChoice)

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


PLAIN = Right(1.2, (FLASH,), (FLASH,), 1.2, 30)
TWICE = Right(2.4, (FLASH, 1.2 + FLASH), (FLASH, 1.2 + FLASH), 2.4, 60)
TS, PS = (*H264, *AAC), (*MPEG2, "-c:a", "mp2")
DAY_LATER = (*TS, "-output_ts_offset", "86400")
BEFORE_0 = (*TS, "-output_ts_offset", "-0.4", "-avoid_negative_ts", "disabled")
B_FRAMES = ("-c:v", "libx264", "-bf", "2", "-c:a", "pcm_s16le")
WRAP = 2**33 / 90_000

MOV_ALPHA = ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")
RED = (255, 0, 0)

ZOO = [
    Animal("layouts", "7.1 PCM in MOV", clip("c.mov", *H264, "-c:a", "pcm_s16le", channels=8), PLAIN),
    Animal("layouts", "6.1 PCM in MOV", clip("c.mov", *H264, "-c:a", "pcm_s24le", channels=7), PLAIN),
    Animal("layouts", "16 channels in MKV", clip("c.mkv", *H264, "-c:a", "pcm_s16le", channels=16), PLAIN),
    Animal("delay", "WMAv2 in WMV", clip("c.wmv", "-c:v", "wmv2", "-c:a", "wmav2"), PLAIN),
    Animal("delay", "WMAv1 in MKV", clip("c.mkv", *H264, "-c:a", "wmav1"), PLAIN),
    Animal("clocks", "joined TS", lambda folder: joined(folder, "ts", TS, TS), TWICE),
    Animal(
        "clocks",
        "joined TS at 25 fps",
        lambda folder: joined(folder, "ts", TS, TS),
        Right(2.4, TWICE.flashes, TWICE.beeps, 2.4),
        Trim(fps=25),
    ),
    Animal(
        "clocks",
        "joined TS from 1.5 s",
        lambda folder: joined(folder, "ts", TS, TS),
        Right(0.9, (0.5,), (0.5,), 0.9),
        Trim(start=1.5),
    ),
    Animal("clocks", "joined PS", lambda folder: joined(folder, "mpg", PS, PS), TWICE),
    Animal("clocks", "a day between", lambda folder: joined(folder, "ts", TS, DAY_LATER), TWICE),
    Animal("clocks", "33 bits wrap", clip("c.ts", *TS, "-output_ts_offset", str(WRAP - 2)), PLAIN),
    Animal("clocks", "begins late", clip("c.ts", *TS, "-output_ts_offset", "50000"), PLAIN),
    Animal("clocks", "begins late in MKV", clip("c.mkv", *TS, "-output_ts_offset", "5000"), PLAIN),
    Animal(
        "clocks", "begins before 0", clip("c.mp4", *BEFORE_0), Right(0.8, (FLASH - 0.4,), (FLASH - 0.4,), 0.8)
    ),
    Animal("clocks", "edit list", cut_without_decoding, Right(1.2, (0.8,), (0.8,), 1.2)),
    Animal("timestamps", "AVI with pauses", with_pauses, Right(4, (3.2,), (3.2,), 4, 50)),
    Animal(
        "timestamps", "AVI with pauses at 25 fps", with_pauses, Right(4, (3.2,), (3.2,), 4, 100), Trim(fps=25)
    ),
    Animal("timestamps", "AVI with B-frames", clip("c.avi", *B_FRAMES), PLAIN),
    Animal(
        "last frame",
        "held in MP4",
        partial(held, suffix="mp4", frames=10, hold=Fraction(3), sound=4),
        Right(3.9, (0.9,), (0.1,), 4, 10),
    ),
    Animal(
        "last frame",
        "held at 10 fps",
        partial(held, suffix="mp4", frames=10, hold=Fraction(3), sound=4),
        Right(3.9, (0.9,), (0.1,), 4, 39),
        Trim(fps=10),
    ),
    Animal(
        "last frame",
        "held in MKV",
        partial(held, suffix="mkv", frames=10, hold=Fraction(3)),
        Right(3.9, (0.9,), frames=10),
    ),
    Animal(
        "last frame",
        "one frame for 5 s",
        partial(held, suffix="mp4", frames=1, hold=Fraction(5)),
        Right(5, (0,), frames=1),
    ),
    Animal(
        "last frame",
        "GIF",
        lambda folder: flat(folder, "c.gif", "808080", "-final_delay", "300"),
        Right(3.4, frames=5),
    ),
    Animal(
        "last frame",
        "APNG",
        lambda folder: flat(folder, "c.apng", "808080", "-final_delay", "3", "-f", "apng"),
        Right(3.4, frames=5),
    ),
    Animal("sound changes", "mono 48 to stereo 44.1 kHz", changing_sound, TWICE),
    Animal(
        "colour",
        "BT.2020 red",
        lambda folder: coloured("bt2020", "bt2020-10", "bt2020nc", folder, "ca3b13"),
        Right(0.5, pixels=((249, 0, 0), (249, 0, 0)), note="BT.2020"),
    ),
    Animal(
        "colour",
        "P3 red",
        lambda folder: coloured("smpte432", "bt709", "bt709", folder, "ea3323"),
        Right(0.5, pixels=(RED, RED), note="Display P3"),
    ),
    Animal(
        "colour",
        "PQ white",
        lambda folder: coloured("bt2020", "smpte2084", "bt2020nc", folder, "949494"),
        Right(0.5, pixels=((247, 247, 247),) * 2, note="HDR (PQ)"),
    ),
    Animal(
        "colour",
        "HLG white",
        lambda folder: coloured("bt2020", "arib-std-b67", "bt2020nc", folder, "bfbfbf"),
        Right(0.5, pixels=((247, 247, 247),) * 2, note="HDR (HLG)"),
    ),
    Animal(
        "alpha",
        "ProRes 4444",
        lambda folder: transparent(folder, "c.mov", *MOV_ALPHA),
        Right(0.5, pixels=((0, 0, 0), RED), note="Transparent"),
    ),
    Animal(
        "alpha",
        "PNG in MOV",
        lambda folder: transparent(folder, "c.mov", "-c:v", "png", "-pix_fmt", "rgba"),
        Right(0.5, pixels=((0, 0, 0), RED), note="Transparent"),
    ),
    Animal("tracks", "default sound", partial(two_tracks, kind="a"), replace(PLAIN, note="2 sound tracks")),
    Animal("tracks", "default picture", partial(two_tracks, kind="v"), replace(PLAIN, note="2 picture")),
    Animal(
        "tracks",
        "first sound by number",
        partial(two_tracks, kind="a"),
        Right(1.2, (FLASH,), (), 1.2, 30),
        tracks=TrackChoice(audio=1),
    ),
    Animal("folders", "from a Mac", from_a_mac, Right(0.125, (0,), frames=3)),
    Animal("codecs", "Opus", clip("c.mkv", *H264, "-c:a", "libopus"), PLAIN),
    Animal("codecs", "Vorbis", clip("c.mkv", *H264, "-c:a", "libvorbis"), PLAIN),
    Animal("codecs", "AC-3", clip("c.mp4", *H264, "-c:a", "ac3"), PLAIN),
    Animal("codecs", "MP3", clip("c.mp4", *H264, "-c:a", "libmp3lame"), PLAIN),
    Animal("codecs", "ALAC", clip("c.mov", *H264, "-c:a", "alac"), PLAIN),
]
