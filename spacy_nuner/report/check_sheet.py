"""A sheet on which a person checks a sample of annotations, as in Section 3.1.

One HTML file with nothing from elsewhere: it works from a folder or a mail. The
annotations stand in it as data, which its script puts on the page as text.
"""

import heapq
import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final, NamedTuple

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from ..errors import Errors
from ..plain import mark_unseen
from .inline import hash_script, to_script
from .svg import read_template

TEMPLATE: Final = "check_sheet.html.jinja"
FORMAT: Final = 1


class Check(NamedTuple):
    """An annotation to be checked: one mention with one of its concepts."""

    id: str
    text: str
    start: int  # character
    end: int  # character, exclusive
    concept: str
    description: str


def sample_checks(annotations: Iterable[Check], n: int, *, seed: int) -> list[Check]:
    """Draw annotations at random, each as likely as any other.

    What is drawn depends on the seed and on the annotations, not on their order, nor
    on how many machines or shards they come from.

    annotations (Iterable[Check]): all of them; they are not kept.
    n (int): how many.
    seed (int): decides which.
    RETURNS (list[Check]): in random order; all of them if there are no more than n.
    RAISES (ValueError): if there is none.
    """
    ranked = ((_rank(check, seed), check) for check in annotations)
    drawn = [check for _, check in heapq.nsmallest(n, ranked)]
    if not drawn:
        raise ValueError(Errors.N610)
    return drawn


def _rank(check: Check, seed: int) -> bytes:
    name = json.dumps([seed, check.text, check.start, check.end, check.concept])
    return sha256(name.encode("ascii")).digest()


def identify(checks: Iterable[Check]) -> str:
    """Name a sheet by what is on it, so that verdicts are not taken for others.

    checks (Iterable[Check]): as `sample_checks` gives them.
    RETURNS (str): 16 hexadecimal digits.
    """
    content = json.dumps([list(check) for check in checks])
    return sha256(content.encode("ascii")).hexdigest()[:16]


def render_sheet(checks: list[Check], *, source: str, seed: int) -> str:
    """Render the sheet.

    checks (list[Check]): as `sample_checks` gives them.
    source (str): where they come from, to be shown.
    seed (int): what they were drawn with.
    RETURNS (str): a whole HTML document.
    """
    data = {
        "format": FORMAT,
        "sheet": identify(checks),
        "source": source,
        "seed": seed,
        "checks": [_describe(check) for check in checks],
    }
    script = read_template("check_sheet.js")
    environment = Environment(
        loader=DictLoader({TEMPLATE: read_template(TEMPLATE)}),
        autoescape=True,
        undefined=StrictUndefined,
    )
    return environment.get_template(TEMPLATE).render(
        n=len(checks),
        source=mark_unseen(source),
        styles=Markup(read_template("check_sheet.css")),
        script=Markup(script),
        script_hash=hash_script(script),
        data=to_script(data),
    )


def _describe(check: Check) -> dict[str, Any]:
    """A check as the page shows it: JavaScript counts characters otherwise."""
    shown = mark_unseen(check.text)
    return {
        **check._asdict(),
        "shown": {
            "before": shown[: check.start],
            "mention": shown[check.start : check.end],
            "after": shown[check.end :],
            "concept": mark_unseen(check.concept),
            "description": mark_unseen(check.description),
        },
    }
