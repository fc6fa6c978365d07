"""The gradient of one batch: in parts, and again in smaller ones if memory runs out."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..errors import Warnings
from .batch import PretrainBatch
from .contrast import Contrast, contrast
from .loss import InBatchBCE
from .model import ContrastiveModel, add_gradients, get_link, get_shims, get_towers

logger = logging.getLogger(__name__)

# Makes the batch at hand, its texts in so many parts
MakeBatchT = Callable[[int], PretrainBatch]


@dataclass(frozen=True)
class StepSettings:
    """How a step is taken; the gradient is the same for all of them."""

    n_parts: int = 1
    max_cells: int = 0  # cells (token, concept) at once; 0: all


def add_batch(
    model: ContrastiveModel,
    batch: PretrainBatch,
    loss: InBatchBCE,
    *,
    max_cells: int = 0,
) -> Contrast:
    """Add the gradient of a batch to the model's.

    Concepts are encoded once. The texts' parts follow one after the other, each with
    its own way forth and back, against all concepts: the sum is the gradient of the
    whole batch, and only one part's activations are kept at a time.

    model (Model): The contrastive model.
    batch (PretrainBatch): The batch.
    loss (InBatchBCE): The loss.
    max_cells (int): Cells at once; 0: all.
    RETURNS (Contrast): Loss and scores of the batch. Its dH is that of the last part.
    """
    texts, concepts = get_towers(model)
    C, backprop_concepts = concepts.begin_update(batch.concepts)
    total = Contrast(dH=C[:0], dC=model.ops.alloc2f(*C.shape))
    start = 0
    for part in batch.parts:
        H, backprop_texts = texts.begin_update(part)  # (n_tokens of the part, width)
        found = contrast(
            H,
            C,
            get_link(model),
            batch.targets,
            loss=loss,
            ops=model.ops,
            first=start,
            max_cells=max_cells,
        )
        backprop_texts(found.dH)
        total.merge(found)
        start += len(H)
    backprop_concepts(total.dC)
    add_gradients(model, total)
    return total


def take_gradient(
    model: ContrastiveModel,
    make: MakeBatchT,
    loss: InBatchBCE,
    settings: StepSettings,
) -> tuple[Contrast, PretrainBatch]:
    """Calculate the gradient of a batch. If memory runs out, in half as large parts.

    model (Model): The contrastive model, without gradients.
    make (MakeBatchT): Makes the batch.
    loss (InBatchBCE): The loss.
    settings (StepSettings): Parts and cells at once.
    RETURNS (tuple[Contrast, PretrainBatch]): Loss, scores, and the batch.
    RAISES (MemoryError): If not even one sentence at a time fits.
    """
    n_parts = settings.n_parts
    while True:
        batch = make(n_parts)
        try:
            return add_batch(model, batch, loss, max_cells=settings.max_cells), batch
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or len(batch.parts) >= batch.n_texts:
                raise
            forget_gradients(model)
            n_parts = min(2 * len(batch.parts), batch.n_texts)
            logger.warning(Warnings.W302.format(n_parts=n_parts, error=error))


def forget_gradients(model: ContrastiveModel) -> None:
    """Throw all gradients away.

    model (Model): The contrastive model.
    """
    for shim in get_shims(model):
        shim.forget()
    for name in model.param_names:
        if model.has_grad(name):
            model.set_grad(name, model.get_grad(name) * 0.0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out.

    error (BaseException): The error.
    RETURNS (bool): Whether it does.
    """
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    # torch's allocator on a CPU has no error class of its own
    return "can't allocate memory" in str(error) or "not enough memory" in str(error)


def unscale(model: ContrastiveModel) -> bool:
    """Take the loss scale of half precision out of the gradients.

    model (Model): The contrastive model, after backprop.
    RETURNS (bool): Whether all are finite.
    """
    return all([shim.unscale() for shim in get_shims(model)])
