"""Which cells of ours stand beside which column of the paper's tables."""

from typing import Final, NamedTuple


class Source(NamedTuple):
    """Cells of one system."""

    experiment: str  # folder of metrics/; "ablations/size" for an ablation
    system: str  # "*" at the end: each that begins so
    note: str = ""  # how it differs from the paper's


_FROZEN: Final = "encoder frozen, the paper's is fine-tuned"
_START: Final = "head started from the concept vectors"
_KW: Final = "k~2k sets in place of k_w words"
_ABLATION: Final = "ablations"

TUNED: Final = (
    Source("finetune", "nuner"),
    Source("finetune", "nuner_concept_start", _START),
    Source("fewshot", "nuner", _FROZEN),
)
UNIVERSAL: Final = (
    Source("ner_v3", "universal_ner*"),
    Source("universal_ner", "universal_ner*"),
)
LLM: Final = (
    Source(
        "ner_v3",
        "llm_ner_v3_repaired*",
        "another LLM, repaired parser, asked about a part of the public test sets",
    ),
)
WORDS: Final = (
    Source("finetune_words", "nuner"),
    Source("finetune_words", "nuner_concept_start", _START),
    Source("fewshot_words", "nuner", _FROZEN),
    Source("finetune", "nuner", _KW),
    Source("finetune", "nuner_concept_start", f"{_START}; {_KW}"),
    Source("fewshot", "nuner", f"{_FROZEN}; {_KW}"),
)
_WIKINEURAL: Final = "WikiNEuRal in place of NER-BERT's corpus"
NER_BERT: Final = (
    Source("fewshot", "ner_bert", _WIKINEURAL),
    Source("ner_bert", "nuner", _WIKINEURAL),
)


def _variant(ablation: str, name: str, note: str = "") -> tuple[Source, ...]:
    return (Source(f"{_ABLATION}/{ablation}", name, note),)


# Of each table: the paper's column to ours, the first that is there for each figure
SOURCES: Final[dict[str, dict[str, tuple[Source, ...]]]] = {
    "1": {
        "TadNER": (Source("few_nerd", "tadner_base"),),
        "NuNER-BERT": (Source("few_nerd", "tadner_nuner"),),
    },
    "2": {"UniversalNER": UNIVERSAL, "NuNER": TUNED},
    "3": {
        "RoBERTa": (Source("fewshot", "base"),),
        "RoBERTa w. NER-BERT": NER_BERT,
        "NuNER": (Source("fewshot", "nuner"),),
    },
    "4": {
        "anchor-annotated Wikipedia": NER_BERT,
        "LLM-annotated Wikipedia": _variant("text", "wikipedia"),
        "LLM-annotated C4": _variant("text", "c4"),
    },
    "5": {
        "12.5 % (4)": _variant("concepts", "p12"),
        "25 % (16)": _variant("concepts", "p25"),
        "50 % (154)": _variant("concepts", "p50"),
        "75 % (1,500)": _variant("concepts", "p75"),
        "100 % (80 k)": _variant("concepts", "all"),
    },
    "6": {
        "1,000": _variant("size", "1000"),
        "3,000": _variant("size", "3000"),
        "10,000": _variant("size", "10000"),
        "30,000": _variant("size", "30000"),
        "100,000": _variant("size", "100000"),
        "300,000": _variant("size", "300000"),
    },
    "7": {
        "smaller (NuNER)": (
            *_variant("model", "three_layers", "the lower three layers of MiniLM"),
            *_variant("model", "base"),
        ),
        "larger (NuNER-large)": (
            *_variant("model", "six_layers", "MiniLM"),
            *_variant("model", "large"),
        ),
    },
    "8": {"UniversalNER": UNIVERSAL, "NuNER": TUNED},
    "9": {"UniversalNER": UNIVERSAL, "NuNER": TUNED},
    "10": {"GPT-4": LLM, "UniversalNER": UNIVERSAL, "NuNER": WORDS},
    "11": {"GPT-4": LLM, "UniversalNER": UNIVERSAL, "NuNER": WORDS},
}
# Ablation of which all variants belong into a table, also those the paper lacks
ABLATIONS: Final = {"4": "text", "5": "concepts", "6": "size", "7": "model"}
_EXPERIMENTS: Final = "spacy-nuner experiments configs/sample/experiments.cfg"
_HOW_WORDS: Final = (
    "spacy-nuner baseline for the LLM; spacy-nuner sample mit_restaurant bionlp2004 "
    "--sampler words, then spacy-nuner evaluate … --sets-from words --output "
    "metrics/fewshot_words, or 'spacy project run words' (docs/experiments.md)"
)
HOW: Final = {
    "1": "spacy-nuner episodes configs/sample/tadner.cfg --system tadner_base …, then "
    "--system tadner_nuner (docs/baselines.md)",
    "2": "spacy-nuner evaluate; for UniversalNER a server and spacy-nuner baseline "
    "(docs/other_systems.md)",
    "3": "spacy-nuner evaluate; for NER-BERT spacy-nuner pretrain-tagger "
    "(docs/baselines.md)",
    "4": f"{_EXPERIMENTS} --only text",
    "5": f"{_EXPERIMENTS} --only concepts",
    "6": f"{_EXPERIMENTS} --only size",
    "7": f"{_EXPERIMENTS} --only model",
    "8": "as Table 2",
    "9": "as Table 2",
    "10": _HOW_WORDS,
    "11": _HOW_WORDS,
}
