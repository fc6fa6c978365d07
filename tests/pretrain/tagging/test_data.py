import json
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from transformers import PreTrainedTokenizerBase

from spacy_nuner.pretrain.tagging.data import TagCorpus, read_tag_corpus, split_corpus

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def read(
    folder: Path, tokenizer: PreTrainedTokenizerBase, *, subtokens: str = "all"
) -> TagCorpus:
    return read_tag_corpus(folder, tokenizer, max_length=128, subtokens=subtokens)


def spell(corpus: TagCorpus, i: int, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Sub-tokens and tags of a sentence, the scored ones alone."""
    pairs = zip(corpus.ids[i].tolist(), corpus.tags[i].tolist(), strict=True)
    return [f"{tokenizer.decode([j])}/{NAMES[tag]}" for j, tag in pairs if tag >= 0]


def test_tags_of_a_sentence(
    ner_folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    corpus = read(ner_folder, tokenizer)
    tags = [pair.rpartition("/") for pair in spell(corpus, 0, tokenizer)]
    text = "".join(piece for piece, _, _ in tags)
    assert text.replace(" ", "") == "AnnaBergmetTominOslo."
    # Two neighbouring mentions of one type would each begin with B
    assert sum(tag == "B-PER" for _, _, tag in tags) == 2
    assert sum(tag == "B-LOC" for _, _, tag in tags) == 1
    inside = "".join(piece for piece, _, tag in tags if tag.endswith("PER"))
    assert inside.replace(" ", "") == "AnnaBergTom"


def test_first_subtokens_alone(
    ner_folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    corpus = read(ner_folder, tokenizer, subtokens="first")
    tags = [NAMES[tag] for tag in corpus.tags[0].tolist() if tag >= 0]
    expected = ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "O"]
    assert tags == expected


def test_special_subtokens_are_not_scored(
    ner_folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    corpus = read(ner_folder, tokenizer)
    assert all(tags[0] == tags[-1] == -1 for tags in corpus.tags)


def test_tokens_without_annotation_are_not_scored(
    tmp_path: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    doc = Doc(spacy.blank("en").vocab, words=["Anna", "left", "Oslo"])
    doc.set_ents([Span(doc, 0, 1, "PER")], missing=[doc[1:3]], default="outside")
    binary = DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=[doc])
    binary.to_disk(tmp_path / "pool.spacy")
    (tmp_path / "meta.json").write_text(json.dumps({"labels": ["PER", "LOC"]}))
    corpus = read(tmp_path, tokenizer)
    scored = {NAMES[tag] for tag in corpus.tags[0].tolist() if tag >= 0}
    assert scored <= {"B-PER", "I-PER"} and "B-PER" in scored


def test_long_sentences_are_cut_and_counted(
    ner_folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    corpus = read_tag_corpus(ner_folder, tokenizer, max_length=8, subtokens="all")
    assert corpus.lengths.max() == 8
    assert corpus.n_cut > 0


def test_split_is_by_seed_and_whole(
    ner_folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    corpus = read(ner_folder, tokenizer)
    train, dev = split_corpus(corpus, dev_share=0.25, seed=1)
    assert (len(train), len(dev)) == (18, 6)
    again = split_corpus(corpus, dev_share=0.25, seed=1)[0]
    assert train.digest() == again.digest()
    other = split_corpus(corpus, dev_share=0.25, seed=2)[0]
    assert train.digest() != other.digest()
    total = sum(len(ids) for ids in (*train.ids, *dev.ids))
    assert total == int(numpy.sum(corpus.lengths))


def test_unknown_label(
    tmp_path: Path, ner_folder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    (tmp_path / "pool.spacy").write_bytes((ner_folder / "pool.spacy").read_bytes())
    (tmp_path / "meta.json").write_text(json.dumps({"labels": ["PER"]}))
    with pytest.raises(ValueError, match=r"\[N370\].*have LOC; its labels are PER"):
        read(tmp_path, tokenizer)


def test_missing_file(tmp_path: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(FileNotFoundError, match=r"\[N001\].*meta\.json"):
        read(tmp_path, tokenizer)
