import sys

import pytest

from spacy_nuner.corpus.texts import language
from spacy_nuner.corpus.texts.language import make_language_check
from spacy_nuner.corpus.texts.words import fold_words

OTHERS = [
    "Dies ist ein deutscher Satz über die Weinberge von Santorini.",
    "Was in der Stadt so los war, an einem Tag im Mai.",
    "Le gouvernement a annoncé une nouvelle loi hier soir à Paris.",
    "El perro come la comida en la casa de mi abuela.",
    "Hij heeft gisteren een nieuw boek gekocht in Amsterdam.",
    "Москва является столицей Российской Федерации.",
    "Il presidente ha detto che il paese non ha paura.",
]
ENGLISH = [
    "The mayor of Lyon said on Monday that the bridge would be closed.",
    "Contact Siobhan for details.",
    "Madrid beat Barcelona.",
    "Keynotes: Ngozi Adebanjo-Lisle (SOAS) on tone sandhi.",
]


def test_english() -> None:
    is_foreign = make_language_check("en", 0.02)
    assert [text for text in OTHERS if not is_foreign(text, fold_words(text))] == []
    assert [text for text in ENGLISH if is_foreign(text, fold_words(text))] == []


def test_german() -> None:
    is_foreign = make_language_check("de", 0.02)
    assert [is_foreign(t, fold_words(t)) for t in OTHERS[:3]] == [False, False, True]
    assert is_foreign(ENGLISH[0], fold_words(ENGLISH[0]))


def test_unknown_language() -> None:
    with pytest.raises(ValueError, match=r"N263.*py3langid.*'?tlh"):
        make_language_check("tlh", 0.02)


def test_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py3langid", None)
    language._load_identifier.cache_clear()
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    with pytest.raises(ImportError, match=r"N253.*py3langid.*\[text\].*min-language 0"):
        make_language_check("en", 0.02)
