import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from spacy_nuner.component.calibration import (
    FILE_NAME,
    PRIOR,
    Calibration,
    check_layers,
    cosines,
    find_thresholds,
    read_calibration,
    save_calibration,
)


def make_calibration(**changes: Any) -> Calibration:
    """Two frequent concepts, whose vectors stand at right angles from the centre."""
    fields: dict[str, Any] = {
        "whitening": np.eye(6, dtype="f"),
        "centre": np.array([1.0, 1.0, 1.0], dtype="f"),
        "vectors": np.array([[3.0, 1.0, 1.0], [1.0, 2.0, 1.0]], dtype="f"),
        "thresholds": np.array([4.0, -2.0], dtype="f"),
        "counts": np.array([300.0, 25.0], dtype="f"),
        "transitions": np.full((3, 3), 1 / 9, dtype="f"),
        "names": ["person", "city"],
        "threshold": 1.0,
        "scale": 2.5,
        "layers": [1, 2],
        "reliability": [{"name": "calibrated", "predicted": 0.5, "n": 3}],
    }
    return Calibration(**(fields | changes))


def assert_same(left: Calibration, right: Calibration) -> None:
    for name, value in left._asdict().items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(right, name))
        else:
            assert value == getattr(right, name), name


def test_round_trip(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    # Not all arrays of a calculation lie in memory row by row
    calibration = make_calibration(whitening=np.arange(36, dtype="f").reshape(6, 6).T)
    path = save_calibration(calibration, tmp_path)
    assert path == tmp_path / FILE_NAME
    found = read_calibration(tmp_path)
    assert found is not None
    assert_same(found, calibration)
    assert [p.name for p in tmp_path.iterdir()] == [FILE_NAME]


def write(folder: Path, arrays: dict[str, np.ndarray], header: Any) -> None:
    metadata = None if header is None else {"header": header}
    save_file(arrays, str(folder / FILE_NAME), metadata=metadata)


@pytest.mark.parametrize("damage", ["cut", "no header", "no json", "no array"])
def test_damaged_file(tmp_path: Path, damage: str) -> None:
    path = save_calibration(make_calibration(), tmp_path)
    arrays = load_file(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "no header":
        write(tmp_path, arrays, None)
    elif damage == "no json":
        write(tmp_path, arrays, "{")
    else:
        arrays.pop("centre")
        write(tmp_path, arrays, json.dumps({"format": 1}))
    with pytest.raises(ValueError, match=rf"\[N428\].*{FILE_NAME}"):
        read_calibration(tmp_path)


@pytest.mark.parametrize("header", [{"format": 2}, {}, {"format": 1, "scale": 1.0}])
def test_another_format(tmp_path: Path, header: dict[str, Any]) -> None:
    path = save_calibration(make_calibration(), tmp_path)
    write(tmp_path, load_file(path), json.dumps(header))
    with pytest.raises(ValueError, match=r"\[N428\].*another format"):
        read_calibration(tmp_path)


def test_thresholds_of_labels() -> None:
    """Near a concept its own, drawn to that of all; else that of all."""
    vectors = np.array(
        [[9.0, 1.0, 1.0], [1.0, 7.0, 1.0], [1.0, 1.0, 5.0], [4.0, 3.0, 1.0]], dtype="f"
    )
    found = find_thresholds(make_calibration(), vectors)
    person = (300 * 4.0 + PRIOR * 1.0) / (300 + PRIOR)
    city = (25 * -2.0 + PRIOR * 1.0) / (25 + PRIOR)
    # The last is nearer to the first concept, with a cosine of 3 / √13
    np.testing.assert_allclose(found, [person, city, 1.0, person], rtol=1e-6)
    assert found.dtype == np.float32


def test_threshold_without_concepts() -> None:
    calibration = make_calibration(vectors=np.zeros((0, 3), dtype="f"))
    found = find_thresholds(calibration, np.ones((2, 3), dtype="f"))
    assert found.tolist() == [1.0, 1.0]


def test_label_in_the_centre_is_near_nothing() -> None:
    found = find_thresholds(make_calibration(), np.ones((1, 3), dtype="f"))
    assert found.tolist() == [1.0]


def test_cosines() -> None:
    left = np.array([[1.0, 0.0], [3.0, 4.0]])
    right = np.array([[2.0, 0.0], [0.0, 5.0]])
    np.testing.assert_allclose(cosines(left, right), [[1, 0], [0.6, 0.8]])


@pytest.mark.parametrize(
    "layers,expected", [((1, 2), True), ([2], False), ((2, 1), False)]
)
def test_layers(layers: tuple[int, ...], expected: bool) -> None:
    assert check_layers(make_calibration(), layers) is expected
