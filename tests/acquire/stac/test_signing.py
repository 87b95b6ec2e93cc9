"""Addresses are signed where a catalogue wants it, and no signature is ever written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firnline.acquire.aoi import Aoi
from firnline.acquire.catalogue.catalogues import DEFAULT, PRESETS, Catalogue, Family, choose_catalogue
from firnline.acquire.catalogue.signing import Signer
from firnline.acquire.fetching.fetch import FetchOptions, fetch
from firnline.acquire.network import RemoteError
from firnline.errors import ConfigError

from .conftest import QUICK
from .server import Answer, Request
from .world import World

SECRET = "se=2030&sig=VERYSECRET"


@pytest.fixture
def signing(catalogue: Catalogue, world: World) -> Catalogue:
    """A catalogue whose files want a token, and that gives one for an hour."""
    until = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    world.server.routes["/token/landsat-c2-l2"] = lambda _: Answer.of({"msft:expiry": until, "token": SECRET})
    url = f"{world.server.url}/token/{{collection}}"
    return replace(catalogue, token_url=url, signed_hosts=(f":{world.server.url.rpartition(':')[2]}",))


def test_a_token_is_asked_for_once_and_again_when_it_runs_out(signing: Catalogue, world: World) -> None:
    href = f"{world.server.url}/x.tif"
    signer = Signer(signing, QUICK)
    assert {signer.sign(href, "landsat-c2-l2") for _ in range(3)} == {f"{href}?{SECRET}"}
    assert len(world.server.asked("/token/landsat-c2-l2")) == 1
    assert signer.sign("https://elsewhere.org/x.tif", "landsat-c2-l2") == "https://elsewhere.org/x.tif"
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)).isoformat()
    world.server.routes["/token/landsat-c2-l2"] = lambda _: Answer.of({"msft:expiry": soon, "token": "old"})
    short = Signer(signing, QUICK)
    for _ in range(2):
        short.sign(href, "landsat-c2-l2")
    assert len(world.server.asked("/token/landsat-c2-l2")) == 3


def test_no_signature_is_written_down(
    signing: Catalogue, world: World, find: Callable[..., Any], aoi: Aoi, tmp_path: Path
) -> None:
    plain = world.server.answer

    def guarded(request: Request) -> Answer:
        signed = SECRET in request.query or not request.path.startswith("/LE07")
        return plain(request) if signed else Answer(403)

    world.server.answer = guarded  # type: ignore[method-assign]
    try:
        found, passes = find()
        options = FetchOptions(bands=("red", "green"), with_dem=False, keep_parts=True)
        with pytest.raises(RemoteError, match=r"answered 403.*needs an account or a token"):
            fetch(found, passes[:1], tmp_path / "scene.tif", aoi, options, patience=QUICK)
        fetch(replace(found, catalogue=signing), passes[:1], tmp_path / "scene.tif", aoi, options, patience=QUICK)
    finally:
        world.server.answer = plain  # type: ignore[method-assign]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 8
    assert not [path for path in files if b"VERYSECRET" in path.read_bytes()]


@pytest.mark.parametrize("answer", [Answer(500), Answer.of({"token": 1}), Answer(200, b"no"), Answer.of([])])
def test_no_token_is_told(signing: Catalogue, world: World, answer: Answer) -> None:
    world.server.routes["/token/landsat-c2-l2"] = lambda _: answer
    with pytest.raises(RemoteError, match="signature"):
        Signer(signing, QUICK).sign(f"{world.server.url}/x.tif", "landsat-c2-l2")


def test_presets() -> None:
    assert DEFAULT in PRESETS
    assert choose_catalogue(None, f"{PRESETS['earth-search'].api}/").name == "earth-search"
    for catalogue in PRESETS.values():
        assert catalogue.api.startswith("https://")
        assert Family.LANDSAT in catalogue.collections
    with pytest.raises(ConfigError, match="choose planetary-computer"):
        choose_catalogue("nasa", None)
    with pytest.raises(RemoteError, match="not an address"):
        choose_catalogue(None, "stac.example.org")
