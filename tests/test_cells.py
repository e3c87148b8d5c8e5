"""What a cell shows when something is wrong, and what Tab offers: in a real kernel, against a served account."""

import inspect
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

import ecs_notebook_lib
from ecs_notebook_lib import errors, plots, widgets
from ecs_notebook_lib.report.executing import execute
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.simulate import HTTPResponse, build, serve

from .conftest import environment

ANSI = re.compile(r"\x1b\[[0-9;]*m")
EXPIRED = ("ExpiredTokenException", "The security token included in the request is expired")
DENIED = ("AccessDeniedException", "User: \x1b[2J<b>me</b> is not authorized to perform: ecs:DescribeServices")
SOURCE = "live:clarity-backend-cluster/clarity-backend"
HEAD = """
from ecs_notebook_lib import Access, open_incident
from ecs_notebook_lib.report.display import show_source
from ecs_notebook_lib.widgets import log_search, task_browser
"""


def refusing(code, message):
    body = json.dumps({"__type": code, "message": message}).encode()
    return lambda _request: HTTPResponse(400, {"Content-Type": "application/x-amz-json-1.1"}, body)


def without_our_cluster(request):
    """Answer as another region of the same account does, in which there is no such cluster."""
    if request.headers.get("X-Amz-Target", "").endswith("ListClusters"):
        return HTTPResponse(200, {}, b'{"clusterArns": []}')
    return refusing("ClusterNotFoundException", "Cluster not found.")(request)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """Run all cells by papermill in one kernel and return the outputs of each, by its name."""
    responders = {"good": build("clarity-backend").respond, "region": without_our_cluster}
    responders |= {"expired": refusing(*EXPIRED), "denied": refusing(*DENIED)}
    folder = tmp_path_factory.mktemp("cells")
    with ExitStack() as stack:
        servers = {name: stack.enter_context(serve(respond, "127.0.0.1")) for name, respond in responders.items()}
        urls = {name: server.url for name, server in servers.items()}
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in environment(urls["good"]).items():
            patch.setenv(name, value if name != "HOME" else os.environ["HOME"])
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        sources = {"imports": HEAD, **_sources(urls)}
        written = nbformat.v4.new_notebook(cells=[_cell(source) for source in sources.values()])
        nbformat.write(written, folder / "cells.ipynb")
        executed = execute(folder / "cells.ipynb", folder / "out.ipynb", {}, folder=folder)
    return dict(zip(sources, [cell.outputs for cell in executed.cells], strict=True))


def _cell(source):
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"]})


def _sources(urls):
    opened = "open_incident({source!r}, access=Access(endpoint_url={url!r}{more}){rest})"
    good = {"source": SOURCE, "url": urls["good"], "more": "", "rest": ""}

    def opening(**changed):
        return opened.format(**{**good, **changed})

    completing = "print(get_ipython().kernel.do_complete({0!r}, len({0!r}))['matches'])"
    return {
        "expired": opening(url=urls["expired"]),
        "wrong region": opening(url=urls["region"], more=", region='eu-west-1'"),
        "no such region": opening(more=", region='nowhere !'"),
        "no such profile": opening(more=", profile='nobody'"),
        "no such service": opening(source="live:clarity-backend-cluster/clarity-backnd"),
        "window": opening(rest=", window='soon'"),
        "unreachable": opening(url="http://127.0.0.1:9"),
        "no snapshot": "open_incident('nothing.zip')",
        "denied": f"show_source({opening(url=urls['denied'])})",
        "picker": "picked = open_incident()",
        "not picked": "show_source(picked)",
        "bug": "1 / 0",
        "incident": "incident = open_incident('demo:clarity-backend'); frames = incident.frames; frames.tasks; None",
        "complete incident": completing.format("incident."),
        "complete frames": completing.format("frames."),
        "complete source": completing.format("open_incident("),
        "complete widget": completing.format("log_search(frames.log_events, "),
        "complete package": completing.format("import ecs_notebook_lib.wid"),
    }


BOXES = [
    ("expired", "AWS cannot be called", "ExpiredTokenException", "Sign in again"),
    ("wrong region", "AWS has no such cluster or service", "No cluster is named", "`region` or `profile`"),
    ("no such region", "AWS cannot be called", "'nowhere !'", "correct `profile` and `region`"),
    ("no such profile", "AWS cannot be called", "(nobody) could not be found", "correct `profile` and `region`"),
    ("no such service", "AWS has no such cluster or service", "Did you mean: clarity-backend", "Correct `source`"),
    ("window", "The window cannot be read", "The window 'soon'", "Correct `window`"),
    ("unreachable", "AWS cannot be called", "127.0.0.1:9", "`region`"),
    ("no snapshot", "The snapshot cannot be opened", "there is no such file", "Correct `source`"),
    ("not picked", "Nothing is picked yet", "nothing has been picked", "Pick a service, a snapshot or a demo"),
]


