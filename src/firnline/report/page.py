"""The report as one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import jinja2

from firnline.files import replaced
from firnline.report.colours import CLASS_COLOURS
from firnline.report.content import Picture, ReportContent


def write_report(path: str | Path, content: ReportContent) -> Path:
    """Write a report: styles and pictures inside, no script, nothing fetched from a network.

    A content policy in the page forbids a browser to load anything, so that this stays true. What users and
    files say (names, paths, settings) is escaped.

    Returns
    -------
    The path.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    path = Path(path)
    page = render(content)
    with replaced(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return path


def render(content: ReportContent) -> str:
    """Fill the template: the page's HTML."""
    return fill("firnline.report", "template.html", content=content, colours=CLASS_COLOURS)


def fill(package: str, name: str, **values: object) -> str:
    """Fill a template of a package; what users and files say is escaped.

    Templates of other rooms may include ``head.html`` and ``style.css`` and import ``pairs.html`` of this one, so
    that all pages look alike.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda part: _text_of("firnline.report", part)),
    )
    environment.filters.update(data_url=_data_url, is_mapping=lambda value: isinstance(value, Mapping), plain=_plain)
    return environment.from_string(_text_of(package, name)).render(**values)


def _text_of(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def _data_url(picture: Picture) -> str:
    return data_url(picture.data, picture.mime)


def data_url(data: bytes, mime: str) -> str:
    """A file as a URL that holds it."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def _plain(value: object) -> str:
    """A setting in words: yes and no, lists with commas."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)
