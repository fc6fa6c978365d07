"""The limits of a config are those of all workers: each gets its part."""

import inspect
from typing import Any, Final

from spacy_llm.registry import registry

from spacy_nuner.errors import Errors

# Whole numbers are rounded down, so that all workers together stay within the limit
_SHARED: Final = {
    "max_concurrent": True,
    "requests_per_minute": False,
    "tokens_per_minute": False,
}


def share_limits(section: dict[str, Any], n_workers: int) -> dict[str, Any]:
    """Divide the limits of a model.

    section (dict[str, Any]): The section [components.llm.model], interpolated.
    n_workers (int): That get the same part each.
    RETURNS (dict[str, Any]): The settings to replace; empty for a model without limits.
    RAISES (ValueError): If there are fewer requests at once than workers, or the model
        is one of batches.
    """
    if section["@llm_models"] == "spacy-nuner.Batch.v1":
        raise ValueError(Errors.N154)
    make_model = registry.llm_models.get(section["@llm_models"])
    known = inspect.signature(make_model).parameters
    shares: dict[str, Any] = {}
    for name, is_whole in _SHARED.items():
        if name not in known:
            continue
        limit = section.get(name, known[name].default)
        if limit is None:
            continue
        share = limit // n_workers if is_whole else limit / n_workers
        if not share:
            raise ValueError(
                Errors.N153.format(name=name, limit=limit, n_workers=n_workers)
            )
        shares[name] = share
    return shares
