"""Scripts and data within a page: what may run is named by its hash, data can't run."""

import base64
import json
from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Final

from markupsafe import Markup

# The library that draws the concept map; its licence stands at its beginning
LIBRARY: Final = "bokeh"
LIBRARY_SCRIPTS: Final = ("bokeh.min.js", "bokeh-api.min.js")
STRICT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def has_library() -> bool:
    """Whether the plotting library is installed."""
    return find_spec(LIBRARY) is not None


def read_library() -> list[str]:
    """Read the plotting library's scripts from its package.

    RETURNS (list[str]): Scripts, in the order in which they have to run.
    """
    folder = files(LIBRARY) / "server" / "static" / "js"
    return [(folder / name).read_text(encoding="utf8") for name in LIBRARY_SCRIPTS]


def make_policy(scripts: Iterable[str]) -> str:
    """Make the Content-Security-Policy of a page.

    scripts (Iterable[str]): The scripts that may run; no other does.
    RETURNS (str): Without scripts the strictest; never anything from elsewhere.
    """
    hashes = [f"'{hash_script(script)}'" for script in scripts]
    if not hashes:
        return STRICT_POLICY
    # the library's icons are pictures within its style sheet
    return f"{STRICT_POLICY}; script-src {' '.join(hashes)}; img-src data:"


def hash_script(script: str) -> str:
    """What a policy lets run: this script and no other.

    script (str): As it stands in the page.
    RETURNS (str): Such as "sha256-…".
    """
    digest = sha256(script.encode("utf8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def to_script(data: Any) -> Markup:
    """JSON that can stand in a `<script>`: it can't end it, nor begin a comment.

    data (Any): Plain JSON.
    RETURNS (Markup): ASCII, so U+2028 and half surrogate pairs are escapes as well.
    """
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)
