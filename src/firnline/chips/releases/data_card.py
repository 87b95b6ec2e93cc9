"""The data card of a release: what it is, where, how it was split and whether that leaks, limits and terms."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import geopandas as gpd
import numpy as np

from firnline.chips.releases.release_patch import PatchBand, PatchLayout
from firnline.chips.table import SPLITS, ChipTable
from firnline.classes import LabelScheme

_SOURCES_AT_MOST: Final = 60
_UNKNOWN_LICENCE: Final = "unknown"


@dataclass(frozen=True)
class SourceFacts:
    """What a release tells of one scene."""

    name: str
    source_id: str
    sensor: str
    date: dt.date | None
    crs: str
    resolution: float
    chips: int
    dem: str
    has_flags: bool
    is_synthetic: bool
    layout: PatchLayout | None
    """How its patches are stored; None in a release without pixels."""
    bands: tuple[tuple[str, str, str], ...]
    """Name, unit and level of its stored bands."""


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release tells of itself beside its table."""

    title: str
    creators: tuple[str, ...]
    licence: str
    source_licence: str
    url: str
    version: str
    description: str
    date: dt.date
    has_patches: bool
    sources: tuple[SourceFacts, ...]
    outlines: tuple[tuple[str, int], ...]
    """Path in the release, and number of features."""

    @property
    def citation(self) -> str:
        """How to cite it."""
        who = f"{', '.join(self.creators)} " if self.creators else ""
        where = f" {self.url}" if self.url else ""
        return f"{who}({self.date.year}). {self.title}. Version {self.version}.{where}"

    @property
    def is_licence_known(self) -> bool:
        """Whether somebody said what may be done with it."""
        return self.licence != _UNKNOWN_LICENCE


def card_text(table: ChipTable, facts: ReleaseFacts) -> str:
    """The data card in Markdown."""
    sections = [
        _head(facts),
        _warnings(table, facts),
        _what(table, facts),
        _files(facts),
        _bands(facts),
        _labels(table),
        _split(table),
        _sources(facts),
        _provenance(table),
        _limits(table, facts),
        _terms(facts),
        _use(facts),
    ]
    return "\n".join(section.strip() + "\n" for section in sections if section.strip())


def _head(facts: ReleaseFacts) -> str:
    return f"# {facts.title}\n\n{facts.description}".strip()


def _warnings(table: ChipTable, facts: ReleaseFacts) -> str:
    lines = []
    if not facts.is_licence_known:
        lines.append(
            "**NO LICENCE IS STATED: do not redistribute.** Nobody has said what may be done with this data."
        )
    if table.about.leaks:
        leaks = "; ".join(table.about.leaks)
        lines.append(f"**THE SPLIT LEAKS:** {leaks}. Scores on it are too good, and say so wherever they are shown.")
    if any(source.is_synthetic for source in facts.sources):
        lines.append("**SYNTHETIC:** some of these scenes are made up; no result on them holds for real glaciers.")
    return "\n>\n".join(f"> {line}" for line in lines)


def _what(table: ChipTable, facts: ReleaseFacts) -> str:
    frame = table.frame
    west, south, east, north = frame.total_bounds
    sizes = Counter(f"{height} x {width}" for height, width in zip(frame["height"], frame["width"], strict=True))
    dates = sorted(source.date for source in facts.sources if source.date is not None)
    when = f"{dates[0]} to {dates[-1]}" if dates else "not known"
    sensors = sorted({source.sensor or "not known" for source in facts.sources})
    pixels = sorted({f"{source.resolution:g} m" for source in facts.sources})
    rows = [
        ("Chips", f"{len(frame):,}, of {_most(sizes)} pixels"),
        ("Scenes", f"{len(facts.sources)}"),
        ("Where", f"{_angle(west, 'EW')} to {_angle(east, 'EW')}, {_angle(south, 'NS')} to {_angle(north, 'NS')}"),
        ("When", when),
        ("Sensors", ", ".join(sensors)),
        ("Pixel size", ", ".join(pixels)),
        ("CRS", ", ".join(sorted({source.crs for source in facts.sources}))),
        ("Version", f"{facts.version}, {facts.date}"),
    ]
    return "## What this is\n\n" + _table(("", ""), rows)


