"""A running session with a page's camera, for tests of what serves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from route_client import READER, start_plan
from runtime_stubs import stylise, write

from livestyle.engine.media.live.frame_inbox import FrameInbox
from livestyle.engine.media.live.source_spec import LiveSpec
from livestyle.engine.runtime.plan import PlanNode, Read
from livestyle.engine.runtime.registry import SessionRegistry
from livestyle.engine.runtime.session import StreamSession


@pytest.fixture
def registry() -> Iterator[SessionRegistry]:
    made = SessionRegistry()
    yield made
    made.close()


@pytest.fixture
def session(registry: SessionRegistry) -> StreamSession:
    """A session that reads a page's camera."""
    spec = LiveSpec("pushed", "The browser's camera", inbox=FrameInbox("camera"))
    return start_plan(registry, write(stylise(PlanNode(Read(spec), node_id=READER))))
