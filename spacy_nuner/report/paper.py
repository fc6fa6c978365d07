"""The paper's figures that ours are held against, with their sources.

Bogdanov et al. (2024): NuNER: Entity Recognition Encoder Pre-training via
LLM-Annotated Data. EMNLP 2024.
"""

from typing import Final

TABLE_3: Final = (
    "Table 3: macro token F1 in points, frozen encoder and linear head, mean of "
    "OntoNotes 5.0, BioNLP 2004, MIT Restaurant and MIT Movie, 10 training sets each"
)
TABLE_3_SCALE: Final = "RoBERTa-base (125 M), 1,000,000 sentences"
TABLE_3_SYSTEMS: Final = {
    "roberta": "RoBERTa",
    "ner_bert": "RoBERTa with NER-BERT data",
    "nuner": "NuNER",
}
# k: (RoBERTa, RoBERTa with NER-BERT data, NuNER)
_TABLE_3: Final = {
    1: (24.46, 32.32, 39.37),
    2: (35.30, 42.33, 51.46),
    4: (44.65, 50.94, 59.60),
    8: (52.56, 57.42, 64.78),
    16: (58.12, 61.85, 67.84),
    32: (62.00, 64.96, 69.98),
    64: (65.42, 67.61, 71.53),
}
FEWSHOT: Final = {
    system: {k: row[i] for k, row in _TABLE_3.items()}
    for i, system in enumerate(TABLE_3_SYSTEMS)
}

# Which row of the paper a system of ours is held against. The paper takes the last
# layer and a random head; the other two are ours, against the nearest row.
COUNTERPARTS: Final = {
    "base": "roberta",
    "base_best_layer": "roberta",
    "ner_bert": "ner_bert",
    "nuner": "nuner",
    "nuner_concept_start": "nuner",
}

TABLES_10_11: Final = (
    "Tables 10 and 11: macro token F1 in points on 1,000 test sentences; GPT-3.5 and "
    "GPT-4 by spacy-llm's NER v3 prompt, UniversalNER and NuNER fine-tuned whole"
)
LLM_SYSTEMS: Final = ("GPT-3.5", "GPT-4", "UniversalNER", "NuNER")
# dataset: {k_w: (GPT-3.5, GPT-4, UniversalNER, NuNER)}
LLM: Final[dict[str, dict[int, tuple[float | None, ...]]]] = {
    "mit_restaurant": {
        0: (51.70, 69.54, 28.35, None),
        1: (77.26, 79.66, None, 38.48),
        2: (78.83, 81.48, None, 51.08),
        4: (80.01, 84.54, None, 74.47),
        8: (81.00, 85.35, 76.56, 78.67),
        16: (82.00, None, 80.30, 81.58),
        32: (81.34, None, 82.36, 82.53),
        64: (None, None, 83.40, 84.79),
    },
    "bionlp2004": {
        0: (63.48, 61.09, 60.23, None),
        1: (67.62, 70.82, None, 40.39),
        2: (70.70, 77.10, None, 50.02),
        4: (70.22, 76.32, None, 56.31),
        8: (70.86, 78.80, 69.52, 68.01),
        16: (68.88, None, 76.09, 76.31),
        32: (69.12, None, 80.09, 78.78),
        64: (None, None, 80.96, 80.85),
    },
}

FIGURE_4: Final = (
    "Figure 4 and Section 3.1: 4.38 M annotations of 200 k concepts in 1 M sentences, "
    "over 100 k concepts seen once"
)
