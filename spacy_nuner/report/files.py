"""Read JSON files of the stages, with errors that name the file."""

import json
from pathlib import Path
from typing import Any

from ..errors import Errors


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    path (Path): the file.
    RETURNS (dict[str, Any]): the object.
    RAISES (ValueError): if the file holds anything else.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(Errors.N602.format(path=path, problem="not an object"))
    return content


def read_json(path: Path) -> Any:
    """Read any JSON.

    path (Path): the file.
    RETURNS (Any): what stands there.
    RAISES (ValueError): if it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise ValueError(Errors.N602.format(path=path, problem=error)) from None
