"""Keep sentences of test data out of what a model learns from."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import Errors
from ..reader import read_docs
from ..sources import SUFFIXES, get_text, read_jsonl
from .words import find_grams, fold_words, hash_words

TEST_SET = "test.spacy"


class Protected(NamedTuple):
    """The word n-grams of test sets, as hashes: some 100 bytes for each word."""

    grams: dict[int, int]  # hash -> index of the first test set that has it
    names: tuple[str, ...]
    n_words: int


class Leak(NamedTuple):
    """Words that a sentence shares with a test set."""

    test_set: str
    words: str  # folded


def load_protected(paths: Sequence[str | Path], *, n_words: int = 8) -> Protected:
    """Read the texts of test sets.

    paths (Sequence[str | Path]): folders, of which every `test.spacy` is read (those
        of `spacy-nuner convert`), `.spacy` files, and JSONL files of {"text"}.
    n_words (int): words in an n-gram. Of a shorter text the whole counts.
    RETURNS (Protected): their n-grams.
    RAISES (ValueError): if there is nothing to protect.
    """
    grams: dict[int, int] = {}
    files = list_test_files(paths)
    for index, file in enumerate(files):
        for text in _read(file):
            for gram in find_grams(fold_words(text), n_words):
                grams.setdefault(hash_words(gram), index)
    if paths and not grams:
        raise ValueError(Errors.N256.format(path=", ".join(map(str, paths))))
    return Protected(grams, tuple(map(_name, files)), n_words)


def list_test_files(paths: Sequence[str | Path]) -> list[Path]:
    """Find the files of test sets.

    paths (Sequence[str | Path]): see `load_protected`.
    RETURNS (list[Path]): in order.
    RAISES (ValueError): if there is nothing to protect in one of the paths.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        files = sorted(path.rglob(TEST_SET)) if path.is_dir() else [path]
        is_known = all(file.name.endswith((".spacy", *SUFFIXES)) for file in files)
        if not files or not is_known:
            raise ValueError(Errors.N256.format(path=path))
        found += files
    return found


def find_leak(words: Sequence[str], protected: Protected) -> Leak | None:
    """Find the first n-gram that a sentence shares with a test set.

    words (Sequence[str]): the sentence's folded words.
    protected (Protected): of the test sets.
    RETURNS (Leak | None): None: there is none.
    """
    if not protected.grams:
        return None
    for gram in find_grams(words, protected.n_words):
        index = protected.grams.get(hash_words(gram))
        if index is not None:
            return Leak(protected.names[index], " ".join(gram))
    return None


def _name(file: Path) -> str:
    return file.parent.name if file.name == TEST_SET else file.name


def _read(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="test data", path=path))
    if path.suffix == ".spacy":
        return [doc.text for doc in read_docs(path, None)]
    return [get_text(record, path=path, line=line) for line, record in read_jsonl(path)]
