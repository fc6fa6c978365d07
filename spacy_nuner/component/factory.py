"""The spaCy factory `nuner`. Light at import: spaCy loads it for every pipeline."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Config, Model
from thinc.types import Floats2d

if TYPE_CHECKING:
    from .pipe import NuNER

DEFAULT_CONFIG_STR = """
[nuner]
tagging = "io"
on_existing = "overwrite"
spans_key = "nuner"
none_bias = null
pull = 1.0

[nuner.scorer]
@scorers = "spacy-nuner.TokenNERScorer.v1"

[nuner.model]
@architectures = "spacy-nuner.TokenNER.v1"
hidden_width = null

[nuner.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"

[nuner.model.tok2vec.pooling]
@layers = "spacy-nuner.FirstPiece.v1"
"""

DEFAULT_CONFIG = Config().from_str(DEFAULT_CONFIG_STR)


@Language.factory(
    "nuner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "doc.spans"],
    default_config=DEFAULT_CONFIG["nuner"],
    default_score_weights={
        "ents_f": 1.0,
        "ents_p": 0.0,
        "ents_r": 0.0,
        "ents_per_type": None,
        "nuner_token_macro_f": 0.0,
        "nuner_token_f_per_type": None,
    },
)
def make_nuner(
    nlp: Language,
    name: str,
    model: Model[list[Doc], list[Floats2d]],
    tagging: str,
    on_existing: str,
    spans_key: str,
    none_bias: float | None,
    pull: float,
    scorer: Callable[..., dict[str, Any]] | None,
) -> "NuNER":
    """Construct the pipe that finds entities with a NuNER encoder.

    model (Model): Docs to one row of logits per token, see `TokenNER.v1`.
    tagging (str): "io" (paper, Section 4.1) or "bio".
    on_existing (str): What to do with entities that are there before the pipe runs:
        "overwrite" them, "keep" them where they overlap, or "raise" an error.
    spans_key (str): Key of `doc.spans` for the entities with their confidences.
    none_bias (float | None): Bias of the tag "O" in a head started from concept
        vectors; None for the default of `fit.NONE_BIAS`.
    pull (float): Strength of the pull of the head's last layer back to its start, zero
        or the concept vectors; 0 for none.
    scorer (Callable | None): The scoring method.
    RETURNS (NuNER): The pipe.
    """
    from .pipe import NuNER

    return NuNER(
        nlp.vocab,
        model,
        name,
        tagging=tagging,
        on_existing=on_existing,
        spans_key=spans_key,
        none_bias=none_bias,
        pull=pull,
        scorer=scorer,
    )
