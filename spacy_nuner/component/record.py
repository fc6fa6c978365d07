"""`nuner.json`: what an encoder folder says of its training."""

import json
from pathlib import Path
from typing import Any

from ..errors import Errors

FILE_NAME = "nuner.json"


def read_record(file: Path) -> dict[str, Any]:
    """Read the file.

    file (Path): The file, which is there.
    RETURNS (dict[str, Any]): Its content.
    RAISES (ValueError): If it is damaged.
    """
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf8"))
    except ValueError as error:
        problem = f"is not JSON ({error})"
        raise ValueError(Errors.N408.format(path=file, problem=problem)) from None
    return record
