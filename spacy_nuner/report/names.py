"""Names of systems and data sets in words, and their order."""

from typing import Final

# in the order of the tables
SYSTEMS: Final = {
    "base": "base encoder",
    "base_best_layer": "base, best layer",
    "ner_bert": "base, NER-BERT's way",
    "nuner": "NuNER",
    "nuner_concept_start": "NuNER, concept start",
    "nuner_zero_shot_uncalibrated": "NuNER, zero-shot, uncalibrated",
    "nuner_zero_shot": "NuNER, zero-shot",
    "llm_ner_v3": "LLM, NER v3, as shipped",
    "llm_ner_v3_repaired": "LLM, NER v3, repaired parser",
    "universal_ner": "UniversalNER",
    "gliner": "GLiNER",
    "span_marker": "SpanMarker",
    "paper_roberta": "paper: RoBERTa",
    "paper_nuner": "paper: NuNER",
}
DATASETS: Final = {
    "mit_restaurant": "MIT Restaurant",
    "mit_movie": "MIT Movie (eng)",
    "bionlp2004": "BioNLP 2004",
    "wnut17": "WNUT-17",
    "wikineural": "WikiNEuRal (English)",
    "gallery": "Gallery",
    "workshop": "Workshop",
}
GROUP_NAMES: Final = {"public": "public sets", "shipped": "shipped sets"}


def name_system(system: str) -> str:
    """A system in words; one that is not known keeps its name."""
    return SYSTEMS.get(system, system.replace("_", " "))


def name_dataset(dataset: str) -> str:
    """A data set in words; one that is not known keeps its name."""
    return DATASETS.get(dataset, dataset.replace("_", " "))


def system_order(system: str) -> tuple[int, str]:
    """Sort key of the tables' rows."""
    return _place(system, SYSTEMS), system


def dataset_order(dataset: str) -> tuple[int, str]:
    """Sort key of the data sets: public ones first, then the shipped ones."""
    return _place(dataset, DATASETS), dataset


def _place(name: str, names: dict[str, str]) -> int:
    return list(names).index(name) if name in names else len(names)


def format_signed(value: float, digits: int = 1) -> str:
    """A difference with its sign, a true minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def format_points(value: float | None, digits: int = 1) -> str:
    """A score, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"
