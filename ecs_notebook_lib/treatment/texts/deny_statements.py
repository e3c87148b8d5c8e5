"""Explicit denials: the statement that denies, as it is and as it would let the role through. No allow lifts one."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.actions import is_plain_action, resources_for
from ecs_notebook_lib.knowledge.needs import RoleKind, role_name
from ecs_notebook_lib.policy import Principal, Verdict, evaluate_resource_policy
from ecs_notebook_lib.policy.documents import Document, explicit_denies, loaded, parsed_statements
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.denials import (
    By,
    Denied,
    boundary_arn_of,
    boundary_of,
    denied_now,
    policies_of,
)
from ecs_notebook_lib.treatment.texts.exempting import exempted, taken_out
from ecs_notebook_lib.treatment.texts.forms import (
    managed_policy,
    owner_of,
    owner_words,
    read_command,
    resource_policy,
    role_policy,
)
from ecs_notebook_lib.treatment.texts.policy_statements import merged
from ecs_notebook_lib.treatment.texts.rendering import json_text

_BOUNDARY_SID = "WhatTheTaskNeeds"


@dataclass(frozen=True, slots=True)
class DenyChange:
    """A policy that denies, and its statements before and after. Which policy it is stands in `owner`, in words.

    `service` and `name` are the owner's (s3 and the bucket, iam and the policy, …), `document` is the whole policy
    after the change; None, and `before` and `after` empty, if the policy was not read: then `read` shows it.
    """

    by: By
    owner: str
    service: str
    name: str
    role_arns: tuple[str, ...]
    actions: tuple[str, ...]
    how: str
    read: str
    fragment: Fragment
    before: tuple[Document, ...] = ()
    after: tuple[Document, ...] = ()
    document: Document | None = None


def deny_change(diagnosis: Diagnosis) -> tuple[DenyChange, ...]:
    """Return a change for each policy that explicitly denies what the examined revision asks for; empty: none does."""
    denied = [row for kind in RoleKind for row in denied_now(diagnosis, kind) if is_plain_action(row.action)]
    return tuple(
        change
        for by, make in _MAKERS.items()
        for change in make(diagnosis.frames, [row for row in denied if row.by is by])
    )


def _asked(rows: Iterable[Denied]) -> dict[str, Any]:
    wanted = list(rows)
    return {
        "role_arns": tuple(sorted({row.role_arn for row in wanted})),
        "actions": tuple(sorted({row.action for row in wanted})),
    }


def _of_resources(frames: Frames, denied: list[Denied]) -> Iterator[DenyChange]:
    by_owner: dict[tuple[str, str], list[Denied]] = defaultdict(list)
    for row in denied:
        by_owner[owner_of(row.resource)].append(row)
    policies = frames.resource_policies
    for (service, name), rows in sorted(by_owner.items()):
        if not service:
            continue
        texts = policies.loc[(policies["service"] == service) & (policies["resource"] == name), "document"]
        document = loaded(str(texts.iloc[-1])) if len(texts) and texts.iloc[-1] else None
        yield _of_resource(frames, service, name, rows=rows, document=document)


def _of_resource(
    frames: Frames, service: str, name: str, *, rows: list[Denied], document: Document | None
) -> DenyChange:
    owner, read = owner_words(service, name), read_command(service, name)
    title = f"Policy of {owner}"
    if document is None:
        how = (
            f"AWS says that the policy of {owner} denies it. It was not read: read it, and exempt the role in its Deny."
        )
        asked = _asked(rows)
        return DenyChange(By.RESOURCE_DENY, owner, service, name, **asked, how=how, read=read, fragment=Fragment(title))
    ids = dict(zip(frames.roles["role_arn"], frames.roles["role_id"].fillna(""), strict=True))
    before, after, statements, ways = [], [], [], []
    for statement in parsed_statements(document):
        changed: Document | None = statement
        for row in rows:
            principal = Principal(row.role_arn, role_id=str(ids.get(row.role_arn, "")))
            if changed is not None and _denies(changed, principal, row):
                changed, way = exempted(changed, principal)
                ways.append(way)
        statements += [] if changed is None else [changed]
        if changed != statement:
            before.append(statement)
            after += [] if changed is None else [changed]
    new = {**document, "Statement": statements}
    how = f"In the policy of {owner}, {'; '.join(dict.fromkeys(ways))}. Nobody else is let through by it."
    return DenyChange(
        By.RESOURCE_DENY,
        owner,
        service,
        name,
        **_asked(rows),
        before=tuple(before),
        after=tuple(after),
        document=new if statements else None,
        how=how if statements else f"{how} No statement is left: delete the policy.",
        read=read,
        fragment=resource_policy(title, service, name, new) if statements else Fragment(title),
    )


def _denies(statement: Mapping[str, Any], principal: Principal, row: Denied) -> bool:
    alone = {"Version": "2012-10-17", "Statement": [dict(statement)]}
    decision = evaluate_resource_policy(alone, principal=principal, action=row.action, resource=row.resource)
    return decision.verdict is Verdict.EXPLICIT_DENY


def _of_roles(frames: Frames, denied: list[Denied]) -> Iterator[DenyChange]:
    """Yield a change for each policy of the roles with a Deny that is about what was denied."""
    by_policy: dict[tuple[str, str], list[Denied]] = defaultdict(list)
    for row in denied:
        role = role_name(row.role_arn)
        found = explicit_denies(policies_of(frames, role), row.action, row.resource)
        for policy in dict.fromkeys(name for name, _ in found) or [""]:
            by_policy[role, policy].append(row)
    for (role, policy), rows in sorted(by_policy.items()):
        document = loaded(dict(policies_of(frames, role)).get(policy)) or {"Statement": []}
        yield _of_role(role, policy, rows=rows, document=document)


def _of_role(role: str, policy: str, *, rows: list[Denied], document: Document) -> DenyChange:
    before, after, statements = [], [], []
    for statement in parsed_statements(document):
        changed: Document | None = statement
        for row in rows:
            changed = taken_out(changed, row.action, row.resource) if changed is not None else None
        statements += [] if changed is None else [changed]
        if changed != statement:
            before.append(statement)
            after += [] if changed is None else [changed]
    new, inline = {**document, "Statement": statements}, not policy.startswith("arn:")
    title = f"Policy {policy} of the role {role}"
    if not before:
        form = Fragment(title)
    else:
        form = role_policy(title, role, name=policy, document=new) if inline else managed_policy(title, policy, new)
    known = f"In the policy {policy} of the role {role}, take out of the Deny what the task needs: an allow cannot."
    return DenyChange(
        By.IDENTITY_DENY,
        f"the policy {policy} of the role {role}" if policy else f"a policy of the role {role}",
        "iam",
        policy,
        **_asked(rows),
        before=tuple(before),
        after=tuple(after),
        document=new if before and statements else None,
        how=known if before else f"A policy of the role {role} denies it, which was not read, or by a condition.",
        read=f"aws iam list-role-policies --role-name {shlex.quote(role)}; "
        f"aws iam list-attached-role-policies --role-name {shlex.quote(role)}",
        fragment=form,
    )


def _needed(rows: Iterable[Denied], sid: str) -> list[Document]:
    """Return the statements that allow what was denied; of a boundary or an organization they give nothing by it."""
    pairs = dict.fromkeys((row.action, one) for row in rows for one in resources_for(row.action, row.resource))
    wanted: dict[str, list[str]] = defaultdict(list)
    for action, resource in pairs:
        wanted[resource].append(action)
    return [
        {"Sid": f"{sid}{number}", "Effect": "Allow", "Action": actions, "Resource": [resource]}
        for number, (resource, actions) in enumerate(wanted.items(), start=1)
    ]


def _of_boundaries(frames: Frames, denied: list[Denied]) -> Iterator[DenyChange]:
    for role_arn in sorted({row.role_arn for row in denied}):
        rows = [row for row in denied if row.role_arn == role_arn]
        role = role_name(role_arn)
        arn, document = boundary_arn_of(frames, role), boundary_of(frames, role)
        added = _needed(rows, _BOUNDARY_SID)
        policies = [] if document is None else [(arn, json_text(document))]
        denying = [number for row in rows for _, number in explicit_denies(policies, row.action, row.resource)]
        old = [] if document is None else [parsed_statements(document)[n] for n in dict.fromkeys(denying)]
        new = None if document is None or denying else merged(json_text(document), added)
        title = f"Permissions boundary {arn} of the role {role}"
        yield DenyChange(
            By.BOUNDARY,
            f"the permissions boundary {arn} of the role {role}",
            "iam",
            arn,
            **_asked(rows),
            before=tuple(old),
            after=tuple(added),
            document=new,
            how=f"The permissions boundary of {role} limits all its policies: it must allow this itself"
            + (", and its Deny must go." if denying else "."),
            read=f"aws iam get-policy --policy-arn {shlex.quote(arn)}",
            fragment=managed_policy(title, arn, new) if new and arn else Fragment(title, json_text(added)),
        )


def _of_organization(frames: Frames, denied: list[Denied]) -> Iterator[DenyChange]:
    if not denied:
        return
    added = _needed(denied, _BOUNDARY_SID)
    account = frames.snapshot.incident.account
    yield DenyChange(
        By.ORGANIZATION,
        "a policy of the organization",
        "organizations",
        "",
        **_asked(denied),
        after=tuple(added),
        how="A service control or resource control policy of the organization denies it: nothing in this account can "
        "lift that. Its administrators must let this through.",
        read=f"aws organizations list-policies-for-target --target-id {shlex.quote(account)} "
        "--filter SERVICE_CONTROL_POLICY",
        fragment=Fragment("What the organization's policies must let through", json_text(added)),
    )


_MAKERS = {
    By.RESOURCE_DENY: _of_resources,
    By.IDENTITY_DENY: _of_roles,
    By.BOUNDARY: _of_boundaries,
    By.ORGANIZATION: _of_organization,
}
