"""Coded messages. Each says what was got, what is allowed and what to do next.

Usage: `raise ValueError(Errors.N001.format(...))`. Codes are stable: a code is never
given to another message. Blocks, one module each: N0xx general, N1xx annotate, N2xx
corpus, N3xx pretrain, N4xx component, N5xx evaluate, N6xx report, N7xx experiments.
"""

from .annotate import AnnotateErrors
from .component import ComponentErrors
from .corpus import CorpusErrors
from .evaluate import EvaluateErrors
from .experiments import ExperimentErrors
from .general import GeneralErrors
from .pretrain import PretrainErrors
from .report import ReportErrors
from .warnings import WarningMessages


class Coded(type):
    """Metaclass that prefixes each message with its own code."""

    def __getattribute__(cls, code: str) -> str:
        message = super().__getattribute__(code)
        return message if code.startswith("__") else f"[{code}] {message}"


class Errors(
    GeneralErrors,
    AnnotateErrors,
    CorpusErrors,
    PretrainErrors,
    ComponentErrors,
    EvaluateErrors,
    ReportErrors,
    ExperimentErrors,
    metaclass=Coded,
):
    """The messages of errors."""


class Warnings(WarningMessages, metaclass=Coded):
    """The messages of warnings."""
