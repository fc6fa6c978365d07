"""Saving and loading the pipe: safetensors and JSON, nothing pickled."""

import base64
import json
import logging
import shutil
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save
from spacy import util
from spacy.language import Language
from thinc.api import Model

from ..errors import Errors, Warnings
from . import fit
from .calibration import FILE_NAME as CALIBRATION
from .label_encoder import FOLDER, SETTINGS, LabelEncoder

if TYPE_CHECKING:
    from .pipe import NuNER

logger = logging.getLogger(__name__)

# What decides whether a saved pipeline computes what it did when it was saved
PACKAGES = ("spacy-nuner", "spacy-transformers", "transformers", "torch", "thinc")
META = "spacy_nuner_versions"
MODEL, CFG, LABELS = "model.safetensors", "cfg", "label_vectors.safetensors"


def record_versions(nlp: Language) -> None:
    """Write into the pipeline's meta what it is made with, unless it is there."""
    meta: dict[str, Any] = nlp.meta
    meta.setdefault(META, {name: version(name) for name in PACKAGES})


def check_versions(nlp: Language) -> None:
    """Say it if a pipeline was saved with other versions than those installed.

    Patch releases are not mentioned. The record then becomes that of now, which is
    what a pipeline saved later was made with.
    """
    installed = {name: version(name) for name in PACKAGES}
    saved = nlp.meta.get(META) or installed
    differences = [
        f"{name} {saved[name]} (installed: {installed[name]})"
        for name in PACKAGES
        if saved.get(name) and _minor(saved[name]) != _minor(installed[name])
    ]
    if differences:
        logger.warning(Warnings.W402.format(differences=", ".join(differences)))
    nlp.meta[META] = installed


def _minor(number: str) -> list[str]:
    return number.split(".")[:2]


def model_to_bytes(model: Model) -> bytes:
    """Save a thinc model as safetensors.

    model (Model): The model.
    RETURNS (bytes): Parameters as tensors, all else as JSON in the header.
    """
    saved = model.to_dict()
    arrays: dict[str, np.ndarray] = {}
    for i, params in enumerate(saved["params"]):
        for name, array in params.items():
            if array is not None:
                found = model.ops.to_numpy(array)
                arrays[f"{i}.{name}"] = np.ascontiguousarray(found)
    for i, shims in enumerate(saved["shims"]):
        for j, content in enumerate(shims):
            arrays[f"{i}.shim.{j}"] = np.frombuffer(content, dtype="uint8")
    attrs = [
        {name: base64.b64encode(value).decode("ascii") for name, value in node.items()}
        for node in saved["attrs"]
    ]
    header = {
        "nodes": saved["nodes"],
        "attrs": attrs,
        "params": [list(params) for params in saved["params"]],
        "shims": [len(shims) for shims in saved["shims"]],
    }
    return save(arrays, metadata={"header": json.dumps(header)})


def model_from_bytes(model: Model, data: bytes, *, source: str) -> None:
    """Load what `model_to_bytes` saved into a model of the same layers.

    model (Model): The model.
    data (bytes): What was saved.
    source (str): Name of the file, for errors.
    RAISES (ValueError): If it is damaged, or of a model of other layers.
    """
    try:
        arrays = load(data)
        size = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["header"])
    except (SafetensorError, KeyError, ValueError) as error:
        problem = f"it's damaged ({error!r})"
        raise ValueError(Errors.N431.format(source=source, problem=problem)) from None
    expected, got = (
        [node.name for node in model.walk()],
        [node["name"] for node in header["nodes"]],
    )
    if expected != got:
        problem = f"it has the layers {got}, those of the config are {expected}"
        raise ValueError(Errors.N431.format(source=source, problem=problem))
    model.from_dict(
        {
            "nodes": header["nodes"],
            "attrs": [
                {name: base64.b64decode(value) for name, value in node.items()}
                for node in header["attrs"]
            ],
            "params": [
                {name: arrays.get(f"{i}.{name}") for name in names}
                for i, names in enumerate(header["params"])
            ],
            "shims": [
                [arrays[f"{i}.shim.{j}"].tobytes() for j in range(n)]
                for i, n in enumerate(header["shims"])
            ],
        }
    )


