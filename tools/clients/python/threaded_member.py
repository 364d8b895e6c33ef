"""A member of a group that polls in a thread of its own, for clients whose consumer is to be used by one thread."""
import threading


class ThreadedMember:
    """`poll(member)` is called again and again, and adds to `values`; `assigned` is set by the client's callbacks."""

    def __init__(self, poll, close):
        self.assigned = []
        self.values = []
        self.error = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(poll, close), daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _run(self, poll, close):
        while not self._stopping.is_set():
            poll(self)
        close()

    def leave(self):
        self._stopping.set()
        self._thread.join()
