"""What the paper found, as claims that figures of ours can bear out or not."""

from typing import Final, Literal, NamedTuple

from .sources import LLM, NER_BERT, SOURCES, TUNED, UNIVERSAL, WORDS, Source

Kind = Literal["greater", "alike"]
# Points within which two systems are alike; the paper's own two differ by 0.2 to 0.6
MARGIN: Final = 2.0


class Claim(NamedTuple):
    """One system is better than another, or as good."""

    table: str
    text: str  # in the paper's sense
    kind: Kind
    one: tuple[Source, ...]
    other: tuple[Source, ...]
    metric: str = "token_macro_f1"
    # k of one and k of the other, where they are not the same; "kw8": k~2k sets of 8
    # stand in where there are none of k_w words
    ks: tuple[tuple[str, str], ...] = ()
    datasets: tuple[str, ...] = ()  # in place of the mean over those of the paper


def _of(ablation: str, *names: str) -> tuple[Source, ...]:
    return tuple(Source(f"ablations/{ablation}", name) for name in names)


_TABLE_1: Final = SOURCES["1"]
_TABLE_3: Final = SOURCES["3"]

CLAIMS: Final = (
    Claim(
        "1",
        "TadNER is better with NuNER's encoder than with the base encoder",
        "greater",
        _TABLE_1["NuNER-BERT"],
        _TABLE_1["TadNER"],
    ),
    Claim(
        "2",
        "NuNER and UniversalNER, fine-tuned, are alike",
        "alike",
        TUNED,
        UNIVERSAL,
        "entity_micro_f1",
    ),
    Claim(
        "3",
        "NuNER is better than its base encoder",
        "greater",
        _TABLE_3["NuNER"],
        _TABLE_3["RoBERTa"],
    ),
    Claim(
        "3",
        "NuNER is better than the base encoder pre-trained NER-BERT's way",
        "greater",
        _TABLE_3["NuNER"],
        NER_BERT,
    ),
    Claim(
        "3",
        "Pre-training NER-BERT's way is better than none",
        "greater",
        NER_BERT,
        _TABLE_3["RoBERTa"],
    ),
    Claim(
        "4",
        "LLM-annotated C4 and Wikipedia are alike: the texts matter little",
        "alike",
        _of("text", "c4"),
        _of("text", "wikipedia"),
    ),
    Claim(
        "4",
        "Wikipedia annotated by an LLM is better than annotated by its links",
        "greater",
        _of("text", "wikipedia"),
        NER_BERT,
    ),
    Claim(
        "5",
        "All concepts are better than the most frequent ones (12.5 % of mentions)",
        "greater",
        _of("concepts", "all"),
        _of("concepts", "p12"),
    ),
    Claim(
        "5",
        "All concepts are better than half of the mentions",
        "greater",
        _of("concepts", "all"),
        _of("concepts", "p50"),
    ),
    Claim(
        "6",
        "A larger corpus is better: all against the smallest",
        "greater",
        _of("size", "all"),
        _of("size", "250", "1000", "20"),
    ),
    Claim(
        "6",
        "A larger corpus is better: all against about half of it",
        "greater",
        _of("size", "all"),
        _of("size", "2500", "300000"),
    ),
    Claim(
        "7",
        "A larger model is better",
        "greater",
        _of("model", "six_layers", "large"),
        _of("model", "three_layers", "base"),
    ),
    *(
        Claim(
            number,
            "Without examples, or with few, the LLM is better than NuNER",
            "greater",
            LLM,
            WORDS,
            ks=(("kw0", "kw1"), ("kw0", "kw4"), ("kw8", "kw4")),
            datasets=(dataset,),
        )
        for number, dataset in (("10", "mit_restaurant"), ("11", "bionlp2004"))
    ),
    *(
        Claim(
            number,
            "With more examples than fit into a prompt NuNER is better than the LLM",
            "greater",
            WORDS,
            LLM,
            ks=(("kw32", "kw8"), ("kw64", "kw8")),
            datasets=(dataset,),
        )
        for number, dataset in (("10", "mit_restaurant"), ("11", "bionlp2004"))
    ),
)
