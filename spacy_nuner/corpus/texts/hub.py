"""Files of data sets on the Hugging Face hub, fetched so that a fetch can go on."""

import logging
import os
import re
import time
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from ...errors import Errors

SCHEME = "hub://"
C4 = "allenai/c4"
# A commit says the same for ever, whatever is done to the data set
C4_REVISION = "1588ec454efa1a09f29cd18ddd04fe05fc8653a2"
C4_SHARDS = MappingProxyType(
    {
        ("en", "train"): 1024,
        ("en", "validation"): 8,
        ("en.noblocklist", "train"): 1024,
        ("en.noblocklist", "validation"): 8,
        ("en.noclean", "train"): 7168,
        ("en.noclean", "validation"): 64,
        ("realnewslike", "train"): 512,
        ("realnewslike", "validation"): 1,
    }
)
REVISION = re.compile(r"[0-9a-f]{40}")
RANGE = re.compile(r"(\d+)(?:-(\d+))?")
TRIES = 6
WAIT = 1.0  # seconds before the second try, doubled for each that follows

logger = logging.getLogger("spacy_nuner")


class HubFile(NamedTuple):
    """A file of a data set, for ever the same."""

    repo: str
    revision: str  # 40 hex digits
    path: str


def find_hub_files(address: str) -> list[HubFile]:
    """Find the files that an address means.

    address (str): `hub://allenai/c4/en?shards=0-3,7`, with `split=validation` and
        `revision=...` if you like; or a file of any data set, with its revision:
        `hub://owner/name/path/of/a.file?revision=...`.
    RETURNS (list[HubFile]): the files in order.
    RAISES (ValueError): if the address is none.
    """
    parts = urlsplit(address)
    try:
        query = {
            k: v[-1] for k, v in parse_qs(parts.query, strict_parsing=True).items()
        }
    except ValueError:  # also where there is none
        query = {}
    owner, (name, _, path) = parts.netloc, parts.path.lstrip("/").partition("/")
    repo = f"{owner}/{name}"
    revision = query.get("revision", C4_REVISION if repo == C4 else "")
    unknown = set(query) - {"shards", "split", "revision"}
    if not owner or not path or unknown or bool(query) != bool(parts.query):
        raise _refuse(address, "not an address of the hub")
    if not REVISION.fullmatch(revision):
        problem = "a revision of 40 hex digits is needed, so that it stays the same"
        raise _refuse(address, problem)
    is_part = repo == C4 and path in {config for config, _ in C4_SHARDS}
    if is_part:
        return _find_shards(address, path, query, revision)
    if set(query) - {"revision"}:
        raise _refuse(address, "only parts of C4 have shards and splits")
    return [HubFile(repo, revision, path)]


def _find_shards(
    address: str, config: str, query: dict[str, str], revision: str
) -> list[HubFile]:
    split = query.get("split", "train")
    n_shards = C4_SHARDS.get((config, split))
    if n_shards is None:
        raise _refuse(address, "the splits are train and validation")
    numbers: dict[int, None] = {}
    for some in query.get("shards", "").split(","):
        found = RANGE.fullmatch(some.strip())
        last = int(found[2] or found[1]) if found else -1
        if not found or not int(found[1]) <= last < n_shards:
            problem = f"say which shards, from 0 to {n_shards - 1}, such as shards=0-3"
            raise _refuse(address, problem)
        numbers |= dict.fromkeys(range(int(found[1]), last + 1))
    return [
        HubFile(C4, revision, f"{config}/c4-{split}.{i:05d}-of-{n_shards:05d}.json.gz")
        for i in numbers
    ]


def _refuse(address: str, problem: str) -> ValueError:
    suffixes = ".jsonl, .json.gz, .txt, .parquet"
    return ValueError(
        Errors.N251.format(source=address, problem=problem, suffixes=suffixes)
    )


def fetch(file: HubFile, *, tries: int = TRIES, wait: float = WAIT) -> Path:
    """Get a file from the hub, or from the cache if it is there.

    What has arrived when a connection breaks or the program ends is kept in the cache
    of `huggingface_hub`; the next try, or the next run, asks for the rest.

    file (HubFile): the file.
    tries (int): tries before it is given up.
    wait (float): seconds before the second try, doubled for each that follows.
    RETURNS (Path): where it is.
    RAISES (ConnectionError): if it does not come.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    # not `constants.ENDPOINT`: that is what the variable was when first imported
    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    n = 0
    while True:
        n += 1
        try:
            path = hf_hub_download(
                file.repo,
                file.path,
                repo_type="dataset",
                revision=file.revision,
                endpoint=endpoint,
            )
        except (OSError, ValueError) as error:  # of requests, of the hub, of the disk
            response = error.response if isinstance(error, HfHubHTTPError) else None
            status = 0 if response is None else response.status_code
            is_final = 400 <= status < 500 and status not in (408, 425, 429)
            if n == tries or is_final or constants.HF_HUB_OFFLINE:
                raise ConnectionError(
                    Errors.N252.format(
                        file=file.path,
                        repo=file.repo,
                        endpoint=endpoint,
                        tries=n,
                        error=error,
                    )
                ) from None
            logger.info("%s: %s. Trying again.", file.path, error)
            time.sleep(wait * 2 ** (n - 1))
        else:
            return Path(path)
