"""Mimics: for each pair that looks alike, what tells the two apart, from either side."""

from functools import cache

import pytest

from ecs_notebook_lib.cases import Case, snapshot_of
from ecs_notebook_lib.collect import Clients, collect_incident
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.simulate import build, install
from ecs_notebook_lib.snapshot import Simulated
from ecs_notebook_lib.source import LiveSource

from .conftest import Door

SETTLED = 0.2
"""A look-alike that the evidence has ruled out is less likely than this."""

ROLLING = "Scaling activity initiated by (deployment ecs-svc/1234567890123456789)"
REJECTED = "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:eu-west-1:111122223333:tg/web)"
EXITED = "Essential container in task exited"
PULL = "ResourceInitializationError: unable to pull secrets or registry auth: "
ASM = f"{PULL}execution resource retrieval failed: unable to retrieve secret from asm: "
LOGGER = "ResourceInitializationError: failed to validate logger args: "
STREAM = f"{LOGGER}create stream has been retried 1 times: failed to create Cloudwatch log stream: "
NO_ROUTE = f"{PULL}RequestError: send request failed caused by: dial tcp 10.0.0.1:443: i/o timeout"
GONE = "ResourceNotFoundException: Secrets Manager can't find the specified secret."
UNPLACED = "(service web) was unable to place a task"
CLOSEST = (
    f"{UNPLACED} because no container instance met all of its requirements. "
    "The closest matching (container-instance 528ccd77af10807abb75c103ce17ec71) "
)
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db"  # noqa: S105  a name


def denied(action, resource):
    return (
        "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/web-exec/abc is not authorized "
        f"to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
    )


def stopped(told, code="TaskFailedToStart", *, log=(), **container):
    task = {"stop_code": code, "stopped_reason": told, "containers": [container]}
    return {"stopped_tasks": [task], "log_lines": list(log)}


def exited(code, *log, **container):
    return stopped(EXITED, "EssentialContainerExited", log=log, exit_code=code, **container)


def killed(reason):
    return stopped(reason, "ServiceSchedulerInitiated", exit_code=137)


def containers(**codes):
    both = [{"name": name, "exit_code": code} for name, code in codes.items()]
    return {
        "stopped_tasks": [{"stop_code": "EssentialContainerExited", "stopped_reason": EXITED, "containers": both}],
    }


def target(reason, description, *log, state="unhealthy", port=8000):
    health = {"state": state, "reason": f"Target.{reason}", "description": description}
    return {"target_health": [health], "log_lines": list(log), "task_definition": {"container_port": port}}


def answers(code):
    return target("ResponseCodeMismatch", f"Health checks failed with these codes: [{code}]")


def refuses(*log):
    return target("FailedHealthChecks", "Health checks failed", *log)


def event(text):
    return {"service_events": [text]}


def service(desired, minimum, maximum):
    return {"service": {"desired_count": desired, "minimum_healthy_percent": minimum, "maximum_percent": maximum}}


def of_case(observed):
    return diagnose(Frames(snapshot_of(Case("by-hand", observed))))


def probabilities(diagnosis):
    return {row.cause: row.probability for row in diagnosis.differential}


def kinds(diagnosis):
    return {finding.kind for _, finding in diagnosis.findings}


@cache
def door(region):
    asked, session = Door(), simulated_session(region)
    install(session, asked)
    return asked, Clients(session)


def frames_of(world):
    asked, clients = door(world.region)
    asked.world = world
    source = LiveSource(world.cluster, world.service)
    return Frames(collect_incident(clients, source, simulated=Simulated(world.scenario, world.seed)))


@cache
def of_world(name, seed=3):
    return diagnose(frames_of(build(name, seed)))


def case(name, observed, cause, *not_these):
    return pytest.param(observed, cause, not_these, id=name)