def _files(facts: ReleaseFacts) -> str:
    rows = [
        ("`chips.parquet`", "the table of chips (GeoParquet), one row each: paths, dates, source ids, shares, split")
    ]
    if facts.has_patches:
        rows.append(("`patches/ID.tif`", "the bands of each chip"))
        if any(source.has_flags for source in facts.sources):
            rows.append(
                ("`patches/ID.flags.tif`", "its flags, where the scene has some: one bit each, named in a tag")
            )
        rows.append(("`masks/ID.tif`", "its class raster, on the same grid"))
    else:
        rows += [
            (
                "`masks/SCENE.tif`",
                "the class raster of each scene; a chip's `row` and `column` count from its corner",
            ),
            ("`scenes/`", "the place for the scenes, which are **not** included: get them by their source ids"),
            (
                "`SCENES.sha256`",
                "their checksums: `sha256sum -c SCENES.sha256` tells whether they are the same files",
            ),
        ]
    rows += [(f"`{path}`", f"outlines: {count:,} features, as they were given") for path, count in facts.outlines]
    rows += [
        ("`metadata.json`", "the same facts for machines (Croissant 1.0)"),
        ("`SHA256SUMS`", "checksums of every file: `sha256sum -c SHA256SUMS`"),
    ]
    return "## Files\n\n" + _table(("File", "What it is"), rows)


def _bands(facts: ReleaseFacts) -> str:
    if not facts.has_patches:
        plain = Counter(band for source in facts.sources for band in source.bands)
        rows = [(f"`{name}`", unit, level, str(count)) for (name, unit, level), count in plain.items()]
        return "## Bands of the scenes\n\n" + _table(("Band", "Unit", "Level", "Scenes"), rows)
    kinds: Counter[tuple[PatchBand, str, str]] = Counter()
    for source in facts.sources:
        assert source.layout is not None  # with patches each scene has one
        nodata = "none" if source.layout.nodata is None else f"{source.layout.nodata:g}"
        kinds.update((band, source.layout.dtype, nodata) for band in source.layout.bands)
    header = ("Band", "Meaning", "Unit", "Level", "Value", "Stored as", "Unknown", "Origin", "Scenes")
    table = _table(header, [_band_row(*kind, count) for kind, count in kinds.items()])
    return f"""## Bands

Names stand in each file as band descriptions; go by them, not by position. Scale and offset stand there as well:
value = stored × scale + offset. Unknown pixels (no data, cloud, beyond the scene) are unknown, not 0.

{table}"""


def _band_row(band: PatchBand, dtype: str, nodata: str, count: int) -> tuple[str, ...]:
    plain = band.scale == 1 and band.offset == 0
    value = "stored" if plain else f"stored × {band.scale:g} {'-' if band.offset < 0 else '+'} {abs(band.offset):g}"
    level, origin = str(band.level), band.origin
    return f"`{band.name}`", band.meaning, band.unit, level, value, dtype, nodata, origin, str(count)


def _labels(table: ChipTable) -> str:
    text = "## Labels\n"
    for name, count in Counter(table.frame["scheme"]).items():
        scheme = LabelScheme(name)
        values = [(str(value), meaning) for value, meaning in enumerate(scheme.class_names)]
        text += f"\nLabel scheme `{name}` ({count:,} chips):\n\n"
        text += _table(("Value", "Meaning"), [*values, ("255", "**unknown**: it is not background")])
        if scheme == LabelScheme.DEBRIS:
            text += "\nHere 0 is everything that is not debris, clean ice included.\n"
        if scheme == LabelScheme.CLEAN:
            text += "\nHere 0 is everything that is not clean ice, debris-covered ice included.\n"
        if scheme == LabelScheme.GLACIER:
            text += "\nHere 1 is glacier of any kind; which parts are covered by debris is not known.\n"
    return text


def _split(table: ChipTable) -> str:
    frame = table.frame
    sides = frame["split"].to_numpy(object)
    rows = [_balance(side, frame[sides == side]) for side in SPLITS if (sides == side).any()]
    rest = ~np.isin(sides.astype(str), SPLITS)
    if rest.any():
        rows.append(_balance("in no split", frame[rest]))
    folds = sorted(frame["fold"].dropna().unique())
    rows += [_balance(f"fold {fold}", frame[(frame["fold"] == fold).fillna(False).to_numpy(bool)]) for fold in folds]
    rows.append(_balance("all", frame))
    how = table.about.split or ("the table is not split" if rest.all() and not folds else "not recorded")
    leaks = "\n".join(f"- {line}" for line in table.about.leaks)
    told = (
        f"**It leaks.** What the sides share:\n\n{leaks}\n"
        if leaks
        else "No leak between its sides is recorded. `firnline chips audit chips.parquet` looks for them.\n"
    )
    header = ("Split", "Chips", "Scenes", "Known pixels", "Glacier", "Clean ice", "Debris-covered")
    return f"""## Split and class balance

How it was made: {how}.

{told}
{_table(header, rows)}
Shares are of the pixels that are known both in the labels and in every measured band.
"""


