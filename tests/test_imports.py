"""The import rule of docs/architecture.md, on the syntax tree."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "spacy_nuner"
STAGES = {"annotate", "corpus", "pretrain", "component", "evaluate"}
SHARED = {"errors", "types", "hf", "plain", "student", "transport"}
MODULES = sorted(PACKAGE.rglob("*.py"))
LIGHT = {"spacy_nuner.component.factory", "spacy_nuner"}


def list_imports(path: Path) -> set[str]:
    """All absolute names that a module imports, at any depth of its code."""
    names = set()
    package = [PACKAGE.name, *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def get_room(module: str) -> str:
    """`spacy_nuner.corpus.reader` -> `corpus`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_do_not_import_each_other(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    room = parts[0]
    if room not in STAGES | {"report", "experiments"} | SHARED or room == "cli":
        return
    ours = {n for n in list_imports(path) if n.split(".")[0] == PACKAGE.name}
    rooms = {get_room(name) for name in ours} - {""}
    allowed = SHARED if room in SHARED else SHARED | {room}
    assert rooms <= allowed, f"{path} imports {sorted(rooms - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_modules_import_no_spacy(path: Path) -> None:
    tops = {name.split(".")[0] for name in list_imports(path)}
    if path.name == "__init__.py" or PACKAGE / "cli" in path.parents:
        return
    top_level = {
        alias.name if isinstance(node, ast.Import) else (node.module or "")
        for node in ast.parse(path.read_text(encoding="utf8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    if any(name.split(".")[0] == "torch" for name in top_level):
        assert "spacy" not in tops, f"{path} imports both torch and spacy"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modules_are_short(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf8").splitlines())
    assert n_lines <= 300, f"{path} has {n_lines} lines: give a part its own module"


@pytest.mark.parametrize("module", sorted(LIGHT))
def test_light_modules_import_no_torch(module: str) -> None:
    """spaCy imports every installed factory: ours must stay light and safe."""
    code = (
        f"import sys, {module}; "
        "heavy = {'torch', 'transformers', 'spacy_transformers', 'spacy_llm'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))))"
    )
    # spaCy's own import of thinc may bring torch: compare with spaCy alone
    plain = code.replace(f", {module}", ", spacy.language, spacy.pipeline")
    ours = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    theirs = subprocess.run(
        [sys.executable, "-c", plain], capture_output=True, text=True
    )
    brought = set(ours.stderr.strip().split(", ")) - {""}
    assert brought <= set(theirs.stderr.strip().split(", "))


def test_no_prints_in_the_library() -> None:
    for path in MODULES:
        if PACKAGE / "cli" in path.parents:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{path}:{node.lineno} prints"
