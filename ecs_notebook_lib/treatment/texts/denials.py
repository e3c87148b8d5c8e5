"""What AWS denies the examined revision now, told apart by what lifts it: an allow, or a change of what denies."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.needs import RoleKind, role_name
from ecs_notebook_lib.policy.documents import boundary_allows, explicit_denies, loaded

_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+\Z", re.ASCII)
_CLAUSE = re.compile(
    r"not authorized to perform: (\S{1,200}) on resource: (\S{1,2000}?)[.,]? "
    r"(?:with an explicit deny in an? (?:[\w ]{0,20}?)(?P<deny>[\w-]+(?: [\w-]+){0,3} policy|permissions boundary)"
    r"|because no (?P<allow>[\w -]{3,60}?) allows)",
)
_SAID = 4000


class By(StrEnum):
    """What decides a denial."""

    NOTHING_ALLOWS = "nothing allows it"
    IDENTITY_DENY = "a policy of the role denies it"
    RESOURCE_DENY = "the resource's own policy denies it"
    BOUNDARY = "the permissions boundary does not allow it"
    ORGANIZATION = "a policy of the organization denies it"
    ENDPOINT = "the policy of a VPC endpoint denies it"
    RESOURCE_SILENT = "the resource's own policy does not allow it"


@dataclass(frozen=True, slots=True, order=True)
class Denied:
    """One action on one resource, as AWS names it, that the role of a kind is denied now."""

    role_arn: str
    action: str
    resource: str
    by: By
    named_by: str = ""


def role_arn_of(frames: Frames, kind: RoleKind) -> str:
    """Return the role of the examined revision; empty if it has none, or its ARN is no role's."""
    return role_of(frames, kind, frames.history.examined_definition)


def former_role_arn(frames: Frames, kind: RoleKind) -> str:
    """Return the role of the last good revision; empty if it is not known."""
    return role_of(frames, kind, frames.history.good_definition)


def role_of(frames: Frames, kind: RoleKind, task_definition: str) -> str:
    """Return a role of a task definition; empty if it names none."""
    rows = frames.task_definitions[frames.task_definitions["task_definition"] == task_definition]
    arn = rows[f"{kind}_role_arn"].dropna()
    return str(arn.iloc[0]) if len(arn) and _ROLE_ARN.match(str(arn.iloc[0])) else ""


def denied_now(diagnosis: Diagnosis, kind: RoleKind) -> tuple[Denied, ...]:
    """Return what the role of the examined revision is denied now; empty: nothing, or nothing is known of it.

    What only a variable names was not asked for yet, and does not count.
    """
    frames = diagnosis.frames
    arn = role_arn_of(frames, kind)
    rows = frames.access[(frames.access["role"] == str(kind)) & (frames.access["role_arn"] == arn)]
    told = _told(frames, arn)
    return tuple(sorted(set(_denied(frames, rows[rows["because"] != "named"], told))))


def _denied(frames: Frames, rows: pd.DataFrame, told: dict[tuple[str, str], str]) -> Iterator[Denied]:
    for row in rows.fillna("").to_dict("records"):
        pair = str(row["role_arn"]), str(row["action"]), str(row["resource"])
        by = _by(frames, {str(key): str(value) for key, value in row.items()}, told.get(pair[1:], ""))
        if by is not None:
            yield Denied(*pair, by, str(row["named_by"]))


def _by(frames: Frames, row: dict[str, str], told: str) -> By | None:
    """Return what decides a row of `access`; what the policies say now counts before what AWS said then."""
    if row["resource_verdict"] == "explicit_deny":
        return By.RESOURCE_DENY
    role = role_name(row["role_arn"])
    if row["identity_verdict"] == "explicit_deny":
        denied = explicit_denies(policies_of(frames, role), row["action"], row["resource"])
        return By.IDENTITY_DENY if denied or told != By.ORGANIZATION else By.ORGANIZATION
    if told in (By.ORGANIZATION, By.ENDPOINT):
        return By(told)
    if row["identity_verdict"] == "allowed":
        silent = row["verdict"] == "implicit_deny" and row["action"].startswith("kms:")
        unread = told == By.RESOURCE_DENY and not row["resource_verdict"]
        return By.RESOURCE_SILENT if silent else By.RESOURCE_DENY if unread else None
    if boundary_allows(boundary_of(frames, role), row["action"], row["resource"]) is False:
        return By.BOUNDARY
    if row["verdict"] == "implicit_deny":
        return By.NOTHING_ALLOWS
    unsure = row["verdict"] == "undecided" and row["because"] == "denied" and not row["identity_verdict"]
    return (By(told) if told else By.NOTHING_ALLOWS) if unsure else None


def policies_of(frames: Frames, role: str) -> list[tuple[str, str]]:
    """Return (name or ARN, document) of the identity policies of a role, as far as they were read."""
    rows = frames.policies[frames.policies["role_name"] == role].dropna(subset=["document"])
    return [(str(policy), str(document)) for policy, document in zip(rows["policy"], rows["document"], strict=True)]


def boundary_arn_of(frames: Frames, role: str) -> str:
    """Return the ARN of a role's permissions boundary; empty if it has none."""
    arns = frames.roles.loc[frames.roles["role_name"] == role, "boundary_arn"].dropna()
    return str(arns.iloc[0]) if len(arns) else ""


def boundary_of(frames: Frames, role: str) -> dict[str, object] | None:
    """Return the document of a role's permissions boundary; None without one, or if it was not read."""
    arn = boundary_arn_of(frames, role)
    pages = [page for page in frames.snapshot.records("iam:GetPolicyVersion") if page["params"]["PolicyArn"] == arn]
    answered = [page["response"] for page in pages if page["response"]]
    return loaded(answered[-1]["PolicyVersion"].get("Document")) if arn and answered else None


_WORDS = {
    "service control policy": By.ORGANIZATION,
    "resource control policy": By.ORGANIZATION,
    "endpoint policy": By.ENDPOINT,
    "permissions boundary": By.BOUNDARY,
    "resource-based policy": By.RESOURCE_DENY,
    "identity-based policy": By.IDENTITY_DENY,
}


def _told(frames: Frames, role_arn: str) -> dict[tuple[str, str], str]:
    """Return what AWS's own sentences name as deciding, by (action, resource); the last sentence counts."""
    session = f":assumed-role/{role_name(role_arn)}/"
    texts = pd.concat([frames.log_events["message"], frames.tasks["stopped_reason"]]).dropna().unique()
    told: dict[tuple[str, str], str] = {}
    for text in (str(text)[:_SAID] for text in texts):
        if role_name(role_arn) and session in text:
            for match in _CLAUSE.finditer(text):
                words = (match["deny"] or match["allow"] or "").lower()
                by = next((by for phrase, by in _WORDS.items() if phrase in words), "")
                silent = match["allow"] and by in (By.IDENTITY_DENY, By.RESOURCE_DENY)
                told[match[1], match[2]] = By.NOTHING_ALLOWS if silent else by
    return told
