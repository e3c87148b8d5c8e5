"""The tables of the steps: frames cut to what a reader looks at. Nothing here weighs anything."""

import pandas as pd

from ecs_notebook_lib.diagnosis.checks.logs import health_path_answers
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.logs import told_kinds

_NEWEST = 20


def deployments_table(frames: Frames) -> pd.DataFrame:
    """Return the service deployments, newest first: revision, status, times, percentages."""
    columns = [
        "created_at",
        "revision",
        "status",
        "finished_at",
        "minimum_healthy_percent",
        "maximum_percent",
        "circuit_breaker_status",
    ]
    return frames.service_deployments[columns]


def events_table(frames: Frames) -> pd.DataFrame:
    """Return the kinds of service events: how many, when first and last, and the newest sentence."""
    kinds = frames.events.assign(kind=frames.events["kind"].fillna("unknown"))
    summary = kinds.groupby("kind", sort=False).agg(
        count=("event_id", "size"),
        first_at=("created_at", "min"),
        last_at=("created_at", "max"),
        newest=("message", "first"),
    )
    return summary.sort_values("count", ascending=False, kind="stable").reset_index()


def health_check_table(frames: Frames) -> pd.DataFrame:
    """Return the health check of each target group."""
    columns = [
        "name",
        "health_check_protocol",
        "health_check_path",
        "health_check_port",
        "matcher",
        "interval_seconds",
        "timeout_seconds",
        "healthy_threshold",
        "unhealthy_threshold",
    ]
    return frames.target_groups[columns]


def targets_table(frames: Frames) -> pd.DataFrame:
    """Return how many targets of each revision are in which state, with the load balancer's reason."""
    keys = ["revision", "state", "reason", "description"]
    return frames.targets.groupby(keys, dropna=False).size().reset_index(name="targets")


def rejections_table(frames: Frames) -> pd.DataFrame:
    """Return the newest service events in which the load balancer rejects a task."""
    rejected = frames.events[frames.events["kind"] == "elb_target_unhealthy"]
    return rejected[["created_at", "reason", "message"]].head(_NEWEST)


def stops_table(frames: Frames) -> pd.DataFrame:
    """Return how the tasks of each revision stopped: stop code, reason, exit codes, how many, median time running."""
    codes = frames.containers.groupby("task_arn")["exit_code"].first()
    stopped = frames.tasks[frames.tasks["stop_code"].notna()]
    stopped = stopped.assign(exit_code=stopped["task_arn"].map(codes).astype("Int64"))
    keys = ["revision", "stop_code", "stopped_reason", "exit_code"]
    summary = stopped.assign(stopped_reason=stopped["stopped_reason"].str.slice(0, 300)).groupby(keys, dropna=False)
    counts = summary.agg(tasks=("task_arn", "size"), median_running_seconds=("running_seconds", "median"))
    return counts.round(1).reset_index().sort_values(["revision", "tasks"], ascending=False).head(_NEWEST)


def streams_table(frames: Frames) -> pd.DataFrame:
    """Return the log streams that were read, each with its revision and how that is known."""
    columns = ["log_stream", "revision", "revision_source", "first_at", "last_at", "line_count"]
    return frames.log_streams[columns]


def denials_table(frames: Frames) -> pd.DataFrame:
    """Return what AWS refused, as the containers print it: revision, action, resource, how often, last when."""
    denied = frames.log_events[told_kinds(frames.log_events) == "access_denied"]
    keys = ["revision", "action", "resource"]
    summary = denied.groupby(keys, dropna=False).agg(lines=("message", "size"), last_at=("logged_at", "max"))
    return summary.reset_index()


def health_answers_table(frames: Frames) -> pd.DataFrame:
    """Return whose 200 it is: revision, asker, status, how many, first and last when, and what that proves."""
    answers = health_path_answers(frames)
    keys = ["revision", "asked_by", "class", "status"]
    summary = answers.groupby(keys).agg(
        lines=("message", "size"), first_at=("logged_at", "min"), last_at=("logged_at", "max")
    )
    table = summary.reset_index()
    return table.assign(proves=table["class"].map(_PROVES))


_PROVES = {
    "the load balancer's": "what the load balancer gets from the examined revision",
    "the container's own": "that the process answers, not that the load balancer reaches it",
    "a customer's": "that somebody got an answer, not that the load balancer's check does",
    "slower than the time-out": "that the answer comes too late: the load balancer counts it as none",
    "older than the failure": "nothing: it was before the examined deployment began",
    "another revision's": "nothing about the examined revision: another one answered",
    "nobody knows": "nothing: whose it is, is not known",
}


def access_table(frames: Frames) -> pd.DataFrame:
    """Return what the examined revision needs, and the verdict on it."""
    columns = ["role", "action", "resource", "because", "named_by", "verdict", "reason", "former_verdict"]
    return frames.access[columns]


def roles_table(frames: Frames) -> pd.DataFrame:
    """Return the policies of the roles."""
    return frames.policies[["role_name", "policy", "inline", "document"]]


def resource_policies_table(frames: Frames) -> pd.DataFrame:
    """Return the policies that the resources have themselves."""
    policies = frames.resource_policies
    return policies.assign(document=policies["document"].replace("", "it has none"))


def network_path_table(frames: Frames) -> pd.DataFrame:
    """Return a row a way: its verdict, and the hop that decides it."""
    rank = {"closed": 0, "cannot_tell": 1, "open": 2}
    hops = frames.network_path.assign(rank=frames.network_path["verdict"].map(rank))
    deciding = hops.sort_values(["rank", "number"], kind="stable").drop_duplicates("path").sort_index()
    hop = deciding["passes"].where(deciding["verdict"] != "open", "every hop")
    columns = ["from_", "to", "port", "needed_for", "verdict", "hop", "rule", "reason"]
    told = deciding["verdict"] != "open"
    return deciding.assign(hop=hop, rule=deciding["rule"].where(told), reason=deciding["reason"].where(told))[columns]


def task_networks_table(frames: Frames) -> pd.DataFrame:
    """Return subnets and security groups of the examined and the last good deployment, side by side."""
    return frames.task_networks[["which", "revision", "member", "id", "public_ip"]]


def security_group_rules_table(frames: Frames) -> pd.DataFrame:
    """Return the rules of the security groups of tasks, load balancers and endpoints."""
    return frames.security_group_rules


def subnets_table(frames: Frames) -> pd.DataFrame:
    """Return the subnets of the tasks: zone, addresses, and how many of them are free."""
    used = frames.task_networks.loc[frames.task_networks["member"] == "subnet", "id"]
    columns = ["subnet_id", "zone", "cidr", "free_address_count", "owner_id"]
    return frames.subnets.loc[frames.subnets["subnet_id"].isin(used), columns]
