"""OGGM, whose own reader must accept what is delivered."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyproj
import pytest


@pytest.fixture
def oggm(interop: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """OGGM without its downloads: a home of its own, settings from its package, names of regions from here."""
    import socket

    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("a test that reaches for the network")

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("oggm", "oggm.cfg", "oggm.utils", "oggm.workflow", "oggm.tasks"):
            interop(name)
        module = interop("oggm")
        monkeypatch.setattr(module.cfg, "CONFIG_FILE", str(tmp_path / "home" / ".oggm_config"))
        module.cfg.initialize_minimal(logging_level="CRITICAL")
        names = pd.Series({15: "South Asia East"}), pd.Series({"15-03": "Hengduan Shan"})
        monkeypatch.setitem(module.utils._funcs._RGI_METADATA, "7", names)
        if not hasattr(module.utils._workflow, "transform_proj"):  # salem, which OGGM takes it from, is not there
            monkeypatch.setattr(module.utils._workflow, "transform_proj", transform_proj, raising=False)
        yield module


def transform_proj(source: pyproj.Proj, target: pyproj.Proj, x: Any, y: Any) -> tuple[Any, Any]:
    return pyproj.Transformer.from_proj(source, target, always_xy=True).transform(x, y)  # type: ignore[no-any-return]
