"""The diagnosis in words: made once, for the terminal, Markdown, HTML and the notebooks."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis, Finding
from ecs_notebook_lib.diagnosis.considering import absence_of
from ecs_notebook_lib.diagnosis.what_changed import TOLD_FROM
from ecs_notebook_lib.diagnosis.words import meaning_of, percent, verdict
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.knowledge.change_kinds import change_kinds
from ecs_notebook_lib.knowledge.error_codes import Kind, kind_of
from ecs_notebook_lib.knowledge.weights import finding_kinds
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.untrusted import visible

SIMULATED = "Simulated data: this incident comes from the built-in demo world, not from an AWS account."
REDACTED = (
    "Redacted for sharing: account ids, addresses, host names, people and secrets are pseudonyms or left out; equal "
    "ones stay equal."
)
_HOURS_FROM, _DAYS_FROM = 5400, 172_800
_SHOWN_FROM = 0.005


def as_of(incident: Incident) -> str:
    """Return when AWS was read; of a case file, that it tells no time."""
    return "from what was reported" if incident.frames.reported else f"as of {utc_text(incident.snapshot.as_of)}"


def service(incident: Incident) -> str:
    """Return cluster, service, region and account, as far as they are known."""
    name = incident.snapshot.incident
    named = f"{name.cluster or 'cluster not told'} / {name.service or 'service not told'}"
    return named if incident.frames.reported else f"{named}, {name.region}, account {name.account or 'unknown'}"


def heading(incident: Incident) -> str:
    """Return which incident this is and when it was read, in one line."""
    name = incident.snapshot.incident
    if not incident.frames.reported:
        return f"{incident.title}, {name.region}, {as_of(incident)}"
    return f"{incident.title}: {service(incident)}" if name.service or name.cluster else incident.title


def first_answer(incident: Incident) -> str:
    """Return the leading cause as far as it is known, and whether customers are hurt, in one line."""
    text = f"{verdict(incident.diagnosis)} {impact(incident)}"
    return visible(f"{text} (Before logs, roles, network and metrics are in.)")


def impact(incident: Incident) -> str:
    """Return whether customers are hurt, as far as it is known."""
    state = incident.diagnosis.state
    known = {0: "No task serves requests.", 1: "1 task serves requests.", None: "Whether tasks serve is not known."}
    serving = known.get(state.serving_tasks, f"{state.serving_tasks} tasks serve requests.")
    began = "Rolling out since" if state.status == "stabilizing" else "Troubled since"
    since = f" {began} {state.since}." if state.since else ""
    if state.since and state.elb_5xx is not None:
        answers = f"{state.elb_5xx} requests itself with a 5xx, the targets {state.target_5xx or 0}"
        since += f" Since then the load balancer answered {answers}."
    return serving + (f" They run {state.serving}." if state.serving else "") + since


def duration(incident: Incident) -> str:
    """Return for how long the service has been troubled; `""` if it is not, or nothing is known of it."""
    state = incident.diagnosis.state
    if state.since is None:
        return ""
    span = incident.snapshot.as_of - parse_instant(state.since)
    return f"{span_in_words(span)} so far: from {state.since} to {utc_text(incident.snapshot.as_of)}."


def banners(incident: Incident) -> Iterator[str]:
    """Yield what a reader must know before anything else: simulated data, pseudonyms, a session that did not last."""
    if incident.simulated:
        yield SIMULATED
    if incident.snapshot.redacted:
        yield REDACTED
    yield from _lost_session(incident)


def _lost_session(incident: Incident) -> Iterator[str]:
    """Yield that the session was over before all was read, or that AWS refused the clock of who asked."""
    refused = incident.coverage[incident.coverage["hides"] != ""].fillna("")
    codes = refused["error"].str.partition(":")[0]
    kinds = {kind_of(code, message) for code, message in zip(codes, refused["message"], strict=True)}
    if Kind.SESSION_OVER in kinds:
        yield (
            f"The session expired while AWS was read: {len(refused)} operations were not answered, and this rests on "
            "the others. Sign in again, and collect the incident anew."
        )
    elif Kind.CLOCK in kinds:
        yield (
            "AWS refused calls for the time that they carried: the clock of the machine that asked is wrong. Set it, "
            "and collect the incident anew."
        )


def span_in_words(span: timedelta) -> str:
    """Return a span of time for people, in the unit that fits: `41 min`, `3.5 h`, `2.1 days`."""
    seconds = span.total_seconds()
    if abs(seconds) < _HOURS_FROM:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if abs(seconds) < _DAYS_FROM else f"{seconds / 86_400:.1f} days"


def prognosis(incident: Incident) -> str:
    """Return whether and when the service will be stable."""
    return incident.prognosis.statement


def what_to_do(incident: Incident) -> str:
    """Return what to do at once, in order, in one sentence; empty if there is nothing to be done."""
    steps = [f"{number}. {row.kind.title}" for number, row in enumerate(incident.treatment.immediate, start=1)]
    return f"{'; '.join(steps)}." if steps else ""


def rollback(incident: Incident) -> str:
    """Return whether going back is possible now, as far as it is known."""
    state = incident.diagnosis.state.rollback
    if state["to"] is None:
        return " ".join(state["because"])
    ready = {True: "is possible", False: "is not possible", None: "may be possible"}[state["ready"]]
    good = incident.frames.history.last_good
    when = f" Its deployment ended well on {good.created_at:%Y-%m-%d}." if good else ""
    return f"Going back to {state['to'].rpartition('/')[2]} {ready}.{when} {' '.join(state['because'])}"


def what_changed(incident: Incident) -> str:
    """Return the change that most likely brought the failure, in one sentence; empty if none is known to."""
    ranked = [row for row in incident.diagnosis.changes if row.score >= TOLD_FROM]
    if not ranked or incident.diagnosis.state.settled:
        return ""
    row = incident.frames.changes.set_index("change_id").loc[ranked[0].change_id]
    who = f" by {row['who']}" if pd.notna(row["who"]) else ""
    what = (
        f"{change_kinds()[ranked[0].kind].says} ({row['resource'].rpartition('/')[2]}: {row['member']} {row['effect']})"
    )
    told = f"{what}, at {row['changed_at']:%Y-%m-%d %H:%M} UTC{who}; {ranked[0].because}."
    return f"Of what changed since the last good deployment this most likely brought it: {told}"


def differential_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the causes that count, most likely first: cause, probability, for, against, not checked."""
    rows = [
        {
            "cause": row.cause,
            "probability": percent(row.probability),
            "meaning": meaning_of(row.cause),
            "for": _evidence(row.evidence_for),
            "against": _evidence(row.evidence_against),
            "not checked": ", ".join(row.missing[:3]),
        }
        for number, row in enumerate(diagnosis.differential)
        if row.probability >= _SHOWN_FROM or number < 3
    ]
    return pd.DataFrame(rows)


