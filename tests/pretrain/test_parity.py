"""Our training beside an independent one in plain PyTorch, like with like.

The reference shares no code with the package: it tokenises, pads, freezes, masks and
builds targets by itself, and trains with torch's autograd, AdamW and gradient clipping.
Dropout is off in both, since its random numbers can't be shared.
"""

from pathlib import Path

import numpy
import pytest
import torch
from spacy.tokens import Doc
from thinc.api import warmup_linear
from transformers import AutoModel, AutoTokenizer

from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.loss import configure_in_batch_bce
from spacy_nuner.pretrain.model import build_contrastive_model, get_encoders, get_link
from spacy_nuner.pretrain.optimizer import clip_by_global_norm, make_adamw
from spacy_nuner.pretrain.step import add_batch
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

N_STEPS, BATCH, RATE, WARMUP = 20, 6, 2e-3, 4
EPS, DECAY, TEMPERATURE, BIAS = 1e-6, 0.01, 5.0, -3.0


class Reference:
    def __init__(self, path: Path, pooling: str, max_norm: float) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(path)
        self.text, self.concept = (
            AutoModel.from_pretrained(path, add_pooling_layer=False) for _ in "ab"
        )
        self.text.eval(), self.concept.eval()  # dropout off
        frozen = [self.text.embeddings, self.text.encoder.layer[0]]
        for module in [*frozen, self.concept.embeddings]:
            module.requires_grad_(False)
        self.bias = torch.nn.Parameter(torch.tensor(BIAS))
        self.pooling, self.max_norm = pooling, max_norm
        modules = (self.text, self.concept)
        parameters = [p for m in modules for p in m.parameters() if p.requires_grad]
        self.parameters = [*parameters, self.bias]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=RATE, eps=EPS, weight_decay=DECAY
        )
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            lambda s: s / WARMUP if s < WARMUP else (N_STEPS - s) / (N_STEPS - WARMUP),
        )

    def step(self, docs: list[Doc]) -> float:
        texts = self.tokenizer(
            [doc.text for doc in docs],
            padding=True,
            truncation=True,
            max_length=128,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = texts.pop("offset_mapping")
        names = sorted({span.label_ for doc in docs for span in doc.spans["concepts"]})
        targets = torch.zeros(*offsets.shape[:2], len(names))
        for i, doc in enumerate(docs):
            for span in doc.spans["concepts"]:
                inside = (offsets[i, :, 0] < span.end_char) & (
                    offsets[i, :, 1] > span.start_char
                )
                targets[i, inside, names.index(span.label_)] = 1.0
        concepts = self.tokenizer(names, padding=True, return_tensors="pt")
        C = self.concept(**concepts).last_hidden_state
        if self.pooling == "cls":
            C = C[:, 0]
        else:
            mask = concepts["attention_mask"].unsqueeze(-1)
            C = (C * mask).sum(1) / mask.sum(1)
        logits = self.text(**texts).last_hidden_state @ C.T / TEMPERATURE + self.bias
        scored = offsets[..., 1] > offsets[..., 0]  # no special and no padding ones
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits[scored], targets[scored]
        )
        self.optimizer.zero_grad()
        loss.backward()
        if self.max_norm:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()


@pytest.mark.parametrize("pooling,max_norm", [("cls", 0.0), ("mean", 0.15)])
def test_twenty_steps(
    tiny_encoder: Path,
    concept_docs: list[Doc],
    subtokens: SubtokenCorpus,
    pooling: str,
    max_norm: float,
) -> None:
    model = build_contrastive_model(
        str(tiny_encoder),
        temperature=TEMPERATURE,
        bias=BIAS,
        learn_bias=True,
        pooling=pooling,
        n_frozen_layers=1,
        freeze_concept_embeddings=True,
        dropout=0.0,
    )
    optimizer = make_adamw(
        warmup_linear(RATE, WARMUP, N_STEPS), eps=EPS, weight_decay=DECAY
    )
    calculate = configure_in_batch_bce()
    reference = Reference(tiny_encoder, pooling, max_norm)
    starts = {n: p.detach().clone() for n, p in reference.text.named_parameters()}
    rng = numpy.random.default_rng(0)
    ours, theirs, norms = [], [], []
    for _ in range(N_STEPS):
        chosen = rng.choice(len(concept_docs), size=BATCH, replace=False)
        theirs.append(reference.step([concept_docs[i] for i in chosen]))
        batch = make_batch(subtokens, chosen)
        found = add_batch(model, batch, calculate)
        norms.append(clip_by_global_norm(model, max_norm))
        model.finish_update(optimizer)
        optimizer.step_schedules()
        ours.append(found.loss)
    # The comparison is worth something: it trains, and clips where it is meant to
    assert ours[-1] < 0.8 * ours[0]
    assert not max_norm or min(norms) < max_norm < max(norms)
    moved = reference.text.state_dict()
    assert max(float((moved[n] - starts[n]).abs().max()) for n in starts) > 0.01
    numpy.testing.assert_allclose(ours, theirs, atol=1e-5)
    for encoder, plain in zip(
        get_encoders(model), (reference.text, reference.concept), strict=True
    ):
        weights = encoder.model.state_dict()
        for name, expected in plain.state_dict().items():
            torch.testing.assert_close(weights[name], expected, atol=1e-4, rtol=0)
    assert get_link(model).bias == pytest.approx(reference.bias.item(), abs=1e-4)
