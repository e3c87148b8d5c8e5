"""Faults between a load balancer's health check, or the container's own, and an application that works."""

from collections.abc import Callable
from dataclasses import replace

from ecs_notebook_lib.simulate.conditions import checks_by
from ecs_notebook_lib.simulate.draws import container_check
from ecs_notebook_lib.simulate.network import rule
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.world import World


def moved_path(plan: Plan) -> None:
    """Let the new revision answer on another path; its own check follows it."""
    plan.need_balancer()
    path = plan.rng.choice(["/api/v2/health", "/internal/ready", "/_health", "/actuator/health"])
    code = 410 if plan.chance(0.1) else 404
    routes = {known: answer for known, answer in plan.new.program.routes.items() if known != plan.group.path}
    plan.program(routes=routes | {path: 200, plan.group.path: code})
    if "healthCheck" in plan.new.container:
        plan.new.container["healthCheck"] = container_check(plan, path)


def never_had_path(plan: Plan) -> None:
    """Let a new service be asked for a path that the application never had."""
    plan.need_balancer()
    plan.first, plan.attempts = True, 0
    plan.program(routes={"/": 200, plan.group.path: 404, "/api/items": 200})
    plan.new.container.pop("healthCheck", None)


def _answering(code: int, *, lines: str = "") -> Callable[[Plan], None]:
    def apply(plan: Plan) -> None:
        plan.need_balancer()
        plan.group.matcher = plan.rng.choice(["200", "200-299"])
        plan.program(routes=plan.new.program.routes | {plan.group.path: code})
        if lines:
            plan.script(on_error=plan.framework.errors.get(lines, ()))
        plan.new.container.pop("healthCheck", None)

    return apply


def other_port(plan: Plan) -> None:
    """Let the new revision listen on another port than the task definition maps."""
    plan.need_balancer()
    plan.script(port=plan.rng.choice([port for port in (80, 3001, 8081, 8888) if port != plan.port]))
    plan.new.container.pop("healthCheck", None)
    if plan.chance(0.6):
        opened = plan.new.script.port
        plan.edits.append(lambda world: _open(world, opened))


def check_port(plan: Plan, *, dropped: bool = False) -> None:
    """Let a new service be checked on a port on which nothing listens: refused, or dropped by the group."""
    plan.need_balancer()
    plan.first, plan.attempts = True, 0
    port = plan.rng.choice([port for port in (80, 8081, 9090) if port != plan.port])
    plan.group = replace(plan.group, port=str(port))
    if not dropped:
        plan.edits.append(lambda world: _open(world, port))


def check_port_dropped(plan: Plan) -> None:
    """Let the security group drop what is asked on the wrong port."""
    check_port(plan, dropped=True)


def _open(world: World, port: int) -> None:
    ingress = world.network.group(str(world.slots["task_group"]))["IpPermissions"]
    ingress.append(rule(port, group=str(world.slots["balancer_group"])))


def speaks_tls(plan: Plan) -> None:
    """Let the new revision speak TLS on the port that is asked by HTTP."""
    plan.need_balancer()
    plan.script(tls=True)
    plan.new.container.pop("healthCheck", None)


def speaks_plain(plan: Plan) -> None:
    """Let the new revision speak HTTP on the port that is asked by HTTPS."""
    plan.need_balancer()
    plan.group.protocol = "HTTPS"
    plan.good.program = replace(plan.good.program, script=replace(plan.good.script, tls=True))
    plan.script(tls=False)
    plan.first = False
    plan.new.container.pop("healthCheck", None)


def _patience(plan: Plan) -> float:
    """Return how long a task may take until ECS rejects it."""
    return max(plan.grace, plan.group.unhealthy * plan.group.interval + 12) + 25.0


def slow_start(plan: Plan) -> None:
    """Let the new revision need longer to start than it is given."""
    plan.need_balancer()
    plan.grace = plan.rng.choice([0, 0, 30, 60])
    seconds = _patience(plan) + plan.rng.uniform(20, 150)
    plan.program(startup_seconds=(seconds, seconds * 1.2))
    steps = [f"loading model part {number} of 8" for number in range(1, 9)]
    plan.script(says=plan.pick([tuple(steps[:4]), ("running migrations", "warming caches")], [("", ""), tuple(steps)]))
    plan.new.container.pop("healthCheck", None)


