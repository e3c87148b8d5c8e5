"""What of the service, rather than of the task definition, stands in the way of a rollout that begins now."""

import shlex
from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.checks import run_check
from ecs_notebook_lib.diagnosis.checks.configuration import minutes, pace_words
from ecs_notebook_lib.diagnosis.preflight.definition import service_of, service_unread
from ecs_notebook_lib.diagnosis.preflight.row import Answer, Row, row_of
from ecs_notebook_lib.diagnosis.rollout import rollout_of
from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.preflight import Question
from ecs_notebook_lib.rolling_update import WAITER_SECONDS


def under_way(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield that a rollout is under way, with what would become of it, or that the last one did not end well."""
    if not len(frames.services):
        yield service_unread(question, frames)
        return
    rows, newest = frames.deployments, frames.made.examined
    open_ = rows[(rows["status"] == "PRIMARY") & (rows["rollout_state"] == "IN_PROGRESS")]
    if len(open_):
        row, new = open_.iloc[0], revision_of(frames.candidate)
        going_on = (
            f"The rollout of {row['revision']} is under way since {row['created_at']:%Y-%m-%d %H:%M} UTC "
            f"({row['running_count']} of {row['desired_count']} tasks run)."
        )
        superseded = (
            f"To deploy {new} now supersedes it: its service deployment ends as STOPPED, its tasks go once those of "
            f"{new} are healthy, and who waits for it waits for {new} without knowing."
        )
        again = "To deploy it again now begins anew."
        said = f"{going_on} {again if row['revision'] == new else superseded}"
        yield Row(question, Answer.WARNING, said, "deployment_config.superseded")
    elif newest is not None and not newest.succeeded and not newest.scaled_to_zero:
        ended = newest.service_deployment_status or newest.rollout_state or "its end is not known"
        yield Row(question, Answer.WARNING, f"The last rollout, of {newest.revision}, did not end well: {ended}.")
    else:
        yield Row(question, Answer.OK, "No rollout is under way.")


def alarms(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield whether alarms end a rollout here; their state is not read."""
    service = service_of(frames)
    told = (service.get("deploymentConfiguration") or {}).get("alarms") or {}
    names = shlex.join(map(str, told.get("alarmNames") or ()))
    if not service:
        yield service_unread(question, frames)
    elif told.get("enable") and names:
        command = f"aws cloudwatch describe-alarms --alarm-names {names}"
        said = f"One that is in ALARM would end the rollout, and this version does not read them. Ask: {command}"
        yield Row(question, Answer.NOT_CHECKED, said)
    else:
        yield Row(question, Answer.OK, "The service has no deployment alarm.")


def addresses_words(frames: Frames) -> str:
    """Return how many addresses are free, and how many tasks a rollout may add."""
    free = _free_addresses(frames).sum()
    rollout = rollout_of(frames)
    most = f"; at most {rollout.bounds.upper} tasks run at once" if rollout else ""
    return f"The subnets have {free} free addresses{most}."


def _free_addresses(frames: Frames) -> pd.Series:
    return frames.subnets.loc[
        frames.subnets["subnet_id"].isin(frames.examined_networks("subnet")), "free_address_count"
    ]


def percentages(question: Question, frames: Frames) -> Iterator[Row]:
    """Yield that the percentages leave no room, or so much that every task may stop, and else what they allow."""
    rollout = rollout_of(frames)
    if rollout is None:
        reason = frames.gaps.get("services", "the service's desired count or percentages are not known")
        yield Row(question, Answer.NOT_CHECKED, reason, refused="services" in frames.gaps)
        return
    found = [
        row for row in run_check("deployment_state", frames).findings if row.kind in question.fails + question.warns
    ]
    for row in found:
        yield row_of(question, row, Answer.WOULD_FAIL if row.kind in question.fails else Answer.WARNING)
    bounds = rollout.bounds
    said = f"Of {bounds.desired} tasks at least {bounds.lower} stay healthy, and at most {bounds.upper} run at once."
    if bounds.desired and not bounds.lower:
        yield Row(question, Answer.WARNING, f"{said} Every old task may stop before a new one is healthy.")
    elif not found:
        yield Row(question, Answer.OK, said)


def pace_told(frames: Frames) -> str:
    """Return how long the shortest rollout takes, and how long AWS's waiter looks."""
    rollout = rollout_of(frames)
    shortest = rollout.shortest_seconds if rollout else None
    if rollout is None or shortest is None:
        return ""
    return (
        f"The shortest possible rollout takes about {minutes(shortest)}: {pace_words(rollout)}. "
        f"AWS's waiter looks for {WAITER_SECONDS} s."
    )


def longer_wait(frames: Frames) -> str:
    """Return how long to wait instead, if the shortest rollout is longer than AWS's waiter looks."""
    rollout = rollout_of(frames)
    longest = rollout.longest_seconds if rollout else None
    return "" if longest is None else f" Give `ecs-notebook wait` a --timeout of {60 * -(-int(longest) // 60)}."


def blocks_every_task(frames: Frames) -> bool:
    """Say whether no new task finds an address, and none of the old ones may go first to leave it one."""
    free = _free_addresses(frames)
    rollout = rollout_of(frames)
    stays = rollout is not None and rollout.bounds.stop_room < 1
    return bool(pd.notna(free).all() and free.sum() < 1 and stays)


def rolls(frames: Frames) -> bool:
    """Say whether ECS itself makes a rolling update: else the traffic is moved to a group that none goes to yet."""
    told = frames.services[["deployment_controller", "strategy"]].fillna("")
    return bool(told["deployment_controller"].isin(["", "ECS"]).all() and told["strategy"].isin(["", "ROLLING"]).all())
