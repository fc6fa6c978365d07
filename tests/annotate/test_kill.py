"""kill -9 at any moment: no finished reply is lost, and none is asked for again."""

import os
from pathlib import Path

import pytest

from .conftest import StartServer
from .killing import MAX_OPEN, annotate, get_content, kill_again_and_again

# 20 in benchmarks/annotate_kill.py
N_KILLS = int(os.environ.get("SPACY_NUNER_KILLS", "3"))


@pytest.mark.slow
def test_killed_again_and_again(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(latency=0.02)
    texts = [(f"t{i}", f"Sentence number {i} of some.") for i in range(100 * N_KILLS)]
    killed, straight = tmp_path / "killed.sqlite", tmp_path / "straight.sqlite"
    result = kill_again_and_again(server, texts, killed, n_kills=N_KILLS)
    annotate(start_server().url, texts, straight)
    assert get_content(killed) == get_content(straight)
    assert len(get_content(killed)) == len(texts)
    assert result.n_asked_again == 0
    # each kill costs what was on its way, and nothing else
    assert all(n <= MAX_OPEN for n in result.n_open)
    assert result.n_requests <= len(texts) + sum(result.n_open)
    assert result.n_answered_twice <= sum(result.n_open)
    assert result.kept == sorted(result.kept) and result.kept[-1] < len(texts)
    assert sorted(file.name for file in tmp_path.glob("*.sqlite*")) == [
        "killed.sqlite",
        "straight.sqlite",
    ]
