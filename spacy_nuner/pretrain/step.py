"""The gradient of one batch: in parts, and again in smaller ones if memory runs out."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from typing import cast

from thinc.types import Floats2d

from ..errors import Errors, Warnings
from .batch import PretrainBatch
from .contrast import Contrast, contrast
from .loss import InBatchBCE
from .memory import OutOfMemory, free_cache, is_out_of_memory
from .model import ContrastiveModel, add_gradients, get_link, get_shims, get_towers
from .scores import Scores
from .world import ALONE, World

logger = logging.getLogger(__name__)

# Makes the batch at hand, its texts in so many parts
MakeBatchT = Callable[[int], PretrainBatch]


@dataclass
class StepSettings:
    """How a step is taken; the gradient is the same for all of them."""

    n_parts: int = 1  # grows when memory runs out
    max_cells: int = 0  # cells (token, concept) at once; 0: all


class LackOfMemory(MemoryError):
    """Memory ran out in one of many processes; all have gone through the step."""

    def __init__(self, problem: str, *, is_here: bool) -> None:
        super().__init__(problem)
        self.is_here = is_here


def add_batch(
    model: ContrastiveModel,
    batch: PretrainBatch,
    loss: InBatchBCE,
    *,
    max_cells: int = 0,
    world: World = ALONE,
) -> Contrast:
    """Add the gradient of a batch to the model's.

    Concepts are encoded once. The texts' parts follow one after the other, each with
    its own way forth and back, against all concepts: the sum is the gradient of the
    whole batch, and only one part's activations are kept at a time.

    Of many processes, each has its portion of the batch, with all concepts or its own.
    The gradients of the weights are their mean, which DistributedDataParallel makes on
    the way back of the last part; those of gathered concepts are added up before.

    model (Model): The contrastive model.
    batch (PretrainBatch): The batch, or this process's portion.
    loss (InBatchBCE): The loss.
    max_cells (int): Cells at once; 0: all.
    world (World): The processes.
    RETURNS (Contrast): Loss and scores of the batch. Its dH is that of the last part.
    RAISES (LackOfMemory): If there are many processes and one ran out of memory.
    RAISES (OutOfMemory): If the concepts take too much: parts don't help then.
    """
    _, concepts = get_towers(model)
    with explain_concepts(batch):
        encoded, backprop_concepts = concepts.begin_update(batch.concepts)
    C = world.gather(encoded, batch.rows)  # (n_concepts, width)
    problem = None
    try:
        total, finish = compare_texts(model, batch, C, loss, max_cells=max_cells)
    except (MemoryError, RuntimeError) as error:
        if world.size == 1 or not is_out_of_memory(error):
            raise
        problem = str(error)
    if problem is not None:
        # The other processes wait: this one goes along, and then all try again
        empty = batch.without_tokens()
        total, finish = compare_texts(model, empty, C, loss)
    finish()
    dC = world.scatter(total.dC, batch.rows)  # (n_own, width)
    # With many processes, that is where they tell each other their gradients
    with explain_concepts(batch) if world.size == 1 else nullcontext():
        backprop_concepts(dC)
    lack = add_up(total, world, lack=problem is not None)
    if lack:
        raise LackOfMemory(problem or "in another process", is_here=problem is not None)
    add_gradients(model, total)
    return total


@contextmanager
def explain_concepts(batch: PretrainBatch) -> Iterator[None]:
    """Say of lack of memory that it comes from the concepts.

    They are encoded before the texts and go back after them: nothing of the texts is
    kept then, into however many parts they are cut.

    batch (PretrainBatch): The batch.
    RAISES (OutOfMemory): If memory runs out within.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        length = max(group.ids.shape[1] for group in batch.concepts.groups)
        at = {"n": len(batch.concepts.order), "length": length, "error": error}
        raise OutOfMemory(Errors.N386.format(**at)) from None


