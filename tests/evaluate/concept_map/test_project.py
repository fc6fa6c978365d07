import logging
from importlib.util import find_spec

import numpy as np
import pytest

from spacy_nuner.evaluate.concept_map import project as module
from spacy_nuner.evaluate.concept_map.nearness import centre, find_nearest
from spacy_nuner.evaluate.concept_map.project import Floats, project, run_pca

needs_umap = pytest.mark.skipif(find_spec("umap") is None, reason="needs umap-learn")


def make_clusters(n: int, *, seed: int = 0) -> Floats:
    """Vectors of four kinds, a quarter of them of each."""
    rng = np.random.default_rng(seed)
    centres = 10 * rng.normal(size=(4, 12))
    vectors = centres[np.arange(n) % 4] + rng.normal(size=(n, 12))
    return vectors.astype("float32")


def count_neighbours_of_the_same_kind(xy: Floats) -> float:
    distances = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(axis=1)[:, :5]
    kinds = np.arange(len(xy)) % 4
    return float((kinds[nearest] == kinds[:, None]).mean())


def test_pca_is_the_singular_value_decomposition() -> None:
    X = make_clusters(60).astype("float64")
    X -= X.mean(axis=0)
    U, s, axes = np.linalg.svd(X, full_matrices=False)
    places = run_pca(X.astype("float32"), 3)
    for i in range(3):
        sign = np.sign(axes[i][np.abs(axes[i]).argmax()])
        assert places[:, i] == pytest.approx(sign * U[:, i] * s[i], abs=1e-3)


def test_pca_of_narrow_vectors() -> None:
    assert (
        run_pca(np.array([[1.0], [2.0]], "float32"), 3)[:, 1:].tolist() == [[0, 0]] * 2
    )


@pytest.mark.parametrize(
    "method", ["pca", pytest.param("umap", marks=[needs_umap, pytest.mark.slow])]
)
def test_kinds_stay_together(method: str) -> None:
    vectors = make_clusters(80)
    found = project(vectors, method=method)
    assert found.method == method
    assert found.xy.shape == (80, 2) and found.rgb.shape == (80, 3)
    for values in (found.xy, found.rgb):
        assert values.min() >= 0 and values.max() <= 1
    assert count_neighbours_of_the_same_kind(found.xy) > 0.95
    assert (project(vectors, method=method).xy == found.xy).all()


def test_one_scale_for_both_directions() -> None:
    vectors = np.zeros((50, 3), "float32")
    vectors[:, 0], vectors[:, 1] = np.linspace(0, 10, 50), np.linspace(0, 10, 50) ** 2
    xy = project(vectors, method="pca").xy
    assert xy[:, 0].min() == pytest.approx(0) and xy[:, 0].max() == pytest.approx(1)
    assert np.ptp(xy[:, 1]) < 0.3, "the narrow direction stays narrow"


def test_equal_vectors_have_places() -> None:
    found = project(np.ones((5, 4), "float32"), method="pca")
    assert np.isfinite(found.xy).all() and np.isfinite(found.rgb).all()


def test_few_concepts_are_laid_out_by_pca(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    if find_spec("umap"):
        assert project(make_clusters(20), method="umap").method == "pca"
        assert "few for UMAP" in caplog.text
    assert project(make_clusters(20), method="auto").method == "pca"


def test_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"N590.*tsne.*auto, umap, pca"):
        project(make_clusters(20), method="tsne")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="N591"):
        project(make_clusters(80), method="umap")
    assert project(make_clusters(80), method="auto").method == "pca"


def test_nearest_by_cosine() -> None:
    vectors = make_clusters(50)
    unit = centre(vectors, vectors.mean(axis=0))
    assert np.linalg.norm(unit, axis=1) == pytest.approx(np.ones(50), abs=1e-5)
    found, nearness = find_nearest(unit, unit, 6, same=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    for i in range(50):
        assert i not in found[i]
        assert found[i].tolist() == np.argsort(-cosines[i])[:6].tolist()
        assert nearness[i] == pytest.approx(np.sort(cosines[i])[::-1][:6])


def test_nearest_of_few_and_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from spacy_nuner.evaluate.concept_map import nearness as nearness_module

    vectors = make_clusters(23)
    unit = centre(vectors, vectors.mean(axis=0))
    whole = find_nearest(unit, unit, 4, same=True)[0]
    monkeypatch.setattr(nearness_module, "ROWS", 7)
    assert (find_nearest(unit, unit, 4, same=True)[0] == whole).all()
    assert find_nearest(unit[:3], unit[:3], 8, same=True)[0].shape == (3, 2)
    assert find_nearest(unit[:1], unit[:1], 8, same=True)[0].shape == (1, 0)
