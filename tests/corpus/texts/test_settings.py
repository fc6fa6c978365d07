from typing import Any

import pytest

from spacy_nuner.corpus.texts.settings import TextSettings


def test_defaults_are_the_papers() -> None:
    settings = TextSettings()
    assert settings.n == 1_350_000
    assert settings.n_candidates > settings.n
    assert TextSettings(n=0).n_candidates == 0


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ({"n": -1}, "0 or more"),
        ({"near": 1.5}, "between 0 and 1"),
        ({"min_language": -0.1}, "between 0 and 1"),
        ({"protect_words": 1}, "2 or more"),
        ({"min_tokens": 9, "max_tokens": 8}, "from 1 to max_tokens"),
        ({"paragraphs": "page"}, "blank or line"),
    ],
)
def test_settings_that_make_no_sense(setting: dict[str, Any], allowed: str) -> None:
    (name,) = [name for name in setting if name != "max_tokens"]
    with pytest.raises(ValueError, match=rf"N263.*'{name}' must be {allowed}"):
        TextSettings(**setting)