def check_shapes(pipe: "NuNER", source: str) -> None:
    """Check that labels and weights of a loaded pipe belong together.

    pipe (NuNER): The pipe.
    source (str): What it was loaded from, for the error.
    RAISES (ValueError): If they do not.
    """
    first, output = pipe.head.get_ref("input"), pipe.head.get_ref("output")
    if not output.has_dim("nI"):
        return
    expected = _list_shapes(output, len(pipe.tags))
    if first is not output:
        expected += _list_shapes(first, pipe.head.attrs["hidden_width"])
    n_in = first.get_dim("nI")
    expected += [(first, "mean", [(n_in,)]), (first, "whiten", [(n_in,), (n_in, n_in)])]
    for layer, name, shapes in expected:
        got = layer.get_param(name).shape if layer.has_param(name) else None
        if got not in shapes:
            problem = (
                f"'{name}' of {layer.name} has the shape {got}, but its "
                f"{len(pipe.labels)} labels ({', '.join(pipe.labels)}) and its layers "
                f"need {' or '.join(str(shape) for shape in shapes)}"
            )
            raise ValueError(Errors.N431.format(source=source, problem=problem))


def _list_shapes(layer: Model, n_out: int) -> list[tuple[Model, str, list[Any]]]:
    n_rows, n_in = n_out * layer.attrs.get("n_views", 1), layer.get_dim("nI")
    of = {"W": (n_rows, n_in), "b": (n_out,)}
    return [(layer, name, [of[name[0]]]) for name in ("W", "b", "W0", "b0")]


def _dump(cfg: dict[str, Any]) -> bytes:
    # With all digits, which srsly cuts off
    return json.dumps(cfg).encode("utf8")


def to_bytes(pipe: "NuNER", exclude: Iterable[str]) -> bytes:
    """Save a pipe as bytes, without its concept encoder."""
    parts: dict[str, Callable[[], Any]] = {
        "cfg": lambda: _dump(pipe.cfg),
        "vocab": lambda: pipe.vocab.to_bytes(exclude=["vectors"]),
        "model": lambda: model_to_bytes(pipe.model),
    }
    return util.to_bytes(parts, exclude)


def from_bytes(pipe: "NuNER", data: bytes, exclude: Iterable[str]) -> None:
    """Load a pipe from bytes."""
    fit.forget(pipe.head)
    parts: dict[str, Callable[[bytes], Any]] = {
        "cfg": lambda b: pipe.cfg.update(json.loads(b)),
        "vocab": lambda b: pipe.vocab.from_bytes(b),
        "model": lambda b: model_from_bytes(pipe.model, b, source=pipe.name),
    }
    util.from_bytes(data, parts, exclude)
    check_shapes(pipe, pipe.name)


def _exclude_files(exclude: Iterable[str]) -> list[str]:
    """RETURNS (list[str]): What is left out, "model" by the name of its file."""
    return [MODEL if name == "model" else name for name in exclude]


def to_disk(pipe: "NuNER", path: Path, exclude: Iterable[str]) -> None:
    """Save a pipe as a folder, with its concept encoder if it keeps one."""
    parts: dict[str, Callable[[Path], Any]] = {
        CFG: lambda p: p.write_bytes(_dump(pipe.cfg)),
        "vocab": lambda p: pipe.vocab.to_disk(p, exclude=["vectors"]),
        MODEL: lambda p: p.write_bytes(model_to_bytes(pipe.model)),
    }
    util.to_disk(path, parts, _exclude_files(exclude))
    encoder = pipe.label_encoder
    if encoder is None:
        # What an older pipe left there would be read again
        shutil.rmtree(path / FOLDER, ignore_errors=True)
        for name in (SETTINGS, CALIBRATION, LABELS):
            (path / name).unlink(missing_ok=True)
    else:
        encoder.copy_to(path)
        calibration = encoder.folder.parent / CALIBRATION
        if calibration.is_file():
            (path / CALIBRATION).write_bytes(calibration.read_bytes())
        (path / LABELS).write_bytes(save(dict(encoder.cache)))


def from_disk(pipe: "NuNER", path: Path, exclude: Iterable[str]) -> None:
    """Load a pipe from a folder."""
    check_versions(pipe.nlp)
    exclude = _exclude_files(exclude)
    fit.forget(pipe.head)
    for name in (CFG, MODEL):
        if name not in exclude and not (path / name).is_file():
            raise ValueError(Errors.N432.format(path=path / name))
    parts: dict[str, Callable[[Path], Any]] = {
        CFG: lambda p: pipe.cfg.update(json.loads(p.read_bytes())),
        "vocab": lambda p: pipe.vocab.from_disk(p),
        MODEL: lambda p: model_from_bytes(pipe.model, p.read_bytes(), source=str(p)),
    }
    util.from_disk(path, parts, exclude)
    check_shapes(pipe, str(path))
    pipe.label_encoder = None
    if (path / FOLDER).is_dir():
        cache = load((path / LABELS).read_bytes()) if (path / LABELS).is_file() else {}
        pipe.label_encoder = LabelEncoder(path, cache)
