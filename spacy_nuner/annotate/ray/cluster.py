"""Ray, imported, started and ended."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from spacy_nuner.errors import Errors

# Through it go the names of tasks; Ray's own default is a third of the memory
_OBJECT_STORE: Final = 100_000_000  # bytes
_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # it warns of what a later version will do to GPUs, of which we use none
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # it calls it an error that Ray Data hands arguments to actors as it does
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}


def import_ray() -> Any:
    """Import Ray with Ray Data: quiet, and it sends nothing to its makers.

    RETURNS (Any): The module `ray`.
    RAISES (RuntimeError): If it is not installed.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise RuntimeError(Errors.N150.format(error=error)) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)  # its file still gets everything
    return ray


@contextmanager
def running_ray(n_workers: int, address: str | None = None) -> Iterator[Any]:
    """Have a cluster for as long as the context lasts.

    One that runs in this process already is used and left running.

    n_workers (int): Cores that a cluster of this machine offers.
    address (str | None): Of a cluster to join. None: that of the variable RAY_ADDRESS,
        or a new one on this machine.
    YIELDS (Any): The module `ray`.
    RAISES (RuntimeError): If Ray is not installed, or there is no such cluster.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    settings: dict[str, Any] = {}
    if address == "local":
        settings = {
            "num_cpus": n_workers,
            "object_store_memory": _OBJECT_STORE,
            "include_dashboard": False,
        }
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **settings)
    except (OSError, ValueError, RuntimeError) as error:
        raise RuntimeError(Errors.N151.format(address=address, error=error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()
