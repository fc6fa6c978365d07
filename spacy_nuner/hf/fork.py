"""torch in a process that was forked."""

import os

import torch

_process = os.getpid()


def mind_fork() -> None:
    """Let torch compute with one thread if this process was forked.

    Call it before torch computes. Its threads stay behind in the parent, and it would
    wait for them for ever: in a worker of `nlp.pipe(n_process=2)` or of a web server.
    """
    global _process
    if os.getpid() != _process:
        torch.set_num_threads(1)
        _process = os.getpid()
