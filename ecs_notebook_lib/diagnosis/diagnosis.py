"""One incident examined: findings, differential, plan, and the document that programs read (DESIGN 5.5)."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis import words
from ecs_notebook_lib.diagnosis.checks import run_checks
from ecs_notebook_lib.diagnosis.commands import Command, commands_of
from ecs_notebook_lib.diagnosis.differential import Evidence, Ranked, evidence_of, families_of, rank, second_causes
from ecs_notebook_lib.diagnosis.findings import CheckResult, Finding, Outcome, listing
from ecs_notebook_lib.diagnosis.hypotheses import Hypothesis, answer_hypotheses
from ecs_notebook_lib.diagnosis.plan import Plan, PlannedCheck, make_plan
from ecs_notebook_lib.diagnosis.shell import Names
from ecs_notebook_lib.diagnosis.state import State, state_of
from ecs_notebook_lib.diagnosis.telling import LINES_SHOWN, telling_lines
from ecs_notebook_lib.diagnosis.what_changed import RankedChange, rank_changes
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.knowledge.needs import ecr_image
from ecs_notebook_lib.knowledge.weights import finding_kinds
from ecs_notebook_lib.snapshot.model import utc_text
from ecs_notebook_lib.untrusted import visible

_CHANGES = 10
_OF_CHANGES = ("subject", "resource", "member", "before", "after", "who", "event_name", "known_from")
SCHEMA = "ecs-notebook/diagnosis/1"
NOTHING_FURTHER: Mapping[str, Any] = {"treatment": {"immediate": [], "long_term": []}, "prognosis": None}
_LINE = 500
_ALSO_FROM = 0.25
"""Two faults at once share what one would have: a second one is looked for from this probability of the first on."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the frames come to. `findings` are numbered F1, F2, … in the order of the checks."""

    state: State
    findings: tuple[tuple[str, Finding], ...]
    results: tuple[CheckResult, ...]
    evidence: tuple[Evidence, ...]
    differential: tuple[Ranked, ...]
    families: dict[str, float]
    also: tuple[tuple[str, tuple[str, ...]], ...]
    hypotheses: tuple[Hypothesis, ...]
    plan: Plan
    commands: tuple[Command, ...]
    changes: tuple[RankedChange, ...]
    """What changed since the last good deployment, first what most likely brought the failure."""
    frames: Frames
    further: Callable[["Diagnosis"], Mapping[str, Any]] = lambda _diagnosis: NOTHING_FURTHER
    """Makes `treatment` and `prognosis` of the document: they follow from a diagnosis, which knows nothing of them."""

    def __repr__(self) -> str:
        return "\n".join(words.summary_of(self))

    def _repr_markdown_(self) -> str:
        return words.as_markdown(words.summary_of(self))

    @property
    def not_checked(self) -> tuple[tuple[str, str], ...]:
        """Return (check, reason) of each check that could not be made."""
        return tuple((row.check, row.reason) for row in self.results if row.outcome is Outcome.NOT_CHECKED)

    @property
    def contributing(self) -> tuple[tuple[str, str], ...]:
        """Return (condition, finding) of what made it worse."""
        kinds = finding_kinds()
        return tuple(
            (kinds[row.kind].contributing, name) for name, row in self.findings if kinds[row.kind].contributing
        )

    def finding(self, name: str) -> Finding:
        """Return the finding of this number, e.g. `F3`.

        Raises
        ------
        KeyError
            If there is none.
        """
        return dict(self.findings)[name]

    def findings_of(self, step: str) -> tuple[tuple[str, Finding], ...]:
        """Return the findings of one step."""
        checks = {row.check for row in self.results if row.step == step}
        return tuple((name, finding) for name, finding in self.findings if finding.check in checks)

    def weighs(self, finding: Finding) -> bool:
        """Say whether a finding moves causes: it is no bare fact, and not about another revision than the examined."""
        return finding.weighs and finding.revision in ("", self.state.examined_revision)

    def to_json(self) -> dict[str, Any]:
        """Return the document of DESIGN 5.5, for programs."""
        incident, frames = self.frames.snapshot.incident, self.frames
        return {
            "schema": SCHEMA,
            "incident": {
                "service_deployment": frames.history.examined.service_deployment if frames.history.examined else "",
                "cluster": incident.cluster,
                "service": incident.service,
                "region": incident.region,
                "account": incident.account,
                "window": [utc_text(instant) for instant in incident.window],
                "as_of": utc_text(frames.snapshot.as_of),
                "reported": frames.reported,
            },
            "status": self.state.status,
            "deployment": {
                "outcome": self.state.outcome,
                "examined": self.state.examined,
                "serving": self.state.serving,
            },
            "impact": {
                "serving_tasks": self.state.serving_tasks,
                "healthy_targets": self.state.healthy_targets,
                "target_5xx": self.state.target_5xx,
                "elb_5xx": self.state.elb_5xx,
                "since": self.state.since,
            },
            "rollback": dict(self.state.rollback),
            "chief_complaint": self.state.chief_complaint,
            "differential": [_ranked_json(number, row) for number, row in enumerate(self.differential, start=1)],
            "families": {name: round(value, 6) for name, value in self.families.items()},
            "also": [{"cause": cause, "for": list(ids)} for cause, ids in self.also],
            "contributing": [{"cause": cause, "finding": finding} for cause, finding in self.contributing],
            "hypotheses": [_hypothesis_json(row) for row in self.hypotheses],
            "findings": [self._finding_json(name, row) for name, row in self.findings],
            "not_checked": [{"check": check, "reason": reason} for check, reason in self.not_checked],
            "plan": [_planned_json(row) for row in self.plan],
            "commands": [{"title": row.title, "command": row.command} for row in self.commands],
            "changes": self._changes(),
            "log_lines": self._log_lines(),
            **self.further(self),
            "coverage": _coverage_json(frames.coverage),
        }

    def _log_lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log that tell most, most telling first."""
        lines = telling_lines(self.frames).head(LINES_SHOWN)
        columns = ["revision", "container", "log_stream", "level", "message", "why"]
        rows = lines[columns].astype(object).where(lines[columns].notna(), None).to_dict("records")
        times = (utc_text(when.to_pydatetime()) for when in lines["logged_at"])
        return [
            {"at": at, **{str(k): visible(v, limit=_LINE) if k == "message" else v for k, v in row.items()}}
            for at, row in zip(times, rows, strict=True)
        ]

    def _changes(self) -> list[dict[str, Any]]:
        """Return the changes that most likely brought the failure, with what each was."""
        rows = self.frames.changes.set_index("change_id")
        told = []
        for change in self.changes[:_CHANGES]:
            row = rows.loc[change.change_id]
            texts = {name: _plain(row[name]) for name in _OF_CHANGES}
            because = {"score": change.score, "causes": list(change.causes), "because": change.because}
            told.append({"at": utc_text(row["changed_at"].to_pydatetime()), **texts, **because})
        return told

    def _finding_json(self, name: str, finding: Finding) -> dict[str, Any]:
        kind = finding_kinds()[finding.kind]
        step = next(row.step for row in self.results if row.check == finding.check)
        operation = SCHEMAS[finding.frame].required[-1]
        return {
            "id": name,
            "kind": finding.kind,
            "check": finding.check,
            "step": step,
            "statement": finding.statement,
            "weights_decibans": dict(kind.weights) if self.weighs(finding) else {},
            "source": {"operation": operation, "at": self.frames.snapshot.read_at(operation)},
            "frame": finding.frame,
            "row_count": len(finding.rows),
            "revision": finding.revision,
            "parts": dict(finding.parts),
        }


def _plain(value: Any) -> str | None:
    return None if pd.isna(value) else visible(value, limit=_LINE)


def _ranked_json(number: int, row: Ranked) -> dict[str, Any]:
    return {
        "rank": number,
        "family": row.family,
        "cause": row.cause,
        "probability": round(row.probability, 6),
        "for": list(row.evidence_for),
        "against": list(row.evidence_against),
        "missing": list(row.missing),
    }


def _hypothesis_json(row: Hypothesis) -> dict[str, Any]:
    return {
        "title": row.title,
        "answer": row.answer,
        "probability": round(row.probability, 6),
        "because": list(row.because),
        "contributing": list(row.contributing),
    }


def _planned_json(row: PlannedCheck) -> dict[str, Any]:
    return {
        "check": row.check,
        "command": row.command,
        "expected_bits": row.expected_bits,
        "effort_minutes": row.effort_minutes,
        "separates": list(row.separates),
        "reason": row.reason,
        "outcomes": [
            {
                "finding": outcome.kind,
                "probability": outcome.probability,
                "cause": outcome.cause,
                "posterior": outcome.posterior,
            }
            for outcome in row.outcomes
        ],
    }


def _coverage_json(coverage: pd.DataFrame) -> list[dict[str, Any]]:
    rows = coverage[["operation", "status", "calls", "error", "hides", "left_out"]].fillna("")
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def diagnose(frames: Frames) -> Diagnosis:
    """Return what the frames come to. The same frames give the same diagnosis, on any day."""
    results = run_checks(frames)
    findings = tuple((f"F{n}", row) for n, row in enumerate((f for r in results for f in r.findings), start=1))
    state = state_of(frames)
    ids = {id(finding): name for name, finding in findings}
    evidence = evidence_of(results, ids, state.examined_revision)
    ranked = rank(evidence, results, observed="reported" if frames.reported else "live")
    probabilities = {row.cause: row.probability for row in ranked}
    worse: dict[str, list[str]] = defaultdict(list)
    for name, finding in findings:
        condition = finding_kinds()[finding.kind].contributing
        worse[condition.partition(".")[0]] += [name] if condition else []
    names = {} if frames.partial else _names(frames, state)
    return Diagnosis(
        state=state,
        findings=findings,
        results=results,
        evidence=tuple(evidence),
        differential=ranked,
        families=families_of(probabilities),
        also=second_causes(evidence, ranked[0].cause) if ranked[0].probability > _ALSO_FROM else (),
        hypotheses=answer_hypotheses(ranked, worse, known=state.status != "unknown"),
        plan=make_plan(results, probabilities, names),
        changes=() if frames.partial else rank_changes(frames, probabilities),
        commands=() if frames.partial or frames.reported else commands_of(frames, names),
        frames=frames,
    )


def _names(frames: Frames, state: State) -> Names:
    """Return what fills in the plan's commands; what is not known stays a placeholder."""
    incident = frames.snapshot.incident
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == state.examined]
    containers = frames.container_definitions[frames.container_definitions["task_definition"] == state.examined]
    task = frames.access[frames.access["role"] == "task"]
    image = ecr_image(listing(containers["image"], limit=1)) or {}
    places = frames.task_networks[frames.task_networks["which"] == "examined"]
    subnets, task_groups = (sorted(frames.examined_networks(member)) for member in ("subnet", "security_group"))
    groups = {*task_groups, *frames.load_balancer_groups["group_id"]}
    public = places["public_ip"].fillna(value=False).any()
    known: Names = {
        "security_groups": tuple(sorted(groups)),
        "task_groups": ",".join(task_groups),
        "public_ip": "ENABLED" if public else "DISABLED",
        "subnets": ",".join(subnets),
        "subnet_ids": tuple(subnets),
        "cluster": incident.cluster,
        "service": incident.service,
        "region": incident.region,
        "since": state.since or utc_text(incident.window[0]),
        "as_of": utc_text(frames.snapshot.as_of),
        "target_group": listing(frames.target_groups["target_group_arn"], limit=1),
        "revision": state.examined_revision,
        "listener": listing(frames.listeners["listener_arn"], limit=1),
        "health_check_path": listing(frames.target_groups["health_check_path"], limit=1),
        "log_group": listing(containers["log_group"], limit=1),
        "repository": str(image.get("repositoryName", "")),
        "tag": listing(containers["image"], limit=1).rpartition(":")[2] if image else "",
        "role": listing(definition["task_role_arn"], limit=1),
        "role_name": listing(definition["task_role_arn"], limit=1).rpartition("/")[2],
        "actions": tuple(sorted(task["action"].unique())),
        "resources": tuple(sorted(task["resource"].unique())),
        "bucket": listing(task.loc[task["resource"].str.startswith("arn:aws:s3:::"), "resource"], limit=1)
        .removeprefix("arn:aws:s3:::")
        .partition("/")[0],
    }
    shown = _TOLD if frames.reported else known
    return {name: known[name] for name in shown if known[name]}


_TOLD = ("cluster", "service", "health_check_path", "repository", "tag")
"""What a case file can tell of these; all else in its frames stands for what nobody told."""
