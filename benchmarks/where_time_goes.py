"""What the time of a step is spent on: torch's profile in a few groups."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from spacy_nuner.pretrain import dropout, loop, shim, step

MATRIX, ATTENTION, DROPOUT = "matrix products", "attention", "dropout"
ACTIVATION = "activation, normalisation"
BATCH, LOSS, OPTIMIZER = "batch making", "logits and loss", "optimizer, clipping"
OTHER = "copies, sums, calls"
GROUPS = (MATRIX, ATTENTION, DROPOUT, ACTIVATION, BATCH, LOSS, OPTIMIZER, OTHER)

WHOLE = "whole"

# Our own functions by group; all that happens in one counts for it
MARKED = (
    (dropout.FastDropout, "forward", DROPOUT),
    (loop, "make_batch", BATCH),
    (step, "contrast", LOSS),
    (loop, "clip_by_global_norm", OPTIMIZER),
    (shim.TowerShim, "finish_update", OPTIMIZER),
)
PRODUCTS = ("aten::mm", "aten::addmm")
# Parts of the names of torch's other operations and of their ways back, in this order
NAMES = (
    ("dropout", DROPOUT),
    ("bernoulli", DROPOUT),
    ("Optimizer.", OPTIMIZER),
    ("adamw", OPTIMIZER),
    ("foreach", OPTIMIZER),
    ("clip_grad", OPTIMIZER),
    ("binary_cross_entropy", LOSS),
    ("scaled_dot_product", ATTENTION),
    ("softmax", ATTENTION),
    ("Softmax", ATTENTION),
    ("bmm", ATTENTION),
    ("Bmm", ATTENTION),
    ("gelu", ACTIVATION),
    ("Gelu", ACTIVATION),
    ("layer_norm", ACTIVATION),
    ("LayerNorm", ACTIVATION),
)


def measure(run: Callable[[], Any]) -> dict[str, float]:
    """Find out what a call spends its time on.

    run (Callable): Some steps, not the first ones.
    RETURNS (dict[str, float]): Share of the time by group; they sum up to 1.
    """
    activities = [ProfilerActivity.CPU]
    with marked(), profile(activities=activities) as found, record_function(WHOLE):
        run()
    events = [e for e in found.events() if not e.is_async]
    total = next(e for e in events if e.name == WHOLE).cpu_time_total
    spent = dict.fromkeys(GROUPS, 0.0)
    for event in events:
        if event.name != WHOLE:
            spent[find_group(event)] += event.self_cpu_time_total
    # Python between the operations
    spent[OTHER] += max(0.0, total - sum(spent.values()))
    whole = sum(spent.values())
    return {name: value / whole for name, value in spent.items()}


def find_group(event: FunctionEvent) -> str:
    """Tell what an operation belongs to: one of our functions, or else its own kind.

    event (FunctionEvent): The operation.
    RETURNS (str): One of `GROUPS`.
    """
    around: list[str] = []
    current: FunctionEvent | None = event
    while current is not None:
        around.append(current.name)
        current = current.cpu_parent
    for name in reversed(around):
        if name in GROUPS:
            return name
    if event.name in PRODUCTS:
        return MATRIX
    # From the outside: what attention does within is attention
    for name in reversed(around):
        for part, group in NAMES:
            if part in name:
                return group
    return OTHER


@contextmanager
def marked() -> Iterator[None]:
    """Have our own functions show up in the profile.

    YIELDS (None): While they do.
    """
    before = [getattr(owner, name) for owner, name, _ in MARKED]
    for (owner, name, group), call in zip(MARKED, before, strict=True):
        setattr(owner, name, mark(call, group))
    try:
        yield
    finally:
        for (owner, name, _), call in zip(MARKED, before, strict=True):
            setattr(owner, name, call)


def mark(call: Callable[..., Any], group: str) -> Callable[..., Any]:
    """RETURNS (Callable): The same, with a name in the profile."""

    @wraps(call)
    def marked_call(*args: Any, **kwargs: Any) -> Any:
        with record_function(group):
            return call(*args, **kwargs)

    return marked_call


def count_executed(run: Callable[[], Any]) -> float:
    """Let torch count the matrix products that it executes.

    run (Callable): A step.
    RETURNS (float): Operations, those of padding included.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())
