"""The model of the pipe: docs -> token vectors -> logits of the tags."""

from spacy.tokens import Doc
from thinc.api import Model, chain, with_array
from thinc.types import Floats2d

from .head import HeadT, build_head

InT = list[Doc]
OutT = list[Floats2d]  # per doc (n_tokens, n_tags), logits


def build_token_ner(
    tok2vec: Model[list[Doc], list[Floats2d]], hidden_width: int | None = None
) -> Model[list[Doc], list[Floats2d]]:
    """Build a token classifier over an encoder (paper, Sections 4.1 and 6).

    tok2vec (Model[list[Doc], list[Floats2d]]): Docs to one vector per token, such as
        a `TransformerListener` or `spacy-nuner.HiddenStatesListener.v1`.
    hidden_width (int | None): Units of a hidden layer, None for a linear head.
    RETURNS (Model[list[Doc], list[Floats2d]]): The model, with the refs "tok2vec" and
        "head".
    """
    head: HeadT = build_head(hidden_width)
    model: Model[list[Doc], list[Floats2d]] = chain(tok2vec, with_array(head))
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("head", head)
    return model
