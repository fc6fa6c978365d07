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
    pipe: Any, get_examples: Callable[[], Iterable[Example]], nlp: Language | None
) -> Iterator[Floats2d]:
    """Compute the token vectors of the first examples, for the start of the head.

    The docs are copied, so that a batch's hidden states can be thrown away before the
    next one is made.

    pipe (NuNER): The pipe.
    get_examples (Callable): Returns the training examples.
    nlp (Language | None): The pipeline; without it the model must not listen.
    YIELDS (Floats2d): (n_tokens, width) of each doc that has tokens.
    """
    upstream = [] if nlp is None else link_upstream(nlp, pipe, get_examples)
    docs = [eg.predicted for eg in islice(get_examples(), MAX_MEASURED)]
    if not find_listeners(pipe.model):
        pipe.model.get_ref("tok2vec").initialize(X=docs[:10])
    for batch in minibatch(docs, BATCH):
        copies = [doc.copy() for doc in batch]
        for proc in upstream:
            copies = list(proc.pipe(copies))
        yield from (X for X in pipe.features(copies) if len(X))


def check_upstream_output(model: Model, docs: Iterable[Doc], name: str) -> None:
    """Raise an error where a transformer's output is missing.

    spacy-transformers' listener takes zeros instead: the pipe would find nothing, or
    nonsense, and nobody would know why.

    model (Model): The pipe's model.
    docs (Iterable[Doc]): The docs.
    name (str): Name of the pipe.
    """
    if not any(node.name == TRANSFORMER_LISTENER for node in model.walk()):
        return
    for doc in docs:
        if len(doc) and doc._.trf_data is None:
            raise ValueError(Errors.N413.format(name=name))
