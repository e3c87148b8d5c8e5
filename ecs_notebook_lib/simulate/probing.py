"""How a load balancer's health check ends at a task of a varied world (ECS_FACTS 5.2)."""

from datetime import datetime
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.logs import Periodic
from ecs_notebook_lib.simulate.model import Target, TargetGroup
from ecs_notebook_lib.simulate.scripted import Process, process
from ecs_notebook_lib.simulate.wording import line

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

Verdict = tuple[str | None, str | None]
_FAILED: Verdict = ("Target.FailedHealthChecks", "Health checks failed")
_TIMED_OUT: Verdict = ("Target.Timeout", "Request timed out")
HEALTH_CHECKER = "ELB-HealthChecker/2.0"


def check_port(group: TargetGroup, target: Target) -> int:
    """Return the port on which a target is checked."""
    port = str(group.shape["HealthCheckPort"])
    return target.port if port == "traffic-port" else int(port)


def accepts(matcher: str, code: int) -> bool:
    """Say whether a matcher such as `200,301-399` accepts a code."""
    for part in matcher.split(","):
        low, _, high = part.partition("-")
        if int(low) <= code <= int(high or low):
            return True
    return False


def arrives(world: "World", group: TargetGroup, target: Target) -> bool:
    """Say whether a check's connection comes to be answered by the program, rightly or not."""
    running = process(world, target.task)
    at_home = _host_port_of(running, target) == check_port(group, target) and running.script.address == "0.0.0.0"  # noqa: S104
    open_way = world.reaches(group, target.task.deployment, target.task.address, check_port(group, target))
    return at_home and open_way and target.task.answering


def drops(world: "World", target: Target) -> bool:
    """Say whether the program hangs: the kernel still takes connections, and nobody answers them."""
    script = process(world, target.task).script
    hangs = script.hangs_after is not None and script.hangs_if(world, target.task)
    return target.task.ready_at is not None and hangs


def _host_port_of(running: Process, target: Target) -> int:
    """Return the port of the target's host at which the program is met: its own, or the one mapped to it."""
    bindings = target.task.shape["containers"][0].get("networkBindings", ())
    mapped = {row["hostPort"]: row["containerPort"] for row in bindings}
    own = running.script.port
    return next((host for host, inside in mapped.items() if inside == own), own)


def verdict(world: "World", group: TargetGroup, target: Target) -> Verdict:
    """Return reason and description of a failed check; (None, None) if it passes."""
    running, shape = process(world, target.task), group.shape
    if not world.reaches(group, target.task.deployment, target.task.address, check_port(group, target)):
        return _TIMED_OUT
    if not arrives(world, group, target):
        return _TIMED_OUT if drops(world, target) else _FAILED
    script = running.script
    secure = shape["HealthCheckProtocol"] == "HTTPS"
    if script.tls and not secure and script.framework.name in ("nginx", "go"):
        return _mismatch(400)  # they say in plain words that the request was not TLS
    if shape["HealthCheckProtocol"] != "TCP" and script.tls is not secure:
        return _FAILED
    if script.response_seconds * running.slowness > shape["HealthCheckTimeoutSeconds"]:
        return _TIMED_OUT
    if shape["HealthCheckProtocol"] == "TCP":
        return None, None
    code = running.code_of(shape["HealthCheckPath"], world.now)
    return (None, None) if accepts(shape["Matcher"]["HttpCode"], code) else _mismatch(code)


def _mismatch(code: int) -> Verdict:
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]"


def requests(world: "World", group: TargetGroup, target: Target, node: str) -> list[Periodic]:
    """Return what the program prints for the checks of one node of the load balancer."""
    running, shape = process(world, target.task), group.shape
    script, period = running.script, float(shape["HealthCheckIntervalSeconds"])
    facts = {"host": node, "client": f"{node}:40118", "asked": f"{target.task.address}:{target.port}"}
    facts["path"] = shape["HealthCheckPath"]
    if script.tls is not (shape["HealthCheckProtocol"] == "HTTPS"):
        garbled = script.framework.errors.get("garbled", ())
        return [_lines(running, garbled, facts, period)] if garbled else []
    found = []
    if script.framework.access:
        found.append(running.requests(node, shape["HealthCheckPath"], period, HEALTH_CHECKER))
    return [*found, _lines(running, script.on_error, facts, period)] if script.on_error else found


def _lines(running: Process, texts: tuple[str, ...], facts: dict[str, str], period: float) -> Periodic:
    def text(when: datetime, _number: int) -> str:
        return "\n".join(line(running.world, running.script, one, when, **facts) for one in texts)

    return Periodic(running.world.now, period, text, HEALTH_CHECKER)
