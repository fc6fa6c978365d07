"""Any gold and prediction, in any form, judged by the same code."""

import json
import re
import shutil

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import load_part, make_gold
from spacy_nuner.evaluate.metrics import score
from spacy_nuner.evaluate.pairs import Pair, read_pair
from spacy_nuner.evaluate.predictions import (
    Predictions,
    fill_types,
    hash_gold,
    write_predictions,
)
from spacy_nuner.evaluate.scoring import score_pair
from spacy_nuner.evaluate.subtokens import count_subtokens, load_subtokens
from spacy_nuner.evaluate.tally import IS_MACRO, Reference, f1_of_sums

GOLD = [
    {"text": "Rembrandt painted in Leiden.", "spans": [(0, 9, "P"), (21, 27, "L")]},
    {"text": "Nobody was there.", "spans": []},
    {
        "text": "Ann met Ben in Rome.",
        "spans": [(0, 3, "P"), (8, 11, "P"), (15, 19, "L")],
    },
]


def write_jsonl(path, records, **more):
    with path.open("w", encoding="utf8") as file:
        for record in records:
            spans = [{"start": a, "end": b, "label": c} for a, b, c in record["spans"]]
            file.write(json.dumps(record | {"spans": spans} | more) + "\n\n")
    return path


def change(number, *spans):
    return [
        r | {"spans": list(spans)} if i == number else r for i, r in enumerate(GOLD)
    ]


@pytest.fixture
def gold(tmp_path):
    return write_jsonl(tmp_path / "gold.jsonl", GOLD)


def test_gold_against_itself(gold):
    result = score_pair(read_pair(gold, gold), n_resamples=100)
    for metric in IS_MACRO:
        assert result[metric] == 1
        # Not [1, 1]: some samples of three sentences have no entity
        assert result["intervals"][metric][1] == 1
    assert result["mistakes"]["right"] == 5
    assert result["n_entities"] == {"gold": 5, "predicted": 5}
    assert "episodes" not in result
    assert "subtoken_macro_f1" not in result


def test_docbin_and_jsonl_are_the_same(gold, tmp_path):
    nlp = spacy.blank("en")
    told = change(2, (0, 3, "P"), (15, 19, "P"))
    jsonl = write_jsonl(tmp_path / "told.jsonl", told)
    # Other tokens than the gold's: entities go by characters
    docs = []
    for record in told:
        doc = Doc(
            nlp.vocab, words=list(record["text"]), spaces=[False] * len(record["text"])
        )
        doc.ents = [Span(doc, *span) for span in record["spans"]]
        docs.append(doc)
    DocBin(docs=docs).to_disk(tmp_path / "told.spacy")
    one = score_pair(read_pair(gold, jsonl), n_resamples=100)
    other = score_pair(read_pair(gold, tmp_path / "told.spacy"), n_resamples=100)
    assert one == other
    # 3 right of 4 said and 5 there; Rome told as P
    assert one["entity_micro_f1"] == pytest.approx(2 * 3 / 9)
    assert one["mistakes"] == {
        **{"right": 3, "type": 1, "span": 0},
        **{"both": 0, "missed": 1, "spurious": 0},
    }
    table = one["confusion"]["entities"]
    assert table["labels"] == ["None", "L", "P"]
    assert table["gold_by_predicted"] == [[0, 0, 0], [0, 1, 1], [1, 0, 2]]
    docbin = tmp_path / "gold.spacy"
    DocBin(docs=[_doc(nlp, r) for r in GOLD]).to_disk(docbin)
    assert score_pair(read_pair(docbin, jsonl), n_resamples=100) == one


def _doc(nlp, record):
    doc = nlp.make_doc(record["text"])
    doc.set_ents([doc.char_span(*span) for span in record["spans"]], default="outside")
    return doc


def test_a_label_that_the_gold_has_not_is_wrong(gold, tmp_path):
    told = write_jsonl(tmp_path / "told.jsonl", change(1, (0, 6, "GHOST")))
    result = score_pair(read_pair(gold, told), n_resamples=100)
    assert result["labels"] == ["L", "P", "GHOST"]
    assert result["entity_micro_f1"] == pytest.approx(2 * 5 / 11)
    assert result["mistakes"]["spurious"] == 1
    assert result["token_macro_f1"] == 1  # a mean over the gold's types
    assert result["per_type"]["GHOST"]["text_p"] == 0


