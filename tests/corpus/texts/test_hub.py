import random
from pathlib import Path

import pytest
from huggingface_hub import constants

from spacy_nuner.corpus.texts.hub import C4_REVISION, HubFile, fetch, find_hub_files

from .server import HubServer

SHARD = "en/c4-train.00003-of-01024.json.gz"
FILE = HubFile("allenai/c4", C4_REVISION, SHARD)
CONTENT = random.Random(0).randbytes(3_000_000)
REVISION = "a" * 40


def test_shards_of_c4() -> None:
    files = find_hub_files("hub://allenai/c4/en?shards=0-1,7,1023")
    assert [file.path[-22:-17] for file in files] == [
        "00000",
        "00001",
        "00007",
        "01023",
    ]
    assert {(file.repo, file.revision) for file in files} == {
        ("allenai/c4", C4_REVISION)
    }
    assert find_hub_files("hub://allenai/c4/en?shards=3") == [FILE]
    address = "hub://allenai/c4/realnewslike?shards=0&split=validation"
    path = "realnewslike/c4-validation.00000-of-00001.json.gz"
    assert find_hub_files(address) == [HubFile("allenai/c4", C4_REVISION, path)]
    (file,) = find_hub_files(
        f"hub://allenai/c4/en.noclean?shards=9&revision={REVISION}"
    )
    path = "en.noclean/c4-train.00009-of-07168.json.gz"
    assert file == HubFile("allenai/c4", REVISION, path)


def test_single_files() -> None:
    address = f"hub://me/my.set/data/a%20b.parquet?revision={REVISION}"
    (file,) = find_hub_files(address.replace("%20", "_"))
    assert file == HubFile("me/my.set", REVISION, "data/a_b.parquet")
    assert find_hub_files(f"hub://allenai/c4/{SHARD}") == [FILE]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("hub://allenai/c4", "not an address"),
        ("hub://allenai/c4/en", "from 0 to 1023"),
        ("hub://allenai/c4/en?shards=1024", "from 0 to 1023"),
        ("hub://allenai/c4/en?shards=3-1", "from 0 to 1023"),
        ("hub://allenai/c4/en?shards=all", "from 0 to 1023"),
        ("hub://allenai/c4/en?shards", "not an address"),
        ("hub://allenai/c4/en?shard=1", "not an address"),
        ("hub://allenai/c4/en?shards=1&split=test", "train and validation"),
        ("hub://allenai/c4/en?shards=1&revision=main", "40 hex digits"),
        ("hub://me/mine/a.jsonl", "40 hex digits"),
        (f"hub://me/mine/a.jsonl?shards=1&revision={REVISION}", "only parts of C4"),
    ],
)
def test_bad_addresses(address: str, problem: str) -> None:
    with pytest.raises(ValueError, match=rf"N251.*{problem}"):
        find_hub_files(address)


def test_fetched_once(hub: HubServer) -> None:
    hub.files[f"allenai/c4/{SHARD}"] = CONTENT
    path = fetch(FILE)
    assert path.read_bytes() == CONTENT
    assert path.name == Path(SHARD).name
    assert {request.path for request in hub.log} == {
        f"/datasets/allenai/c4/resolve/{C4_REVISION}/{SHARD}"
    }
    n_requests = len(hub.log)
    assert fetch(FILE) == path
    assert len(hub.log) == n_requests


def test_connection_that_breaks_in_the_middle(hub: HubServer) -> None:
    """What has arrived is not asked for again, within a run and after it."""
    hub.files[f"allenai/c4/{SHARD}"] = CONTENT
    hub.break_after = [1_000_000, 500_000]
    assert fetch(FILE, wait=0.01).read_bytes() == CONTENT
    gets = [request.range for request in hub.log if request.method == "GET"]
    assert gets == [None, "bytes=1000000-", "bytes=1500000-"]


def test_next_run_goes_on(hub: HubServer) -> None:
    hub.files[f"allenai/c4/{SHARD}"] = CONTENT
    hub.break_after = [1_000_000]
    with pytest.raises(ConnectionError, match=r"N252.*c4-train\.00003.*after 1 tries"):
        fetch(FILE, tries=1)
    assert fetch(FILE).read_bytes() == CONTENT
    assert hub.log[-1].range == "bytes=1000000-"


def test_busy_server_is_asked_again(hub: HubServer) -> None:
    hub.files[f"allenai/c4/{SHARD}"] = CONTENT
    hub.refuse = [503, 429]
    assert fetch(FILE, wait=0.01).read_bytes() == CONTENT


def test_file_that_is_not_there(hub: HubServer) -> None:
    with pytest.raises(ConnectionError, match=r"N252.*after 1 tries"):
        fetch(FILE)
    assert len(hub.log) == 1


def test_offline(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match=r"N252.*after 1 tries"):
        fetch(FILE)
    assert hub.log == []
