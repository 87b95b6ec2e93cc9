"""Metadata of a release for machines: Croissant 1.0 (MLCommons 2024), JSON-LD over schema.org's Dataset."""

from __future__ import annotations

import json
from typing import Any, Final

from firnline.chips.releases.data_card import ReleaseFacts
from firnline.chips.table import COLUMNS, ChipTable

_CONTEXT: Final = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_SPDX: Final = frozenset(
    (
        *("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-3.0", "CC-BY-SA-3.0"),
        *("ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "MIT", "Apache-2.0", "BSD-3-Clause"),
    )
)
_NOT_FIELDS: Final = frozenset(("glaciers", "geometry"))
"""Columns that a record of plain values does not have."""


def metadata_text(table: ChipTable, facts: ReleaseFacts, table_sha256: str) -> str:
    """The metadata as JSON text.

    Parameters
    ----------
    table
        The release's table.
    facts
        What it tells beside it.
    table_sha256
        Checksum of the table's file.
    """
    return json.dumps(_dataset(table, facts, table_sha256), indent=2, ensure_ascii=False) + "\n"


def _dataset(table: ChipTable, facts: ReleaseFacts, table_sha256: str) -> dict[str, Any]:
    west, south, east, north = (round(float(value), 6) for value in table.frame.total_bounds)
    dates = sorted(source.date for source in facts.sources if source.date is not None)
    leaks = "; ".join(table.about.leaks)
    split = table.about.split or "not recorded"
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": facts.title,
        "description": _description(table, facts),
        "version": facts.version,
        "datePublished": facts.date.isoformat(),
        "license": _licence(facts),
        "citeAs": facts.citation,
        **({"url": facts.url} if facts.url else {}),
        **({"creator": [{"@type": "sc:Person", "name": name} for name in facts.creators]} if facts.creators else {}),
        "keywords": ["glacier", "remote sensing", "semantic segmentation"],
        "spatialCoverage": {
            "@type": "sc:Place",
            "geo": {"@type": "sc:GeoShape", "box": f"{south} {west} {north} {east}"},
        },
        **({"temporalCoverage": f"{dates[0]}/{dates[-1]}"} if dates else {}),
        "rai:dataLimitation": f"Split: {split}. "
        + (f"THE SPLIT LEAKS: {leaks}." if leaks else "No leak is recorded."),
        "distribution": _distribution(table, facts, table_sha256),
        "recordSet": [_records(table)],
    }


def _description(table: ChipTable, facts: ReleaseFacts) -> str:
    text = facts.description or f"{len(table):,} chips of {len(facts.sources)} satellite scenes with glacier labels."
    return text if facts.is_licence_known else f"NO LICENCE IS STATED: do not redistribute. {text}"


def _licence(facts: ReleaseFacts) -> str:
    if not facts.is_licence_known:
        return "No licence is stated: do not redistribute"
    return f"https://spdx.org/licenses/{facts.licence}.html" if facts.licence in _SPDX else facts.licence


def _distribution(table: ChipTable, facts: ReleaseFacts, table_sha256: str) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": "chips.parquet",
            "name": "chips.parquet",
            "description": "The table of chips (GeoParquet).",
            "contentUrl": "chips.parquet",
            "contentSize": f"{table.path.stat().st_size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": table_sha256,
        }
    ]
    if facts.has_patches:
        files.append(_file_set("patches", "Bands of each chip, and its flags.", "image/tiff", "patches/*.tif"))
    files.append(_file_set("masks", "Class rasters; 255 is unknown.", "image/tiff", "masks/*.tif"))
    if facts.outlines:
        files.append(_file_set("outlines", "Outlines.", "application/geopackage+sqlite3", "outlines/*.gpkg"))
    return files


def _file_set(name: str, description: str, kind: str, pattern: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": description,
        "encodingFormat": kind,
        "includes": pattern,
    }


def _records(table: ChipTable) -> dict[str, Any]:
    columns = [name for name in COLUMNS if name not in _NOT_FIELDS and name in table.frame.columns]
    return {
        "@type": "cr:RecordSet",
        "@id": "chips",
        "name": "chips",
        "description": "One record a chip.",
        "key": {"@id": "chips/id"},
        "field": [_field(name) for name in columns],
    }


def _field(name: str) -> dict[str, Any]:
    kind, _, meaning = COLUMNS[name].partition(": ")
    return {
        "@type": "cr:Field",
        "@id": f"chips/{name}",
        "name": f"chips/{name}",
        "description": meaning or kind,
        "dataType": _data_type(kind),
        "source": {"fileObject": {"@id": "chips.parquet"}, "extract": {"column": name}},
    }


def _data_type(kind: str) -> str:
    word = kind.replace(",", " ").split()[0]
    return {"int32": "sc:Integer", "float64": "sc:Float", "date": "sc:Date"}.get(word, "sc:Text")
