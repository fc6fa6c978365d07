"""What a check came to: the share of sensible annotations, with its interval."""

import json
import math
from collections import Counter
from pathlib import Path
from statistics import NormalDist
from typing import Any, Final, Literal, NamedTuple, cast, get_args

from ..errors import Errors

Verdict = Literal["yes", "no", "unsure"]
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)
PAPER_SHARE: Final = 0.95  # "in more than 95% of cases" of 100 (Section 3.1)
Z_95: Final = NormalDist().inv_cdf(0.975)
_FIELDS: Final = ("text", "start", "end", "concept")


class Judged(NamedTuple):
    """An annotation and what a person said of it; None: not checked."""

    text: str
    start: int
    end: int
    concept: str
    verdict: Verdict | None


class Interval(NamedTuple):
    """A share with its 95 % interval."""

    share: float
    low: float
    high: float


def read_verdicts(path: Path) -> list[Judged]:
    """Read a file that the check sheet saved.

    path (Path): the JSON file.
    RETURNS (list[Judged]): all annotations of the sheet, checked or not.
    RAISES (ValueError): if it is not such a file.
    """
    if not path.is_file():
        raise FileNotFoundError(Errors.N001.format(what="verdicts", path=path))
    try:
        content = json.loads(path.read_text(encoding="utf8"))
        return [_read_one(record) for record in content["verdicts"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(Errors.N611.format(path=path, problem=repr(error))) from None


def _read_one(record: dict[str, Any]) -> Judged:
    text, start, end, concept = (record[name] for name in _FIELDS)
    verdict = record["verdict"]
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"the verdict {verdict!r} is none of {', '.join(VERDICTS)}")
    return Judged(
        str(text), int(start), int(end), str(concept), cast("Verdict | None", verdict)
    )


def wilson(n_right: int, n: int) -> Interval:
    """A share with Wilson's 95 % interval, which holds for few and for all right.

    n_right (int): such as annotations that are sensible.
    n (int): of so many, at least 1.
    RETURNS (Interval): the share, and the ends of the interval.
    """
    share, z2 = n_right / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    spread = share * (1 - share) / n + z2 / (4 * n * n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(spread)
    return Interval(share, max(middle - half, 0.0), min(middle + half, 1.0))


def summarize(judged: list[Judged]) -> dict[str, Any]:
    """Sum up a check.

    Those that the person could not tell are left out of the share, and counted as
    wrong in a second, cautious one.

    judged (list[Judged]): as `read_verdicts` gives them.
    RETURNS (dict[str, Any]): counts, "sensible" and "sensible_at_least" with share,
        low and high (None if nothing was judged), and the annotations judged wrong.
    """
    counts = Counter(one.verdict for one in judged)
    n_judged = counts["yes"] + counts["no"]
    n_checked = n_judged + counts["unsure"]
    return {
        "n": len(judged),
        "n_checked": n_checked,
        **{f"n_{verdict}": counts[verdict] for verdict in VERDICTS},
        "sensible": _wilson_or_none(counts["yes"], n_judged),
        "sensible_at_least": _wilson_or_none(counts["yes"], n_checked),
        "paper": PAPER_SHARE,
        "wrong": [
            {"mention": one.text[one.start : one.end], "concept": one.concept}
            | {"text": one.text}
            for one in judged
            if one.verdict == "no"
        ],
    }


def _wilson_or_none(n_right: int, n: int) -> dict[str, float] | None:
    return wilson(n_right, n)._asdict() if n else None
