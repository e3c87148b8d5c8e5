"""Whether the load balancer gets to the tasks of the examined deployment, and these to what they need."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, keys_of, listing
from ecs_notebook_lib.frames import Frames

_ZONE = "zone"
_KINDS = {"endpoint policy": "endpoint_policy_denies", "endpoint's security groups": "endpoint_group_blocks"}
"""What a closed hop of this kind comes to; any other one is `no_route_out`."""


def _revision(frames: Frames) -> str:
    examined = frames.history.examined
    return examined.revision if examined else ""


def _hops(frames: Frames, direction: str) -> pd.DataFrame:
    hops = frames.network_path[frames.network_path["direction"] == direction]
    if not len(hops):
        raise NothingToExamineError("no way between load balancer, tasks and endpoints of this deployment is known")
    return hops


def _finding(kind: str, check: str, statement: str, hops: pd.DataFrame, frames: Frames) -> Finding:
    revision = _revision(frames)
    rows = tuple(dict.fromkeys(keys_of(hops, "path")))
    return Finding(kind, check, statement, "network_path", rows, revision, {"rules": listing(hops["rule"])})


def security_groups(frames: Frames) -> Iterator[Finding]:
    """Whether security groups and network ACLs let the load balancer's requests through to the tasks.

    What cannot be told is neither open nor closed.
    """
    hops = _hops(frames, "load_balancer_to_task")
    hops = hops[hops["passes"] != _ZONE]
    closed = hops[hops["verdict"] == "closed"]
    if len(closed):
        former = _former_groups(frames)
        subnets = counted(closed["subnet"].nunique(), "subnet")
        statement = f"The load balancer does not get through to the tasks ({subnets}): {listing(closed['reason'])}"
        kind = "check_port_blocked" if _only_checks(frames, hops) else "security_group_blocks"
        yield _finding(kind, "security_groups", statement + former, closed, frames)
    elif (hops["verdict"] == "open").all():
        ports = listing(hops["port"])
        statement = f"Security groups and network ACLs let the load balancer through to the tasks on port {ports}."
        yield _finding("load_balancer_path_open", "security_groups", statement, hops, frames)
    else:
        raise NothingToExamineError(_why(hops))


def _only_checks(frames: Frames, hops: pd.DataFrame) -> bool:
    """Say whether all that is closed is a port that only the health check asks, and no container opens."""
    closed = set(hops.loc[hops["verdict"] == "closed", "port"].dropna())
    opens = set(frames.port_mappings["container_port"].dropna()) | set(
        frames.service_load_balancers["container_port"].dropna()
    )
    return bool(opens) and bool(closed) and not closed & opens


def _why(hops: pd.DataFrame) -> str:
    return f"the rules do not tell: {listing(hops.loc[hops['verdict'] == 'cannot_tell', 'reason'], limit=1)}"


def _former_groups(frames: Frames) -> str:
    groups = frames.task_networks[frames.task_networks["member"] == "security_group"]
    now, before = (groups[groups["which"] == which] for which in ("examined", "last_good"))
    if not len(before) or set(now["id"]) == set(before["id"]):
        return ""
    return f" The last good deployment had {listing(before['id'])}."


def routes(frames: Frames) -> Iterator[Finding]:
    """Whether the tasks get to the registry, the layers of the image, their secrets and their logs."""
    hops = _hops(frames, "task_to_endpoint")
    closed = hops[hops["verdict"] == "closed"]
    for kind, rows in closed.groupby(closed["passes"].map(_KINDS).fillna("no_route_out"), sort=True):
        needed, names = listing(rows["needed_for"]), listing(rows["to"])
        statement = f"The tasks do not get to {names} (needed for {needed}): {listing(rows['reason'])}"
        yield _finding(str(kind), "routes", statement, rows, frames)
    if len(closed):
        return
    if not (hops["verdict"] == "open").all():
        raise NothingToExamineError(_why(hops))
    names = listing(hops["to"], limit=8)
    yield _finding("egress_open", "routes", f"The tasks have a way to {names}.", hops, frames)


def subnets_fit(frames: Frames) -> Iterator[Finding]:
    """Whether the load balancer is enabled in the zones of the tasks, and their subnets have addresses left."""
    used = frames.subnets[frames.subnets["subnet_id"].isin(frames.examined_networks("subnet"))]
    if not len(used):
        raise NothingToExamineError("the subnets of the tasks are not known")
    hops = frames.network_path
    closed = hops[(hops["passes"] == _ZONE) & (hops["verdict"] == "closed")]
    if len(closed):
        yield _finding("zone_not_enabled", "subnets_fit", listing(closed["reason"]), closed, frames)
    free, wanted = used["free_address_count"].sum(), _more_tasks(frames)
    if used["free_address_count"].notna().all() and free < wanted:
        statement = f"The subnets of the tasks have {free} free addresses; the rollout needs up to {wanted} more."
        rows = keys_of(used, "subnet_id")
        yield Finding("few_free_addresses", "subnets_fit", statement, "subnets", rows, _revision(frames))


def _more_tasks(frames: Frames) -> int:
    """Return how many more tasks a rollout may start at once; 0 if that is not known."""
    counts = frames.services[["desired_count", "maximum_percent", "running_count"]].dropna()
    if not len(counts):
        return 0
    desired, percent, running = (int(counts[name].iloc[0]) for name in counts.columns)
    return max(0, desired * percent // 100 - running)