def test_edges_within_words_are_moved_and_counted(gold, tmp_path):
    told = change(0, (0, 4, "P"), (5, 9, "P"), (21, 28, "L"))
    result = score_pair(
        read_pair(gold, write_jsonl(tmp_path / "told.jsonl", told)), n_resamples=100
    )
    assert (result["n_moved"], result["n_dropped"]) == (1, 1)
    assert result["mistakes"]["span"] == 1  # "Leiden." is "Leiden" and "."


def test_gold_edges_cut_words(tmp_path):
    record = [{"text": "Paris-based firms", "spans": [(0, 5, "L"), (6, 11, "M")]}]
    path = write_jsonl(tmp_path / "gold.jsonl", record)
    pair = read_pair(path, path)
    words = [token.text for token in pair.gold.docs[0]]
    assert words[:3] == ["Paris", "-", "based"]
    assert "".join(t.text_with_ws for t in pair.gold.docs[0]) == record[0]["text"]
    assert score_pair(pair, n_resamples=100)["entity_micro_f1"] == 1


def test_episodes_are_the_stretches_of_a_file(tmp_path):
    records = [r | {"episode": n} for r, n in zip(GOLD, (7, 7, 8), strict=True)]
    path = write_jsonl(tmp_path / "gold.jsonl", records)
    pair = read_pair(path, path)
    assert pair.sizes == [2, 1]
    episodes = score_pair(pair, n_resamples=100)["episodes"]
    assert episodes["n_episodes"] == 2
    assert episodes["episode_mean_f1"] == 1


def test_the_file_of_a_cell(datasets_dir, tmp_path):
    folder = datasets_dir / "gallery"
    gold, labels = load_part(folder, "test")
    digest = hash_gold(gold, labels)
    write_predictions(tmp_path / "seed0.json", Predictions(gold.spans[1:], "x", digest))
    pair = read_pair(folder, tmp_path / "seed0.npz")
    assert pair.folder == folder
    assert score_pair(pair, n_resamples=100)["mistakes"]["missed"] == 1
    write_predictions(tmp_path / "seed1.json", Predictions(gold.spans, "x", "other"))
    with pytest.raises(ValueError, match=r"N516.*seed1\.npz"):
        read_pair(folder, tmp_path / "seed1.npz")
    with pytest.raises(ValueError, match=r"N520.*npz"):
        read_pair(folder / "test.spacy", tmp_path / "seed0.npz")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("no json", "no JSON, .* at character 1. Got: no json"),
        ("[1]", r"not a JSON object. Got: \[1\]"),
        ('{"spans": []}', '"text" is missing. Got: the keys spans'),
        ('{"text": "abc"}', '"spans" is missing. Got: the keys text'),
        ('{"text": 3, "spans": []}', '"text" is not a string. Got: 3'),
        ('{"text": "abc", "spans": 3}', '"spans" is not a list. Got: 3'),
        ('{"text": "abc", "spans": [[0, 2, "A"]]}', "not a JSON object"),
        (
            '{"text": "abc", "spans": [{"start": 0, "end": 9, "label": "A"}]}',
            "0 to 9 is not within the text, which has 3 characters",
        ),
        (
            '{"text": "abc", "spans": [{"start": 2, "end": 1, "label": "A"}]}',
            "2 to 1 is not within",
        ),
        (
            '{"text": "a  b", "spans": [{"start": 1, "end": 3, "label": "A"}]}',
            "1 to 3 is white space",
        ),
        (
            '{"text": "abc", "spans": [{"start": 0, "label": "A"}]}',
            'has no "end"',
        ),
        (
            '{"text": "abc", "spans": [{"start": 0.5, "end": 2, "label": "A"}]}',
            "not a whole number",
        ),
        (
            '{"text": "abc", "spans": [{"start": 0, "end": 2, "label": "A"}, '
            '{"start": 1, "end": 3, "label": "A"}]}',
            "from 1 on overlaps one that ends at 2",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path, gold, line, problem):
    path = tmp_path / "bad.jsonl"
    path.write_text("\n" + line + "\n")
    with pytest.raises(ValueError, match=rf"N519.*bad\.jsonl, line 2: .*{problem}"):
        read_pair(gold, path)


