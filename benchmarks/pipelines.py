"""The spaCy pipelines that are compared, and the bare encoder."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
from common import ROOT, time_call
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config, load_model_from_config, minibatch, registry
from thinc.api import Adam, Config, Ragged

from spacy_nuner.component.encoder.model import get_shim
from spacy_nuner.hf import find_layers, load_model, load_tokenizer

CONFIG = ROOT / "configs" / "sample" / "fewshot_frozen.cfg"
RUNTIME = "components.transformer.model.runtime"
# Padded sub-tokens of a batch of the bare encoder; the fastest is taken
BARE_SIZES = (512, 2048, 8192)
WINDOW = 192

STOCK_ENCODER = {
    "@architectures": "spacy-transformers.TransformerModel.v3",
    "get_spans": {
        "@span_getters": "spacy-transformers.strided_spans.v1",
        "window": 128,
        "stride": 96,
    },
    "tokenizer_config": {"use_fast": True},
}
STOCK_NER = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": False,
    "nO": None,
    "tok2vec": {
        "@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    },
}


def make_stock_encoder(encoder: Path) -> Language:
    """RETURNS (Language): A stock `transformer` alone, its encoder read in."""
    nlp = spacy.blank("en")
    nlp.batch_size = 128
    model = STOCK_ENCODER | {"name": str(encoder)}
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


def make_stock(encoder: Path, docs: Sequence[Doc], *, n_epochs: int) -> Language:
    """RETURNS (Language): Stock `transformer` + `ner`, trained a little on docs."""
    nlp = make_stock_encoder(encoder)
    ner: Any = nlp.add_pipe("ner", config={"model": STOCK_NER})
    examples = make_examples(nlp, docs)
    ner.initialize(lambda: examples, nlp=nlp)
    sgd, frozen = Adam(0.001), ["transformer"]
    for _ in range(n_epochs):
        for batch in minibatch(make_examples(nlp, docs), 16):
            nlp.update(batch, sgd=sgd, exclude=frozen, annotates=frozen)
    return nlp


def make_ours(encoder: Path, docs: Sequence[Doc], *, n_steps: int) -> Language:
    """Make the pipeline of `fewshot_frozen.cfg` and train its head on docs.

    encoder (Path): Encoder folder.
    docs (Sequence[Doc]): Docs with gold entities.
    n_steps (int): Steps with all docs in each.
    RETURNS (Language): The pipeline.
    """
    nlp = load_ours(encoder)
    examples = make_examples(nlp, docs)
    pipe: Any = nlp.get_pipe("nuner")
    pipe.initialize(lambda: examples, nlp=nlp, **start_options(encoder))
    transformer: Any = nlp.get_pipe("transformer")
    encoded = list(transformer.pipe(eg.predicted for eg in examples))
    lengths: Any = np.array([len(doc) for doc in encoded])
    vectors: Any = np.concatenate(pipe.features(encoded))
    X = Ragged(vectors, lengths)
    Y = np.concatenate([pipe.gold_tags(eg) for eg in examples])
    optimizer = registry.resolve(nlp.config["training"])["optimizer"]
    pipe.train_head(X, Y, sgd=optimizer, n_steps=n_steps)
    return nlp


def load_ours(encoder: Path) -> Language:
    """RETURNS (Language): The pipeline of the config, nothing initialized."""
    config = load_config(CONFIG, overrides={"paths.encoder": str(encoder)})
    choose_layers(config, encoder)
    return load_model_from_config(config, auto_fill=True)


def choose_layers(config: Config, encoder: Path) -> None:
    """Let two layers of a base encoder be joined, as those of ours are by default.

    config (Config): Is changed if the encoder has no record of its layers.
    encoder (Path): Encoder folder.
    """
    if not (encoder / "nuner.json").exists():
        n_layers = len(find_layers(load_model(str(encoder))))
        config["components"]["transformer"]["model"]["layers"] = [n_layers // 2, -1]


def start_options(encoder: Path) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): How the head starts, by what an encoder folder has."""
    if (encoder / "concept_encoder").is_dir():
        return {"start": "concept", "encoder": str(encoder)}
    return {"start": "random"}


def make_examples(nlp: Language, docs: Iterable[Doc]) -> list[Example]:
    """RETURNS (list[Example]): Bare texts of a pipeline's own, with the docs' gold."""
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def load_runtime(folder: Path, runtime: str) -> Language:
    """RETURNS (Language): A saved pipeline of ours that predicts by another runtime.
    RAISES (ImportError): If the extra for it is not installed.
    """
    nlp = spacy.load(folder, config={RUNTIME: runtime})
    nlp("The graph is made now.")
    return nlp


def load_unpacked(folder: Path) -> Language:
    """RETURNS (Language): A saved pipeline of ours whose matrices are multiplied as
    they lie (`component/encoder/packed.py`)."""
    nlp = spacy.load(folder)
    transformer: Any = nlp.get_pipe("transformer")
    shim = get_shim(transformer.model)
    shim._predictor = shim.encoder.eval()
    return nlp


def pipe_all(nlp: Language, texts: Sequence[str]) -> None:
    """Send texts through a pipeline and forget the docs."""
    for _ in nlp.pipe(texts):
        pass


def time_pipe(
    nlp: Language, texts: Sequence[str], clock: str = "wall"
) -> Callable[[], float]:
    """RETURNS (Callable): Sends texts through a pipeline and returns the seconds."""
    return lambda: time_call(lambda: pipe_all(nlp, texts), clock)


class BareEncoder:
    """The Hugging Face model on sub-tokens that are made and sorted beforehand.

    Texts longer than a window are cut into windows that do not overlap.
    """

    def __init__(
        self, encoder: Path, texts: Sequence[str], clock: str = "wall"
    ) -> None:
        """Cut texts, sort them by length, find the best size of a batch."""
        tokenizer = load_tokenizer(str(encoder))
        self.model = load_model(str(encoder)).eval()
        size = min(WINDOW, tokenizer.model_max_length - 2)
        rows: list[list[int]] = []
        for text in texts:
            ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            for start in range(0, len(ids), size):
                part = ids[start : start + size]
                rows.append(tokenizer.build_inputs_with_special_tokens(part))
        rows.sort(key=len)
        self.n_pieces = sum(len(row) for row in rows)
        self.pad_id = int(tokenizer.pad_token_id or 0)
        some = rows[:: max(1, len(rows) // 200)]
        seconds = {}
        for size in BARE_SIZES:
            batches = self._make_batches(some, size)
            self._run(batches)
            seconds[size] = time_call(partial(self._run, batches), clock)
        self.size = min(seconds, key=lambda size: seconds[size])
        self.batches = self._make_batches(rows, self.size)

    def _make_batches(
        self, rows: list[list[int]], size: int
    ) -> list[tuple[torch.Tensor, torch.Tensor]]:
        batches, at = [], len(rows)
        while at:
            n = max(1, size // len(rows[at - 1]))
            part = rows[max(0, at - n) : at]
            at -= len(part)
            lengths = torch.tensor([len(row) for row in part])
            width = int(lengths.max())
            ids = [row + [self.pad_id] * (width - len(row)) for row in part]
            mask = torch.arange(width) < lengths[:, None]  # (n_rows, width)
            batches.append((torch.tensor(ids), mask.long()))
        return batches

    def _run(self, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        with torch.inference_mode():
            for ids, mask in batches:
                self.model(input_ids=ids, attention_mask=mask)

    def run(self) -> None:
        """Encode all sub-tokens once."""
        self._run(self.batches)
