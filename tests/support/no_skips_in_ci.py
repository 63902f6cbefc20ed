"""In CI a server or browser test that was skipped has failed: it tested nothing."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

NEVER_SKIPPED = {"comfyui", "server", "browser"}
Report = pytest.TestReport | pytest.CollectReport


def _forbid_skip(report: Report, path: Path, root: Path) -> Report:
    parts = path.relative_to(root).parts if path.is_relative_to(root) else ()
    in_ci = os.environ.get("CI", "").lower() in ("1", "true")
    if in_ci and report.skipped and not hasattr(report, "wasxfail") and NEVER_SKIPPED.intersection(parts[:2]):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI must run this test, but it was skipped: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Report, Report]:
    """A skipped test."""
    return _forbid_skip((yield), item.path, item.config.rootpath)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Report, Report]:
    """A whole file that skips itself."""
    return _forbid_skip((yield), collector.path, collector.config.rootpath)
