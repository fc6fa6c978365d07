"""`experiments.cfg`: which variants of the recipe are compared, and on what."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError
from pydantic import NonNegativeInt as Count
from thinc.api import Config

from ..errors import Errors

# In front of a setting of the few-shot config; those of pretrain.cfg stand as they are
FEWSHOT = "fewshot."
PRETRAIN = ("pretrain.", "system.")


ModelT = TypeVar("ModelT", bound=BaseModel)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paths(Section):
    """Where things are."""

    pretrain: str  # config
    fewshot: str  # config
    annotate: str  # config with recorded replies
    datasets: str
    labels: str
    work: str  # corpora, encoders, cells that are not finished
    output: str  # finished cells
    log: str | None = None  # of a pre-training before, for the first estimate


class Evaluate(Section):
    """What each variant is tested on."""

    datasets: list[str]  # [] all that are there
    k: list[PositiveInt]
    sets: PositiveInt


class Recipe(Section):
    """What a variant may change, with the values of the one that changes nothing."""

    corpus: str
    encoder: str  # base encoder folder
    system: str = "nuner"  # row of 'spacy-nuner evaluate'
    sentences: Count = 0
    top_concepts: Count = 0
    share: float = 0.0
    seed: Count = 0


class Variant(BaseModel):
    """One row of a table."""

    model_config = ConfigDict(frozen=True)

    ablation: str
    name: str
    recipe: Recipe
    pretrain: dict[str, Any]  # settings of pretrain.cfg to change
    fewshot: dict[str, Any]  # settings of the few-shot config to change
    changes: dict[str, Any]  # as they stand in the file

    @property
    def label(self) -> str:
        """RETURNS (str): For people."""
        return f"{self.ablation}/{self.name}"


class Ablation(BaseModel):
    """One question: variants that differ in one thing."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    table: str  # of the paper; "" where it has none
    reference: str  # the variant that the others are held against
    variants: list[Variant]


class Experiments(BaseModel):
    """All of a file."""

    model_config = ConfigDict(frozen=True)

    paths: Paths
    evaluate: Evaluate
    corpora: dict[str, str]
    ablations: list[Ablation]  # the most telling first


class _Head(Section):
    title: str
    reference: str
    table: str = ""


def read_experiments(path: Path) -> Experiments:
    """Read and check an `experiments.cfg`.

    path (Path): The file.
    RETURNS (Experiments): Its content.
    RAISES (ValueError): If something in it is unknown, missing or of a wrong type.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="config", path=path))
    content = dict(Config().from_disk(path))
    known = ("paths", "evaluate", "corpora", "base", "ablations")
    for name in content.keys() ^ set(known):
        problem = "missing" if name in known else "unknown section"
        raise _wrong(path, f"[{name}]", problem, ", ".join(known))
    corpora = {str(name): str(at) for name, at in content["corpora"].items()}
    base = _check(path, "[base]", Recipe, content["base"])
    ablations = [
        _read_ablation(path, name, block, base, corpora)
        for name, block in content["ablations"].items()
    ]
    return Experiments(
        paths=_check(path, "[paths]", Paths, content["paths"]),
        evaluate=_check(path, "[evaluate]", Evaluate, content["evaluate"]),
        corpora=corpora,
        ablations=ablations,
    )


def _read_ablation(
    path: Path, name: str, block: dict[str, Any], base: Recipe, corpora: dict[str, str]
) -> Ablation:
    place = f"[ablations.{name}]"
    rows = {key: row for key, row in block.items() if isinstance(row, dict)}
    plain = {key: value for key, value in block.items() if key not in rows}
    head = _check(path, place, _Head, plain)
    if head.reference not in rows or len(rows) < 2:
        problem = f"the reference is '{head.reference}', of the variants {list(rows)}"
        raise _wrong(path, place, problem, "two variants or more, the reference one")
    variants = []
    for key, row in rows.items():
        inner = f"[ablations.{name}.{key}]"
        pretrain = {k: v for k, v in row.items() if k.startswith(PRETRAIN)}
        fewshot = {
            k.removeprefix(FEWSHOT): v for k, v in row.items() if k.startswith(FEWSHOT)
        }
        own = {k: v for k, v in row.items() if not k.startswith((*PRETRAIN, FEWSHOT))}
        recipe = _check(path, inner, Recipe, base.model_dump() | own)
        if recipe.corpus not in corpora:
            problem = f"the corpus '{recipe.corpus}'"
            raise _wrong(path, inner, problem, ", ".join(corpora))
        variants.append(
            Variant(
                ablation=name,
                name=key,
                recipe=recipe,
                pretrain=pretrain,
                fewshot=fewshot,
                changes=row,
            )
        )
    return Ablation(name=name, **head.model_dump(), variants=variants)


def _check(
    path: Path, place: str, model: type[ModelT], content: dict[str, Any]
) -> ModelT:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        allowed = ", ".join(model.model_fields)
        if model is Recipe:
            allowed += ", pretrain.… and system.… (pretrain.cfg), fewshot.…"
        raise _wrong(path, place, f"{key}: {first['msg']}", allowed) from None


def _wrong(path: Path, place: str, problem: str, allowed: str) -> ValueError:
    return ValueError(
        Errors.N701.format(path=path, place=place, problem=problem, allowed=allowed)
    )
