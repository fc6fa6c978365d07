from spacy.pipeline import Sentencizer

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.corpus.make import make_tokenizer
from spacy_nuner.corpus.pieces import cut_reply
from spacy_nuner.corpus.stats import PlacedReply, account_for_drops


def make(text: str, *lines: str) -> PlacedReply:
    mentions, drops = place_reply(text, "\n".join(lines))
    return PlacedReply("a:1", text, mentions, drops, len(lines))


def cut(reply: PlacedReply) -> list[PlacedReply]:
    pieces = list(cut_reply(make_tokenizer(), Sentencizer(), reply))
    for piece in pieces:
        account_for_drops(piece)
        for mention in piece.mentions:
            assert 0 <= mention.start < mention.end <= len(piece.text)
    return pieces


def test_sentences_get_their_mentions() -> None:
    text = "  Ada met Bob in Oslo. Bob slept!  \n\nNobody saw it. "
    pieces = cut(make(text, "Bob <> person", "Oslo <> city", "Ada <> person"))
    assert [(piece.id, piece.text) for piece in pieces] == [
        ("a:1.0", "Ada met Bob in Oslo."),
        ("a:1.1", "Bob slept!"),
        ("a:1.2", "Nobody saw it."),
    ]
    found = [[p.text[m.start : m.end] for m in p.mentions] for p in pieces]
    assert found == [["Ada", "Bob", "Oslo"], ["Bob"], []]
    assert [piece.n_lines for piece in pieces] == [3, 1, 0]


def test_no_mention_is_cut_through() -> None:
    text = "They played Who? Me! and lost. Then Ada left."
    pieces = cut(make(text, "Who? Me! <> song", "Ada <> person"))
    assert [piece.text for piece in pieces] == [
        "They played Who? Me!",
        "and lost.",
        "Then Ada left.",
    ]
    assert sum(len(piece.mentions) for piece in pieces) == 2


def test_lines_without_a_mention_are_kept_apart() -> None:
    reply = make("Ada left. Bob came.", "Ada <> person", "Eve <> person", "x")
    pieces = cut(reply)
    assert [piece.text for piece in pieces] == ["Ada left.", "Bob came.", reply.text]
    assert [piece.n_lines for piece in pieces] == [1, 0, 2]
    assert [drop.reason for drop in pieces[2].drops] == ["not_found", "noise"]


def test_one_sentence_stays_as_it_is() -> None:
    reply = make(" Ada left.", "Ada <> person", "Eve <> person")
    assert cut(reply) == [reply]
    blank = make("  ", "x")
    assert cut(blank) == [blank]