TOLD_APART = [
    # Exit 137: who killed it.
    case("137-without-a-word", exited(137), "resources.memory"),
    case("137-as-ecs-says-memory", exited(137, reason="OutOfMemoryError: Container killed due to memory usage"),
         "resources.memory", "health_check.timing", "application.crash"),
    case("137-after-failed-checks", killed(REJECTED), "health_check.timing", "resources.memory"),
    # A task that could not be initialized: by what it met.
    case("initialization-timed-out", stopped(NO_ROUTE), "network.egress", "permissions.execution_role",
         "secrets_config.missing"),
    case("initialization-denied", stopped(ASM + denied("secretsmanager:GetSecretValue", f"{SECRET}-AbCdEf")),
         "permissions.execution_role", "network.egress", "secrets_config.missing"),
    case("initialization-not-found", stopped(ASM + GONE), "secrets_config.missing", "network.egress",
         "permissions.execution_role"),
    case("secret-arn-in-full", stopped(ASM + denied("secretsmanager:GetSecretValue", f"{SECRET}-AbCdEf")),
         "permissions.execution_role", "secrets_config.malformed"),
    case("secret-arn-without-its-suffix", stopped(ASM + denied("secretsmanager:GetSecretValue", SECRET)),
         "secrets_config.malformed"),
    case("log-group-out-of-reach",
         stopped(f"{LOGGER}The task cannot find the Amazon CloudWatch log group defined in the task definition. "
                 "There is a connection issue between the task and Amazon CloudWatch. Check your network."),
         "network.egress", "secrets_config.log_group", "permissions.execution_role"),
    case("log-group-absent", stopped(f"{STREAM}ResourceNotFoundException: The specified log group does not exist."),
         "secrets_config.log_group", "network.egress", "permissions.execution_role"),
    case("log-group-denied",
         stopped(STREAM + denied("logs:CreateLogStream", "arn:aws:logs:us-east-1:111122223333:log-group:/ecs/web")),
         "permissions.execution_role", "secrets_config.log_group", "network.egress"),
    # What a load balancer meets.
    case("times-out", target("Timeout", "Request timed out"), "network.security_group"),
    case("refused-on-loopback", refuses("Uvicorn running on http://127.0.0.1:8000"), "application.listen_address",
         "health_check.port", "health_check.protocol"),
    case("refused-on-another-port", refuses("Uvicorn running on http://0.0.0.0:9000"), "health_check.port",
         "application.listen_address", "health_check.protocol"),
    case("refused-by-tls",
         refuses("http: TLS handshake error from 10.0.1.5:4242: tls: first record does not look like a TLS handshake"),
         "health_check.protocol", "health_check.port", "application.listen_address"),
    *(case(f"answers-{code}", answers(code), "health_check.matcher", "health_check.path", "application.error_response")
      for code in (301, 302, 307, 400, 401, 403)),
    case("answers-404", answers(404), "health_check.path", "health_check.matcher", "application.error_response"),
    case("answers-500", answers(500), "application.error_response", "health_check.path", "health_check.matcher"),
    # "unable to place": a start that failed, or placement.
    case("unplaced-as-it-could-not-start", event(f"{UNPLACED}. Reason: {NO_ROUTE}"), "network.egress",
         "capacity.instances", "capacity.fargate"),
    case("unplaced-as-fargate-is-full", event(f"{UNPLACED}. Reason: Capacity is unavailable at this time. Please try "
                                             "again later or in a different availability zone."),
         "capacity.fargate", "network.egress"),
    case("unplaced-as-memory-lacks", event(f"{CLOSEST}has insufficient memory available."), "capacity.instances",
         "deployment_config.constraint", "resources.memory", "permissions.execution_role"),
    case("unplaced-as-an-attribute-lacks",
         event(f"{CLOSEST}is missing an attribute required by your task: ecs.capability.execution-role-awslogs."),
         "deployment_config.constraint", "permissions.execution_role"),
    # Processes that end.
    case("wrong-platform-with-exit-1", exited(1, "exec /usr/local/bin/entrypoint.sh: exec format error"),
         "image.platform", "application.crash", "application.command"),
    case("wrong-platform-with-exit-255", exited(255, "standard_init_linux.go:228: exec user process caused: "
                                                    "exec format error"),
         "image.platform", "application.crash"),
    case("application-with-exit-1", exited(1, "Traceback (most recent call last):",
                                           "ModuleNotFoundError: No module named 'app'"),
         "application.crash", "image.platform"),
    case("sidecar-ends", containers(web=143, log_router=1), "dependency.sidecar", "application.crash"),
    case("main-container-ends", containers(web=1, log_router=0), "application.crash", "dependency.sidecar"),
    # Percentages.
    case("percentages-without-room", service(1, 100, 100), "deployment_config.percentages"),
]  # fmt: skip
"""Observations, the cause that comes first, and the look-alikes that are ruled out."""


@pytest.mark.parametrize(("observed", "cause", "not_these"), TOLD_APART)
def test_what_is_told_comes_to_its_cause_and_rules_out_the_look_alikes(observed, cause, not_these):
    ranked = probabilities(of_case(observed))

    assert max(ranked, key=ranked.__getitem__) == cause
    assert {name for name in not_these if ranked[name] >= SETTLED} == set()


SETTLED_BY_READING = {
    "killed-after-failed-checks": ("health_check.path", "resources.memory"),
    "memory-killed": ("resources.memory", "health_check.path"),
    "balancer-blocked": ("network.security_group", "health_check.timing", "resources.cpu", "health_check.port"),
    "wrong-check-port": ("health_check.port", "application.listen_address", "network.security_group"),
    "dropped-check-port": ("health_check.port", "network.security_group", "health_check.timing"),
    "other-port": ("health_check.port", "application.listen_address"),
    "listens-on-loopback": ("application.listen_address", "health_check.port"),
    "speaks-tls": ("health_check.protocol", "health_check.port"),
    "task-role-refused": ("permissions.task_role", "application.crash"),
    "partial-secret-arn": ("secrets_config.malformed", "permissions.execution_role"),
    "secret-refused": ("permissions.execution_role", "secrets_config.malformed"),
    "log-stream-refused": ("permissions.execution_role", "secrets_config.log_group"),
    "log-group-missing": ("secrets_config.log_group", "permissions.execution_role"),
    "exec-format-error": ("image.platform", "application.crash"),
    "program-crashes-silently": ("application.crash", "image.platform"),
    "log-router-ends": ("dependency.sidecar", "application.crash"),
    "program-ends": ("application.finished", "dependency.sidecar"),
    "deployed-again": ("deployment_config.superseded", "deployment_config.waiter_shorter_than_rollout"),
    "slow-rollout": ("deployment_config.waiter_shorter_than_rollout", "deployment_config.superseded"),
}
"""Recipes of the simulated world: the cause, and what it is mistaken for."""


@pytest.mark.parametrize("name", SETTLED_BY_READING)
def test_where_everything_could_be_read_the_look_alike_is_ruled_out(name):
    cause, *not_these = SETTLED_BY_READING[name]
    ranked = probabilities(of_world(name))

    assert max(ranked, key=ranked.__getitem__) == cause
    assert max(ranked[other] for other in not_these) < SETTLED