def _balance(name: str, frame: gpd.GeoDataFrame) -> tuple[str, ...]:
    known = (frame["valid"] * frame["height"] * frame["width"]).to_numpy(float)
    origin = frame["source_scene"] if "source_scene" in frame.columns else frame["scene"]
    shares = [
        _share(frame[column].to_numpy(float, na_value=np.nan), known) for column in ("glacier", "clean", "debris")
    ]
    return name, f"{len(frame):,}", str(origin.nunique()), f"{known.sum() / 1e6:.2f} million", *shares


def _share(shares: Any, known: Any) -> str:
    told = np.isfinite(shares) & (known > 0)
    total = known[told].sum()
    return f"{100 * (shares[told] * known[told]).sum() / total:.2f} %" if total else "not known"


def _sources(facts: ReleaseFacts) -> str:
    rows = [
        (
            f"`{source.source_id}`",
            source.sensor or "not known",
            "not known" if source.date is None else str(source.date),
            source.crs,
            str(source.chips),
            source.dem or "none",
        )
        for source in facts.sources[:_SOURCES_AT_MOST]
    ]
    more = len(facts.sources) - len(rows)
    rest = f"\nand {more} more: see `chips.parquet`.\n" if more else ""
    return "## Sources\n\n" + _table(("Source id", "Sensor", "Date", "CRS", "Chips", "DEM"), rows) + rest


def _provenance(table: ChipTable) -> str:
    about = table.about
    made = " ".join(part for part in (about.made_by, f"on {about.created}" if about.created else "") if part)
    text = f"## Provenance\n\nThe table was made by {made or 'a program that did not say its name'}.\n"
    if about.notes:
        text += "\nWhat was done to scenes and labels on the way:\n\n" + "".join(
            f"- {note}\n" for note in about.notes
        )
    if about.config:
        text += f"\nIts settings:\n\n```json\n{json.dumps(about.config, indent=2, default=str)}\n```\n"
    return text


def _limits(table: ChipTable, facts: ReleaseFacts) -> str:
    frame = table.frame
    unknown = 1 - float((frame["valid"] * frame["height"] * frame["width"]).sum()) / float(
        (frame["height"] * frame["width"]).sum()
    )
    lines = [f"{100 * unknown:.1f} % of all pixels are unknown, in the labels or in a band; they are not background."]
    undated = sum(source.date is None for source in facts.sources)
    if undated:
        lines.append(
            f"The date of {undated} of {len(facts.sources)} scenes is not known: season and snow cannot be told."
        )
    levels = _without_level(facts)
    if levels:
        lines.append(
            f"The radiometric level of {', '.join(f'`{name}`' for name in levels)} is not known in some scenes."
        )
    if any(source.has_flags for source in facts.sources):
        lines.append("Pixels flagged FILLED hold values of another date: they never count in a metric.")
    empty = int((frame["valid"] <= 0).sum())
    if empty:
        lines.append(f"{empty:,} chips hold no known pixel at all.")
    lines.append("Labels were checked by nobody in the making of this release, beyond what the provenance says.")
    return "## Limits\n\n" + "".join(f"- {line}\n" for line in lines)


def _without_level(facts: ReleaseFacts) -> list[str]:
    names: Iterable[str] = (name for s in facts.sources for name, unit, level in s.bands if level == "unknown")
    return sorted(set(names))


def _terms(facts: ReleaseFacts) -> str:
    if facts.is_licence_known:
        text = f"Licence of this release: **{facts.licence}**.\n"
    else:
        text = "**No licence is stated: do not redistribute.**\n"
    if facts.source_licence and facts.source_licence != facts.licence:
        text += f"\nWhat the table says of its sources: {facts.source_licence}.\n"
    text += "\nThe scenes, elevation models and outlines that it is cut from keep the terms of their makers.\n"
    return f"## Licence and citation\n\n{text}\nCite as:\n\n> {facts.citation}\n"


def _use(facts: ReleaseFacts) -> str:
    first = "" if facts.has_patches else "Put the scenes into `scenes/` (and DEMs into `dems/`) first. "
    return f"""## How to read it

{first}With firnline:

```python
from pathlib import Path
from firnline.chips.table import read_table

table = read_table(Path("chips.parquet"))
for chip in table.chips("train"):
    ...  # chip.scene, chip.truth, chip.window
```

With anything else: `geopandas.read_parquet("chips.parquet")`, and the files named in its columns `scene` and `truth`
with GDAL or rasterio.
"""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _most(sizes: Counter[str]) -> str:
    common, *others = [name for name, _ in sizes.most_common()]
    return f"{common} (and {len(others)} other sizes)" if others else common


def _angle(value: float, letters: str) -> str:
    return f"{abs(value):.2f}° {letters[0] if value >= 0 else letters[1]}"
