"""Run the commands of docs/fewshot.md and put what they really print below them.

A block ```console begins with a command ("$ …", more lines after a backslash) that is
run as it stands, in a folder that has the project's `assets` and `encoders`; the first
```python block is `try.py` there.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from wasabi import msg

BLOCK = re.compile(r"^```console\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def split_command(block: str) -> str:
    """RETURNS (str): The command of a block, without what it printed last time."""
    lines = block.splitlines()
    end = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: end + 1])


def run(command: str, folder: Path) -> str:
    """RETURNS (str): What a command prints, errors too, without colours."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    plain = {"ANSI_COLORS_DISABLED": "1", "COLUMNS": "88", "TERM": "dumb"}
    done = subprocess.run(
        ["bash", "-c", command.removeprefix("$ ")],
        cwd=folder,
        env={**os.environ, **plain, "PATH": os.pathsep.join(places)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return ESCAPES.sub("", done.stdout)


def fill(content: str, folder: Path) -> Iterator[str]:
    """YIELDS (str): The parts of the page, each block with its output."""
    at = 0
    for block in BLOCK.finditer(content):
        command = split_command(block[1])
        msg.info(command)
        output = run(command, folder).strip("\n")
        lines = [line.rstrip() for line in output.splitlines()]
        yield content[at : block.start()]
        yield "\n".join(["```console", command, *lines, "```"])
        at = block.end()
    yield content[at:]


def main(
    page: Path = typer.Argument(Path("docs/fewshot.md"), help="Page to update."),
) -> None:
    """Run the commands of a page in a fresh folder and write their output into it."""
    content = page.read_text(encoding="utf8")
    with TemporaryDirectory() as name:
        folder = Path(name)
        for link in ("assets", "encoders"):
            (folder / link).symlink_to(Path(link).resolve())
        example = PYTHON.search(content)
        if example is None:
            msg.fail(f"{page} has no Python block.", exits=1)
        (folder / "try.py").write_text(example[1], encoding="utf8")
        updated = "".join(fill(content, folder))
    page.write_text(updated, encoding="utf8")
    msg.good(f"{page} shows what its {len(BLOCK.findall(updated))} commands print.")


if __name__ == "__main__":
    typer.run(main)
