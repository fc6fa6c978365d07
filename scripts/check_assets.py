"""Verify the project's assets and say which optional ones are not there."""

from pathlib import Path

import typer
from wasabi import msg

from spacy_nuner.assets import read_assets, write_manifest


def main(
    profile: str = typer.Argument(..., help="Profile of the chain: a configs folder."),
    project_dir: Path = typer.Option(Path(), help="Folder of project.yml."),
) -> None:
    """Check every file against the SHA-256 in project.yml; write assets/manifest.json.

    A missing optional data set is said and left out; a missing shipped file or a file
    with other bytes stops the chain.
    """
    profiles = sorted(p.name for p in (project_dir / "configs").iterdir() if p.is_dir())
    if profile not in profiles:
        msg.fail(
            f"Unknown profile '{profile}'.",
            f"Allowed: {', '.join(profiles)}. Set it with --vars.profile, or with "
            "'make run PROFILE=…'.",
            exits=1,
        )
    assets = read_assets(project_dir / "project.yml")
    manifest = project_dir / "assets" / "manifest.json"
    try:
        present, absent = write_manifest(assets, project_dir, manifest)
    except (FileNotFoundError, ValueError) as error:
        msg.fail(str(error), exits=1)
    msg.good(f"{len(present)} assets are there with the right SHA-256.")
    for folder in sorted({Path(asset.dest).parent.as_posix() for asset in absent}):
        msg.info(f"Not there, left out: {folder} (scripts/import_datasets.py --help)")


if __name__ == "__main__":
    typer.run(main)