def compare_texts(
    model: ContrastiveModel,
    batch: PretrainBatch,
    C: Floats2d,
    loss: InBatchBCE,
    *,
    max_cells: int = 0,
) -> tuple[Contrast, Callable[[], None]]:
    """Go through the texts of a batch, part by part.

    model (Model): The contrastive model.
    batch (PretrainBatch): The batch.
    C (Floats2d): Concept vectors, (n_concepts, width).
    loss (InBatchBCE): The loss.
    max_cells (int): Cells at once; 0: all.
    RETURNS (tuple[Contrast, Callable]): What comes back from the cells, and what is
        left to do: the way back of the last part, with which many processes tell each
        other the gradients of all parts.
    """
    texts, shim = get_towers(model)[0], get_shims(model)[0]
    total = Contrast(dH=C[:0], dC=model.ops.alloc2f(*C.shape))
    start = 0
    for part in batch.parts:
        is_last = part is batch.parts[-1]
        with nullcontext() if is_last else shim.hold():
            H, backprop = texts.begin_update(part)  # (n_tokens of the part, width)
        found = contrast(
            H,
            C,
            get_link(model),
            batch.targets,
            loss=loss,
            ops=model.ops,
            first=start,
            n_cells=batch.n_cells,
            max_cells=max_cells,
        )
        if not is_last:
            backprop(found.dH)
        total.merge(found)
        start += len(H)
    return total, lambda: cast(None, backprop(found.dH))


def add_up(total: Contrast, world: World, *, lack: bool) -> bool:
    """Make what comes back from the cells the same in all processes.

    total (Contrast): What came back here; changed to the mean loss and its gradients,
        and the sums of the scores.
    world (World): The processes.
    lack (bool): Whether memory ran out here.
    RETURNS (bool): Whether memory ran out in any of them.
    """
    if world.size == 1:
        return lack
    scores = asdict(total.scores)
    means = (total.loss, total.d_bias, total.d_temperature)
    shares = [value / world.size for value in means]
    added = world.add([float(lack), *shares, *scores.values()])
    n_lacking, total.loss, total.d_bias, total.d_temperature = added[:4]
    total.scores = Scores(**dict(zip(scores, added[4:], strict=True)))
    return n_lacking > 0


def take_gradient(
    model: ContrastiveModel,
    make: MakeBatchT,
    loss: InBatchBCE,
    settings: StepSettings,
    *,
    world: World = ALONE,
) -> tuple[Contrast, PretrainBatch]:
    """Calculate the gradient of a batch. If memory runs out, in half as large parts.

    model (Model): The contrastive model, without gradients.
    make (MakeBatchT): Makes the batch.
    loss (InBatchBCE): The loss.
    settings (StepSettings): Parts and cells at once. The parts that memory was enough
        for are kept in it, for the steps to come.
    world (World): The processes; all try again when one has to.
    RETURNS (tuple[Contrast, PretrainBatch]): Loss, scores, and the batch.
    RAISES (OutOfMemory): If not even one sentence fits, or the concepts do not;
        or if memory runs out when the processes tell each other their gradients.
    """
    n_parts = settings.n_parts
    while True:
        batch = make(n_parts)
        try:
            found = add_batch(
                model, batch, loss, max_cells=settings.max_cells, world=world
            )
            settings.n_parts = n_parts
            return found, batch
        except OutOfMemory:
            forget_gradients(model)
            raise
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            problem, is_agreed = str(error), isinstance(error, LackOfMemory)
            is_here = not isinstance(error, LackOfMemory) or error.is_here
        if world.size > 1 and not is_agreed:
            at = {"rank": world.rank, "n_parts": 2 * n_parts, "error": problem}
            raise OutOfMemory(Errors.N325.format(**at))
        # Only here, behind the error and its frames, what the try held is free
        forget_gradients(model)
        if is_here and len(batch.parts) >= batch.n_texts:
            raise OutOfMemory(Errors.N334.format(error=problem))
        n_parts = min(2 * len(batch.parts), batch.n_texts)
        logger.warning(Warnings.W302.format(n_parts=n_parts, error=problem))


def forget_gradients(model: ContrastiveModel) -> None:
    """Throw all gradients away.

    model (Model): The contrastive model.
    """
    for shim in get_shims(model):
        shim.forget()
    for name in model.param_names:
        if model.has_grad(name):
            # Not times 0: what is infinite would stay
            model.set_grad(name, model.ops.alloc(model.get_grad(name).shape))
    free_cache()


def unscale(model: ContrastiveModel) -> bool:
    """Take the loss scale of half precision out of the gradients, once per step.

    model (Model): The contrastive model, after backprop.
    RETURNS (bool): Whether they are finite, as far as that is looked at here. If not,
        the step is to be skipped.
    """
    shims = get_shims(model)
    scale = shims[0].loss_scale
    if scale is None:
        return True
    gradients = [pair[1] for shim in shims for pair in shim.gradients.values()]
    return scale.unscale(gradients)
