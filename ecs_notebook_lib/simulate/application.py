"""What a container does once it runs: it starts, answers, needs AWS, logs, and perhaps dies.

A program asks for what it needs one after another, so that only the first refusal shows: mend it, and the next one
comes, as in life.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.logs import LogStream, Periodic
from ecs_notebook_lib.simulate.model import Program, Task

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_REASONS = {200: "OK", 301: "Moved Permanently", 404: "Not Found", 500: "Internal Server Error"}
_OPERATIONS = {"dynamodb": "get_table_item", "secretsmanager": "get_secret", "cognito-idp": "get_user_pool"}
CURL = "curl/7.88.1"
HEALTH_CHECKER = "ELB-HealthChecker/2.0"
_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"


def access_line(client: str, path: str, code: int, agent: str) -> str:
    """Return an access log line of uvicorn whose formatter adds the user agent."""
    return f'INFO:     {client} - "GET {path} HTTP/1.1" {code} {_REASONS.get(code, "")} "{agent}"'


def run(world: "World", task: Task, stream: LogStream) -> None:
    """Begin the program of a task that has just reached RUNNING."""
    program = world.program(task)
    now, engine = world.engine.now, world.engine
    listening = now + timedelta(seconds=engine.between(*program.startup_seconds))
    stream.write(now, "INFO:     Started server process [1]", "INFO:     Waiting for application startup.")
    stream.write(
        listening, "INFO:     Application startup complete.", "INFO:     Uvicorn running on http://0.0.0.0:8000"
    )
    engine.at(listening, lambda: _listen(world, task, stream))
    if task.life is not None and program.memory_mib > task.life.limit_mib:
        share = (task.life.limit_mib - 120) / (program.memory_mib - 120)
        engine.after(share * program.memory_seconds, lambda: _out_of_memory(world, task, stream))


def _out_of_memory(world: "World", task: Task, stream: LogStream) -> None:
    """Be killed by the kernel; ECS tells the reason only if it was the container's limit."""
    if task.stopping:
        return
    stream.write(world.engine.now, *world.program(task).last_words)
    world.tasks.exited(task, code=137, reason=world.memory_reason)


def _listen(world: "World", task: Task, stream: LogStream) -> None:
    if task.stopping:
        return
    task.answering = True
    _check_itself(world, task, stream)
    began = world.engine.now
    program = world.program(task)
    refusal = next((need for need in program.needs if world.denial(task, need) is not None), None)
    if refusal is None:
        stream.periodic.append(_customers(world, program, began))
        return
    working = world.engine.between(4.2, 5.0)
    world.engine.after(working, lambda: _refused(world, task, stream, refusal))


def _check_itself(world: "World", task: Task, stream: LogStream) -> None:
    """Start the container's own health check: the agent runs the command inside the container."""
    check = world.container_definition(task).get("healthCheck")
    if check is None:
        task.container_healthy = True
        return
    path = "/" + check["command"][-1].partition("localhost:8000/")[2].partition(" ")[0]
    started: datetime = task.shape["startedAt"]
    first = started + timedelta(seconds=check["interval"])
    while first < world.engine.now:
        first += timedelta(seconds=check["interval"])
    code = world.program(task).routes.get(path, 404)

    def probe(when: datetime, number: int) -> str:
        return access_line(f"127.0.0.1:{40000 + (number * 17 + when.second) % 20000}", path, code, CURL)

    stream.periodic.append(Periodic(first, check["interval"], probe, CURL))
    patience = 0 if code < 400 else check["retries"] * check["interval"] + check.get("startPeriod", 0)
    world.engine.at(first + timedelta(seconds=patience), lambda: world.tasks.container_checked(task, code < 400))


def _customers(world: "World", program: Program, began: datetime) -> Periodic:
    paths = [path for path in program.routes if "health" not in path] or ["/"]
    period = world.engine.between(11, 23)

    def request(_when: datetime, number: int) -> str:
        path = paths[number % len(paths)]
        return access_line(f"203.0.113.{10 + number % 60}:0", path, program.routes.get(path, 404), _BROWSER)

    return Periodic(began + timedelta(seconds=period), period, request, _BROWSER)


def probe_source(world: "World", task: Task, node: str, *, path: str, period: float) -> Periodic:
    """Return the access lines of one load balancer node's health checks, from now on."""
    code = world.program(task).routes.get(path, 404)

    def probe(_when: datetime, number: int) -> str:
        return access_line(f"{node}:{1024 + number * 38 % 60000}", path, code, HEALTH_CHECKER)

    return Periodic(world.engine.now, period, probe, HEALTH_CHECKER)


def _refused(world: "World", task: Task, stream: LogStream, need: tuple[str, str, str]) -> None:
    """Die of a refused call, unless somebody has allowed it meanwhile."""
    denial = world.denial(task, need)
    if task.stopping or denial is None:
        return
    operation, action, _ = need
    function = _OPERATIONS.get(action.partition(":")[0], "load")
    stream.write(
        world.engine.now,
        "ERROR:    Traceback (most recent call last):",
        f'  File "/app/clarity/settings.py", line {40 + len(operation)}, in {function}',
        f"botocore.exceptions.ClientError: An error occurred (AccessDeniedException) when calling the {operation} "
        f"operation: {denial}",
        "ERROR:    Application failed. Exiting.",
    )
    world.tasks.exited(task, code=1)


def stop_logging(stream: LogStream, when: datetime) -> None:
    """End every line that repeats."""
    for source in stream.periodic:
        source.stop(when)