def test_texts_must_be_the_same(tmp_path, gold):
    both = r"'.*gold\.jsonl'.*'.*{}\.jsonl'"
    few = write_jsonl(tmp_path / "few.jsonl", GOLD[:2])
    with pytest.raises(ValueError, match=r"N518.*3 gold texts.* 2 predicted") as error:
        read_pair(gold, few)
    assert re.search(both.format("few"), str(error.value))
    other = [*GOLD[:2], {"text": "Ann met Bob in Rome.", "spans": []}]
    with pytest.raises(ValueError, match=r"N518.*text 3.*character 10") as error:
        read_pair(gold, write_jsonl(tmp_path / "other.jsonl", other))
    # `write_jsonl` leaves every other line empty
    assert re.search(both.format("other"), str(error.value))
    assert str(error.value).count("(line 5)") == 2
    with pytest.raises(ValueError, match=r"N520.*documents"):
        read_pair(gold, tmp_path / "told.txt")


def test_empty_files_are_named(tmp_path, gold):
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(ValueError, match=r"N518.*0 predicted ones in '.*empty\.jsonl'"):
        read_pair(gold, empty)
    with pytest.raises(ValueError, match=r"N531.*empty\.jsonl'.* 0 texts.*\"spans\""):
        read_pair(empty, gold)
    docs = [Doc(Vocab(), words=["a"])]
    DocBin(docs=docs).to_disk(tmp_path / "bare.spacy")
    with pytest.raises(ValueError, match=r"N531.*bare\.spacy'.* 1 texts.*doc\.ents"):
        read_pair(tmp_path / "bare.spacy", gold)


@pytest.mark.parametrize("name", ["no.jsonl", "no.spacy", "no.npz", "nothing"])
def test_missing_files_are_named(tmp_path, gold, name):
    with pytest.raises(FileNotFoundError, match=f"N001.*predictions '.*{name}'"):
        read_pair(gold, tmp_path / name)
    with pytest.raises(FileNotFoundError, match=f"N001.*gold '.*{name}'"):
        read_pair(tmp_path / name, gold)


def test_files_in_another_encoding_are_named(tmp_path, gold):
    path = tmp_path / "latin.jsonl"
    lines = ['{"text": "Ann", "spans": []}', '{"text": "Zoë", "spans": []}']
    path.write_bytes("\n".join(lines).encode("latin-1"))
    with pytest.raises(ValueError, match=r"N519.*latin\.jsonl, line 2: not UTF-8"):
        read_pair(gold, path)
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + gold.read_bytes())
    assert len(read_pair(gold, marked).spans) == 5


def test_damaged_docbins_are_named(tmp_path, gold, datasets_dir):
    path = tmp_path / "bad.spacy"
    path.write_bytes(b"nothing of spaCy's")
    for pair in ((gold, path), (path, gold)):
        with pytest.raises(ValueError, match=r"N530.*bad\.spacy.*DocBin\.to_disk"):
            read_pair(*pair)
    folder = tmp_path / "gallery"
    shutil.copytree(datasets_dir / "gallery", folder)
    whole = (folder / "test.spacy").read_bytes()
    (folder / "test.spacy").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"N530.*gallery/test\.spacy"):
        read_pair(folder, gold)
    for text in ("{", "{}", '{"labels": 3}'):
        (folder / "meta.json").write_text(text)
        with pytest.raises(ValueError, match=r"N535.*gallery/meta\.json.*labels"):
            read_pair(folder, gold)


def test_unknown_languages_are_named(gold):
    with pytest.raises(ValueError, match=r"N532.*'zz'.*no such language.* de,.* xx"):
        read_pair(gold, gold, lang="zz")


