"""The tables about percentages, pace and limits: what a rollout may do, how long it takes, what its tasks may use."""

import pandas as pd

from ecs_notebook_lib.diagnosis.health_budget import health_budget_of
from ecs_notebook_lib.diagnosis.rollout import rollout_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.logs import told_kinds
from ecs_notebook_lib.knowledge.fargate import is_fargate_size
from ecs_notebook_lib.rolling_update import WAITER_SECONDS

_MIB_SHOWN = 3


def bounds_table(frames: Frames) -> pd.DataFrame:
    """Return what the percentages allow: at least, at most, how many may start or stop first, in how many steps."""
    rollout = rollout_of(frames)
    if rollout is None:
        return pd.DataFrame(columns=["what", "value"])
    bounds, service = rollout.bounds, frames.services.iloc[0]
    steps = "none: it cannot end" if bounds.cycles is None else bounds.cycles
    rows = [
        ("desired tasks", bounds.desired),
        ("minimum healthy percent", service["minimum_healthy_percent"]),
        ("maximum percent", service["maximum_percent"]),
        ("must be healthy, at least", bounds.lower),
        ("may run or be pending, at most", bounds.upper),
        ("may start before an old one stops", max(0, bounds.start_room)),
        ("may stop before a new one is healthy", max(0, bounds.stop_room)),
        ("steps until all are replaced", steps),
    ]
    return pd.DataFrame(rows, columns=["what", "value"])


def pace_table(frames: Frames) -> pd.DataFrame:
    """Return what a rollout's time is made of, in seconds, where each figure comes from, and the waiter beside it."""
    rollout = rollout_of(frames)
    if rollout is None:
        return pd.DataFrame(columns=["what", "seconds", "from"])
    measured = "its tasks, median" if rollout.measured else "tasks of other revisions, or what is usual"
    cycle = rollout.cycle_seconds
    rows = [
        ("a new task starts", rollout.start_seconds, measured),
        ("and counts as healthy", rollout.health_seconds, "registration and a quarter of the check's interval"),
        ("an old task drains", rollout.deregistration_seconds, "deregistration delay of the target group"),
        ("and is gone", rollout.stop_seconds, "tasks that were scaled in, median"),
        ("shortest possible rollout", rollout.shortest_seconds, "if draining tasks do not count as running"),
        ("longest, without a failure", rollout.longest_seconds, "if they do"),
        ("one step, as observed", cycle, "between two groups of new tasks" if cycle else "fewer than two were seen"),
        ("AWS's waiter looks for", float(WAITER_SECONDS), "39 pauses of 15 s between 40 looks"),
    ]
    table = pd.DataFrame(rows, columns=["what", "seconds", "from"])
    return table.assign(seconds=table["seconds"].astype("Float64").round(0).astype("Int64"))


def strategy_table(frames: Frames) -> pd.DataFrame:
    """Return how the service deploys: controller, strategy, circuit breaker, alarms, grace period."""
    columns = [
        "deployment_controller",
        "strategy",
        "bake_time_minutes",
        "circuit_breaker_enabled",
        "circuit_breaker_rollback",
        "alarms_enabled",
        "health_check_grace_period_seconds",
        "scheduling_strategy",
        "launch_type",
    ]
    if not len(frames.services):
        return pd.DataFrame(columns=["setting", "value"])
    service = frames.services.iloc[0]
    rows = [(name.replace("_", " "), "not set" if pd.isna(service[name]) else service[name]) for name in columns]
    return pd.DataFrame(rows, columns=["setting", "value"])


def redeployments_table(frames: Frames) -> pd.DataFrame:
    """Return the newest deployments with the time until the next one began, in seconds."""
    past = frames.service_deployments.sort_values("created_at")
    seconds = (past["created_at"].shift(-1) - past["created_at"]).dt.total_seconds().round(0).astype("Int64")
    columns = ["created_at", "revision", "status", "seconds_until_the_next", "failure_count", "threshold"]
    return past.assign(seconds_until_the_next=seconds)[columns].tail(20).iloc[::-1]


def health_budget_table(frames: Frames) -> pd.DataFrame:
    """Return the arithmetic of the health check, in seconds, and the measured start-up beside it."""
    budget = health_budget_of(frames)
    if budget is None:
        return pd.DataFrame(columns=["what", "seconds", "from"])
    ready = budget.ready_from or "the log does not tell"
    rows = [
        ("a new target that answers is healthy within", budget.to_healthy, "registration and one check"),
        ("one that does not answer is unhealthy after", budget.to_unhealthy, "unhealthy threshold x interval"),
        ("one that was unhealthy is healthy again after", budget.back_to_healthy, "healthy threshold x interval"),
        ("grace period of the service", budget.grace, "healthCheckGracePeriodSeconds"),
        (
            "ECS may stop a task, at the earliest, after",
            budget.earliest_stop,
            "grace, or all checks but the first wait",
        ),
        ("one that never answers is stopped after", budget.latest_stop, "grace, or registration and time to unhealthy"),
        ("the application was ready after", budget.ready_seconds, ready),
    ]
    table = pd.DataFrame(rows, columns=["what", "seconds", "from"])
    return table.assign(seconds=table["seconds"].astype("Float64").round(1))


