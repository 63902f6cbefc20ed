"""What a Run needs to build for a session that plays on, while its prompt waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..engine.errors import LiveStyleError, SettingError
from ..engine.runtime.loaded_models import ModelStore
from ..engine.runtime.residency import Residency

TICK_S = 0.05


@dataclass(frozen=True)
class Workshop:
    """Where a changed model is built and another source is opened.

    Attributes:
        models: that are loaded.
        residency: for the models of one session.
        check: raises when the prompt is cancelled; what plays goes on then.
        say: shows a line on the node.
    """

    models: ModelStore
    residency: Residency
    check: Callable[[], None]
    say: Callable[[str], None]

    def wait(self, over: Callable[[float], bool]) -> None:
        """Until ``over``, which waits so many seconds, says so; raises when the prompt is cancelled."""
        while not over(TICK_S):
            self.check()


@contextmanager
def plays_on() -> Iterator[None]:
    """What can't be built is said in one line; the session plays on as it was."""
    try:
        yield
    except LiveStyleError as error:
        raise SettingError(f"It plays on as it was: {str(error).rstrip('.')}.") from None
