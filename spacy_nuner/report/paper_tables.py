"""The paper's Tables 1 to 11, figure by figure, as they stand in it.

Bogdanov et al. (2024): NuNER: Entity Recognition Encoder Pre-training via
LLM-Annotated Data. EMNLP 2024. All of its tables can be read; where a cell is empty it
is so in the paper. Figures 9 and 10 show figures of data sets that no table has: they
are not here.
"""

from typing import Final, NamedTuple

from .paper import LLM, LLM_SYSTEMS

Value = tuple[float, float | None] | None  # figure and ± of the paper; None: empty

FOUR_SETS: Final = "mean of OntoNotes 5.0, BioNLP 2004, MIT Restaurant, MIT Movie"
MACRO: Final = "token macro F1"
MICRO: Final = "entity micro F1"
BASE: Final = "RoBERTa-base (125 M)"
KS: Final = ("1", "2", "4", "8", "16", "32", "64")


class PaperTable(NamedTuple):
    """A table of the paper."""

    number: str
    title: str
    metric: str
    data: str
    scale: str
    rows_are: str  # what the rows are
    columns: tuple[str, ...]
    rows: dict[str, tuple[Value, ...]]


def _plain(*values: float | None) -> tuple[Value, ...]:
    return tuple(None if value is None else (value, None) for value in values)


def _by_k(*columns: tuple[float, ...]) -> dict[str, tuple[Value, ...]]:
    return {
        k: _plain(*row) for k, row in zip(KS, zip(*columns, strict=True), strict=True)
    }


