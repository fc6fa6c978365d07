"""Put what the README's example prints into it, and the tables into docs/results.md."""

import contextlib
import io
import os
import re
from pathlib import Path

import typer
from wasabi import msg

MADE = "<!-- made by 'spacy project run readme' from reports/tables.md: do not edit -->"
START, END = "<!-- example-output:start -->", "<!-- example-output:end -->"


def find_example(readme: str) -> str:
    """RETURNS (str): The first Python block of the README."""
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    if not blocks:
        msg.fail("The README has no Python block.", exits=1)
    return str(blocks[0])


def run_example(code: str, folder: Path) -> str:
    """Run the example where `en_nuner` is a folder. RETURNS (str): What it prints."""
    printed = io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {"__name__": "__readme__"})
    finally:
        os.chdir(before)
    return printed.getvalue()


def main(
    readme: Path = typer.Argument(Path("README.md"), help="File to update."),
    training: Path = typer.Option(
        Path("training"), help="Folder that holds the pipeline en_nuner."
    ),
    tables: Path = typer.Option(
        Path("reports/tables.md"), help="From 'spacy-nuner tables'."
    ),
    results: Path = typer.Option(
        Path("docs/results.md"), help="Page of the tables, written where they are."
    ),
) -> None:
    """Replace the block between the example-output marks by the real output."""
    if not (training / "en_nuner").is_dir():
        msg.fail(f"There is no {training / 'en_nuner'}: run 'make run' first.", exits=1)
    content = readme.read_text(encoding="utf8")
    output = run_example(find_example(content), training)
    head, rest = content.split(START)
    tail = rest.split(END)[1]
    block = f"{START}\n```\n{output.rstrip()}\n```\n{END}"
    readme.write_text(f"{head}{block}{tail}", encoding="utf8")
    msg.good(f"{readme} shows {len(output.splitlines())} printed lines.")
    if tables.is_file():
        text = tables.read_text(encoding="utf8")
        results.write_text(f"{MADE}\n\n{text}", encoding="utf8")
        msg.good(f"{results} has the tables.")


if __name__ == "__main__":
    typer.run(main)
