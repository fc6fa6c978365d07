"""The inputs of a report, made up."""

import pytest

from .synthetic_cells import Files, make_files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """A whole set of inputs. Do not write to it."""
    return make_files(tmp_path_factory.mktemp("inputs"))
