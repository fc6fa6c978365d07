from pathlib import Path

import pytest
import srsly
from srsly.msgpack import msgpack_decoders, msgpack_encoders

from spacy_nuner.corpus.registries import settled_registries

REGISTRIES = (msgpack_encoders, msgpack_decoders)


def test_restored_after_the_block() -> None:
    with settled_registries():
        assert all("get_all" in vars(registry) for registry in REGISTRIES)
        assert set(msgpack_encoders.get_all()) >= {"numpy"}
        with settled_registries():
            pass
        assert all("get_all" in vars(registry) for registry in REGISTRIES)
    assert not any("get_all" in vars(registry) for registry in REGISTRIES)


def test_restored_after_an_error() -> None:
    with pytest.raises(KeyboardInterrupt), settled_registries():
        raise KeyboardInterrupt
    assert not any("get_all" in vars(registry) for registry in REGISTRIES)


def test_same_bytes(tmp_path: Path) -> None:
    data = {"id": "a", "descriptions": ["x", "ü"], "n": 3}
    plain = srsly.msgpack_dumps(data)
    with settled_registries():
        assert srsly.msgpack_dumps(data) == plain
        assert srsly.msgpack_loads(plain) == data
