"""The page is one file, safe with any text, and can be read in every way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_parts import HOSTILE, make_case

from skdistill import DistillationReport

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Collect the tags, and check that each is closed where it should be."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module", params=["tree", "additive", "regression"])
def html(request):
    case = make_case(1) if request.param == "regression" else make_case(2, request.param)
    groups = [case.X.columns[0], "b"]
    report = DistillationReport.from_estimator(case.estimator, case.X, case.y, groups=groups)
    return report.to_html()


@pytest.fixture
def page(html):
    return Page(html)


def test_every_tag_is_closed(page):
    assert page.open == []


def test_no_text_of_the_user_becomes_a_tag(html, page):
    assert not page.all("script")
    assert "<script" not in html.lower()
    assert HOSTILE.split()[0].replace("<", "&lt;").split('"')[0].split(">")[0] in html


def test_it_needs_no_network(html, page):
    for _, attributes in page.tags:
        assert "src" not in attributes
        for name, value in attributes.items():
            if name.endswith("href"):
                assert value.startswith("#")
            assert not name.startswith("on")
    assert "@import" not in html
    assert not re.findall(r"url\((?!#)", html)


def test_names_of_parts_are_unique_and_links_lead_somewhere(page):
    names = Counter(a["id"] for _, a in page.tags if "id" in a)
    assert [name for name, count in names.items() if count > 1] == []
    for _, attributes in page.tags:
        for key in ("href", "xlink:href"):
            if attributes.get(key, "").startswith("#"):
                assert attributes[key][1:] in names
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in names


def test_headings_language_and_title(page):
    assert page.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert set(levels) == {1, 2}
    assert len(page.all("title")) == 1
    assert len(page.all("main")) == 1


def test_tables_and_figures_can_be_heard(page):
    assert len(page.all("table")) == len(page.all("caption")) > 3
    assert all(cell.get("scope") in ("row", "col") for cell in page.all("th"))
    drawings = [a for a in page.all("div") if a.get("role") == "img"]
    assert len(drawings) == len(page.all("svg")) >= 1
    assert all(a["aria-label"] for a in drawings)
    scrolled = [a for a in page.all("div") if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["aria-label"] for a in scrolled)


def test_light_dark_and_print(html):
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert "currentColor" in html


def test_pages_are_the_same_but_for_times():
    case = make_case(2)
    pages = [
        DistillationReport.from_estimator(case.estimator, case.X, case.y).to_html()
        for _ in range(2)
    ]
    svgs = [re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL) for page in pages]
    assert svgs[0] == svgs[1]


def test_file_is_what_is_returned(tmp_path):
    case = make_case(2)
    report = DistillationReport.from_estimator(case.estimator, case.X, case.y)
    path = tmp_path / "report.html"
    assert report.to_html(path) == path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        report.to_html(tmp_path / "nowhere" / "report.html")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page(html, tmp_path, scheme):
    pytest.importorskip("PySide6.QtWebEngineCore", reason="needs PySide6, which has a Chromium")
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    script = Path(__file__).with_name("open_page.py")
    command = [sys.executable, str(script), str(path), scheme]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    shown = json.loads(told)
    assert shown["verdict"]
    assert shown["n_svg"] == html.count("<svg")
    assert set(shown["asked"]) == {"file"}  # no network
    assert shown["console"] == []
    assert shown["targets"]
    assert shown["n_links"] >= 5  # by keyboard
    assert shown["overflow"] <= 0  # wide tables scroll by themselves
    assert shown["pdf_bytes"] > 10_000
    background, text = (luminance(shown[name]) for name in ("background", "text"))
    assert (background > text) == (scheme == "light")
    light, dark = max(background, text), min(background, text)
    assert (light + 0.05) / (dark + 0.05) > 7  # WCAG 2, level AAA


def luminance(colour):
    """Compute the relative luminance of WCAG 2 of ``rgb(r, g, b)``."""
    channels = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
