"""Options that `scenes search`, `preview` and `fetch` share: which catalogue, which scenes."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from firnline.errors import ConfigError

if TYPE_CHECKING:
    from firnline.acquire.aoi import Aoi
    from firnline.acquire.catalogue.ranking import Pass
    from firnline.acquire.catalogue.search import Found, Query
    from firnline.bands import Sensor

AOI = typer.Option(None, help="The area: polygons in any vector file (FILE or FILE:LAYER).")
DATES = typer.Option(None, help="First and last day: 2001-08-01/2001-11-30; one of them may be '..'.")
SENSOR = typer.Option(None, help="landsat5, landsat7, landsat8, landsat9 or sentinel2; several with commas.")
MAX_CLOUD = typer.Option(None, min=0, max=100, help="Most cloud of a whole product, per cent.")
IDS = typer.Option(None, help="A text file of ids, one a line; of any collection.")
ID = typer.Option(None, "--id", help="An id; may be given again and again.")
CATALOGUE = typer.Option(None, help="planetary-computer (default), earth-search or usgs.")
API = typer.Option(None, help="Instead: the address of any STAC API.")
COLLECTION = typer.Option(None, help="Its collection; needed with --api.")
SEARCH = typer.Option(None, "--search", help="What `scenes search --json` wrote, instead of searching again.")


@dataclass(frozen=True)
class Asked:
    """The options as they were given."""

    aoi: Path | None
    dates: str | None
    sensor: str | None
    max_cloud: float | None
    ids: Path | None
    id: list[str] | None
    catalogue: str | None
    api: str | None
    collection: str | None
    search: Path | None = None


@dataclass(frozen=True, eq=False)
class Chosen:
    """What they led to, best first."""

    found: Found
    passes: tuple[Pass, ...]
    aoi: Aoi | None


def choose(asked: Asked) -> Chosen:
    """Search as the options say, and rank."""
    from firnline.acquire.aoi import read_aoi
    from firnline.acquire.catalogue.catalogues import choose_catalogue
    from firnline.acquire.catalogue.ranking import rank
    from firnline.acquire.catalogue.search import area_of, search

    aoi = None if asked.aoi is None else read_aoi(asked.aoi)
    catalogue, collection, ids = choose_catalogue(asked.catalogue, asked.api), asked.collection, _ids(asked)
    if asked.search is not None:
        api, collection, ids = _searched(asked.search)
        catalogue = choose_catalogue(None, api)
    if collection is None and not catalogue.collections:
        raise ConfigError("needs to know the collection", where="--api", do="give --collection")
    found = search(catalogue, _query(asked, aoi, ids, collection))
    passes = rank(found.items, None if aoi is None else area_of(aoi))
    if asked.search is not None:  # its order may come from a look at the pixels
        place = {name: index for index, name in enumerate(ids)}  # a newer version may have come under a new id
        passes = tuple(sorted(passes, key=lambda each: min(place.get(item.id, len(ids)) for item in each.items)))
    return Chosen(found, passes, aoi)


def _query(asked: Asked, aoi: Aoi | None, ids: tuple[str, ...], collection: str | None) -> Query:
    from firnline.acquire.catalogue.search import Query

    first, last = parse_dates(asked.dates) if asked.dates else (None, None)
    if not ids and (aoi is None or asked.dates is None or asked.sensor is None):
        raise ConfigError(
            "do not say what to look for", where="the options", do="give --aoi, --dates and --sensor, or --id"
        )
    sensors = _sensors(asked.sensor) if asked.sensor else _sensors_of(ids)
    return Query(sensors, aoi, first, last, ids, asked.max_cloud, collection)


def _ids(asked: Asked) -> tuple[str, ...]:
    """Ids of the command line and of the file; ``#`` begins a comment, of columns the first is taken."""
    named = list(asked.id or ())
    if asked.ids is not None:
        try:
            text = asked.ids.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot be read as a list of ids ({error})", where=asked.ids) from None
        words = (line.partition("#")[0].replace(",", " ").split() for line in text.splitlines())
        named += [word[0] for word in words if word]
        if not named:
            raise ConfigError("holds no ids", where=asked.ids, do="write one a line")
    return tuple(dict.fromkeys(named))


def _searched(path: Path) -> tuple[str, str, tuple[str, ...]]:
    """The catalogue, collection and ids that a search wrote down."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        ids = tuple(str(item["id"]) for each in content["passes"] for item in each["items"])
        return str(content["catalogue"]["api"]), str(content["catalogue"]["collection"]), ids
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError("is not what a search wrote", where=path, do="write it with scenes search --json") from None


def parse_dates(text: str) -> tuple[dt.date | None, dt.date | None]:
    """First and last day of ``A/B``; a single day is both; ``..`` is open.

    Examples
    --------
    >>> parse_dates("2001-08-01/..")
    (datetime.date(2001, 8, 1), None)
    """
    begin, slash, end = text.partition("/")
    try:
        first, last = (
            None if part == ".." else dt.date.fromisoformat(part) for part in (begin, end if slash else begin)
        )
    except ValueError:
        raise ConfigError(f"'{text}' are no dates", where="--dates", do="write 2001-08-01/2001-11-30") from None
    if first is not None and last is not None and last < first:
        raise ConfigError(f"'{text}' ends before it begins", where="--dates", do="write the earlier day first")
    return first, last


def _sensors(text: str) -> tuple[Sensor, ...]:
    from firnline.bands import Sensor
    from firnline.cli.choices import chosen

    return tuple(chosen(Sensor, name.strip(), "--sensor") for name in text.split(","))


def _sensors_of(ids: tuple[str, ...]) -> tuple[Sensor, ...]:
    """The sensors that ids speak of; those that say nothing may be of any."""
    from firnline.bands import Sensor, sensor_from_text

    named = {sensor_from_text(name) for name in ids}
    known = tuple(sensor for sensor in Sensor if sensor in named)
    if not known:
        raise ConfigError("do not say their sensor", where="these ids", do="give --sensor")
    return tuple(Sensor) if None in named else known


def as_json(chosen: Chosen) -> dict[str, Any]:
    """What a search found, as JSON has it."""
    return {
        "catalogue": {
            "name": chosen.found.catalogue.name,
            "api": chosen.found.catalogue.api,
            "collection": chosen.found.collection,
        },
        "passes": [_pass(each) for each in chosen.passes],
        "left_out": [{"id": each.id, "why": each.why} for each in chosen.found.left_out],
        "notes": list(chosen.found.notes),
    }


def _pass(each: Pass) -> dict[str, Any]:
    from dataclasses import asdict

    items = [
        {"id": item.id, "datetime": item.moment.isoformat(), "cloud_cover": item.cloud_cover, "link": item.link}
        for item in each.items
    ]
    return {
        "date": each.date.isoformat(),
        "sensor": str(each.sensor),
        "score": round(each.score, 4),
        "parts": {name: round(value, 4) for name, value in asdict(each.parts).items()},
        "coverage": round(each.coverage, 4),
        "cloud_cover": each.cloud_cover,
        "season": each.season,
        "look": None if each.look is None else asdict(each.look),
        "items": items,
    }