def warming_up(plan: Plan) -> None:
    """Let the new revision answer 503 until its caches are full, which takes too long."""
    plan.need_balancer()
    seconds = _patience(plan) + plan.rng.uniform(30, 150)
    plan.script(warming=(seconds, 503), repeats=("cache is filling, not ready yet", *plan.new.script.repeats))
    plan.new.container.pop("healthCheck", None)


def slow_answers(plan: Plan) -> None:
    """Let the health endpoint take longer than the check waits; the requests arrive and are logged."""
    plan.need_balancer()
    seconds = plan.group.timeout + plan.rng.uniform(1.5, 9)
    plan.script(response_seconds=seconds, repeats=(f"health: deep check took {seconds * 1000:.0f} ms",))
    plan.new.container.pop("healthCheck", None)


def _own_check(plan: Plan, **changes: object) -> None:
    check = plan.new.container["healthCheck"] = container_check(plan, plan.group.path) | changes
    plan.script(check_fails=checks_by(check["command"]))


def tool_missing(plan: Plan) -> None:
    """Let the container's check call a tool that the image does not have."""
    tool = plan.pick(["curl -f", "curl -fsS"], ["wget -qO-", "nc -z"])
    command = f"{tool} http://localhost:{plan.port}{plan.group.path} || exit 1"
    _own_check(plan, command=["CMD-SHELL", command])


def own_check_elsewhere(plan: Plan) -> None:
    """Let the container's check ask a port or a name on which the application does not listen."""
    port = plan.port + plan.pick([1, 80], [1000])
    url = plan.pick([f"http://localhost:{port}{plan.group.path}"], [f"http://[::1]:{plan.port}{plan.group.path}"])
    _own_check(plan, command=["CMD-SHELL", f"curl -f {url} || exit 1"])


def no_shell(plan: Plan) -> None:
    """Let the container's check need a shell in an image that has none."""
    _own_check(plan, command=["CMD-SHELL", f"/app/healthcheck --port {plan.port}"], interval=10, startPeriod=0)


_PATH, _MATCHER, _PORT = "health_check.path", "health_check.matcher", "health_check.port"
_TIMING, _CONTAINER = "health_check.timing", "health_check.container"
RECIPES = (
    Recipe("moved-health-path", _PATH, "the application moved its health endpoint", moved_path),
    Recipe("absent-health-path", _PATH, "a new service is asked for a path that it does not have", never_had_path),
    Recipe("redirect-to-https", _MATCHER, "the health path answers with a redirect to HTTPS", _answering(301)),
    Recipe("redirect-to-login", _MATCHER, "the health path answers with a redirect to a login", _answering(302)),
    Recipe("login-demanded", _MATCHER, "the health path demands credentials", _answering(401)),
    Recipe("forbidden-to-check", _MATCHER, "the health path is forbidden to the load balancer", _answering(403)),
    Recipe(
        "host-not-allowed",
        _MATCHER,
        "the application refuses the host name of the check",
        _answering(400, lines="refused"),
    ),
    Recipe("other-port", _PORT, "the new revision listens on another port", other_port),
    Recipe("wrong-check-port", _PORT, "the check asks on a port that is refused", check_port),
    Recipe("dropped-check-port", _PORT, "the check asks on a port that the group drops", check_port_dropped),
    Recipe("speaks-tls", "health_check.protocol", "HTTP is asked, and TLS is spoken", speaks_tls),
    Recipe("speaks-plain", "health_check.protocol", "HTTPS is asked, and HTTP is spoken", speaks_plain),
    Recipe("slow-start", _TIMING, "the start takes longer than the checks allow", slow_start),
    Recipe("warming-up", _TIMING, "the application answers 503 until it is warm, too long", warming_up),
    Recipe("slow-answers", _TIMING, "the health endpoint answers later than the check waits", slow_answers),
    Recipe("check-tool-missing", _CONTAINER, "the container's check calls a tool that is missing", tool_missing),
    Recipe("check-asks-elsewhere", _CONTAINER, "the container's check asks elsewhere", own_check_elsewhere),
    Recipe("check-needs-shell", _CONTAINER, "the container's check needs a shell that is missing", no_shell),
)
