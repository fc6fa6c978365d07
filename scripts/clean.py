"""Remove what the chain has made; assets and the environment stay."""

import shutil
from pathlib import Path

import typer
from wasabi import msg

MADE = ["annotations", "corpus", "training", "encoders", "metrics", "packages"]
MADE += ["reports", "project.lock"]


def main(
    yes: bool = typer.Option(False, "--yes", help="Don't ask."),
    project_dir: Path = typer.Option(Path(), help="Folder of project.yml."),
) -> None:
    """Remove the folders that the chain makes, so that it starts anew.

    Replies of a paid LLM are among them (annotations): it asks first.
    """
    there = [project_dir / name for name in MADE if (project_dir / name).exists()]
    if not there:
        msg.good("Nothing to remove.")
        return
    names = ", ".join(str(path) for path in there)
    if not yes:
        typer.confirm(f"Remove {names}?", abort=True)
    for path in there:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    msg.good(f"Removed {names}")


if __name__ == "__main__":
    typer.run(main)
