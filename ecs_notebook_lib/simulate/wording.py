"""What the slots of log lines and AWS's sentences stand for."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.model import Task
from ecs_notebook_lib.simulate.script import Script, fill

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_PHRASES = {
    200: "OK",
    301: "Moved Permanently",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


def times(when: datetime) -> dict[str, str]:
    """Return a moment in the forms that logs use."""
    return {
        "iso": when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "clf": when.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "plain": when.strftime("%Y-%m-%d %H:%M:%S"),
        "slash": when.strftime("%Y/%m/%d %H:%M:%S"),
    }


def line(world: "World", script: Script, text: str, when: datetime, **facts: object) -> str:
    """Return a line as the program of a script prints it."""
    words = {
        "app": world.service.replace("-", "_"),
        "address": script.address,
        "port": script.port,
        "scheme": "https" if script.tls else "http",
        **world.slots,
        **times(when),
        **facts,
    }
    return fill(fill(text, words), words)


def access_line(world: "World", script: Script, when: datetime, **request: object) -> str:
    """Return the line that a framework writes for a request: `host`, `client`, `path`, `code`, `agent`."""
    code = request["code"]
    phrase = _PHRASES.get(int(str(code)), "")
    return line(world, script, script.framework.access, when, phrase=phrase, **request)


def start_facts(world: "World", task: Task) -> dict[str, object]:
    """Return what the slots in AWS's sentences about the start of a task stand for."""
    new = world.engine.hexadecimal
    definition = world.task_definitions[task.shape["taskDefinitionArn"]]
    container = definition["containerDefinitions"][0]
    interface = {row["name"]: row["value"] for row in task.shape.get("attachments", [{}])[0].get("details", ())}
    execution = str(definition.get("executionRoleArn", "")).rpartition("/")[2]
    return {
        "task": task.id,
        "task_arn": task.shape["taskArn"],
        "image": container["image"],
        "repository": container["image"].rpartition(":")[0],
        "repository_name": container["image"].partition("/")[2].rpartition(":")[0],
        "registry": container["image"].partition("/")[0],
        "container": container["name"],
        "region": world.region,
        "account": world.account,
        "partition": world.partition,
        "suffix": world.suffix,
        "cluster": world.cluster,
        "execution_session": f"arn:{world.partition}:sts::{world.account}:assumed-role/{execution}/{task.id}",
        "execution_role": execution,
        "task_role": str(definition.get("taskRoleArn", "")).rpartition("/")[2],
        "subnet": interface.get("subnetId", ""),
        "interface": interface.get("networkInterfaceId", ""),
        "log_group": container.get("logConfiguration", {}).get("options", {}).get("awslogs-group", ""),
        "request": f"{new(8)}-{new(4)}-4{new(3)}-8{new(3)}-{new(12)}",
        "address": f"52.{94 + task.number % 30}.{17 + task.number * 7 % 200}.{3 + task.number * 31 % 250}",
        **world.slots,
    }


def started_at(task: Task) -> datetime:
    """Return when a task reached RUNNING."""
    started: datetime = task.shape["startedAt"]
    return started


def later(when: datetime, seconds: float) -> datetime:
    """Return a moment so many seconds later."""
    return when + timedelta(seconds=seconds)
