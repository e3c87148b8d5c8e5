"""The trust policy with which ECS may assume a role for a task, and the role where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.arns import account_of, partition_of
from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.needs import RoleKind, role_name
from ecs_notebook_lib.policy.documents import Document, loaded, parsed_statements
from ecs_notebook_lib.policy.evaluate import Verdict, texts_of
from ecs_notebook_lib.policy.trust import TASKS_SERVICE, evaluate_trust
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.denials import former_role_arn, policies_of, role_arn_of
from ecs_notebook_lib.treatment.texts.policy_statements import VERSION, merged
from ecs_notebook_lib.treatment.texts.rendering import Encoded, cloudformation, json_text, terraform

_SID = "TasksOfEcs"


@dataclass(frozen=True, slots=True)
class TrustText:
    """A role's trust policy, `before` None if the role does not exist: then it is to be created.

    `inline` (name, document) and `managed` (ARNs) are what the last good revision's role has, for a role that is new.
    """

    role_arn: str
    role_name: str
    before: Document | None
    after: Document
    fragment: Fragment
    inline: tuple[tuple[str, Document], ...] = ()
    managed: tuple[str, ...] = ()


def trust_policy(diagnosis: Diagnosis) -> tuple[TrustText, ...]:
    """Return a trust policy for each role of the examined revision that ECS may not assume; empty: it may, or unknown.

    Statements that trust others stay. The new one is for tasks of the account alone (confused deputy prevention).
    """
    frames = diagnosis.frames
    named = {role_arn_of(frames, kind): kind for kind in RoleKind if role_arn_of(frames, kind)}
    texts = (_of_role(frames, arn, kind) for arn, kind in named.items())
    return tuple(text for text in texts if text is not None)


def _of_role(frames: Frames, arn: str, kind: RoleKind) -> TrustText | None:
    things = frames.named_things
    gone = things[(things["kind"] == "role") & (things["name"] == arn)]["exists"].eq(other=False).fillna(value=False)
    if gone.any():
        return _created(frames, arn, former_role_arn(frames, kind))
    rows = frames.roles[(frames.roles["role_arn"] == arn)]
    refusing = rows[rows["trust_verdict"].isin([str(Verdict.IMPLICIT_DENY), str(Verdict.EXPLICIT_DENY)])]
    before = loaded(str(refusing["trust_document"].iloc[0])) if len(refusing) else None
    if before is None:
        return None
    after = merged(json_text(_spared(before, frames, arn)), [_statement(arn)])
    return TrustText(arn, role_name(arn), before, after, _fragment(arn, after, "Trust policy of the role"))


def _statement(arn: str) -> Document:
    return {
        "Sid": _SID,
        "Effect": "Allow",
        "Principal": {"Service": TASKS_SERVICE},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account_of(arn)}},
    }


def _spared(document: Document, frames: Frames, arn: str) -> Document:
    """Return a trust policy whose Deny statements are not about ECS's tasks: an allow does not lift them."""
    kept = []
    for statement in parsed_statements(document):
        if not _denies(statement, frames, arn):
            kept.append(statement)
            continue
        services = [one for one in texts_of(statement["Principal"].get("Service")) if one != TASKS_SERVICE]
        others = {key: value for key, value in statement["Principal"].items() if key != "Service"}
        principal = others | ({"Service": services} if services else {})
        kept += [{**statement, "Principal": principal}] if principal else []
    return {**document, "Statement": kept}


def _denies(statement: Mapping[str, Any], frames: Frames, arn: str) -> bool:
    incident, partition = frames.snapshot.incident, partition_of(arn)
    alone = {"Version": VERSION, "Statement": [dict(statement)]}
    decision = evaluate_trust(alone, account=incident.account, region=incident.region, partition=partition)
    return decision.verdict is Verdict.EXPLICIT_DENY


def _created(frames: Frames, arn: str, former: str) -> TrustText:
    policies = policies_of(frames, role_name(former)) if former not in ("", arn) else []
    managed = tuple(name for name, _ in policies if name.startswith("arn:"))
    inline = tuple((name, row) for name, text in policies if not name.startswith("arn:") and (row := loaded(text)))
    after: Document = {"Version": VERSION, "Statement": [_statement(arn)]}
    fragment = _fragment(arn, after, "Role to create:", managed=managed, inline=inline)
    return TrustText(arn, role_name(arn), None, after, fragment, inline, managed)


def _fragment(
    arn: str,
    trust: Document,
    title: str,
    *,
    managed: tuple[str, ...] = (),
    inline: tuple[tuple[str, Document], ...] = (),
) -> Fragment:
    name = role_name(arn)
    path = "/" + arn.partition(":role/")[2].removesuffix(name)
    resources = [
        terraform("aws_iam_role", name, {"name": name, "path": path, "assume_role_policy": Encoded(trust)}),
        *(
            terraform("aws_iam_role_policy_attachment", f"{name} {one}", {"role": name, "policy_arn": one})
            for one in managed
        ),
        *(
            terraform("aws_iam_role_policy", f"{name} {one}", {"name": one, "role": name, "policy": Encoded(document)})
            for one, document in inline
        ),
    ]
    properties: dict[str, Any] = {"RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust}
    if managed:
        properties["ManagedPolicyArns"] = list(managed)
    if inline:
        properties["Policies"] = [{"PolicyName": one, "PolicyDocument": document} for one, document in inline]
    return Fragment(
        f"{title} {name}", json_text(trust), "\n".join(resources), cloudformation("AWS::IAM::Role", name, properties)
    )
