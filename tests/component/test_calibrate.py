import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_nuner.component.calibrate import (
    EXPONENT,
    RIDGE,
    Mentions,
    calibrate,
    count_kinds,
    find_mentions,
    measure_whitening,
    spread_to_tokens,
)
from spacy_nuner.component.calibration import Calibration, read_calibration
from spacy_nuner.component.label_encoder import embed_labels
from spacy_nuner.component.reliability import GRID


def make_doc(n_tokens: int, spans: list[tuple[int, int, str]]) -> Doc:
    doc = Doc(spacy.blank("en").vocab, words=["x"] * n_tokens)
    doc.spans["concepts"] = [Span(doc, a, b, label=label) for a, b, label in spans]
    return doc


def make_mentions(*rows: tuple[int, int, str]) -> Mentions:
    starts, ends, concepts = zip(*rows, strict=True)
    return Mentions(np.array(starts), np.array(ends), list(concepts))


@pytest.fixture(scope="module")
def calibration(calibrated_folder: Path) -> Calibration:
    found = read_calibration(calibrated_folder)
    assert found is not None
    return found


def test_calibration_of_an_encoder(
    calibration: Calibration, calibrated_folder: Path
) -> None:
    """What is measured on 20 docs with two concepts, 15 mentions each and more."""
    assert calibration.names == ["city", "person"]
    assert calibration.counts.tolist() == [20.0, 15.0]
    assert calibration.layers == [1, 2] and calibration.whitening.shape == (32, 32)
    expected = embed_labels(calibrated_folder, [["city"], ["person"]])
    np.testing.assert_allclose(calibration.vectors, expected, atol=1e-6)
    np.testing.assert_allclose(calibration.centre, expected.mean(axis=0), atol=1e-6)
    assert set(calibration.thresholds) <= set(GRID) and calibration.threshold in GRID
    # "Maria met Bob in Paris .": no mention has two tokens
    assert calibration.transitions.sum() == pytest.approx(1.0)
    assert not calibration.transitions[:, 2].any()
    curves = {figure["name"] for figure in calibration.reliability}
    assert curves == {"calibrated", "as decided", "as trained"}
    assert all(np.isfinite(figure["predicted"]) for figure in calibration.reliability)


def test_it_is_the_same_again(
    calibration: Calibration, calibrated_folder: Path, concept_corpus: Path
) -> None:
    again = calibrate(calibrated_folder, concept_corpus)
    np.testing.assert_array_equal(again.whitening, calibration.whitening)
    assert again.scale == calibration.scale


@pytest.mark.parametrize("part", ["train", "dev"])
def test_missing_part(
    encoder_folder: Path, concept_corpus: Path, tmp_path: Path, part: str
) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(concept_corpus, corpus)
    shutil.rmtree(corpus / part)
    with pytest.raises(ValueError, match=rf"\[N001\].*{part}"):
        calibrate(encoder_folder, corpus)


def replace_dev(corpus: Path, target: Path, doc: Doc) -> Path:
    """A copy of a corpus with another dev part."""
    shutil.copytree(corpus, target)
    DocBin(docs=[doc]).to_disk(target / "dev" / "00000.spacy")
    return target


def test_one_concept_is_too_few(
    encoder_folder: Path, concept_corpus: Path, tmp_path: Path
) -> None:
    doc = make_doc(6, [(i, i + 1, "city") for i in range(6)])
    corpus = replace_dev(concept_corpus, tmp_path / "corpus", doc)
    with pytest.raises(ValueError, match=r"\[N429\].*dev' has mentions of 1 concepts"):
        calibrate(encoder_folder, corpus)


def test_rare_concepts_have_no_threshold_of_their_own(
    calibrated_folder: Path,
    concept_corpus: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(calibrated_folder, encoder)
    doc = make_doc(6, [(0, 1, "city"), (2, 3, "person"), (4, 5, "river")])
    corpus = replace_dev(concept_corpus, tmp_path / "corpus", doc)
    with caplog.at_level("WARNING", logger="spacy_nuner"):
        found = calibrate(encoder, corpus)
    assert "W403" in caplog.text and not found.names
    assert found.vectors.shape == (0, 16) and found.threshold in GRID


def test_encoder_without_a_concept_encoder(
    tiny_encoder: Path, concept_corpus: Path
) -> None:
    with pytest.raises(ValueError, match=r"\[N001\]|\[N408\]"):
        calibrate(tiny_encoder, concept_corpus)


def test_mentions_stand_end_to_end() -> None:
    docs = [make_doc(3, [(0, 2, "a")]), make_doc(2, []), make_doc(4, [(1, 4, "b")])]
    found = find_mentions(docs)
    assert (found.starts.tolist(), found.ends.tolist()) == ([0, 6], [2, 9])
    assert found.concepts == ["a", "b"]
    assert find_mentions(docs[1:2]).concepts == []


def test_kinds_of_the_longest_mentions() -> None:
    docs = [make_doc(5, [(1, 2, "a"), (1, 4, "b"), (3, 4, "c")]), make_doc(1, [])]
    expected = np.zeros((3, 3))
    # O B I I O: four pairs, and none into the next doc
    expected[0, 1] = expected[1, 2] = expected[2, 2] = expected[2, 0] = 0.25
    np.testing.assert_allclose(count_kinds(find_mentions(docs), docs), expected)


def test_whitening_by_its_formula() -> None:
    """S^(-a/2) of the ridged covariance within concepts; variance 1 in the mean."""
    rng = np.random.default_rng(0)
    spread = np.array([3.0, 1.0, 0.3])
    X = rng.normal(size=(60, 3)) * spread + np.repeat(rng.normal(size=(3, 3)), 20, 0)
    concepts = ["a", "b", "rare"]
    mentions = make_mentions(*((i, i + 1, concepts[i // 20]) for i in range(45)))
    M = measure_whitening(X.astype("f"), mentions)
    # "rare" has five mentions, too few
    within = (np.cov(X[:20].T, bias=True) + np.cov(X[20:40].T, bias=True)) / 2
    within /= np.trace(within) / 3
    ridged = (1 - RIDGE) * within + RIDGE * np.eye(3)
    values, axes = np.linalg.eigh(ridged)
    expected = axes @ np.diag(values ** (-EXPONENT / 2)) @ axes.T
    ratio = M / expected
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-3)
    assert np.var(X @ M.T, axis=0, ddof=1).mean() == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_array_equal(M, M.T)


def test_whitening_without_frequent_concepts_is_a_scale() -> None:
    X = np.random.default_rng(0).normal(0, 4.0, size=(30, 3)).astype("f")
    M = measure_whitening(X, make_mentions((0, 1, "a")))
    np.testing.assert_allclose(M, M[0, 0] * np.eye(3), atol=1e-6)
    assert M[0, 0] == pytest.approx(0.25, rel=0.2)


def test_nearness_of_tokens() -> None:
    """The nearest of a token's concepts counts; tokens of none have -1."""
    nearness = np.array([[1.0, 0.1], [0.2, 0.9]], dtype="f")
    mentions = make_mentions((0, 2, "a"), (1, 3, "b"))
    found = spread_to_tokens(nearness, mentions, ["a", "b"], 4)
    expected = [[1.0, 0.1], [1.0, 0.9], [0.2, 0.9], [-1, -1]]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
