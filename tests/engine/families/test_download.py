"""Fetching a release from a hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hub
import pytest

from livestyle.engine.errors import CheckpointError
from livestyle.engine.families.download import LAST, fetch
from livestyle.engine.families.releases import Release

RELEASE = Release("DreamLite-mobile", "someone/model", "diffusers", "CC BY-NC 4.0", "non-commercial", 1)
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
FILES = {
    LAST: b'{"_class_name": "DreamLiteMobilePipeline"}',
    WEIGHTS: bytes(range(256)) * 4000,
    "unet/config.json": b"{}",
    "vae/pickled.bin": b"never fetched",
    "picture.png": b"never fetched",
}


@pytest.fixture
def repository() -> Iterator[hub.Hub]:
    with hub.running(dict(FILES)) as running:
        yield running


def get(repository: hub.Hub, folder: Path, report=lambda done, total: None) -> None:
    fetch(RELEASE, folder, report, endpoint=repository.url)


def test_everything_arrives_and_the_index_comes_last(repository: hub.Hub, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    get(repository, tmp_path, lambda done, total: told.append((done, total)))
    wanted = {name: data for name, data in FILES.items() if "never" not in data.decode("latin-1")}
    there = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert there == wanted
    assert repository.sent[-1][0] == LAST
    total = sum(map(len, wanted.values()))
    assert told[-1] == (total, total) and told == sorted(told)


@pytest.mark.parametrize(
    "name",
    [
        "../out.json",
        "a/../../out.json",
        "/tmp/out.json",
        "..\\out.json",
        "a\\b.json",
        "C:/out.json",
        "C:b.json",
    ],
)
def test_what_would_leave_the_folder_is_not_fetched(repository: hub.Hub, tmp_path: Path, name: str) -> None:
    repository.files[name] = b"{}"
    get(repository, tmp_path / "models")
    assert {path.name for path in tmp_path.iterdir()} == {"models"}
    assert name not in [sent for sent, _ in repository.sent]
    assert (tmp_path / "models" / LAST).exists()


def test_a_second_time_fetches_nothing(repository: hub.Hub, tmp_path: Path) -> None:
    get(repository, tmp_path)
    repository.sent.clear()
    get(repository, tmp_path)
    assert repository.sent == []


def test_an_interrupted_file_goes_on_where_it_stopped(repository: hub.Hub, tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / (WEIGHTS + ".part")).write_bytes(FILES[WEIGHTS][:300_000])
    get(repository, tmp_path)
    assert (WEIGHTS, 300_000) in repository.sent
    assert (tmp_path / WEIGHTS).read_bytes() == FILES[WEIGHTS]


def test_cancel_leaves_what_has_come(repository: hub.Hub, tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(done: int, _total: int) -> None:
        if done > len(FILES["unet/config.json"]):
            raise Cancelled

    with pytest.raises(Cancelled):
        get(repository, tmp_path, cancel)
    assert not (tmp_path / LAST).exists()
    assert (tmp_path / (WEIGHTS + ".part")).stat().st_size > 0
    get(repository, tmp_path)
    assert (tmp_path / WEIGHTS).read_bytes() == FILES[WEIGHTS]


@pytest.mark.parametrize("name", [WEIGHTS, "unet/config.json"])
def test_a_file_of_another_content_is_refused_and_fetched_anew(
    repository: hub.Hub, tmp_path: Path, name: str
) -> None:
    repository.served[name] = bytes(len(FILES[name]))
    with pytest.raises(CheckpointError, match=f"^{name} arrived damaged"):
        get(repository, tmp_path)
    repository.served.clear()
    get(repository, tmp_path)
    assert (tmp_path / name).read_bytes() == FILES[name]


def test_no_connection_is_one_line_with_source_and_licence(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"could not be fetched from huggingface\.co/.*CC BY-NC"
    ) as said:
        fetch(RELEASE, tmp_path, lambda done, total: None, endpoint="http://127.0.0.1:9")
    assert "\n" not in str(said.value)
