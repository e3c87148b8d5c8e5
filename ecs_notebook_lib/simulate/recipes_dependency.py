"""Faults of what the application depends on: a database or cache, another container of its task."""

from collections.abc import Sequence
from dataclasses import replace

from ecs_notebook_lib.simulate.conditions import logs_by
from ecs_notebook_lib.simulate.draws import dependency
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.script import Death, Sidecar
from ecs_notebook_lib.simulate.world import World


def _target(plan: Plan, name: str, port: int) -> None:
    def prepare(world: World) -> None:
        world.slots["target"], world.slots["target_port"] = name, port

    plan.prepare.append(prepare)


def unreachable_exit(plan: Plan) -> None:
    """Let the program end because its database or cache does not answer."""
    fail_by(plan, "exit", dependency(plan), plan.framework.unreachable)


def unreachable_waiting(plan: Plan) -> None:
    """Let the program wait for its database or cache, and not listen before."""
    fail_by(plan, "waiting", dependency(plan), plan.framework.unreachable)


def unreachable_503(plan: Plan) -> None:
    """Let the program answer 503 or 502 because its database or cache does not answer."""
    fail_by(plan, "503", dependency(plan), plan.framework.unreachable)


def fail_by(plan: Plan, kind: str, target: tuple[str, int], wordings: Sequence[tuple[str, ...]]) -> None:
    """Let the program fail for a dependency, named by host and port, in one of the wordings.

    `kind` is how: `exit`, `waiting` (it does not listen before), or `503` (it answers so).
    """
    _target(plan, *target)
    lines = plan.rng.choice(wordings)
    if kind == "exit":
        plan.dies(1, lines, seconds=plan.rng.choice([(1, 4), (8, 31)]))
        plan.script(listens=plan.paired)
        return
    plan.need_balancer()
    plan.new.container.pop("healthCheck", None)
    if kind == "waiting":
        plan.script(listens=False, repeats=(*plan.framework.errors["waiting"], lines[-1]))
        return
    code = plan.rng.choice([503, 503, 502])
    plan.program(routes=plan.new.program.routes | {plan.group.path: code})
    plan.script(on_error=lines)


_ROUTER = Sidecar(
    "log_router",
    "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable",
    lines=("Fluent Bit v1.9.10", "AWS for Fluent Bit Container Image Version 2.32.0"),
    first=True,
)


def router_ends(plan: Plan) -> None:
    """Let the log router end, and take the task down with it."""
    last = plan.rng.choice(
        [
            ("[error] [config] could not open configuration file, aborting.",),
            ("[engine] caught signal (SIGSEGV)",),
            ("[error] [output:cloudwatch_logs:cloudwatch_logs.0] could not load config map",),
        ]
    )
    code = 139 if "SIGSEGV" in last[0] else plan.rng.choice([1, 255])
    death = Death(code, seconds=(1.0, 6.0), lines=last, hits=plan.dying)
    plan.new.sidecars = [replace(_ROUTER, death=death), *plan.new.sidecars[:1]]
    plan.good.sidecars = [_ROUTER, *plan.good.sidecars[:1]]
    if plan.chance(0.5):
        plan.new.container["logConfiguration"] = {"logDriver": "awsfirelens", "options": {"Name": "cloudwatch_logs"}}


def proxy_ends(plan: Plan) -> None:
    """Let an essential proxy or agent end, with any exit code, 0 among them."""
    name, image = plan.rng.choice(
        [
            ("envoy", "public.ecr.aws/appmesh/envoy:v1.29"),
            ("cloudsql-proxy", "public.ecr.aws/example/sql-proxy:2.8"),
            ("config-loader", "public.ecr.aws/example/config-loader:1.1"),
        ]
    )
    code, last = plan.rng.choice(
        [
            (1, "[critical] error initializing configuration '/etc/envoy/envoy.yaml': Unable to parse JSON as proto"),
            (0, "[info] exiting"),
            (2, "flag provided but not defined: -listen-addr"),
        ]
    )
    death = Death(code, seconds=(1.5, 9.0), lines=(last,), hits=plan.dying)
    plan.put_first(Sidecar(name, image, lines=("[info] starting",), death=death))


def proxy_unhealthy(plan: Plan) -> None:
    """Let a proxy's own health check fail, while the application's container is well."""
    name = plan.pick(["envoy"], [f"ecs-service-connect-{plan.rng.randrange(10**5, 10**6)}", "appconfig-agent"])
    proxy = Sidecar(
        name,
        "public.ecr.aws/appmesh/envoy:v1.29",
        lines=("[warning] gRPC config stream to xds_cluster closed: 14, no healthy upstream",),
        healthy=False,
        first=True,
    )
    plan.put_first(proxy)
    plan.grace = min(plan.grace, 60)


def socket_absent(plan: Plan) -> None:
    """Let the logging socket of a daemon not be there when the container starts."""
    plan.new.container["logConfiguration"] = {
        "logDriver": "fluentd",
        "options": {"fluentd-address": "unix:///var/run/fluent.sock"},
    }
    text = (
        "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: dial unix "
        "/var/run/fluent.sock: connect: no such file or directory"
    )
    plan.hitch("start", text, in_container=True, given=logs_by("fluentd"))


_DOWN, _SIDECAR = "dependency.unavailable", "dependency.sidecar"
RECIPES = (
    Recipe(
        "dependency-down-exit", _DOWN, "a database or cache does not answer, and the program ends", unreachable_exit
    ),
    Recipe("dependency-down-waiting", _DOWN, "a database or cache does not answer; it waits", unreachable_waiting),
    Recipe("dependency-down-503", _DOWN, "a database or cache does not answer; it answers 503", unreachable_503),
    Recipe("log-router-ends", _SIDECAR, "the log router ends, and the task with it", router_ends),
    Recipe("proxy-ends", _SIDECAR, "an essential proxy ends, and the task with it", proxy_ends),
    Recipe("proxy-unhealthy", _SIDECAR, "a proxy of the task never becomes healthy", proxy_unhealthy),
    Recipe("logging-socket-absent", _SIDECAR, "the log daemon's socket is not there", socket_absent),
)