@pytest.mark.parametrize(("name", "title", "what", "next_step"), BOXES, ids=[row[0] for row in BOXES])
def test_an_error_is_one_box_with_what_happened_to_what_and_what_to_do(name, title, what, next_step, cells):
    [error] = cells[name]

    shown = [ANSI.sub("", line) for line in "\n".join(error.traceback).split("\n")]
    words = " ".join(line.strip("│ ") for line in shown[1:-1])
    assert error.output_type == "error"
    assert shown[0].startswith(f"╭─ {title} ─")
    assert {len(line) for line in shown} == {len(shown[0])}
    assert len(shown) <= 9
    assert what in words
    assert next_step in words.partition("Next:")[2]


def test_a_refused_service_is_a_box_above_the_gaps_and_no_error(cells):
    [shown] = cells["denied"]
    text = shown.data["text/markdown"]

    assert text.startswith("> **AWS does not show this service.**")
    assert "not authorized to perform: ecs:DescribeServices" in text
    assert "> **Next:** choose a `profile`" in text
    assert "\x1b" not in text
    assert "<b>" not in text


def test_the_picker_is_shown_in_a_notebook_and_leaves_words_where_no_widget_is(cells):
    [shown] = cells["picker"]

    assert set(shown.data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert "Nothing is picked yet" in shown.data["text/plain"]


def test_a_bug_keeps_its_traceback(cells):
    [error] = cells["bug"]

    assert len("\n".join(error.traceback).splitlines()) > 2
    assert "╭" not in "\n".join(error.traceback)


@pytest.mark.parametrize("name", [row[0] for row in BOXES if row[0] != "not picked"])
def test_the_command_tells_the_same_in_one_line(name, cells):
    [error] = cells[name]

    assert "\n" not in error.evalue
    assert "╭" not in error.evalue


def test_hostile_words_of_aws_do_not_break_the_box():
    lines = errors.AccessError("a\x1b[2J\u202e " + "<b>x</b> " * 40 + "\n" + "y" * 300)._render_traceback_()

    shown = [ANSI.sub("", line) for line in lines]
    assert not {"\x1b", "\u202e"} & set("".join(shown))
    assert {len(line) for line in shown} == {len(shown[0])}


@pytest.mark.parametrize(
    "error", [row for row in vars(errors).values() if inspect.isclass(row) and issubclass(row, errors.EcsNotebookError)]
)
def test_every_error_has_a_title_that_fits_and_a_next_step_that_is_a_sentence(error):
    assert 10 < len(error.happened) < 60
    assert error.next_step[0].isupper()
    assert error.next_step.endswith(".")


def completions(cells, name):
    return {match.rpartition(".")[2] for match in re.findall(r"'([^']*)'", cells[name][0].text)}


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("complete incident", {"frames", "diagnosis", "snapshot", "coverage", "treatment", "prognosis", "title"}),
        ("complete frames", {"tasks", "events", "log_events", "targets", "gaps", "service_deployments"}),
        ("complete source", {"source=", "window=", "access=", "store="}),
        ("complete widget", {"text=", "regex=", "level=", "revision=", "container=", "context="}),
        ("complete package", {"widgets"}),
    ],
)
def test_tab_offers_what_there_is(name, offered, cells):
    assert offered <= completions(cells, name)


@pytest.mark.parametrize("name", ["complete incident", "complete frames"])
def test_tab_offers_nothing_that_is_not_for_people(name, cells):
    assert not [match for match in completions(cells, name) if match.startswith("_")]


PUBLIC = [
    *((ecs_notebook_lib, name) for name in ecs_notebook_lib.__all__ if name != "__version__"),
    *((plots, name) for name in plots.__all__),
    *((widgets, name) for name in widgets.__all__),
    *((ecs_notebook_lib.Incident, name) for name in vars(ecs_notebook_lib.Incident) if not name.startswith("_")),
]


@pytest.mark.parametrize(("home", "name"), PUBLIC, ids=[name for _, name in PUBLIC])
def test_the_first_line_of_what_help_shows_is_a_sentence(home, name):
    first = (inspect.getdoc(inspect.getattr_static(home, name, None) or getattr(home, name)) or "").splitlines()[0]

    assert first[0].isupper()
    assert first.endswith(".")
    assert 20 < len(first) <= 120


def test_help_on_opening_an_incident_shows_every_parameter():
    parameters = inspect.signature(ecs_notebook_lib.open_incident).parameters

    assert list(parameters)[:4] == ["source", "window", "task_definition", "access"]
    assert "picker" in inspect.getdoc(ecs_notebook_lib.open_incident)


def test_a_plain_python_has_one_line_and_its_traceback():
    code = "from ecs_notebook_lib import open_incident; open_incident('')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr

    assert told.splitlines()[-1].startswith("ecs_notebook_lib.errors.SourceError: The source '' is not complete.")
    assert "╭" not in told
