"""Every page leads where it says, and the contract of the nodes names what they have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = ("*.md", "docs/*.md", "web/docs/*.md", "engine/weights/*/*.md")
PAGES = sorted(page for pattern in PATTERNS for page in ROOT.glob(pattern))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
ANCHOR = re.compile(r"[^\w\- ]")


def anchors(page: Path) -> set[str]:
    """What ``#...`` may name in a page, made of its headings as GitHub does."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {ANCHOR.sub("", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_are_there(page: Path) -> None:
    """Paths below the pack's folders in code style, such as ``engine/motion/flow.py``."""
    named = r"`((?:engine|nodes|server|lab|scripts|tests|workflows|web|docs|benchmarks)/[\w/.-]+)`"
    for name in re.findall(named, page.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_the_contract_names_every_node_and_input() -> None:
    schema = json.loads((ROOT / "tests" / "nodes" / "schema.json").read_text(encoding="utf-8"))
    contract = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    starts = {node_id: contract.index(f"\n{node_id} ") for node_id in schema}
    ends = [*sorted(starts.values()), contract.index("\nworkflows/")]
    for node_id, node in schema.items():
        part = contract[starts[node_id] : min(end for end in ends if end > starts[node_id])]
        for each in node["inputs"]:
            if not re.fullmatch(r"style_[3-7]", each["name"]):  # "style_2 .. style_8"
                assert re.search(rf"\b{each['name']}\b", part), (node_id, each["name"])
            for option in each.get("options", ()) if each.get("options") != "listed" else ():
                assert option in part, (node_id, each["name"], option)
