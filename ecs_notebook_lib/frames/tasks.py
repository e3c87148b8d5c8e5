"""Tasks and their containers, running or stopped: why each stopped, and of which revision it was."""

from datetime import datetime

import pandas as pd

from ecs_notebook_lib.examined import SCALED_IN, Deployment
from ecs_notebook_lib.frames.columns import COUNT, NUMBER, TEXT, TRUTH, UTC_TIME, Column, FrameSchema

_NEEDS = ("ecs:ListTasks", "ecs:DescribeTasks")

TASKS = FrameSchema(
    "tasks",
    "ecs:DescribeTasks",
    needs=_NEEDS,
    rows="One row a task, oldest first. ECS lists stopped ones for an hour: empty does not mean that none failed.",
    key=("task_arn",),
    remembers=True,
    columns=(
        Column("task_arn", TEXT, "tasks[].taskArn", "Full ARN of the task."),
        Column("task_id", TEXT, "", "Last part of the ARN; also the last part of its log streams' names."),
        Column("task_definition", TEXT, "tasks[].taskDefinitionArn", "ARN of the revision that it runs."),
        Column("revision", TEXT, "", "`family:number` of the task definition."),
        Column("deployment_id", TEXT, "tasks[].startedBy", "Deployment that started it, `ecs-svc/…`."),
        Column("last_status", TEXT, "tasks[].lastStatus", "Where it is in its life: PENDING, RUNNING, STOPPED, …"),
        Column("desired_status", TEXT, "tasks[].desiredStatus", "RUNNING or STOPPED."),
        Column("health_status", TEXT, "tasks[].healthStatus", "Of its containers' own checks."),
        Column("created_at", UTC_TIME, "tasks[].createdAt", "When ECS accepted the task."),
        Column("connectivity_at", UTC_TIME, "tasks[].connectivityAt", "When its infrastructure was connected."),
        Column("pull_started_at", UTC_TIME, "tasks[].pullStartedAt", "When the image pull began."),
        Column("pull_stopped_at", UTC_TIME, "tasks[].pullStoppedAt", "When it ended; missing if it failed."),
        Column("started_at", UTC_TIME, "tasks[].startedAt", "When it reached RUNNING; missing if it never did."),
        Column("stopping_at", UTC_TIME, "tasks[].stoppingAt", "When it left RUNNING."),
        Column("execution_stopped_at", UTC_TIME, "tasks[].executionStoppedAt", "When its containers had ended."),
        Column("stopped_at", UTC_TIME, "tasks[].stoppedAt", "When it reached STOPPED; missing while it lives."),
        Column("stop_code", TEXT, "tasks[].stopCode", "ECS's enum, e.g. TaskFailedToStart."),
        Column("stopped_reason", TEXT, "tasks[].stoppedReason", "ECS's own sentence, verbatim."),
        Column("reason_kind", TEXT, "", "What the sentence means, by `knowledge/messages`; missing if not known."),
        Column(
            "running_seconds", NUMBER, "", "RUNNING to the end of its containers; missing unless both are known. [s]"
        ),
        Column("first_seen_at", UTC_TIME, "", "When it was first observed."),
        Column("last_seen_at", UTC_TIME, "@at", "When it was last observed."),
        Column("origin", TEXT, "@origin", "Where this was told: live, store (of history), or event."),
    ),
)

CONTAINERS = FrameSchema(
    "containers",
    "ecs:DescribeTasks",
    needs=_NEEDS,
    rows="One row a container of a task.",
    key=("task_arn", "container"),
    remembers=True,
    columns=(
        Column("task_arn", TEXT, "tasks[].taskArn", "ARN of its task."),
        Column("task_definition", TEXT, "tasks[].taskDefinitionArn", "ARN of the revision."),
        Column("revision", TEXT, "", "`family:number` of the task definition."),
        Column("container", TEXT, "tasks[].containers[].name", "Name of the container."),
        Column("last_status", TEXT, "tasks[].containers[].lastStatus", "PENDING, RUNNING or STOPPED."),
        Column("exit_code", COUNT, "tasks[].containers[].exitCode", "Missing if it never started or still runs."),
        Column("reason", TEXT, "tasks[].containers[].reason", "The agent's own sentence, verbatim."),
        Column("reason_kind", TEXT, "", "What the sentence means; missing if there is none or it is not known."),
        Column("health_status", TEXT, "tasks[].containers[].healthStatus", "Of its own check; UNKNOWN without one."),
        Column("image_digest", TEXT, "tasks[].containers[].imageDigest", "Digest of the image that it ran."),
        Column("essential", TRUTH, "", "Whether the task stops when it stops; missing if its definition was refused."),
    ),
)

ADDRESSES = FrameSchema(
    "addresses",
    "ecs:DescribeTasks",
    needs=_NEEDS,
    rows="One row a private address of a container: what a target of type `ip` is registered by.",
    remembers=True,
    columns=(
        Column("task_arn", TEXT, "tasks[].taskArn", "ARN of its task."),
        Column("task_definition", TEXT, "tasks[].taskDefinitionArn", "ARN of the revision."),
        Column("created_at", UTC_TIME, "tasks[].createdAt", "When the task was accepted: addresses are used again."),
        Column("address", TEXT, "tasks[].containers[].networkInterfaces[].privateIpv4Address", "Private IPv4 address."),
    ),
)


def first_of_deployments(tasks: pd.DataFrame) -> list[dict[str, str]]:
    """Return the first of the `TASKS` of each deployment, in AWS's names: `examined` asks for no others."""
    begun = tasks.dropna(subset=["deployment_id", "task_definition", "created_at"])
    first = begun.sort_values("created_at", kind="stable").drop_duplicates("deployment_id")
    rows = zip(first["deployment_id"], first["task_definition"], first["created_at"], strict=True)
    return [
        {"startedBy": deployment, "taskDefinitionArn": definition, "createdAt": created.isoformat()}
        for deployment, definition, created in rows
    ]


def first_failure(tasks: pd.DataFrame, examined: Deployment) -> datetime | None:
    """Return what `examined.first_failure` does, from the columns of `TASKS`."""
    stopped = (tasks["task_definition"] == examined.task_definition) & (tasks["stopping_at"] >= examined.created_at)
    scaled_in = tasks["stopped_reason"].str.startswith(SCALED_IN).fillna(value=False)
    first = tasks.loc[stopped.fillna(value=False) & ~scaled_in, "stopping_at"].min()
    return None if pd.isna(first) else first.to_pydatetime()
