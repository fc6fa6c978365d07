"""The generated block of the README: numbers are never typed."""

from pathlib import Path
from typing import Any, Final

from ..errors import Errors
from ..plain import escape_md
from .files import read_object
from .markdown import (
    make_llm_table,
    make_means_table,
    make_paper_table,
    make_zero_shot_table,
)
from .names import GROUP_NAMES
from .summary import write_text

START: Final = "<!-- results:start -->"
END: Final = "<!-- results:end -->"
# What of the report's longer tables is shown
KS: Final = ("1", "4", "16", "64")
OURS: Final = ("nuner", "nuner_concept_start")
LESSER: Final = ("base", "nuner", "llm_ner_v3_repaired")


def update_readme(readme: Path, summary_path: Path) -> bool:
    """Write the results into the README, between its two marks.

    readme (Path): the file, with the lines `<!-- results:start -->` and
        `<!-- results:end -->`.
    summary_path (Path): `reports/summary.json`.
    RETURNS (bool): whether the file has changed.
    RAISES (ValueError): if the marks are not there, once each and in this order.
    """
    if not readme.is_file():
        raise FileNotFoundError(Errors.N001.format(what="README", path=readme))
    text = readme.read_text(encoding="utf8")
    head, start, rest = text.partition(START)
    _, end, tail = rest.partition(END)
    if not (start and end) or text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(Errors.N603.format(path=readme, start=START, end=END))
    block = make_block(read_object(summary_path))
    new = f"{head}{START}\n{block}\n{END}{tail}"
    if new == text:
        return False
    write_text(readme, new)
    return True


def make_block(summary: dict[str, Any]) -> str:
    """Make the block: means beside the paper, zero-shot where there is, and the LLM.

    summary (dict[str, Any]): the content of `summary.json`.
    RETURNS (str): Markdown.
    """
    parts = [
        "<!-- made by 'spacy-nuner report --readme': do not edit -->",
        f"Scale: {escape_md(summary['scale']['text'])}. Token macro F1 in points, "
        "95 % intervals over training sets.",
    ]
    for group, name in GROUP_NAMES.items():
        if table := make_means_table(summary["means"], group):
            sets = next(r["datasets"] for r in summary["means"] if r["group"] == group)
            parts += [f"Mean of the {name} ({escape_md(', '.join(sets))}):", table]
    if rows := [r for r in summary["versus_paper"] if r["k"] in KS]:
        parts.append("Beside the paper's Table 3, on its own data sets and scale:")
        parts.append(make_paper_table(r for r in rows if r["system"] in OURS))
    if summary["zero_shot"]:
        parts.append(
            "Zero-shot: the labels are known by their names, no example is given. With "
            "thresholds calibrated on the concept corpus, and without:"
        )
        parts.append(make_zero_shot_table(summary["zero_shot"]))
    if summary["llm"]:
        parts.append("The LLM with spacy-llm's NER v3 prompt, and the best of ours:")
        rows = summary["llm"]
        parts.append(make_llm_table(r for r in rows if r["system"] not in LESSER))
    parts.append("All systems, data sets and k: `reports/index.html`.")
    return "\n\n".join(part.strip() for part in parts)
