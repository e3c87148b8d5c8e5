"""Statements that lift an implicit denial: what is denied now, and, marked, what the last good revision's role had."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.arns import partition_of
from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.actions import gives_access, in_managed_execution_policy, is_plain_action, resources_for
from ecs_notebook_lib.knowledge.ends import is_partial_secret
from ecs_notebook_lib.knowledge.needs import RoleKind, role_name
from ecs_notebook_lib.policy.documents import Document, loaded, parsed_statements
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.denials import By, Denied, denied_now, former_role_arn, policies_of
from ecs_notebook_lib.treatment.texts.forms import role_policy
from ecs_notebook_lib.treatment.texts.last_good import allows, former_statements, lacks
from ecs_notebook_lib.treatment.texts.secret_keys import key_statements

VERSION = "2012-10-17"
FORMER_SID = "LastGoodRoleHadThis"
_FORMER_MARK = f"{FORMER_SID}…: not denied now; what the last good revision's role had for the same services."
_MANAGED = "service-role/AmazonECSTaskExecutionRolePolicy"
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One denial that no statement is made for, and why."""

    action: str
    resource: str
    why: str


@dataclass(frozen=True, slots=True)
class PolicyText:
    """An inline policy for PutRolePolicy. `document` holds what is denied now and what the last good role had.

    `least_document` is without the latter; `statement_actions` are the actions denied now, `from_last_good` the
    statements of the last good role, `managed_policy` the ARN of AWS's own policy that would do as well, if there is
    one. All of them keep what a policy of this name already holds.
    """

    role_arn: str
    role_name: str
    policy_name: str
    document: Document
    least_document: Document
    statement_actions: tuple[str, ...]
    from_last_good: tuple[Document, ...]
    managed_policy: str
    left_out: tuple[LeftOut, ...]
    fragment: Fragment


def allow_statement(diagnosis: Diagnosis, role: str) -> PolicyText | None:
    """Return the policy that lifts the implicit denials of the role `task` or `execution`; None if there is none.

    What a statement explicitly denies is not in it: an allow cannot lift that.
    """
    kind, frames = RoleKind(role), diagnosis.frames
    denied = [row for row in denied_now(diagnosis, kind) if row.by is By.NOTHING_ALLOWS]
    if not denied or _does_not_exist(frames, denied[0].role_arn):
        return None
    arn = denied[0].role_arn
    present = [row for _, text in policies_of(frames, role_name(arn)) for row in parsed_statements(loaded(text) or {})]
    pairs, left_out = _allowed(denied, present)
    now = [*_grouped(pairs), *key_statements(frames, pairs)]
    if not now:
        return None
    services = {action.partition(":")[0] for action, _ in pairs}
    former_arn = former_role_arn(frames, kind)
    had = former_statements(policies_of(frames, role_name(former_arn)), services) if former_arn not in ("", arn) else []
    former = _numbered(lacks(had, [*present, *now]))
    name = policy_name(frames.snapshot.incident.service)
    existing = dict(policies_of(frames, role_name(arn))).get(name)
    document = merged(existing, [*now, *former])
    return PolicyText(
        role_arn=arn,
        role_name=role_name(arn),
        policy_name=name,
        document=document,
        least_document=merged(existing, now),
        statement_actions=tuple(sorted({action for action, _ in pairs})),
        from_last_good=tuple(former),
        managed_policy=_managed(frames, arn, [action for action, _ in pairs]) if kind is RoleKind.EXECUTION else "",
        left_out=tuple(left_out),
        fragment=role_policy(
            f"Policy {name} of the {role} role {role_name(arn)}",
            role_name(arn),
            name=name,
            document=document,
            marks=(_FORMER_MARK,) if former else (),
        ),
    )


def policy_name(service: str) -> str:
    """Return the name of the inline policy that is written for a service: one of its own, so that none is overwritten.

    A policy of this name that exists is one that was written so before.
    """
    return f"ecs-notebook-{re.sub(r'[^A-Za-z0-9_+=,.@-]', '-', service)}"[:_LONGEST_NAME]


def _does_not_exist(frames: Frames, role_arn: str) -> bool:
    rows = frames.named_things[(frames.named_things["kind"] == "role") & (frames.named_things["name"] == role_arn)]
    return bool(rows["exists"].eq(other=False).fillna(value=False).any())


def _allowed(denied: Iterable[Denied], present: list[Document]) -> tuple[list[tuple[str, str]], list[LeftOut]]:
    """Return (action, resource) of what is to be allowed, and what is left out: the words of a log are not obeyed."""
    pairs: dict[tuple[str, str], None] = {}
    left_out = []
    for row in denied:
        resources = resources_for(row.action, row.resource)
        if not is_plain_action(row.action):
            left_out.append(LeftOut(row.action, row.resource, "it is not one action of one service"))
        elif gives_access(row.action):
            left_out.append(LeftOut(row.action, row.resource, "it gives access to others: decide that by hand"))
        elif not resources:
            left_out.append(LeftOut(row.action, row.resource, "the denial does not name one resource by its ARN"))
        elif is_partial_secret(row.action, row.resource) and allows(present, row.action, resources[0]):
            left_out.append(LeftOut(row.action, row.resource, "the role allows the secret by its full ARN: name it so"))
        else:
            pairs |= dict.fromkeys((row.action, one) for one in resources)
    return list(pairs), left_out


def _grouped(pairs: Iterable[tuple[str, str]]) -> Iterator[Document]:
    """Yield a statement for each service and set of resources, so that no action is allowed on another's resource."""
    resources: dict[str, set[str]] = defaultdict(set)
    for action, resource in pairs:
        resources[action].add(resource)
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for action, named in sorted(resources.items()):
        groups[action.partition(":")[0], tuple(sorted(named))].append(action)
    counts: dict[str, int] = defaultdict(int)
    for (service, on), actions in groups.items():
        counts[service] += 1
        word = "".join(part.capitalize() for part in re.findall(r"[a-z0-9]+", service))
        number = "" if counts[service] == 1 else str(counts[service])
        yield {"Sid": f"DeniedNow{word}{number}", "Effect": "Allow", "Action": actions, "Resource": list(on)}


def _numbered(statements: Iterable[Document]) -> list[Document]:
    rows = list(statements)
    return [
        {"Sid": FORMER_SID + (str(number) if len(rows) > 1 else ""), **{k: v for k, v in row.items() if k != "Sid"}}
        for number, row in enumerate(rows, start=1)
    ]


def merged(existing: str | None, statements: Iterable[Mapping[str, Any]]) -> Document:
    """Return a document with the statements of an existing one, and these; a name that is taken gets a number."""
    document = loaded(existing) or {"Version": VERSION, "Statement": []}
    rows = [*document["Statement"]]
    for statement in statements:
        if any(_same(statement, row) for row in rows):
            continue
        taken = {row.get("Sid") for row in rows}
        sid, number = statement["Sid"], 2
        while sid in taken:
            sid, number = f"{statement['Sid']}x{number}", number + 1
        rows.append({**statement, "Sid": sid})
    return {**document, "Statement": rows}


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return {**one, "Sid": ""} == {**other, "Sid": ""}


def _managed(frames: Frames, role_arn: str, actions: Iterable[str]) -> str:
    """Return the ARN of AWS's policy for execution roles if it allows all that is denied and is not attached."""
    arn = f"arn:{partition_of(role_arn)}:iam::aws:policy/{_MANAGED}"
    attached = [name for name, _ in policies_of(frames, role_name(role_arn))]
    return arn if all(map(in_managed_execution_policy, actions)) and arn not in attached else ""
