"""Serving: one project on one port of this machine."""

from __future__ import annotations

import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Final

from firnline.errors import OutputError
from firnline.files import only_one
from firnline.server.app import create_app
from firnline.server.project import Project

HOST: Final = "127.0.0.1"
_GDAL_CACHE_MB: Final = "256"
"""Of blocks that GDAL has read; it else takes a twentieth of the machine's memory."""


def serve(
    folder: Path, *, port: int, browser: bool = True, demo: bool = False, say: Callable[[str], None] = print
) -> None:
    """Serve a project until Ctrl-C.

    Parameters
    ----------
    folder
        The project's folder.
    port
        Where to listen on 127.0.0.1; 0 takes a free port.
    browser
        Whether to open the page.
    demo
        Whether the folder is the demo's.
    say
        Told where the page is, once it answers.

    Raises
    ------
    SceneError
        When there is no such folder.
    OutputError
        When the port is taken, the folder cannot be written to, or is served already.
    """
    import uvicorn

    os.environ.setdefault("GDAL_CACHEMAX", _GDAL_CACHE_MB)  # before GDAL first asks for it
    project = Project(folder, demo=demo)
    with only_one(project.state), _listening(port) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}/"

        def ready() -> None:
            say(f"serving {project.folder} at {address}  (Ctrl-C ends it)")
            if browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        app = create_app(project, ready=ready)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
        uvicorn.Server(config).run(sockets=[listener])


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two servers share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        do = "give another --port, or 0 for a free one"
        raise OutputError(f"port {port} cannot be listened on ({error.strerror})", do=do) from None
    listener.listen(128)
    return listener
