"""`spacy-nuner episodes`: TadNER on N-way k~2k-shot episodes of unseen types."""

from pathlib import Path

import typer

from spacy_nuner.cli.pretrain import stop_on_interrupt
from spacy_nuner.cli.show import msg


def episodes(
    ctx: typer.Context,
    config: Path = typer.Argument(
        ..., help="Settings of TadNER: tadner.cfg.", exists=True, dir_okay=False
    ),
    encoder: Path = typer.Option(
        Path("encoders/sample"), help="Encoder folder, that of a base encoder or NuNER."
    ),
    system: str = typer.Option(
        "", help="Name of the row. Default: tadner_ and the name of the encoder folder."
    ),
    data: Path = typer.Option(
        Path("corpus/episodes/few_nerd"),
        help="Folder from 'convert' whose pool and test part have no type in common.",
    ),
    label_file: Path = typer.Option(
        Path("assets/labels/few_nerd.yml"), help="The types in plain words."
    ),
    output: Path = typer.Option(
        Path("metrics/few_nerd"), "--output", "-o", help="Folder of the cells."
    ),
    training: Path = typer.Option(
        Path("training/tadner"), help="Folder of the networks, one for each system."
    ),
    n_way: int = typer.Option(5, "--way", min=1, help="Types of an episode."),
    k: int = typer.Option(1, "--shot", min=1, help="Mentions of each: k to 2k."),
    q: int = typer.Option(
        0, "--query", min=0, help="Mentions of each to be found: q to 2q; 0: as --shot."
    ),
    n: int = typer.Option(100, "--episodes", "-n", min=1, help="Episodes."),
    minutes: float = typer.Option(
        0.0, min=0.0, help="No further step or episode after so many; 0: no limit."
    ),
) -> None:
    """Measure how an encoder serves TadNER on types that it was not trained on.

    As in Section 4.2 of the paper: span detector and type classifier are trained on the
    source types (the pool), adapted to the support set of each episode and tested on
    its query set. Networks are trained once; finished episodes are skipped; stop it at
    any moment, the same command goes on. Settings of the config can be changed here:
    --tadner.layers mean4. Exit codes: 0 all is done or the time is over; 1 an error;
    130 stopped by Ctrl-C.
    """
    from spacy.cli._util import parse_config_overrides

    from spacy_nuner.evaluate.tadner.run import Request, run_episodes
    from spacy_nuner.evaluate.tadner.settings import load_tadner_settings

    name = system or f"tadner_{encoder.name}"
    try:
        settings = load_tadner_settings(config, parse_config_overrides(ctx.args))
        request = Request(
            system=name,
            encoder=encoder,
            data=data,
            names=label_file,
            output=output,
            training=training / name,
            config=settings,
            n_way=n_way,
            k=k,
            q=q or k,
            n_episodes=n,
            minutes=minutes,
        )
        with stop_on_interrupt() as should_stop:
            result = run_episodes(request, should_stop=should_stop)
            is_interrupted = should_stop()
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    if result.status != "finished":
        what = "Training" if result.status == "training stopped" else "Testing"
        msg.warn(f"{what} stopped", "The same command goes on from here.")
    counts = f"{result.n_computed} episodes computed, {result.n_skipped} were there"
    if result.summary is None:
        msg.info(f"{request.folder}: {counts}")
        raise typer.Exit(130 if is_interrupted else 0)
    mean, interval = result.summary["episode_mean_f1"], result.summary["interval"]
    shown = "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"
    msg.good(
        f"{request.folder}: {counts}", f"F1, mean over episodes: {mean:.3f}{shown}"
    )
    if is_interrupted:
        raise typer.Exit(130)
