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
tagging = "bio"
on_existing = "overwrite"
spans_key = "nuner"
none_bias = 1.5
pull = 0.35
class_weight = 0.5
transition_weight = 0.3
none_threshold = "fixed"
labels = null
encoder = null
keep_trf_data = false

[nuner.scorer]
@scorers = "spacy-nuner.TokenNERScorer.v1"

[nuner.model]
@architectures = "spacy-nuner.TokenNER.v1"
hidden_width = null
window = 1
neighbour_weight = 0.5

[nuner.model.tok2vec]
@architectures = "spacy-nuner.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"
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
        "nuner_fit": 0.0,
    },
)
def make_nuner(
    nlp: Language,
    name: str,
    model: Model[list[Doc], Floats2d],
    tagging: str,
    on_existing: str,
    spans_key: str,
    none_bias: float,
    pull: float,
    class_weight: float,
    transition_weight: float,
    none_threshold: str,
    labels: list[str] | None,
    encoder: str | None,
    keep_trf_data: bool,
    scorer: Callable[..., dict[str, Any]] | None,
) -> "NuNER":
    """Construct the pipe that finds entities with a NuNER encoder.

    model (Model): Docs to one row of logits per token, see `TokenNER.v1`.
    tagging (str): "bio", decoded as the best valid sequence of tags, or "io" (paper,
        Section 4.1), where neighbours of one type are one entity.
    on_existing (str): What to do with entities that are there before the pipe runs:
        "overwrite" them, "keep" them where they overlap, or "raise" an error.
    spans_key (str): Key of `doc.spans` for the entities with their confidences.
    none_bias (float): Bias of the tag "O" in a head started from concept vectors.
    pull (float): Strength of the pull of the head's weights back to their start, zero
        or the concept vectors; 0 for none.
    class_weight (float): Tags count in the loss by 1 / frequency to this power.
    transition_weight (float): How much the order of BIO tags in the training set, and
        in the concept corpus, counts in decoding; 0: only valid sequences.
    none_threshold (str): "fixed", or "cross_validation" to set what a token must exceed
        to be of a type on the training data.
    labels (list[str] | None): Labels to find without any training (zero-shot), by the
        concept encoder's vectors of their names.
    encoder (str | None): Encoder folder. If it's given the pipe keeps the concept
        encoder and can be given other labels at any time, see `set_labels`.
    keep_trf_data (bool): Whether `doc._.trf_data` stays when no later pipe needs it.
    scorer (Callable | None): The scoring method.
    RETURNS (NuNER): The pipe.
    """
    from .pipe import NuNER, Settings

    settings = Settings(
        tagging=tagging,
        on_existing=on_existing,
        spans_key=spans_key,
        none_bias=none_bias,
        pull=pull,
        class_weight=class_weight,
        transition_weight=transition_weight,
        none_threshold=none_threshold,
        labels=labels,
        encoder=encoder,
        keep_trf_data=keep_trf_data,
    )
    return NuNER(nlp, model, name, settings=settings, scorer=scorer)
