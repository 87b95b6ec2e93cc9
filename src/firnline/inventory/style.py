"""How QGIS draws outlines: a style as QML, and the table by which a GeoPackage carries it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as Xml

from firnline.classes import LabelScheme
from firnline.report.colours import CLASS_COLOURS, HATCHED, rgb

STYLE_NAME: Final = "firnline classes"

_CREATE: Final = """
CREATE TABLE IF NOT EXISTS layer_styles (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  "f_table_catalog" TEXT(256), "f_table_schema" TEXT(256), "f_table_name" TEXT(256), "f_geometry_column" TEXT(256),
  "styleName" TEXT(30), "styleQML" TEXT, "styleSLD" TEXT, "useAsDefault" BOOLEAN, "description" TEXT,
  "owner" TEXT(30), "ui" TEXT(30), "update_time" DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)"""
_REGISTER: Final = """
INSERT OR IGNORE INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id)
VALUES ('layer_styles', 'attributes', 'layer_styles', '', strftime('%Y-%m-%dT%H:%M:%fZ','now'), 0)"""
_INSERT: Final = """
INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column,
                          styleName, styleQML, styleSLD, useAsDefault, description, owner)
VALUES ('', '', ?, ?, ?, ?, '', 1, 'Colours of the classes (Okabe & Ito 2008); debris is hatched', '')"""


def mapped_names(found: Iterable[str]) -> tuple[str, ...]:
    """The classes of the label scheme that outlines follow, those that were not found included.

    Examples
    --------
    >>> mapped_names(["clean ice"])
    ('clean ice', 'debris-covered ice')
    """
    names = set(found)
    mapped = (scheme.class_names[1:] for scheme in LabelScheme)
    return next((each for each in mapped if names <= set(each)), tuple(sorted(names)))


def qml(
    names: Sequence[str],
    attribute: str = "class",
    colours: Mapping[str, str] = CLASS_COLOURS,
    hatched: Collection[str] = HATCHED,
) -> str:
    """Write the QGIS 3 style of a layer of polygons: one category for each value of one of its columns.

    Fills are thin enough to see the image below. Debris is hatched as well as coloured.

    Parameters
    ----------
    names
        The values, in the order of the legend.
    attribute
        The column that holds them.
    colours
        The colour of each value, as ``#RRGGBB``.
    hatched
        Values that are hatched as well.

    Examples
    --------
    >>> root = Xml.fromstring(qml(["clean ice", "debris-covered ice"]).partition("\\n")[2])
    >>> [category.get("value") for category in root.iter("category")]
    ['clean ice', 'debris-covered ice']
    """
    root = Xml.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = Xml.SubElement(
        root, "renderer-v2", {"type": "categorizedSymbol", "attr": attribute, "symbollevels": "0", "forceraster": "0"}
    )
    categories, symbols = Xml.SubElement(renderer, "categories"), Xml.SubElement(renderer, "symbols")
    for number, name in enumerate(names):
        Xml.SubElement(
            categories, "category", value=name, label=name, symbol=str(number), type="string", render="true"
        )
        symbols.append(_symbol(str(number), colours[name], hatched=name in hatched))
    return _text(root)


def outline_qml(colour: str) -> str:
    """Write the QGIS 3 style of a layer of polygons that are all drawn alike: their outlines alone.

    Examples
    --------
    >>> Xml.fromstring(outline_qml("#000000").partition("\\n")[2]).find("renderer-v2").get("type")
    'singleSymbol'
    """
    root = Xml.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = Xml.SubElement(root, "renderer-v2", {"type": "singleSymbol", "symbollevels": "0", "forceraster": "0"})
    Xml.SubElement(renderer, "symbols").append(_symbol("0", colour, hatched=False, opacity=0))
    return _text(root)


def _text(root: Xml.Element) -> str:
    Xml.SubElement(root, "layerGeometryType").text = "2"
    Xml.indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + Xml.tostring(root, encoding="unicode")


def _symbol(name: str, colour: str, *, hatched: bool, opacity: int = 70) -> Xml.Element:
    red, green, blue = rgb(colour)
    solid, thin = f"{red},{green},{blue},255", f"{red},{green},{blue},{40 if hatched else opacity}"
    symbol = Xml.Element("symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    _layer(
        symbol,
        "SimpleFill",
        {
            **{"color": thin, "style": "solid", "joinstyle": "bevel"},
            **{"outline_color": solid, "outline_style": "solid", "outline_width": "0.4", "outline_width_unit": "MM"},
        },
    )
    if hatched:
        layer = _layer(
            symbol,
            "LinePatternFill",
            {
                **{"angle": "45", "color": solid, "distance": "1.6", "distance_unit": "MM"},
                **{"line_width": "0.2", "line_width_unit": "MM"},
            },
        )
        # QGIS finds the symbol inside the second layer by this name: @symbol@layer.
        line = Xml.SubElement(layer, "symbol", type="line", name=f"@{name}@1", alpha="1", clip_to_extent="1")
        _layer(
            line,
            "SimpleLine",
            {"line_color": solid, "line_style": "solid", "line_width": "0.2", "line_width_unit": "MM"},
        )
    return symbol


def _layer(symbol: Xml.Element, kind: str, properties: dict[str, str]) -> Xml.Element:
    layer = Xml.SubElement(symbol, "layer", {"class": kind, "enabled": "1", "locked": "0", "pass": "0"})
    options = Xml.SubElement(layer, "Option", type="Map")
    for key, value in properties.items():
        Xml.SubElement(options, "Option", type="QString", name=key, value=value)
    return layer


def store_style(path: Path, layer: str, geometry_column: str, style: str) -> None:
    """Put a style into a GeoPackage as the default of one of its layers, in the way QGIS does.

    QGIS looks in a table ``layer_styles``, which it lists in ``gpkg_contents`` as `attributes`.

    Raises
    ------
    OSError
        When SQLite cannot write.
    """
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(_CREATE)
            connection.execute(_REGISTER)
            connection.execute(_INSERT, (layer, geometry_column, STYLE_NAME, style))
    except sqlite3.Error as error:
        raise OSError(f"the style could not be stored: {error}") from error
