"""The first answer, in a process of its own: pandas is read there while AWS is asked here.

Run as a module it reads a snapshot that is not finished from stdin and writes one line to stderr.
"""

import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from ecs_notebook_lib.snapshot import Snapshot


class FirstAnswer:
    """Tells the leading cause on stderr as soon as services, tasks and target health are in."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE)  # noqa: S603  our own module
        self._handed_over = False

    def __call__(self, snapshot: "Snapshot") -> None:
        """Hand over what is known, and get ready here for what follows."""
        from ecs_notebook_lib.snapshot import to_bytes

        with suppress(BrokenPipeError), self._input() as pipe:
            pipe.write(to_bytes(snapshot))
        self._handed_over = True
        threading.Thread(target=_prepare, daemon=True).start()

    def _input(self) -> IO[bytes]:
        if self._process.stdin is None:
            raise ValueError("the process was started without a pipe")
        return self._process.stdin

    def close(self) -> None:
        """Wait for the answer if there is going to be one."""
        if not self._handed_over:
            self._process.kill()
            self._input().close()
        self._process.wait()


def _prepare() -> None:
    """Import what the whole answer needs, while AWS is still being asked."""
    from ecs_notebook_lib.diagnosis import diagnosis  # noqa: F401
    from ecs_notebook_lib.knowledge.messages import templates
    from ecs_notebook_lib.report import words  # noqa: F401

    templates()


def main() -> int:
    """Read a snapshot, and tell what it comes to; Ctrl-C is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prepare()
    from ecs_notebook_lib.incident import Incident
    from ecs_notebook_lib.report import words
    from ecs_notebook_lib.snapshot import from_bytes
    from ecs_notebook_lib.untrusted import visible

    content = sys.stdin.buffer.read()
    if content:
        answer = words.first_answer(Incident(from_bytes(content), partial=True))
        sys.stderr.write(f"... first answer: {visible(answer)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
