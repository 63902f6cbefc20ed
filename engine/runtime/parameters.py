"""Live values: set from any thread, read at chunk borders, answered by receipts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from fractions import Fraction

from ..cues.cue import CueList
from ..cues.player import CuePlayer
from ..cues.player import Played as PlayedCue
from ..errors import SettingError
from ..families.base import LiveParameter
from ..modulation.modulator import Modulator
from ..modulation.signals import Signals
from ..takes.lane import Lane, Played, Value
from ..takes.log import TakeLog
from .drive import Drive
from .fitting import fitting, is_number, is_text
from .glide import LONGEST_FADE_S, Glide
from .live_values import Course, Cued, Entry, LiveValues, Receipt

HELD_LIMIT = 64
"""Keys that may be set before the session declares which ones it has."""


class ParameterStore:
    """The live values of a session; the latest change of a key wins.

    Args:
        specs: the session's live parameters; None while the models that declare them are still
            loading. Until ``declare``, changes are held and answered as received.
        on_receipt: called for every receipt, from any thread, in order and under the store's
            lock: it must not block.
        lanes: of a take that is played back. A change by anybody ends the playing of its key.

    Attributes:
        signals: what modulators follow.
        cues: where the cue list stands.
        taken: what the chunks have read.
        changes: how many there have been.
    """

    def __init__(
        self,
        specs: Iterable[LiveParameter] | None,
        on_receipt: Callable[[Receipt], None],
        lanes: Mapping[str, Lane] | None = None,
    ) -> None:
        self.signals = Signals()
        self.cues = CuePlayer(self.signals.cut_after)
        self.cues.hold(bool(lanes))  # a take has what its cues did
        self.taken = TakeLog()
        self._lanes = dict(lanes or {})
        self._on_receipt = on_receipt
        self._lock = threading.RLock()
        self.changes = 0
        self._specs: dict[str, LiveParameter] | None = None
        self._entries: dict[str, Entry] = {}
        self._modulators: dict[str, Modulator] = {}  # that were set before the session had its keys
        self._applied: dict[str, int] = {}
        if specs is not None:
            self.declare(specs)

    def declare(self, specs: Iterable[LiveParameter]) -> None:
        """Say which keys there are; changes held so far are validated, bad ones rejected.

        Said again, with other models, keys that stay keep what they are.

        Raises:
            SettingError: a take that is played back has a value that its key can't have.
        """
        with self._lock:
            held, first = self._entries, self._specs is None
            self._specs = {spec.key: spec for spec in specs}
            if not first:
                held = {key: entry for key, entry in held.items() if key in self._specs}
            self._entries = {
                key: self._play(key) if key in self._lanes else Entry(spec.default)
                for key, spec in self._specs.items()
            }
            for key, entry in held.items():
                try:
                    value = self._checked(key, entry.value)
                except SettingError as error:
                    self._on_receipt(entry.receipt("rejected", key, message=str(error)))
                else:
                    self._entries[key] = replace(entry, value=value)
            modulators, self._modulators = self._modulators, {}
            for key, modulator in modulators.items():
                if key in self.played():  # what it made of the number is in the take
                    continue
                try:
                    self.modulate(key, modulator)
                except SettingError as error:
                    self._on_receipt(Receipt(type="rejected", key=key, message=str(error)))
            if first:
                self.taken.begin({key: entry.value for key, entry in self._entries.items()})

    def played(self) -> list[str]:
        """Keys that a take moves now."""
        with self._lock:
            return [key for key, entry in self._entries.items() if isinstance(entry.course, Played)]

    def parameters(self) -> Mapping[str, LiveParameter]:
        """What there is to set, by key; nothing while the models are still loading."""
        with self._lock:
            return dict(self._specs or {})

    def set(
        self, key: str, value: Value, seq: int | None = None, sender: str = "", *, fade: float = 0.0
    ) -> Receipt:
        """Change a value; it applies at the next chunk border.

        Until ``declare`` a value that no setting can have is answered with a ``rejected`` receipt.

        Args:
            key: ``"<ComfyUI node id>.<input name>"``.
            value: of the parameter's kind and within its bounds.
            seq: the sender's number for this change, given back in the receipts.
            sender: given back in the receipts, too.
            fade: seconds of the stream in which a float glides there, 0 to 600; whole numbers and text
                switch at once.

        Raises:
            SettingError: unknown key, wrong kind, or out of bounds; nothing has changed.
        """
        with self._lock:
            value = self._checked(key, value)
            glide = self._glide(key, value, fade)
            entry = self._changed(value, seq, sender, glide)
            if self._specs is None and not is_number(value) and not is_text(value):
                message = f"{key.rsplit('.', 1)[-1]} must be a number or text."
                receipt = entry.receipt("rejected", key, message=message)
            else:
                self._entries[key] = entry
                self._modulators.pop(key, None)
                receipt = entry.receipt("received", key, value=value)
                if glide:
                    receipt["fade"] = glide.seconds
            self._on_receipt(receipt)
            return receipt

    def modulate(
        self, key: str, modulator: Modulator | None, seq: int | None = None, sender: str = ""
    ) -> Receipt | None:
        """Have a modulator move a number from the next chunk border on, until somebody sets the number.

        Args:
            key, seq, sender: as for ``set``.
            modulator: None gives the number back the value that it had.

        Returns:
            None before ``declare``, which answers it.

        Raises:
            SettingError: the key can't be moved so; nothing has changed.
        """
        with self._lock:
            if self._specs is None:
                if len(self._modulators) >= HELD_LIMIT:
                    raise SettingError(f"{key} can't be modulated yet: wait until the model is loaded.")
                if modulator is not None:
                    self._modulators[key] = modulator
                return None
            if key not in self._specs:
                raise SettingError(f"{key} is not a live setting of this run.")
            before, course = self._entries[key], None
            if modulator is not None:
                drive = before.course if isinstance(before.course, Drive) else None
                course = Drive(modulator, self._specs[key], self.signals, drive)
            value = before.resting if isinstance(before.course, Played) else before.value
            entry = self._entries[key] = self._changed(value, seq, sender, course)
            told = asdict(modulator) if modulator else None
            receipt = entry.receipt("received", key, value=entry.value, modulator=told)
            self._on_receipt(receipt)
            return receipt

    def touch(self) -> None:
        """Something else has changed by which chunks are made."""
        with self._lock:
            self.changes += 1

    def modulators(self) -> dict[str, Modulator]:
        """What moves numbers now, by key."""
        with self._lock:
            return {key: entry.modulator for key, entry in self._entries.items() if entry.modulator}

    def resting(self) -> dict[str, Value]:
        """All values as they were set; without what a modulator makes of them."""
        with self._lock:
            return {key: entry.resting for key, entry in self._entries.items()}

    def recall(
        self, values: Mapping[str, Value], fade: float = 0.0, sender: str = ""
    ) -> tuple[list[Receipt], dict[str, str]]:
        """Change several values between the same two chunks.

        Args:
            values: by key.
            fade, sender: as for ``set``.

        Returns:
            A receipt for each change, and one line for each key that could not be changed.
        """
        receipts, refused = [], {}
        with self._lock:
            for key, value in values.items():
                try:
                    receipts.append(self.set(key, value, sender=sender, fade=fade))
                except SettingError as error:
                    refused[key] = str(error)
        return receipts, refused

    def load_cues(self, cues: CueList) -> None:
        """Have a cue list played from now on."""
        if any(cue.when == "cut" for cue in cues.cues):
            self.signals.look_for_cuts()
        with self._lock:
            self.cues.load(cues)
            self._tell_cues()

    def go(self, step: int = 1) -> None:
        """Play the next cue with the next chunk, or (-1) the one before; raises SettingError without one."""
        with self._lock:
            self.cues.go(step)
            self.changes += 1
            self._tell_cues()

    def hold(self, on: bool = True) -> None:
        """Have cues wait that would go by themselves, or go on."""
        with self._lock:
            self.cues.hold(on)
            self._tell_cues()

    def snapshot(
        self, pts: Fraction | None = None, frame: int | None = None, keys: Iterable[str] = ()
    ) -> LiveValues:
        """All values: of this moment, or of a chunk.

        Args:
            pts, frame: of the chunk's first frame.
            keys: those by which the chunk is made; late ones don't count here.
        """
        with self._lock:
            specs = self._specs or {}
            self._play_cues(frame, pts)
            return self._read(self._entries, pts, frame, [key for key in keys if not specs[key].late])

    def late(
        self, pts: Fraction | None = None, frame: int | None = None, keys: Iterable[str] = ()
    ) -> LiveValues:
        """The same of the late keys alone."""
        with self._lock:
            specs = self._specs or {}
            self._play_cues(frame, pts)
            late = {key: entry for key, entry in self._entries.items() if specs[key].late}
            return self._read(late, pts, frame, [key for key in keys if key in late])

    def of(self, key: str, pts: Fraction, frame: int) -> LiveValues:
        """One late key alone, of one frame."""
        with self._lock:
            self._play_cues(frame, pts)
            return self._read({key: self._entries[key]}, pts, frame, (key,))

    def _read(
        self, entries: Mapping[str, Entry], pts: Fraction | None, frame: int | None, used: Iterable[str]
    ) -> LiveValues:
        read = {}
        for key, entry in entries.items():
            course = entry.course
            before = course and course.now
            read[key] = entry.at(pts, frame)
            if course and course.now != before:
                kind = "modulated" if entry.modulator else "gliding"
                self._on_receipt(Receipt(type=kind, key=key, value=course.now))
        if frame is not None:
            for key in used:
                modulator = entries[key].modulator_at(frame)
                value = self.taken.read(key, read[key].value, frame, pts, modulator)
                if value != read[key].value:
                    read[key] = replace(read[key], value=value, version=0)
        return LiveValues(read)

    def _play_cues(self, frame: int | None, pts: Fraction | None) -> None:
        """Have the values of the cues that a chunk finds due."""
        due = self.cues.due(frame, pts) if frame is not None and pts is not None else []
        for played in due:
            for key, value in played.cue.values.items():
                self._play_cue(key, value, played)
        if due:
            self._tell_cues()

    def _play_cue(self, key: str, value: Value, played: PlayedCue) -> None:
        try:
            value = self._checked(key, value)
        except SettingError as error:
            self._on_receipt(Receipt(type="rejected", key=key, message=str(error)))
            return
        fade = played.cue.fade if self._specs and self._specs[key].kind == "float" else 0.0
        course = Cued.follow(self._entries[key], value, played.at, fade)
        entry = self._entries[key] = self._changed(value, None, "", course)
        receipt = entry.receipt("received", key, value=value)
        if course.glide:
            receipt["fade"] = fade
        self._on_receipt(receipt)

    def _tell_cues(self) -> None:
        self._on_receipt(Receipt(type="cues", cues=self.cues.status()))

    def _play(self, key: str) -> Entry:
        """A key that a take moves."""
        lane = self._lanes.pop(key)
        try:
            lane = replace(lane, start=self._checked(key, lane.start), values=self._all_checked(key, lane))
        except SettingError as error:
            raise SettingError(f"The take doesn't fit this graph: {error}") from None
        return Entry(lane.start, course=Played(lane))

    def _all_checked(self, key: str, lane: Lane) -> list[Value]:
        known = {value: self._checked(key, value) for value in dict.fromkeys(lane.values)}
        return [known[value] for value in lane.values]

    def applied(
        self, keys: Iterable[str], early: LiveValues, late: LiveValues, chunk: int, frame: int, pts: Fraction
    ) -> None:
        """A chunk shows these values: post a receipt for each change it is the first to show.

        Args:
            keys: the live keys of the runner that made the chunk.
            early, late: what it read on entering the encode and the denoise lane.
            chunk: its index.
            frame, pts: index and seconds of its first frame.
        """
        with self._lock:
            for key in keys:
                entry = late.entries.get(key) or early.entries[key]
                if entry.version <= self._applied.get(key, 0):
                    continue
                self._applied[key] = entry.version
                ms = round((time.monotonic() - entry.received) * 1000, 1)
                self._on_receipt(
                    entry.receipt("applied", key, chunk=chunk, frame=frame, pts=float(pts), ms=ms)
                )

    def keep(
        self, keys: Iterable[str], early: LiveValues, late: LiveValues, frame: int, pts: Fraction | None
    ) -> None:
        """A chunk that was on trial stays: the take has what it read, which was read without ``keys``."""
        with self._lock:
            for key in keys:
                entry = late.entries.get(key) or early.entries[key]
                self.taken.read(key, entry.value, frame, pts, entry.modulator_at(frame))

    def scheduled(self, key: str, value: Value, chunk: int, frame: int, pts: Fraction) -> None:
        """Post the receipt of a value that changed by itself; the live value stays what it was."""
        with self._lock:
            self._on_receipt(
                Receipt(type="scheduled", key=key, value=value, chunk=chunk, frame=frame, pts=float(pts))
            )

    def _changed(self, value: Value, seq: int | None, sender: str, course: Course | None) -> Entry:
        """What the session's next change leaves."""
        self.changes += 1
        number = self.changes if seq is None else seq
        return Entry(value, self.changes, number, time.monotonic(), sender, course)

    def _glide(self, key: str, value: Value, fade: float) -> Glide | None:
        if not is_number(fade) or not 0 <= fade <= LONGEST_FADE_S:
            raise SettingError(f"fade must be a number of seconds from 0 to {LONGEST_FADE_S:g}.")
        spec = (self._specs or {}).get(key)
        if not fade or spec is None or spec.kind != "float":
            return None
        start = self._entries[key].at(None).value
        return None if start == value else Glide(float(start), float(value), float(fade))

    def _checked(self, key: str, value: Value) -> Value:
        if self._specs is None:
            if key not in self._entries and len(self._entries) >= HELD_LIMIT:
                raise SettingError(f"{key} can't be set yet: wait until the model is loaded.")
            return value
        spec = self._specs.get(key)
        if spec is None:
            raise SettingError(f"{key} is not a live setting of this run.")
        return fitting(spec, value)
