"""Executed notebook → one HTML page: verdict first, contents, code folded away, no request to any other host."""

from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ecs_notebook_lib.diagnosis.words import because, verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import words
from ecs_notebook_lib.report.jupyter import Config, HTMLExporter, NotebookNode
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible
from ecs_notebook_lib.version import __version__

_HIDDEN = ("parameters", "injected-parameters", "imports", "interactive")
_TEMPLATES = Path(str(files(__package__))) / "templates"


def html_of(executed: NotebookNode, incident: Incident) -> str:
    """Return the page. Its own policy forbids scripts and every request."""
    _describe_figures(executed)
    exporter = HTMLExporter(template_name="incident", config=Config(_config()))
    body, _ = exporter.from_notebook_node(executed, resources={"incident": _facts(executed, incident)})
    return str(body)


def _config() -> dict[str, Any]:
    return {
        "TemplateExporter": {"extra_template_basedirs": [str(_TEMPLATES)]},
        "TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": list(_HIDDEN)},
        "HTMLExporter": {
            "exclude_input_prompt": True,
            "exclude_output_prompt": True,
            "require_js_url": "",
            "mathjax_url": "",
            "mermaid_js_url": "",
            "jquery_url": "",
            "widget_renderer_url": "",
            "preprocessors": ["nbconvert.preprocessors.TagRemovePreprocessor"],
        },
    }


def _facts(executed: NotebookNode, incident: Incident) -> dict[str, Any]:
    state = incident.diagnosis.state
    facts = [
        ("What failed", state.chief_complaint),
        *(("Because", reason) for reason in because(incident.diagnosis)),
        ("Are customers hurt?", words.impact(incident)),
        ("Can we go back?", words.rollback(incident)),
        *(("What to do now", told) for told in (words.what_to_do(incident),) if told),
        ("When will it be stable?", words.prognosis(incident)),
        *(("What changed?", told) for told in (words.what_changed(incident),) if told),
        ("Service", words.service(incident)),
        *([] if incident.frames.reported else [("As of", utc_text(incident.snapshot.as_of))]),
    ]
    return {
        "title": visible(incident.title),
        "verdict": verdict(incident.diagnosis),
        "banner": words.SIMULATED if incident.simulated else "",
        "facts": [(fact, visible(value)) for fact, value in facts],
        "contents": _contents(executed),
        "style": (_TEMPLATES / "report.css").read_text(encoding="utf-8"),
        "version": __version__,
    }


def _contents(executed: NotebookNode) -> list[tuple[int, str, str]]:
    """Return (level, anchor, text) of the headings that the notebooks themselves have."""
    headings = []
    for cell in executed.cells:
        lines = cell.source.splitlines() if cell.cell_type == "markdown" else []
        for line in lines:
            marks, _, text = line.partition(" ")
            if marks in ("#", "##") and text:
                headings.append((len(marks), quote(text.replace(" ", "-"), safe="?%:!',();&=@"), text))
    return headings


def _describe_figures(executed: NotebookNode) -> None:
    """Give each figure the heading above it as its alternative text."""
    heading = "Figure"
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            heading = next((line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")), heading)
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output.metadata["image/png"] = {**output.metadata.get("image/png", {}), "alt": f"Plot: {heading}"}
