"""Speed of parsing and placing replies, beside spacy-llm's and LangExtract's code.

All systems get the same sentences and the same replies in one run on one core. What a
system needs beforehand (docs, its own line format, its extraction objects) is made
before the clock starts, so the others are timed without reading our reply format.

    python benchmarks/align.py
"""

import json
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import spacy
import typer
from spacy.tokens import Doc
from wasabi import msg

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.replies.parser import reply_lines
from spacy_nuner.annotate.replies.spans import set_concept_spans

ROOT = Path(__file__).parent.parent
TARGET = 5000  # sentences a second, parse and place


class Sentence(NamedTuple):
    """A text and the LLM's reply, as read and as `(entity, concept)` per line."""

    text: str
    reply: str
    lines: list[tuple[str, str]]


Found = list[tuple[str, str]]  # text and concept of each mention of a sentence


class System(NamedTuple):
    """What is timed, and how to read what it gave, which is not."""

    name: str
    run: Callable[[], Any]
    read: Callable[[Any], Iterable[Found]]


def main(
    replies: Path = typer.Option(
        ROOT / "assets" / "sample" / "annotated.jsonl",
        help='JSONL of {"text", "response"}.',
    ),
    output: Path = typer.Option(
        ROOT / "reports" / "benchmarks" / "align.json", help="Where the figures go."
    ),
    limit: int = typer.Option(0, min=0, help="Only so many sentences; 0: all."),
    repeats: int = typer.Option(3, min=1, help="The best of so many runs counts."),
) -> None:
    """Compare sentences a second of parse + place with the two nearest systems."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sentences = read_sentences(replies, limit)
    rows: dict[str, dict[str, Any]] = {}
    for make in (make_ours, make_ours_on_docs, make_spacy_llm, make_langextract):
        system = make(sentences)
        msg.text(f"{system.name} …")
        rows[system.name] = measure(system, sentences, repeats)
    first = next(iter(rows.values()))["sentences_per_second"]
    for row in rows.values():
        row["ratio"] = round(first / row["sentences_per_second"], 2)
    result = {
        "replies": os.path.relpath(replies, ROOT),
        "n_sentences": len(sentences),
        "n_lines": sum(len(sentence.lines) for sentence in sentences),
        "clock": f"CPU time of one process on one core, best of {repeats} runs",
        "target_sentences_per_second": TARGET,
        "target_met": first >= TARGET,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {
            name: version(name) for name in ("spacy", "spacy-llm", "langextract")
        },
        "systems": rows,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    temp = output.with_suffix(".tmp")
    temp.write_text(json.dumps(result, indent=2) + "\n", encoding="utf8")
    temp.replace(output)
    show(result)
    msg.good(f"Figures are in {output}")
    if not result["target_met"]:
        msg.fail(f"Slower than {TARGET:,} sentences a second", exits=1)


def read_sentences(path: Path, limit: int) -> list[Sentence]:
    """Read texts and replies; the sample's lines are all in the format asked for."""
    sentences: list[Sentence] = []
    with path.open(encoding="utf8") as file:
        for record in map(json.loads, file):
            if limit and len(sentences) == limit:
                break
            fields = [line.split(" <> ") for _, line in reply_lines(record["response"])]
            lines = [(entity, concept.lower()) for entity, concept, *_ in fields]
            sentences.append(Sentence(record["text"], record["response"], lines))
    return sentences


