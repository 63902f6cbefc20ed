"""What needs no cluster: which address is trusted, which versions go together, how weights travel."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from livestyle.engine.cluster import connection, weights
from livestyle.engine.cluster.facts import difference, facts
from livestyle.engine.cluster.weights import WeightCache, blocks, listed, paths_of
from livestyle.engine.errors import CheckpointError, SettingError
from livestyle.engine.families.base import ModelHandle, TemporalAdapter


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("", "start it with LIVESTYLE_RAY_ADDRESS"),
        ("auto", "use ray://host:port"),
        ("ray://farm", "use ray://host:port"),
        ("http://127.0.0.1:10001", "use ray://host:port"),
        ("ray://127.0.0.1:banana", "use ray://host:port"),
        ("ray://8.8.8.8:10001", "leads to 8.8.8.8, a public address"),
        ("ray://[2001:4860:4860::8888]:10001", "a public address"),
        ("ray://nowhere.invalid:10001", "there is no machine 'nowhere.invalid'"),
    ],
)
def test_an_address_that_is_not_trusted(address: str, line: str) -> None:
    with pytest.raises(SettingError) as caught:
        connection.trusted(address)
    assert line in str(caught.value)


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "ray://10.1.2.3:10001", "ray://localhost:1"])
def test_an_address_of_the_own_network(address: str) -> None:
    assert connection.trusted(address) == address


def test_another_version_is_named() -> None:
    here = facts()
    assert difference(here, {**here, "machine": "farm-3", "pid": 5}) == ""
    line = difference(here, {**here, "machine": "farm-3", "source": "0123456789ab"})
    assert "farm-3" in line and "0123456789ab" in line and "install the same" in line
    assert difference(here, {**here, "python": "3.99"})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightCache:
    monkeypatch.setenv("LIVESTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(weights, "BLOCK", 1000)
    return WeightCache()


def _checkpoint(folder: Path) -> Path:
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "model.safetensors").write_bytes(os.urandom(2500))
    (folder / "livestyle.json").write_text("{}")
    (folder / "empty").write_bytes(b"")
    return folder


def test_weights_at_the_same_path_stay_where_they_are(cache: WeightCache, tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "model")
    assert not cache.differs(str(folder), listed(str(folder), False))
    os.utime(folder / "livestyle.json", ns=(1, 1))
    earlier = [(name, size, 5, "") for name, size, _, _ in listed(str(folder), False)]
    assert cache.differs(str(folder), earlier)
    assert cache.wanted(str(folder), listed(str(folder), True)) == ([], True)  # the same by their hash
    assert cache.localised(ModelHandle(str(folder))) == ModelHandle(str(folder))


def test_weights_are_fetched_once_a_machine(cache: WeightCache, tmp_path: Path) -> None:
    folder = _checkpoint(tmp_path / "head" / "model")
    adapter = tmp_path / "head" / "lllite.safetensors"
    adapter.write_bytes(os.urandom(1500))
    handle = ModelHandle(str(folder), patches=(TemporalAdapter(str(adapter)),))
    assert paths_of(handle) == [str(folder), str(adapter)]
    lists = {path: listed(path, True) for path in paths_of(handle)}
    (tmp_path / "head").rename(tmp_path / "away")  # this machine is another now
    moved = {path: str(path).replace("/head/", "/away/") for path in lists}
    for path, files in lists.items():
        assert cache.differs(path, files)
        while not (answer := cache.wanted(path, files))[1]:
            for digest in answer[0]:
                for block, last in blocks(moved[path], files, digest):
                    cache.receive(digest, block, last)
    here = cache.localised(handle)
    assert listed(here.checkpoint, True)[0][3] == lists[str(folder)][0][3]
    assert Path(here.checkpoint).name == "model" and Path(here.patches[0].path).read_bytes()
    assert [entry[3] for entry in listed(here.checkpoint, True)] == [entry[3] for entry in lists[str(folder)]]
    second = WeightCache()
    assert all(second.wanted(path, files) == ([], True) for path, files in lists.items())
    assert replace(second.localised(handle), fingerprint="") == here


def test_what_another_process_receives_is_not_sent_twice(
    cache: WeightCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    files = listed(str(file), True)
    file.rename(tmp_path / "away")
    assert cache.wanted(str(file), files) == ([files[0][3]], False)
    assert WeightCache().wanted(str(file), files) == ([], False)
    monkeypatch.setattr(weights, "STALE_S", -1.0)  # the first one has died
    time.sleep(0.01)
    assert WeightCache().wanted(str(file), files) == ([files[0][3]], False)


def test_weights_that_change_on_the_way_are_refused(cache: WeightCache, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"weights")
    files = listed(str(file), True)
    file.rename(tmp_path / "away")
    (digest,), _ = cache.wanted(str(file), files)
    with pytest.raises(CheckpointError, match="changed while they were sent"):
        cache.receive(digest, b"others!", True)
