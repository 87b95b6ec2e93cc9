"""A real server for a folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Served:
    """A `firnline serve` that runs."""

    folder: Path
    process: subprocess.Popen[str]
    address: str

    def kill(self) -> None:
        """As when the machine fails: no time to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def end(self) -> None:
        """As with Ctrl-C."""
        self.process.terminate()
        self.process.communicate(timeout=60)


def serve(folder: Path, port: int = 0) -> Served:
    """Start a server on a port, a free one by itself, and wait for the line that says where it answers."""
    command = [sys.executable, "-m", "firnline", "serve", str(folder), "--port", str(port), "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found, f"the server did not start: {line!r}"
    return Served(folder, process, found[0])