def measure(system: System, sentences: list[Sentence], repeats: int) -> dict[str, Any]:
    """Time a system and count what it placed."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        native = system.run()
        best = min(best, time.process_time() - start)
    n_mentions = n_lost = n_wrong = 0
    for sentence, found in zip(sentences, system.read(native), strict=True):
        n_mentions += len(found)
        n_lost += sum(line not in set(found) for line in sentence.lines)
        n_wrong += sum(mention not in set(sentence.lines) for mention in found)
    return {
        "seconds": round(best, 4),
        "sentences_per_second": round(len(sentences) / best, 1),
        "n_mentions": n_mentions,
        "n_lines_lost": n_lost,
        "n_wrong_mentions": n_wrong,
    }


def make_ours(sentences: list[Sentence]) -> System:
    """Our parser and aligner, on strings."""

    def run() -> Any:
        return [place_reply(text, reply)[0] for text, reply, _ in sentences]

    def read(native: Any) -> Iterator[Found]:
        for (text, _, _), mentions in zip(sentences, native, strict=True):
            yield [(text[m.start : m.end], m.concept) for m in mentions]

    return System("spacy-nuner: parse and place", run, read)


def make_ours_on_docs(sentences: list[Sentence]) -> System:
    """Our parser and aligner, with spans set on docs that are tokenized already."""
    docs = tokenize(sentences)

    def run() -> Any:
        for doc, (text, reply, _) in zip(docs, sentences, strict=True):
            set_concept_spans(doc, place_reply(text, reply)[0])
        return docs

    def read(native: Any) -> Iterator[Found]:
        for doc in native:
            yield [(span.text, span.label_) for span in doc.spans["concepts"]]

    return System("spacy-nuner: parse, place, set spans", run, read)


def make_spacy_llm(sentences: list[Sentence]) -> System:
    """The parser of spacy-llm's NER v3, with the replies in its own line format."""
    from spacy_llm.tasks.ner import make_ner_task_v3

    concepts = sorted({concept for s in sentences for _, concept in s.lines})
    task = make_ner_task_v3(labels=concepts)
    shards = [[doc] for doc in tokenize(sentences)]
    replies = [
        [
            "\n".join(
                f"{i}. {entity} | True | {concept} | as the LLM says"
                for i, (entity, concept) in enumerate(sentence.lines, start=1)
            )
        ]
        for sentence in sentences
    ]

    def run() -> Any:
        return list(task._parse_responses(task, shards, replies))

    def read(native: Any) -> Iterator[Found]:
        for (spans,) in native:
            yield [(span.text, span.label_) for span in spans]

    return System("spacy-llm: parse (NER v3)", run, read)


def make_langextract(sentences: list[Sentence]) -> System:
    """LangExtract's aligner with its default settings, without its parser."""
    from langextract.core.data import Extraction
    from langextract.resolver import Resolver

    resolver = Resolver()

    def run() -> Any:
        # aligned objects are changed in place: each run needs new ones
        return [
            list(
                resolver.align(
                    [
                        Extraction(extraction_class=concept, extraction_text=entity)
                        for entity, concept in sentence.lines
                    ],
                    sentence.text,
                    token_offset=0,
                    char_offset=0,
                )
            )
            for sentence in sentences
        ]

    def read(native: Any) -> Iterator[Found]:
        for sentence, extractions in zip(sentences, native, strict=True):
            yield [
                (
                    sentence.text[e.char_interval.start_pos : e.char_interval.end_pos],
                    e.extraction_class,
                )
                for e in extractions
                if e.char_interval is not None
            ]

    return System("LangExtract: align", run, read)


def tokenize(sentences: list[Sentence]) -> list[Doc]:
    """Docs of a blank English pipeline."""
    nlp = spacy.blank("en")
    return [nlp.make_doc(sentence.text) for sentence in sentences]


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    rows = [
        (
            name,
            f"{row['sentences_per_second']:,.0f}",
            f"{row['ratio']:.1f}",
            f"{row['n_mentions']:,}",
            f"{row['n_lines_lost']:,}",
            f"{row['n_wrong_mentions']:,}",
        )
        for name, row in result["systems"].items()
    ]
    msg.divider(f"{result['n_sentences']:,} sentences, {result['n_lines']:,} lines")
    msg.table(
        rows,
        header=("System", "Sent./s", "Ours ÷", "Mentions", "Lines lost", "Wrong"),
        aligns=("l", "r", "r", "r", "r", "r"),
        divider=True,
        max_col=40,
    )


if __name__ == "__main__":
    typer.run(main)