TABLE_1: Final = PaperTable(
    "1",
    "TadNER on Few-NERD, with BERT and with NuNER-BERT",
    "episode micro F1",
    "Few-NERD, 5,000 episodes for each setting",
    "BERT-base (110 M), 1,000,000 sentences",
    "setting",
    ("TadNER", "NuNER-BERT"),
    {
        "INTRA 5-way 1~2": ((60.78, 0.32), (62.48, 0.28)),
        "INTRA 10-way 1~2": ((55.44, 0.08), (57.63, 0.38)),
        "INTRA 5-way 5~10": ((67.94, 0.17), (69.16, 0.28)),
        "INTRA 10-way 5~10": ((60.87, 0.22), (62.99, 0.27)),
        "INTER 5-way 1~2": ((64.83, 0.14), (67.37, 0.31)),
        "INTER 10-way 1~2": ((64.06, 0.19), (66.54, 0.40)),
        "INTER 5-way 5~10": ((72.12, 0.12), (73.50, 0.09)),
        "INTER 10-way 5~10": ((69.94, 0.15), (71.04, 0.14)),
    },
)
TABLE_2: Final = PaperTable(
    "2",
    "NuNER and UniversalNER, both fine-tuned whole",
    MICRO,
    f"{FOUR_SETS}, full test sets, 3 runs",
    f"{BASE}, 1,000,000 sentences; UniversalNER-7B",
    "k",
    ("UniversalNER", "NuNER"),
    {"8": ((57.89, 4.34), (58.75, 0.93)), "64": ((71.02, 1.53), (70.30, 0.35))},
)
TABLE_3: Final = PaperTable(
    "3",
    "Transfer learning: frozen encoder and linear head",
    MACRO,
    f"{FOUR_SETS}, 10 training sets",
    f"{BASE}, 1,000,000 sentences",
    "k",
    ("RoBERTa", "RoBERTa w. NER-BERT", "NuNER"),
    _by_k(
        (24.46, 35.30, 44.65, 52.56, 58.12, 62.00, 65.42),
        (32.32, 42.33, 50.94, 57.42, 61.85, 64.96, 67.61),
        (39.37, 51.46, 59.60, 64.78, 67.84, 69.98, 71.53),
    ),
)
TABLE_4: Final = PaperTable(
    "4",
    "Diversity of texts",
    MACRO,
    FOUR_SETS,
    f"{BASE}, 50,000 sentences each",
    "k",
    ("anchor-annotated Wikipedia", "LLM-annotated Wikipedia", "LLM-annotated C4"),
    _by_k(
        (32.52, 41.86, 50.35, 57.40, 61.82, 64.81, 67.46),
        (38.23, 49.99, 57.32, 62.76, 66.39, 68.85, 70.74),
        (38.64, 50.55, 57.82, 63.26, 66.76, 69.18, 70.93),
    ),
)
TABLE_5: Final = PaperTable(
    "5",
    "Diversity of concepts: the most frequent ones",
    MACRO,
    FOUR_SETS,
    f"{BASE}, 100,000 sentences",
    "k",
    ("12.5 % (4)", "25 % (16)", "50 % (154)", "75 % (1,500)", "100 % (80 k)"),
    _by_k(
        (32.78, 44.40, 52.57, 59.35, 63.74, 66.76, 69.31),
        (36.95, 47.33, 54.75, 60.66, 65.05, 67.67, 70.02),
        (39.56, 49.75, 56.60, 61.84, 65.49, 67.96, 70.03),
        (39.45, 50.53, 57.58, 62.78, 66.38, 68.92, 70.76),
        (38.83, 50.69, 57.97, 63.43, 66.83, 69.27, 71.04),
    ),
)
TABLE_6: Final = PaperTable(
    "6",
    "Size of the corpus",
    MACRO,
    FOUR_SETS,
    BASE,
    "k",
    ("1,000", "3,000", "10,000", "30,000", "100,000", "300,000", "1,000,000"),
    _by_k(
        (32.8, 45.5, 54.0, 60.3, 64.3, 66.5, 68.3),
        (35.6, 48.0, 56.2, 61.9, 65.4, 67.8, 69.4),
        (37.3, 49.3, 56.9, 62.5, 66.1, 68.4, 70.0),
        (38.3, 50.2, 57.6, 63.0, 66.6, 69.0, 70.7),
        (38.9, 50.8, 58.1, 63.5, 66.9, 69.3, 71.1),
        (39.3, 51.6, 59.1, 64.5, 67.7, 69.8, 71.6),
        (39.4, 51.5, 59.6, 64.8, 67.8, 70.0, 71.5),
    ),
)
TABLE_7: Final = PaperTable(
    "7",
    "Size of the model",
    MACRO,
    FOUR_SETS,
    "RoBERTa-base (125 M) and -large (355 M), 1,000,000 sentences",
    "k",
    ("smaller (NuNER)", "larger (NuNER-large)"),
    _by_k(
        (39.37, 51.46, 59.60, 64.78, 67.84, 69.98, 71.53),
        (42.02, 53.70, 61.33, 65.97, 68.79, 70.63, 71.99),
    ),
)
_TUNED: Final = "full test sets, 3 runs, fine-tuned whole"
TABLE_8: Final = PaperTable(
    "8",
    "NuNER and UniversalNER by data set, k = 8",
    MICRO,
    _TUNED,
    TABLE_2.scale,
    "data set",
    ("UniversalNER", "NuNER"),
    {
        "bionlp2004": ((41.79, 17.08), (43.84, 2.18)),
        "mit_movie": ((61.57, 2.26), (58.69, 1.16)),
        "mit_restaurant": ((63.4, 1.69), (62.66, 2.28)),
        "ontonotes": ((64.8, 1.17), (69.82, 1.64)),
        "average": ((57.89, 4.34), (58.75, 0.93)),
    },
)
TABLE_9: Final = PaperTable(
    "9",
    "NuNER and UniversalNER by data set, k = 64",
    MICRO,
    _TUNED,
    TABLE_2.scale,
    "data set",
    ("UniversalNER", "NuNER"),
    {
        "bionlp2004": ((59.94, 6.03), (61.18, 1.15)),
        "mit_movie": ((69.50, 0.57), (65.56, 0.29)),
        "mit_restaurant": ((75.84, 0.97), (73.66, 0.65)),
        "ontonotes": ((78.78, 0.26), (80.81, 0.41)),
        "average": ((71.02, 1.53), (70.30, 0.35)),
    },
)


def _make_llm_table(number: str, dataset: str, name: str) -> PaperTable:
    return PaperTable(
        number,
        f"LLMs and NuNER on {name}, by words of each type",
        MACRO,
        f"{name}, 1,000 test sentences",
        f"{BASE}, 1,000,000 sentences; LLMs by spacy-llm's NER v3 prompt",
        "k_w",
        LLM_SYSTEMS,
        {str(kw): _plain(*row) for kw, row in LLM[dataset].items()},
    )


TABLES: Final = {
    table.number: table
    for table in (
        TABLE_1,
        TABLE_2,
        TABLE_3,
        TABLE_4,
        TABLE_5,
        TABLE_6,
        TABLE_7,
        TABLE_8,
        TABLE_9,
        _make_llm_table("10", "mit_restaurant", "MIT Restaurant"),
        _make_llm_table("11", "bionlp2004", "BioNLP 2004"),
    )
}
