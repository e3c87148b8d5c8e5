"""A report that is shared: made again from the redacted snapshot, so nothing in any of its files tells a secret."""

import base64
import json
import re
import zipfile

import pytest

from ecs_notebook_lib.cli import main
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import write_report
from ecs_notebook_lib.report.jupyter import nbformat
from ecs_notebook_lib.snapshot import load_snapshot, save_snapshot
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.treatment.apply.journal import Heading, begin

from .conftest import incident_of
from .planted import planted

NOON = parse_instant("2025-07-12T12:00:00Z")
NOTES = """## Incident clock

| moment | time |
| --- | --- |
| began | 2025-07-12T07:50Z |

## Decisions

Ben (ben@example.org) rolled back from 10.1.2.3 with key {key}.
"""
_FIGURE = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Return the report of an incident full of secrets, with notes and a journal, and what was planted."""
    folder = tmp_path_factory.mktemp("shared")
    snapshot, secrets = planted(incident_of("clarity-backend").snapshot, seed=7)
    key = next(secret.text for secret in secrets if secret.kind == "access key")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        first = folder / "reports" / "clarity-backend-cluster--clarity-backend--20250712T091500Z"
        first.mkdir(parents=True)
        (first / "notes.md").write_text(NOTES.format(key=key), encoding="utf-8")
        who = f"arn:aws:iam::444455556666:user/{key}"
        heading = Heading(
            "roll_back", "permissions.task_role", "c", "clarity-backend", "444455556666", "us-east-1", who
        )
        with begin(folder / "journals", heading, NOON) as journal:
            journal.write("intent", NOON, step=0, operation="ecs:UpdateService", params={"service": "web"})
        report = write_report(Incident(snapshot), journal=journal.path, share=True)
        folder_of_report = report.folder.resolve()
    return report, folder_of_report, secrets


def texts_of(folder):
    """Yield the name and the text of every file: archives opened, and figures as what is drawn in them."""
    for path in folder.iterdir():
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path.name}/{name}", archive.read(name).decode()) for name in archive.namelist())
        else:
            text = path.read_text(encoding="utf-8")
            yield path.name, text
            figures = (base64.b64decode(found).decode() for found in _FIGURE.findall(text))
            yield from ((f"{path.name}/figure {number}", figure) for number, figure in enumerate(figures))


def test_no_planted_secret_is_in_any_file(shared, record_property):
    report, folder, secrets = shared
    texts = dict(texts_of(folder))

    found = [
        (secret.kind, secret.place, name) for secret in secrets for name, text in texts.items() if secret.text in text
    ]

    record_property(
        "secrets planted, of kinds, files and figures searched",
        (len(secrets), len({s.kind for s in secrets}), len(texts)),
    )
    assert report.errors == ()
    assert len(secrets) == 200
    assert len({secret.kind for secret in secrets}) >= 20
    assert sum("figure" in name for name in texts) == 16
    assert found == []


def test_the_planted_secrets_are_in_a_report_that_is_not_shared(tmp_path):
    snapshot, secrets = planted(incident_of("clarity-backend").snapshot, seed=7)
    save_snapshot(snapshot, tmp_path / "snapshot.zip")
    text = "\n".join(text for _, text in texts_of(tmp_path))

    assert all(json.dumps(secret.text)[1:-1] in text for secret in secrets)


def test_notes_and_journal_are_redacted_and_the_page_says_so(shared):
    report, folder, _ = shared
    page = (folder / "report.html").read_text(encoding="utf-8")

    assert folder.name.endswith("--shared")
    assert not (folder / "notes.md").exists()
    assert "Redacted for sharing" in page
    assert "rolled back from" in page
    assert "ben@example.org" not in page
    assert "10.1.2.3 " not in page
    assert "444455556666" not in (folder / "treatment.jsonl").read_text(encoding="utf-8")
    assert load_snapshot(folder / "snapshot.zip").redacted
    assert sum(report.masked.values()) > 200


def test_a_cell_that_fails_tells_its_error_and_not_whose_machine_it_was(tmp_path, monkeypatch):
    whole = _unexecuted()
    whole.cells[7].outputs = [
        nbformat.v4.new_output(
            "error",
            ename="KeyError",
            evalue="arn:aws:iam::444455556666:role/web",
            traceback=["File /home/anna/venv/lib/frames.py, line 3"],
        )
    ]
    monkeypatch.setattr("ecs_notebook_lib.report.writing._execute_all", lambda *_asked: whole)

    report = write_report(incident_of("clarity-healthy"), folder=str(tmp_path / "out"), share=True)
    texts = "".join(text for _, text in texts_of(report.folder))

    assert report.errors[0].startswith("incident_report: KeyError: arn:aws:iam::")
    assert "/home/anna" not in texts
    assert "444455556666" not in texts


def test_the_command_tells_what_was_masked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("ecs_notebook_lib.report.writing._execute_all", lambda *_asked: _unexecuted())
    monkeypatch.chdir(tmp_path)

    code = main(["report", "demo:clarity-healthy", "--share", "--quiet"])

    told = capsys.readouterr()
    assert code == 0
    assert told.out == "reports/clarity-backend-cluster--clarity-backend--20250712T091500Z--shared/report.html\n"
    assert re.search(r"masked .*account id: \d+", told.err)


def _unexecuted():
    from ecs_notebook_lib import notebooks_directory
    from ecs_notebook_lib.report.composing import compose

    return compose(notebooks_directory())
