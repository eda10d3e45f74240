"""The report as a page of one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skdistill._optional import import_optional
from skdistill.report._evidence import Evidence
from skdistill.report._figures import draw_figures
from skdistill.report._sections import list_sections

TEMPLATE = Path(__file__).with_name("template.html.jinja")


def write_page(content: dict[str, Any], evidence: Evidence, student: Any) -> str:
    """Fill the template; all texts are escaped, drawings are not."""
    jinja2 = import_optional("jinja2", extra="report", purpose="to_html")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        content=content,
        verdict=content["verdict"],
        sections=list_sections(content),
        figures=draw_figures(content, evidence, student),
    )