def routing_table(frames: Frames) -> pd.DataFrame:
    """Return what the listeners do with a request: listener, rule, action, target group."""
    rules = frames.listener_rules.merge(frames.listeners[["listener_arn", "protocol", "port"]], how="left")
    weighted = frames.forwarded_groups.groupby("rule_arn")["target_group_arn"].agg(" ".join)
    groups = rules["target_group_arn"].fillna(rules["rule_arn"].map(weighted).astype("string"))
    columns = ["protocol", "port", "priority", "action", "target_group"]
    return rules.assign(target_group=groups.str.rpartition("targetgroup/")[2] if len(rules) else groups)[columns]


def task_sizes_table(frames: Frames) -> pd.DataFrame:
    """Return CPU and memory of each revision, the limits of its containers, and the verdict on both."""
    containers = frames.container_definitions
    rows = []
    for task in frames.task_definitions.itertuples(index=False):
        own = containers[containers["task_definition"] == task.task_definition]
        limits = [f"{name}: {limit} MiB" for name, limit in own[["container", "memory"]].dropna().to_numpy()]
        rows.append(
            {
                "revision": task.revision,
                "cpu": task.cpu,
                "memory": task.memory,
                "limits of containers": ", ".join(limits[:_MIB_SHOWN]) or "none",
                "verdict": _size_verdict(str(task.cpu), str(task.memory), limited=bool(limits)),
            }
        )
    return pd.DataFrame(rows, columns=["revision", "cpu", "memory", "limits of containers", "verdict"])


def _size_verdict(cpu: str, memory: str, *, limited: bool) -> str:
    if not (cpu.isdecimal() and memory.isdecimal()):
        return "the task has no size of its own: its containers' limits count"
    valid = "a size that Fargate has" if is_fargate_size(int(cpu), int(memory)) else "no size that Fargate has"
    if limited:
        return f"{valid}; a container is killed at its own limit"
    return f"{valid}; without limits of their own the containers share the task's memory, which is no fault by itself"


def memory_evidence_table(frames: Frames) -> pd.DataFrame:
    """Return what speaks for running out of memory, by its strength (ECS_FACTS 8.3), and how often it was seen."""
    containers, tasks, events = frames.containers, frames.tasks, frames.log_events
    killed = containers[containers["exit_code"] == 137].merge(
        tasks[["task_arn", "stop_code"]], on="task_arn", how="left"
    )
    by_itself = killed[killed["reason"].isna() & (killed["stop_code"] == "EssentialContainerExited")]
    by_ecs = killed[killed["stop_code"].isin(["ServiceSchedulerInitiated", "UserInitiated"])]
    told = containers[containers["reason_kind"] == "out_of_memory"]
    printed = events[told_kinds(events).isin(["heap_exhausted", "killed_for_memory"])]
    rows = [
        ("certain", "OutOfMemoryError as the container's reason", told),
        ("probable", "exit 137 by itself, without a reason", by_itself),
        ("supports", "the log says that memory ran out", printed),
        ("none: the stop time-out", "exit 137 after ECS or somebody stopped the task", by_ecs),
    ]
    counted = [(strength, what, len(part), _revisions(part)) for strength, what, part in rows]
    return pd.DataFrame(counted, columns=["strength", "what", "seen", "revisions"])


def _revisions(rows: pd.DataFrame) -> str:
    return ", ".join(sorted(rows["revision"].dropna().unique())[:4])


def cluster_table(frames: Frames) -> pd.DataFrame:
    """Return whether Container Insights measures single tasks and containers in this cluster, and what that means."""
    means = {
        "disabled": "off: there are metrics of the service only, none of single tasks",
        "enabled": "on: also task counts, storage and network of the service",
        "enhanced": "on, with metrics of single tasks and containers",
    }
    rows = [
        (str(arn).rpartition("/")[2], setting, means.get(str(setting), "not known"))
        for arn, setting in frames.clusters[["cluster_arn", "container_insights"]].fillna("").to_numpy()
    ]
    return pd.DataFrame(rows, columns=["cluster", "Container Insights", "which means"])
