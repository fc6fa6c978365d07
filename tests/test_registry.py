"""Every name in setup.cfg resolves through the registry that will ask for it."""

import configparser
from pathlib import Path

import pytest
import spacy
from spacy.language import Language

ROOT = Path(__file__).parent.parent
CATALOGUES = {
    "spacy_architectures": "architectures",
    "spacy_readers": "readers",
    "spacy_loggers": "loggers",
    "spacy_misc": "misc",
    "spacy_scorers": "scorers",
    "spacy_callbacks": "callbacks",
    "thinc_losses": "losses",
    "thinc_layers": "layers",
    "thinc_optimizers": "optimizers",
    "thinc_llm_tasks": "llm_tasks",
    "thinc_llm_models": "llm_models",
}


def read_entry_points() -> list[tuple[str, str, str]]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return [
        (group, *(part.strip() for part in line.split("=")))
        for group, lines in config["options.entry_points"].items()
        if group != "console_scripts"
        for line in lines.strip().splitlines()
    ]


@pytest.mark.parametrize("group,name,target", read_entry_points())
def test_name_resolves(group: str, name: str, target: str) -> None:
    # spacy_llm makes the catalogues of tasks and models when it's imported
    import spacy_llm  # noqa: F401

    if group == "spacy_factories":
        assert Language.has_factory(name) or spacy.blank("en").has_factory(name)
        return
    found = spacy.registry.get(CATALOGUES[group], name)
    module, function = target.split(":")
    assert (found.__module__, found.__name__) == (module, function)


def test_console_command_is_named() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    scripts = config["options.entry_points"]["console_scripts"]
    assert scripts.strip() == "spacy-nuner = spacy_nuner.cli:main"
