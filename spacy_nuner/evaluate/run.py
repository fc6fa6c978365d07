"""The few-shot grid: data sets x k x training sets x systems (paper, Section 4.1)."""

from typing import Any, NamedTuple

from spacy.language import Language

from . import frozen
from .bench import Bench, progress_bar
from .cells import write_cell, write_unreachable
from .data import load_dataset, sha256_of_folder
from .heads import Runner
from .plan import Grid, draw_sets
from .samplers.files import name_k, read_sets
from .tuned import TunedBench, check_systems, trains_encoder
from .workbench import Workbench


class Result(NamedTuple):
    """What was done."""

    n_computed: int
    n_skipped: int
    unreachable: list[dict[str, Any]]


def run_grid(grid: Grid) -> Result:
    """Compute the cells that are not finished.

    A run that was stopped goes on: cells are written one by one and whole, vectors
    stay on disk until a data set is finished.

    grid (Grid): What to run.
    RETURNS (Result): Counts, and what the pools do not allow.
    """
    tunes = trains_encoder(grid.config)
    if tunes:
        check_systems(grid.systems)
    recipe = None if tunes else frozen.read_recipe(grid.config)
    used = {system.encoder for system in grid.systems}
    for name in sorted(used):
        frozen.count_layers(grid.encoders[name])
    hashes = {name: sha256_of_folder(grid.encoders[name]) for name in used}
    n_computed = n_skipped = 0
    unreachable: list[dict[str, Any]] = []
    pipelines: dict[str, Language] = {}
    with Runner(grid.config, n_process=grid.n_process) as runner:
        for path in grid.datasets:
            dataset = load_dataset(path)
            if grid.sets_from:
                plan = read_sets(dataset, path, grid.sets_from, grid.ks, grid.n_sets)
            else:
                plan = draw_sets(dataset, grid.ks, grid.n_sets)
            unreachable += plan.unreachable
            asked = [(dataset.name, name_k(grid.sets_from, k)) for k in grid.ks]
            write_unreachable(grid.output, plan.unreachable, asked=asked)
            bench: Bench
            if recipe is None:
                bench = TunedBench(grid, None, hashes, dataset, plan)
            else:
                bench = Workbench(
                    grid, recipe, hashes, dataset, plan, pipelines, runner
                )
            todo, n_finished = bench.open_cells()
            n_skipped += n_finished
            with progress_bar(len(todo), f"{dataset.name}: cells", "cell") as bar:
                for cell, content, predictions in bench.compute(todo):
                    write_cell(cell.path, content, predictions)
                    bar.update()
            n_computed += len(todo)
            bench.close()
    return Result(n_computed, n_skipped, unreachable)