def _evidence(texts: Iterable[str]) -> str:
    return ", ".join(absence_of(text[3:]) if text.startswith("no ") else text for text in list(texts)[:4])


def hypotheses_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the five hypotheses of the story, each answered, with what the answer rests on."""
    rows = [
        {
            "hypothesis": row.title,
            "answer": row.answer,
            "probability": percent(row.probability),
            "because": _evidence(row.because),
            "made it worse": ", ".join(row.contributing),
        }
        for row in diagnosis.hypotheses
    ]
    return pd.DataFrame(rows)


def findings_table(diagnosis: Diagnosis, step: str = "") -> pd.DataFrame:
    """Return the findings, of one step if it is named: id, statement, what it is about, and what it counts as."""
    chosen = diagnosis.findings_of(step) if step else diagnosis.findings
    examined = diagnosis.state.examined_revision
    rows = [
        {"id": name, "finding": visible(row.statement), "revision": row.revision, "counts": _counts(row, examined)}
        for name, row in chosen
    ]
    return pd.DataFrame(rows, columns=["id", "finding", "revision", "counts"])


def _counts(finding: Finding, examined: str) -> str:
    kind = finding_kinds()[finding.kind]
    if kind.contributing:
        return "made it worse"
    if finding.revision not in ("", examined):
        return "another revision: weighs nothing"
    if not kind.weights:
        return "for information"
    return "evidence" if finding.weighs else "weighs nothing"


def plan_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return what to check next, the most telling for its effort first."""
    rows = [
        {
            "check": row.check.replace("_", " "),
            "command": visible(row.command),
            "expected bits": f"{row.expected_bits:.3f}",
            "minutes": row.effort_minutes,
            "not made because": visible(row.reason),
        }
        for row in diagnosis.plan
    ]
    return pd.DataFrame(rows, columns=["check", "command", "expected bits", "minutes", "not made because"])


def commands_table(diagnosis: Diagnosis) -> pd.DataFrame:
    """Return the story's diagnostic plan with this incident's ids: what to look at, and the command."""
    unknown = "an id that it takes is not known"
    rows = [{"step": row.title, "command": visible(row.command, limit=4000) or unknown} for row in diagnosis.commands]
    return pd.DataFrame(rows, columns=["step", "command"])


def gaps_table(incident: Incident) -> pd.DataFrame:
    """Return what was not seen: operation, AWS's words, what a refusal hides, and what was left out."""
    coverage = incident.coverage.fillna("")
    hidden = coverage[(coverage["hides"] != "") | (coverage["left_out"] != "")]
    return hidden[["operation", "status", "error", "hides", "left_out"]].reset_index(drop=True)


def unchecked(diagnosis: Diagnosis, step: str = "") -> list[str]:
    """Return a line for each check that could not be made, of one step if it is named."""
    rows = [row for row in diagnosis.results if row.outcome == "not_checked" and (not step or row.step == step)]
    return [f"{row.check.replace('_', ' ')}: {visible(row.reason)}" for row in rows]
