"""GLiNER and SpanMarker, with random weights where the packages are installed.

They are looked for in this environment, or in that whose Python NUNER_PYTHON_GLINER or
NUNER_PYTHON_SPAN_MARKER names.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import srsly

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.others import worker
from spacy_nuner.evaluate.others.run import Setup, ask_worker, make_tags, run_others
from spacy_nuner.evaluate.pairs import read_pair
from spacy_nuner.evaluate.predictions import predictions_path, read_predictions

MODELS = Path(__file__).with_name("others_models.py")
LABELS = Path(__file__).parents[2] / "assets" / "labels"


def find_python(package):
    python = os.environ.get(f"NUNER_PYTHON_{package.upper()}")
    if python is None and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return Path(python or sys.executable)


@pytest.fixture(scope="module")
def small_dir(tmp_path_factory, write_dataset):
    """`corpus/ner` with 12 sentences of gallery."""
    folder = tmp_path_factory.mktemp("small")
    write_dataset(folder, "gallery", n=12)
    return folder


def make_model(package, encoder, folder):
    python = find_python(package)
    command = [python, MODELS, package, encoder, folder]
    subprocess.run(command, check=True, capture_output=True)
    return python


def fake_package(folder, name, version, code):
    """A package that stands in for another in version and calls alone."""
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    return folder


@pytest.mark.slow
def test_gliner(tiny_encoder, small_dir, tmp_path):
    python = make_model("gliner", tiny_encoder, tmp_path / "model")
    setup = Setup(
        "gliner",
        tmp_path / "model",
        tmp_path / "others",
        LABELS,
        python=python,
        threshold=0.0,
    )
    result = run_others(setup, [small_dir / "gallery"])
    assert (result.n_computed, result.n_skipped) == (1, 0)
    path = tmp_path / "others/gliner/gallery/k0/seed0.json"
    cell = srsly.read_json(path)
    assert cell["n_test_sentences"] == 12
    assert cell["outcome"]["version"]
    # at a threshold of 0 random weights find something everywhere
    spans = read_predictions(predictions_path(path)).spans
    assert len(spans) >= 12
    assert sum(cell["mistakes"].values()) >= len(spans)
    assert 0 <= cell["token_macro_f1"] < 0.5
    result = run_others(setup, [small_dir / "gallery"])
    assert (result.n_computed, result.n_skipped) == (0, 1)


@pytest.mark.slow
def test_span_marker(tiny_encoder, small_dir, tmp_path):
    python = make_model("span_marker", tiny_encoder, tmp_path / "model")
    output = tmp_path / "others"
    setup = Setup("span_marker", tmp_path / "model", output, LABELS, python=python)
    result = run_others(setup, [small_dir / "gallery"])
    assert (result.n_computed, result.n_skipped) == (1, 0)
    cell = srsly.read_json(output / "span_marker/gallery/k0/seed0.json")
    assert cell["n_train_sentences"] == 0
    n_other = cell["outcome"]["n_other_label"]
    assert [w for w in result.warnings if "labels" in w] == (
        [
            f"gallery: {n_other} entities of labels that the data set doesn't have, "
            "left out"
        ]
        if n_other
        else []
    )


@pytest.mark.slow
def test_span_marker_is_trained(tiny_encoder, small_dir, tmp_path):
    python = find_python("span_marker")
    setup = Setup(
        "span_marker",
        tiny_encoder,
        tmp_path / "others",
        LABELS,
        python=python,
        name="span_marker_tiny",
        ks=[1],
        n_epochs=1,
    )
    result = run_others(setup, [small_dir / "gallery"])
    assert result.n_computed == 1
    cell = srsly.read_json(tmp_path / "others/span_marker_tiny/gallery/k1/seed0.json")
    assert cell["n_train_sentences"] == len(cell["train_indices"]) > 0
    assert cell["settings"]["training"] == {"n_epochs": 1, "seed": 0}


STUB = """
class SpanMarkerModel:
    @classmethod
    def from_pretrained(cls, model):
        return cls()
    def eval(self):
        return self
    def predict(self, texts, batch_size):
        def entity(text, start, end, label, score):
            return {"span": text[start:end], "label": label, "score": score,
                    "char_start_index": start, "char_end_index": end}
        return [[entity(t, 0, len(t.split()[0]), "artist", 0.9),
                 entity(t, 0, len(t.split()[0]) + 1, "ARTWORK", 0.3),
                 entity(t, len(t) - 2, len(t), "PLANET", 0.8)] for t in texts]
