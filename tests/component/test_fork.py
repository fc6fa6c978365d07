"""A forked process, such as a worker of `nlp.pipe(n_process=2)` or of a web server."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from spacy.language import Language

from spacy_nuner.component.encoder.model import keep_vectors
from spacy_nuner.component.label_encoder import LabelEncoder

from .conftest import make_examples

Work = Callable[[], np.ndarray]


@pytest.fixture(params=["tokens", "labels", "onnx"])
def work(
    request: pytest.FixtureRequest,
    make_nlp: Callable[..., Language],
    encoder_folder: Path,
) -> Work:
    """What is computed for a pipeline, anew at each call."""
    if request.param == "labels":
        return lambda: LabelEncoder(encoder_folder).embed(["city"])
    runtime = "torch"
    if request.param == "onnx":
        pytest.importorskip("onnx")
        pytest.importorskip("onnxruntime")
        runtime = "onnx"
    nlp = make_nlp(trf={"runtime": runtime})
    nlp.initialize(lambda: make_examples(nlp))
    model = nlp.get_pipe("transformer").model
    keep_vectors(model, 0)
    doc = nlp.make_doc("Bob went to Rome")
    return lambda: model.predict([doc]).doc_data[0].model_output.last_hidden_state


def test_threads_do_not_live_on(work: Work) -> None:
    """Waiting for them once hung the worker, wherever there are several cores."""
    expected, before = work(), torch.get_num_threads()

    def run() -> None:
        torch.set_num_threads(4)  # as the parent's, as far as torch knows
        same = np.allclose(work(), expected, atol=1e-6)
        os._exit(0 if same and torch.get_num_threads() == 1 else 3)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join(60)
    child.kill()
    child.join()
    assert child.exitcode == 0 and torch.get_num_threads() == before
