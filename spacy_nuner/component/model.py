"""The model of the pipe: docs -> token vectors -> logits of the tags."""

from spacy.tokens import Doc
from thinc.api import Model, chain, list2ragged
from thinc.types import Floats2d, Ragged

from .head import HeadT, build_head

InT = list[Doc]
OutT = list[Floats2d]  # per doc (n_tokens, n_tags), logits


def build_token_ner(
    tok2vec: Model[list[Doc], list[Floats2d]],
    hidden_width: int | None = None,
    window: int = 1,
    neighbour_weight: float = 0.5,
) -> Model[list[Doc], Floats2d]:
    """Build a token classifier over an encoder (paper, Sections 4.1 and 6).

    tok2vec (Model[list[Doc], list[Floats2d]]): Docs to one vector per token, such as
        `spacy-nuner.TransformerListener.v1`.
    hidden_width (int | None): Units of a hidden layer, None for a linear head.
    window (int): 1 if the head also looks at the vectors of a token's neighbours.
    neighbour_weight (float): What those are multiplied with.
    RETURNS (Model[list[Doc], Floats2d]): The model, with the refs "tok2vec" and "head".
        It gives the logits of all docs end to end, (n_tokens, n_tags).
    """
    head: HeadT = build_head(
        hidden_width, window=window, neighbour_weight=neighbour_weight
    )
    to_ragged: Model[list[Floats2d], Ragged] = list2ragged()
    model: Model[list[Doc], Floats2d] = chain(tok2vec, to_ragged, head)
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("head", head)
    return model
