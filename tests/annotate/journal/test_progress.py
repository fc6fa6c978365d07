"""The status of a journal, while it is written and after."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.journal.progress import get_status
from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.annotate.money import Prices

from .test_store import make_record


def ago(seconds: float) -> str:
    time = datetime.now(UTC) - timedelta(seconds=seconds)
    return time.isoformat(timespec="milliseconds")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "replies.sqlite"
    with Journal(path) as journal:
        journal.put(make_record("old", model="first", time=ago(9000), prompt_tokens=1))
        for i in range(60):
            usage = {"prompt_tokens": 100, "completion_tokens": 10}
            journal.put(make_record(str(i), number=i, time=ago(120 - i), **usage))
        for i, error in enumerate(["HTTP 500", "HTTP 429", "HTTP 500"]):
            journal.put(make_record(f"f{i}", None, error=error, time=ago(1)))
        journal.put(make_record("second", turn=2, follows="0" * 64, time=ago(9000)))
    return path


def test_figures(path: Path) -> None:
    before = path.read_bytes()
    status = get_status(path, n_texts=160, prices=Prices(1.0, 2.0, "EUR"))
    assert path.read_bytes() == before
    first, second, later = status.models
    assert (first.model, first.n_done) == ("first", 1)
    assert (second.n_done, second.n_failed, second.n_tries) == (60, 3, 63)
    assert second.usage == Usage(6000, 600)
    assert second.price == pytest.approx(0.0072) and status.currency == "EUR"
    assert (later.turn, later.n_done) == (2, 1)
    assert (status.n_done, status.n_failed) == (62, 3)
    assert status.reasons == [("HTTP 500", 2), ("HTTP 429", 1)]
    # 60 replies in two minutes
    assert status.per_minute == pytest.approx(30, rel=0.05)
    assert status.n_left == 100
    assert status.seconds_left == pytest.approx(200, rel=0.05)


def test_rate_looks_back_so_far_only(path: Path) -> None:
    status = get_status(path, minutes=1.5)
    assert status.per_minute == pytest.approx(30 / 1.5, rel=0.05)
    assert status.n_left is None and status.seconds_left is None


def test_prices_belong_to_their_model(path: Path) -> None:
    status = get_status(path, n_texts=3, prices=Prices(1.0, 2.0), model_name="first")
    assert [model.price is None for model in status.models] == [False, True, True]
    assert status.n_left == 2


def test_empty_journal(tmp_path: Path) -> None:
    Journal(tmp_path / "new.sqlite").close()
    status = get_status(tmp_path / "new.sqlite", n_texts=5)
    assert (status.models, status.per_minute, status.n_left) == ([], 0.0, 5)
    assert status.seconds_left is None


def test_while_another_writes(path: Path) -> None:
    with Journal(path) as journal:
        journal.put(make_record("new", time=ago(0)))
        assert get_status(path).n_done == 63
        journal.put(make_record("newer", time=ago(0)))
    assert get_status(path).n_done == 64
    assert [file.name for file in path.parent.iterdir()] == [path.name]