"""


def test_the_process_boundary(small_dir, tmp_path, monkeypatch):
    """The whole way through the process, with a package of the same calls."""
    folder = fake_package(tmp_path / "site", "span_marker", "1.6.0", STUB)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (tmp_path / "model").mkdir()
    setup = Setup("span_marker", tmp_path / "model", tmp_path / "others", LABELS)
    result = run_others(setup, [small_dir / "gallery"])
    assert result.warnings == [
        "gallery: 12 entities of labels that the data set doesn't have, left out",
        "gallery: 12 entities that overlap a surer one, left out",
    ]
    path = tmp_path / "others/span_marker/gallery/k0/seed0.json"
    cell = srsly.read_json(path)
    assert cell["outcome"]["version"] == "1.6.0"
    test = load_dataset(small_dir / "gallery").test
    first = [doc.ents[0].label_ for doc in test.docs if doc[0].ent_iob_ == "B"]
    spans = read_predictions(predictions_path(path)).spans
    assert spans[:, 0].tolist() == test.offsets[:-1].tolist()
    right = sum(
        any(e.start == 0 and len(e) == 1 and e.label_ == "ARTIST" for e in doc.ents)
        for doc in test.docs
    )
    assert cell["mistakes"]["right"] == right
    assert first


def test_the_same_figures_as_score(small_dir, tmp_path, monkeypatch):
    from spacy_nuner.evaluate.scoring import score_pair

    folder = fake_package(tmp_path / "site", "span_marker", "1.6.0", STUB)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    dataset = load_dataset(small_dir / "gallery")
    spec = {
        "system": "span_marker",
        "model": "x",
        "labels": {label: label for label in dataset.labels},
        "threshold": 0.5,
        "batch_size": 4,
        "texts": [doc.text for doc in dataset.test.docs],
    }
    ask_worker(tmp_path, spec, python=Path(sys.executable))
    pair = read_pair(small_dir / "gallery", tmp_path / "predictions.jsonl")
    (tmp_path / "model").mkdir()
    setup = Setup("span_marker", tmp_path / "model", tmp_path / "others", LABELS)
    run_others(setup, [small_dir / "gallery"])
    cell = srsly.read_json(tmp_path / "others/span_marker/gallery/k0/seed0.json")
    figures = score_pair(pair, n_resamples=10)
    for name in ("token_macro_f1", "entity_micro_f1", "text_set_f1"):
        assert cell[name] == pytest.approx(figures[name], abs=1e-12)


@pytest.mark.parametrize(
    "version, problem",
    [
        ("0.2.1", r"0\.2\.1 was not tried; pip install 'gliner>=0\.2\.27,<0\.3'"),
        ("1.0", r"1\.0 was not tried"),
    ],
)
def test_other_versions_are_refused(version, problem, small_dir, tmp_path, monkeypatch):
    folder = fake_package(tmp_path / "site", "gliner", version, "")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (tmp_path / "model").mkdir()
    setup = Setup("gliner", tmp_path / "model", tmp_path / "others", LABELS)
    with pytest.raises(ValueError, match=f"N586.*{problem}"):
        run_others(setup, [small_dir / "gallery"])
    assert not (tmp_path / "others").exists()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(worker.PACKAGES, "gliner", ("no_such_gliner", (1, 0), (2,)))
    with pytest.raises(worker.Refused, match=r"pip install 'no_such_gliner>=1\.0,<2'"):
        worker.check_version("gliner")


def test_what_a_package_says_is_shown(small_dir, tmp_path, monkeypatch):
    code = "raise ImportError('torch is too old for this')"
    folder = fake_package(tmp_path / "site", "gliner", "0.2.28", code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    (tmp_path / "model").mkdir()
    setup = Setup("gliner", tmp_path / "model", tmp_path / "others", LABELS)
    with pytest.raises(RuntimeError, match=r"(?s)N587.*torch is too old for this"):
        run_others(setup, [small_dir / "gallery"])


def test_bad_setups(small_dir, tmp_path):
    setup = Setup("flair", tmp_path, tmp_path / "others", LABELS)
    with pytest.raises(ValueError, match=r"N509.*gliner, span_marker"):
        run_others(setup, [])
    with pytest.raises(ValueError, match="N585"):
        run_others(setup._replace(system="gliner", ks=[1]), [])
    with pytest.raises(FileNotFoundError, match="N001"):
        run_others(setup._replace(system="gliner", model=tmp_path / "none"), [])
    setup = setup._replace(system="gliner", python=tmp_path / "no_python")
    with pytest.raises(FileNotFoundError, match=r"N001.*no_python"):
        run_others(setup, [small_dir / "gallery"])


def test_make_tags(small_dir):
    pool = load_dataset(small_dir / "gallery").pool
    rows = make_tags(pool, [0, 3])
    for row, index in zip(rows, [0, 3], strict=True):
        doc = pool.docs[index]
        assert row["tokens"] == [t.text for t in doc if not t.is_space]
        begins = [tag[2:] for tag in row["tags"] if tag.startswith("B-")]
        assert begins == [ent.label_ for ent in doc.ents]
        n_inside = sum(tag != "O" for tag in row["tags"])
        assert n_inside == sum(len(ent) for ent in doc.ents)


def test_the_worker_imports_nothing_of_ours():
    code = (
        "import sys, runpy; runpy.run_path(sys.argv[1]); "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "('spacy_nuner', 'spacy', 'numpy', 'torch')])"
    )
    command = [sys.executable, "-c", code, worker.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.strip().replace("'", '"')) == []
