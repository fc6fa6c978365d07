"""The components whose output the pipe's listeners read, also where they are frozen."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import Model
from thinc.types import Floats2d

from ..errors import Errors

TRANSFORMER_LISTENER = "transformer-listener"
# The mean and scale of the head's inputs are measured on this many examples at most
MAX_MEASURED = 5000
BATCH = 128


def find_listeners(model: Model) -> list[Model]:
    """Layers that are fed by another component."""
    return [node for node in model.walk() if hasattr(node, "upstream_name")]


def is_heard_later(nlp: Language, pipe: TrainablePipe) -> bool:
    """Whether a transformer's output is still wanted after a pipe has used it.

    nlp (Language): The pipeline that the pipe was made for.
    pipe (TrainablePipe): The pipe.
    RETURNS (bool): Whether a pipe behind it listens to a transformer; True also if the
        pipe is no longer in the pipeline, so that nobody knows.
    """
    components: list[tuple[str, Any]] = nlp.components
    places = [i for i, (_, proc) in enumerate(components) if proc is pipe]
    if not places:
        return True
    behind = (getattr(proc, "model", None) for _, proc in components[places[0] + 1 :])
    return any(
        node.name == TRANSFORMER_LISTENER
        for model in behind
        if isinstance(model, Model)
        for node in model.walk()
    )


def link_upstream(
    nlp: Language,
    pipe: TrainablePipe,
    get_examples: Callable[[], Iterable[Example]],
) -> list[Any]:
    """Connect the pipe's listeners and make sure that what they hear is there.

    `spacy train` does not initialize frozen components, but a frozen encoder that
    comes from a folder still has to be read. Disabled components count as well.

    nlp (Language): The pipeline, with the pipe in it.
    pipe (TrainablePipe): The pipe.
    get_examples (Callable): Passed on to `initialize` of a component that needs it.
    RETURNS (list[Any]): The components listened to, in order.
    RAISES (ValueError): If the pipe listens but nothing is there.
    """
    if not find_listeners(pipe.model):
        return []
    found: list[Any] = []
    components: list[tuple[str, Any]] = nlp.components
    for _, proc in components:
        if proc is pipe:
            break
        if not hasattr(proc, "find_listeners"):
            continue
        proc.find_listeners(pipe)
        if pipe.name not in proc.listening_components:
            continue
        if proc.model.has_dim("nO") is None:
            proc.initialize(get_examples, nlp=nlp)
            proc.find_listeners(pipe)
        found.append(proc)
    if not found:
        pipes = ", ".join(nlp.component_names)
        raise ValueError(Errors.N412.format(name=pipe.name, pipes=pipes))
    return found


def encode_examples(
    pipe: Any, examples: Iterable[Example], upstream: list[Any]
) -> Iterator[tuple[Example, Floats2d]]:
    """Compute the token vectors of the first examples, for the start of the head.

    The docs are copied, so that a batch's hidden states can be thrown away before the
    next one is made.

    pipe (NuNER): The pipe.
    examples (Iterable[Example]): The training examples.
    upstream (list[Any]): From `link_upstream`.
    YIELDS (tuple[Example, Floats2d]): Examples that have tokens, (n_tokens, width).
    """
    for batch in minibatch(islice(examples, MAX_MEASURED), BATCH):
        filled = [eg for eg in batch if len(eg.predicted)]
        copies = [eg.predicted.copy() for eg in filled]
        for proc in upstream:
            copies = list(proc.pipe(copies))
        yield from zip(filled, pipe.features(copies), strict=True)


def get_vectors(model: Model, docs: list[Doc], name: str) -> list[Floats2d]:
    """The encoder's token vectors, as the head gets them.

    model (Model): The pipe's model.
    docs (list[Doc]): Docs with the output of the transformer.
    name (str): Name of the pipe, for the error.
    RETURNS (list[Floats2d]): Per doc (n_tokens, width).
    RAISES (ValueError): If a doc has not passed the transformer. (Listeners take zeros
        instead: the pipe would find nothing, and nobody would know why.)
    """
    if any(node.name == TRANSFORMER_LISTENER for node in model.walk()):
        for doc in docs:
            if len(doc) and doc._.trf_data is None:
                raise ValueError(Errors.N413.format(name=name))
    # spacy-transformers' own layers fail on docs without tokens if there are no others
    filled = [doc for doc in docs if len(doc)]
    vectors = model.get_ref("tok2vec").predict(filled) if filled else []
    rows = iter(vectors)
    empty = model.ops.alloc2f(0, vectors[0].shape[1] if filled else 0)
    return [next(rows) if len(doc) else empty for doc in docs]
