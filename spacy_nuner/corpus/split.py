"""The train/dev split of the concept corpus: by the text alone, stable for ever."""

import hashlib
import unicodedata
from typing import Literal

Part = Literal["train", "dev"]
PARTS: tuple[Part, Part] = ("train", "dev")
N_BITS = 64


def split_of(text: str, *, dev_share: float = 0.1) -> Part:
    """Say to which part a text belongs (Section 3.3 of the paper: 90 / 10).

    The rule: normalise the text to NFC, encode it in UTF-8, take the SHA-256, read its
    first 8 bytes as a big-endian integer n; the text is dev if n < dev_share * 2**64.
    So a text keeps its part when the corpus grows, shrinks or is put in another
    order, and a larger share only moves texts from train to dev.

    text (str): the text.
    dev_share (float): the share of texts that become dev, from 0 to 1.
    RETURNS (Part): "train" or "dev".
    """
    return part_of(text_digest(text), dev_share=dev_share)


def part_of(digest: bytes, *, dev_share: float = 0.1) -> Part:
    """Say to which part a text belongs, from its digest.

    digest (bytes): what `text_digest` gives, or its beginning.
    dev_share (float): as in `split_of`.
    RETURNS (Part): "train" or "dev".
    """
    number = int.from_bytes(digest[: N_BITS // 8], "big")
    return "dev" if number < round(dev_share * 2**N_BITS) else "train"


def text_digest(text: str) -> bytes:
    """Identify a text: the same for all its Unicode normal forms.

    text (str): the text.
    RETURNS (bytes): SHA-256 of the NFC form in UTF-8.
    """
    return hashlib.sha256(unicodedata.normalize("NFC", text).encode("utf8")).digest()
