import pytest

from spacy_nuner.plain import escape_md
from spacy_nuner.report.markdown import format_stat, make_table


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain words", "plain words"),
        ("a|b", r"a\|b"),
        ("<script>", "&lt;script&gt;"),
        ("a & b", "a &amp; b"),
        ("[x](http://y)", r"\[x\](http\://y)"),
        ("*bold* `code` _i_ #1", r"\*bold\* \`code\` \_i\_ \#1"),
        ("two\nlines", "two lines"),
        ("www.example.org @name $x$", r"www\.example.org \@name \$x\$"),
        ("a\u202eb\x1b[31m\x00", "a\ufffdb\ufffd\\[31m\ufffd"),
        (7, "7"),
    ],
)
def test_escape(text: object, safe: str) -> None:
    assert escape_md(text) == safe


def test_table() -> None:
    assert make_table(["a", "b"], [["1", "2"]]) == (
        "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"
    )


def test_stat() -> None:
    stat = {"mean": -1.25, "sd": 1.0, "n": 3, "low": -2.0, "high": 0.5}
    assert format_stat(stat) == "-1.2 (-2.0 to 0.5)"
    assert format_stat(stat, signed=True) == "−1.2 (−2.0 to +0.5)"
    assert format_stat(stat | {"low": None}) == "-1.2"
    assert format_stat(None) == "–"
