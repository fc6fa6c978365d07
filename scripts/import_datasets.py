"""Bring the public data sets from a local folder into assets/datasets."""

from pathlib import Path

import typer
from wasabi import msg

from spacy_nuner.assets import import_assets, read_assets


def main(
    source: Path = typer.Option(
        ...,
        "--from",
        help="Folder with the data sets, laid out like assets/datasets "
        "(mit_restaurant/restauranttrain.bio, …), each file plain or gzipped.",
    ),
    project_dir: Path = typer.Option(Path(), help="Folder of project.yml."),
) -> None:
    """Copy the data sets that project.yml lists as extra assets, checking SHA-256.

    Where the files are reached by network, `spacy project assets --extra` fetches
    them from their public addresses instead.
    """
    assets = [a for a in read_assets(project_dir / "project.yml") if a.extra]
    try:
        brought, missing = import_assets(assets, source, project_dir)
    except (FileNotFoundError, ValueError) as error:
        msg.fail(str(error), exits=1)
    msg.good(f"{len(brought)} of {len(assets)} files are in assets/datasets.")
    for asset in missing:
        msg.warn(f"Not in {source}: {asset.dest} ({asset.description})")


if __name__ == "__main__":
    typer.run(main)
