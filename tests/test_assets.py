"""The asset list: verifying, importing, and what a missing or damaged file says."""

import gzip
import hashlib
from pathlib import Path

import pytest

from spacy_nuner.assets import (
    Asset,
    import_assets,
    read_assets,
    verify,
    write_manifest,
)

ROOT = Path(__file__).parent.parent


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def make_asset(dest: str, content: bytes, extra: bool = True) -> Asset:
    return Asset(dest, sha256(content), "", "", extra)


def test_shipped_assets_are_whole() -> None:
    assets = read_assets(ROOT / "project.yml")
    shipped = [asset for asset in assets if not asset.extra]
    folder = ROOT / "assets" / "sample"
    there = {p.relative_to(ROOT).as_posix() for p in folder.rglob("*.*")}
    assert {asset.dest for asset in shipped} == there - {"assets/sample/README.md"}
    for asset in shipped:
        verify(ROOT / asset.dest, asset.sha256)


def test_public_data_sets_have_address_and_are_not_shipped() -> None:
    extra = [a for a in read_assets(ROOT / "project.yml") if a.extra]
    # The replies of an LLM were made for this project and have no address
    public = [a for a in extra if "llm_" not in a.dest]
    assert public
    assert all(a.url.startswith("https://") for a in public)
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "/assets/datasets/" in ignored


def test_verify_names_file_and_both_hashes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(FileNotFoundError, match=r"N001.*a\.txt"):
        verify(path, sha256(b"x"))
    path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=f"N002.*{sha256(b'damaged')}") as error:
        verify(path, sha256(b"whole"))
    assert sha256(b"whole") in str(error.value)


def test_import_copies_what_is_there_and_says_what_is_not(tmp_path: Path) -> None:
    source, project = tmp_path / "source", tmp_path / "project"
    (source / "set").mkdir(parents=True)
    (source / "set" / "a.txt").write_bytes(b"a")
    there = make_asset("assets/datasets/set/a.txt", b"a")
    not_there = make_asset("assets/datasets/set/b.txt", b"b")
    brought, missing = import_assets([there, not_there], source, project)
    assert (brought, missing) == ([there], [not_there])
    assert (project / there.dest).read_bytes() == b"a"


def test_import_keeps_nothing_of_a_damaged_file(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_bytes(b"damaged")
    asset = make_asset("assets/datasets/a.txt", b"whole")
    with pytest.raises(ValueError, match="N002"):
        import_assets([asset], source, tmp_path)
    assert not (tmp_path / asset.dest).exists()


def test_import_unpacks(tmp_path: Path) -> None:
    """What was published plain and is packed in the folder is plain again."""
    source, project = tmp_path / "source", tmp_path / "project"
    source.mkdir()
    packed = source / "a.txt.gz"
    packed.write_bytes(gzip.compress(b"a"))
    asset = make_asset("assets/datasets/a.txt", b"a")
    assert import_assets([asset], source, project) == ([asset], [])
    assert (project / asset.dest).read_bytes() == b"a"


@pytest.mark.parametrize(
    "content", [gzip.compress(b"other"), gzip.compress(b"whole")[:-9], b"no gzip"]
)
def test_import_keeps_nothing_of_a_damaged_packed_file(
    tmp_path: Path, content: bytes
) -> None:
    source, project = tmp_path / "source", tmp_path / "project"
    source.mkdir()
    (source / "a.txt.gz").write_bytes(content)
    asset = make_asset("assets/datasets/a.txt", b"whole")
    with pytest.raises(ValueError, match=r"N002.*source/a\.txt\.gz"):
        import_assets([asset], source, project)
    assert list((project / asset.dest).parent.iterdir()) == []


def test_import_from_nowhere(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"N001.*nowhere"):
        import_assets([], tmp_path / "nowhere", tmp_path)


def test_manifest_lists_present_and_leaves_out_absent(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a")
    shipped, extra = make_asset("a.txt", b"a", False), make_asset("b.txt", b"b")
    manifest = tmp_path / "manifest.json"
    present, absent = write_manifest([shipped, extra], tmp_path, manifest)
    assert (present, absent) == ([shipped], [extra])
    first = manifest.stat().st_mtime_ns
    write_manifest([shipped, extra], tmp_path, manifest)
    assert manifest.stat().st_mtime_ns == first


def test_missing_shipped_asset_stops(tmp_path: Path) -> None:
    asset = make_asset("a.txt", b"a", extra=False)
    with pytest.raises(FileNotFoundError, match=r"N001.*a\.txt"):
        write_manifest([asset], tmp_path, tmp_path / "manifest.json")


def test_damaged_extra_asset_stops(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="N002"):
        write_manifest([make_asset("b.txt", b"b")], tmp_path, tmp_path / "m.json")
