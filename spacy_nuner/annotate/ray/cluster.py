"""Ray, imported, started and ended."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from spacy_nuner.errors import Errors

# Through it go the names of tasks; Ray's own default is a third of the memory
_OBJECT_STORE: Final = 100_000_000  # bytes
_PATIENCE: Final = 10.0  # seconds until a cluster is there
_ENVIRONMENT: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # it warns of what a later version will do to GPUs, of which we use none
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # it calls it an error that Ray Data hands arguments to actors as it does
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}


def import_ray() -> Any:
    """Import Ray with Ray Data, which sends nothing to its makers.

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
        _knock(address)
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **settings)
    except (OSError, ValueError, RuntimeError) as error:
        raise RuntimeError(Errors.N151.format(address=address, error=error)) from error
    _silence(ray)
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Find out at once that nobody is there: Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in address:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _silence(ray: Any) -> None:
    """Leave the screen to our own bar; Ray Data's log file still gets everything."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        # Ray's own alone: that of a test runner or an app may hang there, too
        of_ray = type(handler).__module__.partition(".")[0] == "ray"
        if of_ray and isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)
