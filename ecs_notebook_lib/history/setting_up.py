"""The set-up, once for a cluster, by which AWS keeps its events: commands for a person to read and run.

Sources: EventBridge user guide, "Amazon CloudWatch Logs log groups as targets" (a rule writes to a log group whose
resource policy allows it); ECS developer guide, "Amazon ECS events".
"""

import hashlib
import shlex
from typing import Any

import orjson

from ecs_notebook_lib.history.patterns import SOURCE
from ecs_notebook_lib.knowledge.event_types import event_types

RETENTION_DAYS = 90
"""As long as ECS keeps the service deployments that the events belong to (ECS_FACTS 2.5)."""

_GROUPS = "/aws/events/ecs-notebook/"
_POLICY = "ecs-notebook-events"
_WRITERS = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
_RESOURCES = ("task", "service", "service-deployment", "container-instance", "daemon")
_MAX_RULE_NAME, _DIGEST = 64, 8
_PARTITIONS = {"cn": "aws-cn", "us-gov": "aws-us-gov", "us-iso": "aws-iso", "us-isob": "aws-iso-b"}
"""By what a region's name begins with; all others are in `aws` (AWS general reference)."""


def events_group(cluster: str) -> str:
    """Return the log group into which the set-up lets a cluster's events be written."""
    return f"{_GROUPS}{cluster}"


def setup_commands(cluster: str, region: str, account: str) -> tuple[str, ...]:
    """Return the commands that let EventBridge keep every event of a cluster in a log group for 90 days.

    Events are chosen by the ARNs in `resources`: an event about a deployment does not name its cluster elsewhere.
    A cluster is given by its name; whoever runs the commands needs more than what this kit itself may do.
    """
    group, rule = events_group(cluster), _rule_name(cluster)
    logs = f"arn:{_partition(region)}:logs:{region}:{account}:log-group:"
    return tuple(
        shlex.join(["aws", *words, "--region", region])
        for words in (
            ("logs", "create-log-group", "--log-group-name", group),
            ("logs", "put-retention-policy", "--log-group-name", group, "--retention-in-days", str(RETENTION_DAYS)),
            (
                *("logs", "put-resource-policy", "--policy-name", _POLICY),
                *("--policy-document", _json(_policy(f"{logs}{_GROUPS}*"))),
            ),
            ("events", "put-rule", "--name", rule, "--event-pattern", _json(_pattern(cluster, region, account))),
            ("events", "put-targets", "--rule", rule, "--targets", _json([{"Id": "log-group", "Arn": logs + group}])),
        )
    )


def _rule_name(cluster: str) -> str:
    """Return a name for the rule; a cluster's may be longer than a rule's, so a long one ends in a digest of itself."""
    name = f"ecs-notebook-{cluster}"
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:_DIGEST]
    return name if len(name) <= _MAX_RULE_NAME else f"{name[: _MAX_RULE_NAME - _DIGEST - 1]}-{digest}"


def _partition(region: str) -> str:
    return _PARTITIONS.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def _policy(resource: str) -> dict[str, Any]:
    statement = {
        "Sid": "EcsNotebookEvents",
        "Effect": "Allow",
        "Principal": {"Service": _WRITERS},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": resource,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _pattern(cluster: str, region: str, account: str) -> dict[str, Any]:
    ecs = f"arn:{_partition(region)}:ecs:{region}:{account}:"
    resources = [{"prefix": f"{ecs}{kind}/{cluster}/"} for kind in _RESOURCES]
    return {"source": [SOURCE], "detail-type": list(event_types()), "resources": resources}


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
