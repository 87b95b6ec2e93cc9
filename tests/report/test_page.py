"""The page is one file: it holds everything, fetches nothing, and escapes what it is told."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from firnline.errors import OutputError
from firnline.report.content import Limit, ModelFacts, Picture, ReportContent, ResultFacts, SceneFacts, Severity
from firnline.report.limits import confidence_and_limits
from firnline.report.page import write_report


@pytest.fixture
def content(scene_facts: SceneFacts, model_facts: ModelFacts, result_facts: ResultFacts) -> ReportContent:
    return ReportContent(
        title="Glacier map of scene",
        limits=confidence_and_limits(scene_facts, model_facts, result_facts),
        pictures=(Picture("False colour", "swir16, green, blue", b"picture", "image/jpeg", wide=True),),
        result=result_facts,
        model=model_facts,
        scene=scene_facts,
        settings={"minimum_area_km2": 0.01, "smooth": False},
        provenance={"inputs": {"scene": "scene.tif", "sha256": "abc"}, "firnline": "0.1.0"},
    )


class Tags(HTMLParser):
    """Every tag with its attributes, in order, and whether all are closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_but_itself(content: ReportContent, tmp_path: Path) -> None:
    page = write_report(tmp_path / "report.html", content).read_text(encoding="utf-8")
    tags = Tags(page)
    assert tags.open == []
    assert {tag for tag, _ in tags.found}.isdisjoint({"script", "link", "iframe", "object", "embed"})
    sources = [attributes[name] for _, attributes in tags.found for name in ("src", "href") if name in attributes]
    assert sources == ["data:image/jpeg;base64," + base64.b64encode(b"picture").decode()]
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_limits_come_first_then_pictures_areas_and_settings(content: ReportContent, tmp_path: Path) -> None:
    page = write_report(tmp_path / "report.html", content).read_text(encoding="utf-8")
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == ["Confidence and limits", "Pictures", "Areas", "Model", "Scene", "Settings", "Provenance"]
    for said in ("everything is glacier", "6.30", "minimum area km2", "sha256", "40 Landsat 8 scenes of Nepal"):
        assert said in page


def test_what_files_say_is_escaped(content: ReportContent, tmp_path: Path) -> None:
    bad = "<script>alert(1)</script>"
    hostile = replace(
        content,
        title=bad,
        limits=(Limit(bad, bad, Severity.NOTE),),
        model=replace(content.model, name=bad, scores={}),
        settings={bad: bad},
        pictures=(replace(content.pictures[0], title='"><script>'),),
    )
    page = write_report(tmp_path / "report.html", hostile).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_report_without_areas_scores_date_and_sensor_is_whole(content: ReportContent, tmp_path: Path) -> None:
    bare = replace(
        content,
        result=replace(content.result, areas=()),
        model=ModelFacts("ndsi", "rule", ("clean ice",), ("green",)),
        scene=replace(content.scene, sensor=None, date=None),
        pictures=(),
    )
    page = write_report(tmp_path / "report.html", bare).read_text(encoding="utf-8")
    assert Tags(page).open == []
    assert "Nothing was mapped." in page
    assert "date not known" in page


def test_a_folder_in_the_way_is_told(content: ReportContent, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder"):
        write_report(tmp_path, content)
