"""Settings of the pipe `nuner`, checked."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ..errors import Errors

CHOICES = {
    "tagging": ("io", "bio"),
    "on_existing": ("overwrite", "keep", "raise"),
    "none_threshold": ("fixed", "cross_validation"),
    "start": ("random", "concept"),
}


@dataclass
class Settings:
    """The settings of `factory.make_nuner`, which says what they mean."""

    tagging: str = "bio"
    on_existing: str = "overwrite"
    spans_key: str = "nuner"
    none_bias: float = 1.5
    pull: float = 0.35
    class_weight: float = 0.5
    transition_weight: float = 0.3
    none_threshold: str = "fixed"
    labels: list[str] | None = None
    encoder: str | None = None
    keep_trf_data: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name in CHOICES:
                got = getattr(self, field.name)
                check_choice(field.name, got, CHOICES[field.name])

    @property
    def n_prefixes(self) -> int:
        """Tags per label."""
        return 1 if self.tagging == "io" else 2


def check_choice(name: str, got: Any, allowed: Sequence[str]) -> None:
    """Check a setting that has a few allowed values.

    name (str): The setting.
    got (Any): Its value.
    allowed (Sequence[str]): The values that it may have.
    RAISES (ValueError): If it is none of them.
    """
    if got not in allowed:
        raise ValueError(
            Errors.N409.format(name=name, got=got, allowed=", ".join(allowed))
        )
