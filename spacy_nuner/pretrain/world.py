"""What the processes of a run tell each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.distributed as dist
from thinc.types import Floats2d
from thinc.util import torch2xp, xp2torch

from ..errors import Errors
from .portion import WHOLE, ConceptRows, Portion


@dataclass(frozen=True)
class World:
    """The processes of a run, as one of them sees it. By default, it is alone."""

    portion: Portion = WHOLE
    local_rank: int = 0  # on its machine
    patient: Any = None  # the group of all, for waits without a limit

    @property
    def rank(self) -> int:
        return self.portion.rank

    @property
    def size(self) -> int:
        return self.portion.size

    @property
    def is_first(self) -> bool:
        """Whether it writes, and says what there is to say."""
        return self.rank == 0

    def gather(self, vectors: Floats2d, rows: ConceptRows | None) -> Floats2d:
        """Put together what each process has encoded.

        vectors (Floats2d): Its own, (n_own, width).
        rows (ConceptRows | None): Where they belong; None: there are no others.
        RETURNS (Floats2d): Those of all, (n_concepts, width).
        """
        if rows is None:
            return vectors
        own = xp2torch(vectors)
        padded = own.new_zeros(rows.n_each, own.shape[1])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        places = torch.from_numpy(rows.places).to(own.device)
        return cast(Floats2d, torch2xp(torch.cat(parts).index_select(0, places)))

    def scatter(self, gradient: Floats2d, rows: ConceptRows | None) -> Floats2d:
        """Add up what each process has to say of all rows, and take its own rows.

        gradient (Floats2d): What this one says, (n_concepts, width).
        rows (ConceptRows | None): Which rows are its own; None: there are no others.
        RETURNS (Floats2d): What all say of its own, (n_own, width).
        """
        if rows is None:
            return gradient
        total = xp2torch(gradient)
        dist.all_reduce(total)
        own = torch.from_numpy(rows.own).to(total.device)
        return cast(Floats2d, torch2xp(total.index_select(0, own)))

    def add(self, numbers: list[float]) -> list[float]:
        """Add up numbers over the processes.

        numbers (list[float]): Those of this one.
        RETURNS (list[float]): The sums: the same everywhere.
        """
        if self.size == 1:
            return numbers
        tensor = torch.tensor(numbers, dtype=torch.float64)
        dist.all_reduce(tensor)
        return cast(list[float], tensor.tolist())

    def add_record(self, record: Any) -> None:
        """Add up the figures of a record over the processes.

        record (Any): An object whose attributes are numbers; it is changed.
        """
        figures = vars(record)
        sums = self.add([float(value) for value in figures.values()])
        for (name, value), total in zip(list(figures.items()), sums, strict=True):
            setattr(record, name, type(value)(total))

    def any(self, flag: bool) -> bool:
        """Ask all processes.

        flag (bool): What this one says.
        RETURNS (bool): Whether one of them said yes.
        """
        return self.add([float(flag)])[0] > 0

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let one process make files that the others then find.

        The first of all comes first, then the first of each machine, since machines may
        have no disk in common, then the others.
        """
        turn = 0 if self.is_first else 1 if self.local_rank == 0 else 2
        for _ in range(turn):
            self.wait()
        yield
        for _ in range(turn, 2):
            self.wait()

    def wait(self) -> None:
        """Wait until all processes are here, however long that takes."""
        if self.size > 1:
            dist.barrier(group=self.patient)

    def check_same(self, state: dict[str, Any]) -> None:
        """Make sure that all processes start from the same.

        state (dict[str, Any]): What this one has.
        RAISES (ValueError): If another one has something else.
        """
        if self.size == 1:
            return
        states: list[dict[str, Any]] = [{} for _ in range(self.size)]
        dist.all_gather_object(states, state, group=self.patient)
        differences = [
            f"{key}: {states[0].get(key)!r} in rank 0, {found.get(key)!r} in rank {n}"
            for n, found in enumerate(states)
            for key in sorted(states[0].keys() | found.keys())
            if found.get(key) != states[0].get(key)
        ]
        if differences:
            raise ValueError(Errors.N323.format(differences="; ".join(differences)))

    def choose_gpu(self, first: int) -> int:
        """Choose the GPU of this process: each has one to itself.

        first (int): The GPU of the first process on each machine.
        RETURNS (int): Its own.
        RAISES (ValueError): If there are fewer GPUs than processes.
        """
        chosen, n_gpus = first + self.local_rank, torch.cuda.device_count()
        if self.size > 1 and chosen >= n_gpus:
            at = {"rank": self.rank, "chosen": chosen, "n_gpus": n_gpus}
            raise ValueError(Errors.N324.format(**at))
        return chosen


ALONE = World()
