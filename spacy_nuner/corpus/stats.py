"""Count what goes into a concept corpus and what is lost on the way."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..errors import Errors
from ..types import Drop, Mention
from .shards import ConceptDoc, Strings
from .split import Part

DUPLICATE_TEXT = "duplicate_text"
TOKEN_EDGES = "token_edges"


class PlacedReply(NamedTuple):
    """A text with what became of each line of the reply to it."""

    id: str
    text: str
    mentions: Sequence[Mention]
    drops: Sequence[Drop]
    n_lines: int  # non-blank lines of the reply, counted apart from the parser


class DropRecord(NamedTuple):
    """One record of `drops.jsonl`. The sum of `n_lines` is `n_dropped_lines`."""

    id: str
    line: int  # from 0; -1: the whole reply, or all of it that has no other record
    content: str
    reason: str
    n_lines: int  # lines of the reply that the record stands for


class MadeReply(NamedTuple):
    """What is counted and written of a reply whose document is made."""

    id: str
    digest: bytes  # of the text
    n_lines: int
    drops: list[DropRecord]
    n_words: int
    n_placed_lines: int  # that have a mention in the document
    n_repeated: int  # mentions that stand where another of their concept does
    n_off_edges: int  # mentions that do not begin and end with a token
    n_folded: int  # mentions in the document that were placed by a folded match
    doc: ConceptDoc | None  # None: no mention stands in the text


class Chunk(NamedTuple):
    """What became of some replies."""

    replies: list[MadeReply]
    strings: Strings  # of all their documents


# Makes a placed reply of an item that is read
PlaceT = Callable[[Any], PlacedReply]


class CorpusStats:
    """Counts over a concept corpus while it is written."""

    def __init__(self) -> None:
        self.parts: Counter[str] = Counter()
        self.sizes: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.matches: Counter[str] = Counter()
        self.concepts: Counter[str] = Counter()
        self.per_sentence: Counter[int] = Counter()

    def add_reply(self, reply: MadeReply) -> None:
        """Count a reply, before anything is done with it."""
        self.sizes["n_replies"] += 1
        self.sizes["n_lines"] += reply.n_lines

    def add_drops(self, drops: Sequence[DropRecord]) -> None:
        """Count the lines that gave no mention."""
        for drop in drops:
            self.lost[drop.reason] += drop.n_lines

    def add_text(self, reply: MadeReply, part: Part) -> None:
        """Count what was placed in a text that has not come before."""
        sizes = self.sizes
        sizes["n_placed_lines"] += reply.n_placed_lines
        sizes["n_mentions_repeated"] += reply.n_repeated
        sizes["n_mentions_off_token_edges"] += reply.n_off_edges
        if reply.doc is None:
            sizes["n_without_mention"] += 1
            return
        n_mentions = len(reply.doc.concepts)
        self.parts[part] += 1
        sizes["n_words"] += reply.n_words
        self.per_sentence[n_mentions] += 1
        self.matches["folded"] += reply.n_folded
        self.matches["exact"] += n_mentions - reply.n_folded
        self.concepts.update(reply.doc.concepts)

    @property
    def n_lost_lines(self) -> int:
        """All lines without a mention, whatever the reason."""
        return sum(self.lost.values())

    def share_lost(self, wanted: frozenset[str]) -> float:
        """The share of lines lost, apart from those that were left out on purpose.

        wanted (frozenset[str]): reasons that are no loss: they count neither as lost
            nor as lines.
        RETURNS (float): from 0 to 1.
        """
        n_wanted = sum(n for reason, n in self.lost.items() if reason in wanted)
        n_lines = self.sizes["n_lines"] - n_wanted
        return (self.n_lost_lines - n_wanted) / n_lines if n_lines else 0.0

    def check_sum(self) -> None:
        """Check that every line is accounted for.

        RAISES (ValueError): if placed and dropped lines are not all lines.
        """
        n_placed, n_lines = self.sizes["n_placed_lines"], self.sizes["n_lines"]
        if n_placed + self.n_lost_lines != n_lines:
            raise ValueError(
                Errors.N204.format(
                    n_lines=n_lines, n_placed=n_placed, n_dropped=self.n_lost_lines
                )
            )

    def to_dict(self, *, wanted: frozenset[str]) -> dict[str, Any]:
        """The content of `stats.json`.

        wanted (frozenset[str]): reasons that are no loss, see `share_lost`.
        RETURNS (dict[str, Any]): plain numbers, lists and dicts.
        """
        sizes = self.sizes
        frequencies = sorted(self.concepts.items(), key=lambda item: (-item[1], item))
        return {
            "n_replies": sizes["n_replies"],
            "n_duplicate_texts": sizes["n_duplicate_texts"],
            "n_without_mention": sizes["n_without_mention"],
            "n_sentences": sum(self.parts.values()),
            "n_train": self.parts["train"],
            "n_dev": self.parts["dev"],
            "n_words": sizes["n_words"],
            "n_lines": sizes["n_lines"],
            "n_placed_lines": sizes["n_placed_lines"],
            "n_dropped_lines": self.n_lost_lines,
            "dropped_lines": dict(self.lost.most_common()),
            "left_out_on_purpose": sorted(wanted & self.lost.keys()),
            "share_lost": self.share_lost(wanted),
            "n_mentions": sum(self.concepts.values()),
            "n_mentions_exact": self.matches["exact"],
            "n_mentions_folded": self.matches["folded"],
            "n_mentions_repeated": sizes["n_mentions_repeated"],
            "n_mentions_off_token_edges": sizes["n_mentions_off_token_edges"],
            "n_concepts": len(frequencies),
            "n_concepts_once": sum(1 for _, n in frequencies if n == 1),
            "mentions_per_sentence": {
                str(n): count for n, count in sorted(self.per_sentence.items())
            },
            "concepts": [list(item) for item in frequencies],
        }


def account_for_drops(reply: PlacedReply) -> list[DropRecord]:
    """Turn the drops of a reply into records that stand for all lines not placed.

    reply (PlacedReply): the reply.
    RETURNS (list[DropRecord]): records whose `n_lines` and the lines with a mention
        add up to the lines of the reply.
    RAISES (ValueError): if a line has neither a mention nor a drop, or both.
    """
    placed = {mention.line for mention in reply.mentions}
    lines = [drop.line for drop in reply.drops if drop.line >= 0]
    n_rest = reply.n_lines - len(placed) - len(lines)
    records, takes_rest = [], n_rest
    for drop in reply.drops:
        n = 1 if drop.line >= 0 else takes_rest
        if drop.line < 0:
            takes_rest = 0
        records.append(DropRecord(reply.id, drop.line, drop.content, drop.reason, n))
    if takes_rest or n_rest < 0 or placed & set(lines) or len(set(lines)) < len(lines):
        raise ValueError(
            Errors.N205.format(
                id=reply.id,
                n_lines=reply.n_lines,
                placed=sorted(placed),
                dropped=sorted(lines),
            )
        )
    return records