def test_tallies_add_up_to_the_metrics(datasets_dir):
    gold, labels = load_part(datasets_dir / "gallery", "test")
    rng = np.random.default_rng(0)
    spans = gold.spans[rng.random(len(gold.spans)) < 0.8].copy()
    wrong = rng.random(len(spans)) < 0.3
    spans[wrong, 2] = rng.integers(1, len(labels) + 1, size=int(wrong.sum()))
    reference = Reference(gold, labels)
    result = score_pair(Pair(gold, labels, spans), n_resamples=100)
    for metric, (hits, predicted) in reference.tally(spans).items():
        there = reference.gold[metric]
        assert (hits <= predicted).all() and (hits <= there).all()
        whole = f1_of_sums(hits.sum(0), predicted.sum(0), there.sum(0))
        assert float(whole) == pytest.approx(result[metric], abs=1e-12)
        low, high = result["intervals"][metric]
        assert low < result[metric] < high


def test_entities_on_unannotated_tokens_do_not_count():
    doc = Doc(Vocab(), words=["x", "y", "z"])
    doc.set_ents([Span(doc, 0, 1, "A")], missing=[doc[1:2]], default="outside")
    gold = make_gold([doc], ["A"], source="here")
    spans = np.array([(0, 1, 1), (1, 2, 1)])
    tally = Reference(gold, ["A"]).tally(spans)
    assert tally["entity_micro_f1"].predicted.tolist() == [[1]]
    assert tally["token_macro_f1"].predicted.tolist() == [[1]]


def test_a_type_that_a_resample_lacks_is_left_out_of_its_mean():
    hits, predicted = np.array([[2.0, 0.0]]), np.array([[2.0, 3.0]])
    assert f1_of_sums(hits, predicted, np.array([2.0, 0.0])).tolist() == [1]
    assert f1_of_sums(hits, predicted, np.array([2.0, 1.0])).tolist() == [0.5]
    assert f1_of_sums(hits, predicted, np.array([0.0, 0.0])).tolist() == [0]


def test_subtokens_are_words_counted_that_often(datasets_dir, encoder_folder, tmp_path):
    gold, labels = load_part(datasets_dir / "gallery", "test")
    weights = count_subtokens(encoder_folder, gold)
    assert weights.shape == gold.types.shape
    assert weights.min() == 1 and weights.max() > 1
    spans = gold.spans[::2]
    result = score_pair(Pair(gold, labels, spans), weights=weights, n_resamples=100)
    types = fill_types(spans, len(gold.types))
    none = np.zeros((0, 3), dtype="int64")
    # The definition: every word as often as it has sub-tokens
    long = score(
        np.repeat(gold.types, weights), none, np.repeat(types, weights), none, labels
    )
    assert result["subtoken_macro_f1"] == pytest.approx(long["token_macro_f1"])
    assert result["subtoken_macro_f1"] != result["token_macro_f1"]
    low, high = result["intervals"]["subtoken_macro_f1"]
    assert low < result["subtoken_macro_f1"] < high
    with pytest.raises(ValueError, match="N503"):
        score_pair(Pair(gold, labels, spans), weights=weights[1:])


def test_subtokens_are_kept_with_the_data_set(datasets_dir, encoder_folder, tmp_path):
    gold, _ = load_part(datasets_dir / "gallery", "test")
    first = load_subtokens(tmp_path, encoder_folder, gold)
    (file,) = (tmp_path / "subtokens").iterdir()
    stamp = file.stat().st_mtime_ns
    np.testing.assert_array_equal(load_subtokens(tmp_path, encoder_folder, gold), first)
    assert file.stat().st_mtime_ns == stamp
    with pytest.raises(FileNotFoundError, match=r"N001.*tokenizer"):
        count_subtokens(tmp_path, gold)


def test_subtokens_of_words_by_hand(encoder_folder):
    from transformers import AutoTokenizer

    doc = spacy.blank("en")("Rembrandt's étude can't  wait")
    gold = make_gold([doc], ["A"], source="here")
    weights = count_subtokens(encoder_folder, gold)
    tokenizer = AutoTokenizer.from_pretrained(encoder_folder)
    pieces = tokenizer(doc.text, add_special_tokens=False, return_offsets_mapping=True)
    for token, n in zip(doc, weights, strict=True):
        start, end = token.idx, token.idx + len(token)
        shared = [
            (a, b)
            for a, b in pieces["offset_mapping"]
            if a < end and b > start and a < b
        ]
        assert n == max(1, len(shared))
