"""Whether going back to the last good revision is possible now: its definition, image, roles and secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ecs_notebook_lib.examined import Deployment
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.needs import ecr_image, secret_id

Part = tuple[bool | None, str]
"""Whether it is there (None: not known), and the sentence that says so."""


def rollback_of(frames: Frames, last_good: Deployment | None) -> dict[str, Any]:
    """Return `ready` (True, False, or None if something is not known), `to` and `because` (DESIGN 5.5)."""
    if last_good is None:
        return {"ready": None, "to": None, "because": ["No deployment that ended well is known."]}
    parts = list(_parts(frames, last_good))
    states = [state for state, _ in parts]
    ready = False if False in states else None if None in states else True
    shown = [text for state, text in parts if state is not True] or [text for _, text in parts]
    return {"ready": ready, "to": last_good.task_definition, "because": shown}


def _parts(frames: Frames, last_good: Deployment) -> Iterator[Part]:
    arn, revision = last_good.task_definition, last_good.revision
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == arn]
    if not len(definition):
        yield None, f"The task definition {revision} was not read."
        return
    status = definition["status"].iloc[0]
    active = None if pd.isna(status) else bool(status == "ACTIVE")
    yield active, f"The task definition {revision} is {'of an unknown status' if active is None else status}."
    containers = frames.container_definitions[frames.container_definitions["task_definition"] == arn]
    for image in containers["image"].dropna():
        yield _answered(frames, "ecr:DescribeImages", ecr_image(image), f"image {image}")
    for role in definition[["task_role_arn", "execution_role_arn"]].iloc[0].dropna():
        name = str(role).rpartition("/")[2]
        yield _answered(frames, "iam:GetRole", {"RoleName": name}, f"role {name}")
        yield from _same_refusal(frames, str(role))
    secrets = frames.secrets.loc[frames.secrets["task_definition"] == arn, "value_from"]
    for secret in filter(None, map(secret_id, secrets.dropna())):
        yield _answered(frames, "secretsmanager:DescribeSecret", {"SecretId": secret}, f"secret {secret}")


def _same_refusal(frames: Frames, role_arn: str) -> Iterator[Part]:
    """Yield a doubt if the old revision has the role that is refused now: its new tasks are refused the same."""
    access = frames.access
    refused = access[(access["role_arn"] == role_arn) & (access["because"] == "denied") & (access["role"] == "task")]
    if len(refused):
        name, actions = role_arn.rpartition("/")[2], ", ".join(sorted(refused["action"].unique()))
        yield None, f"It has the same task role {name}, to which AWS refuses {actions}: its new tasks may fail, too."


def _answered(frames: Frames, operation: str, params: Mapping[str, Any] | None, what: str) -> Part:
    """Say whether the thing that was asked for with `params` exists."""
    pages = [page for page in frames.snapshot.records(operation) if params and page["params"] == params]
    if not pages:
        return None, f"Whether the {what} still exists was not asked."
    error = pages[-1]["error"]
    if error is None:
        deleted = bool(pd.notna(pages[-1]["response"].get("DeletedDate")))
        return not deleted, f"The {what} {'is about to be deleted' if deleted else 'exists'}."
    if "NotFound" in error["code"] or "NoSuch" in error["code"]:
        return False, f"The {what} does not exist any more."
    return None, f"Whether the {what} still exists could not be read: {error['code']}."
