"""The seeded variety of accounts: a healthy plan, before any recipe edits it."""

from dataclasses import replace
from random import Random
from typing import Any

from ecs_notebook_lib.simulate.dialects import Dialect
from ecs_notebook_lib.simulate.model import Program
from ecs_notebook_lib.simulate.plan import Plan, Revision, TargetGroupPlan
from ecs_notebook_lib.simulate.script import Script, Sidecar

_PORTS = (3000, 5000, 8000, 8080, 9000)
_SIZES = ((256, 512), (256, 1024), (512, 1024), (512, 2048), (1024, 2048), (1024, 4096))
_PATHS = ("/health", "/healthz", "/status", "/api/health", "/ping")
_PERCENTAGES = ((100, 200), (100, 200), (50, 200), (100, 150), (50, 100), (0, 200))
_DEPENDENCIES = (("db", 5432), ("cache", 6379), ("queue", 5672), ("mysql", 3306))
_SIDECARS = (
    Sidecar("envoy", "public.ecr.aws/appmesh/envoy:v1.29", essential=False, lines=("[info] all clusters initialized",)),
    Sidecar(
        "xray-daemon",
        "public.ecr.aws/xray/aws-xray-daemon:3.3.14",
        essential=False,
        lines=("[Info] Starting proxy http server on 0.0.0.0:2000",),
        leaves=0,
    ),
    Sidecar(
        "otel-collector",
        "public.ecr.aws/aws-observability/aws-otel-collector:v0.40.0",
        lines=("info\tservice/service.go:193\tEverything is ready. Begin running and processing data.",),
        leaves=0,
    ),
    Sidecar(
        "datadog-agent", "public.ecr.aws/datadog/agent:7", essential=False, lines=("AGENT | INFO | Agent started",)
    ),
)


def draw(rng: Random, dialect: Dialect) -> Plan:
    """Return the plan of a healthy world."""
    partition, region = rng.choice(dialect.regions)
    stage, application = rng.choice(dialect.stages), rng.choice(dialect.applications)
    good = _revision(rng, dialect, _startup(rng))
    plan = Plan(
        rng,
        dialect,
        "fargate",
        partition,
        region,
        str(rng.randrange(10**11, 10**12)),
        rng.choice([application, f"{application}-{stage}", f"{application}-api"]),
        rng.choice([stage, f"{stage}-cluster", "core", "services"]),
        good,
        good,
    )
    _rollout(plan)
    _checks(plan)
    _containers(plan)
    plan.new = replace(good, container=dict(good.container), sidecars=list(good.sidecars), hitches=[], network={})
    _story(plan)
    return plan


def _startup(rng: Random) -> tuple[float, float]:
    low = rng.choice([1.0, 2.0, 4.0, 8.0])
    return low, low * rng.uniform(1.2, 1.8)


def _revision(rng: Random, dialect: Dialect, startup: tuple[float, float]) -> Revision:
    framework = rng.choice(list(dialect.frameworks.values()))
    script = Script(framework, rng.choice(_PORTS))
    cpu, memory = rng.choice(_SIZES)
    pull = rng.uniform(4, 18)
    program = Program(
        startup,
        {"/": 200, f"/api/{rng.choice(['items', 'prices', 'orders', 'search'])}": 200},
        ignores_sigterm=rng.random() < dialect.rates["ignores_sigterm"],
        pull_seconds=(pull, pull * 1.5),
        memory_mib=memory * rng.uniform(0.25, 0.7),
        memory_seconds=rng.uniform(20, 90),
        script=script,
    )
    return Revision(program, cpu, memory)


def _rates(plan: Plan, name: str) -> bool:
    return plan.chance(plan.dialect.rates[name])


def _rollout(plan: Plan) -> None:
    plan.desired = plan.rng.choice([1, 1, 2, 2, 2, 3, 4, 6])
    usable = [(low, high) for low, high in _PERCENTAGES if _moves(plan.desired, low, high)]
    plan.minimum, plan.maximum = plan.rng.choice(usable)
    plan.breaker = _rates(plan, "breaker")
    plan.rollback = plan.breaker and _rates(plan, "rollback")
    plan.balanced = _rates(plan, "balanced")
    plan.egress = plan.rng.choice(["nat", "nat", "public", "endpoints"])
    plan.zones = plan.rng.choice([2, 2, 3])


def _moves(desired: int, minimum: int, maximum: int) -> bool:
    return desired * maximum // 100 > desired or -(-desired * minimum // 100) < desired


def _checks(plan: Plan) -> None:
    rng = plan.rng
    path = rng.choice(_PATHS)
    interval = rng.choice([10, 15, 30, 30])
    plan.group = TargetGroupPlan(
        path=path,
        matcher=rng.choice(["200", "200", "200-299", "200,204"]),
        interval=interval,
        timeout=rng.choice([5, 5, 6] if interval > 6 else [4]),
        healthy=rng.choice([2, 3, 5]),
        unhealthy=rng.choice([2, 2, 3]),
        drain=rng.choice([10, 30, 60, 120, 300]),
        own_port=rng.choice([80, 80, plan.good.script.port]),
    )
    plan.grace = rng.choice([0, 0, 30, 60, 120])
    plan.good.program.routes[path] = 200
    if _rates(plan, "container_check"):
        plan.good.container["healthCheck"] = container_check(plan, path)


def container_check(plan: Plan, path: str, **changes: Any) -> dict[str, Any]:
    """Return the container's own health check as task definitions have it."""
    tool = plan.rng.choice(["curl -f", "curl -fsS", "wget -qO-"])
    host = plan.rng.choice(["localhost", "127.0.0.1"])
    command = f"{tool} http://{host}:{plan.port}{path} || exit 1"
    interval = plan.rng.choice([10, 15, 30])
    check = {"command": ["CMD-SHELL", command], "interval": interval, "timeout": 5, "retries": 3}
    return check | {"startPeriod": plan.rng.choice([0, 10, 30])} | changes


def _containers(plan: Plan) -> None:
    if _rates(plan, "sidecar"):
        plan.good.sidecars.append(plan.rng.choice(_SIDECARS))
    if _rates(plan, "noise"):
        noise = plan.framework.noise
        chosen = tuple(plan.rng.sample(noise, plan.rng.randint(1, min(2, len(noise)))))
        script = replace(plan.good.script, says=chosen[:1], repeats=chosen[1:])
        plan.good.program = replace(plan.good.program, script=script)


def _story(plan: Plan) -> None:
    rng = plan.rng
    plan.first = _rates(plan, "first")
    plan.attempts = rng.randint(1, 3) if _rates(plan, "attempts") and not plan.first else 0
    plan.ask_after = rng.uniform(4, 45)
    plan.late = _rates(plan, "late")
    plan.told_starts = _rates(plan, "told_starts")
    for name in ("insights", "capture", "neighbour", "tags"):
        plan.chances[name] = _rates(plan, name)


def dependency(plan: Plan) -> tuple[str, int]:
    """Return the name and port of something that the application needs."""
    name, port = plan.rng.choice(_DEPENDENCIES)
    domain = plan.rng.choice(["internal", "svc.local", f"{plan.region}.rds.amazonaws.com"])
    return f"{plan.name}-{name}.{domain}", port
