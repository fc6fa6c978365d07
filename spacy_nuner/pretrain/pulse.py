"""Which processes of a run are still alive."""

import threading
import time

import torch.distributed as dist

# Seconds from one beat to the next, and how long to listen for one
BEAT = 0.5
LISTEN = 5.0


class Pulse:
    """Tells the other processes, again and again, that this one is there.

    When a process is lost, those that waited for it can only tell that some connection
    broke: one that waits for another survivor looks as dead as the lost one. A thread
    goes on beating while the process waits.
    """

    def __init__(self, store: dist.Store, *, rank: int, size: int) -> None:
        """Begin to beat.

        store (Store): What all processes write to and read from.
        rank (int): Which process this is.
        size (int): How many there are.
        """
        self.store = store
        self.rank = rank
        self.size = size
        self._n_beats = 0
        self._stopped = threading.Event()
        self._beat()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop beating: the run is over."""
        self._stopped.set()
        self._thread.join()

    def find_lost(self) -> list[int]:
        """Find out who is lost, and leave word that this process is not.

        RETURNS (list[int]): Ranks that neither beat nor have left word.
        """
        others = [rank for rank in range(self.size) if rank != self.rank]
        try:
            self.store.set(f"word/{self.rank}", "")
            before = {rank: self._listen(rank) for rank in others}
            end = time.monotonic() + LISTEN
            while others and time.monotonic() < end:
                time.sleep(BEAT)
                others = [
                    rank
                    for rank in others
                    if self._listen(rank) == before[rank]
                    and not self.store.check([f"word/{rank}"])
                ]
        except RuntimeError:
            # Without torchrun, the first process keeps the store
            return [0]
        return others

    def _listen(self, rank: int) -> bytes:
        return self.store.get(f"beat/{rank}")

    def _beat(self) -> None:
        self._n_beats += 1
        self.store.set(f"beat/{self.rank}", str(self._n_beats))

    def _run(self) -> None:
        while not self._stopped.wait(BEAT):
            try:
                self._beat()
            except RuntimeError:
                # The store is gone, and the main thread will hear of it
                return
