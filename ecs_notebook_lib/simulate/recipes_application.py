"""Faults of the application itself: it crashes, cannot be run, ends, answers errors, listens where nobody asks."""

from functools import partial

from ecs_notebook_lib.simulate.conditions import container_has
from ecs_notebook_lib.simulate.draws import container_check
from ecs_notebook_lib.simulate.model import Deployment, Service
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.recipes_access import recurring
from ecs_notebook_lib.simulate.world import World

_START = "CannotStartContainerError: "


def crashes(plan: Plan) -> None:
    """Let the program end by an error of its own, before it listens or soon after."""
    code, lines = plan.rng.choice(plan.framework.crashes)
    if plan.paired:
        plan.dies(code, lines, seconds=(0.5, 4))
    else:
        plan.dies(code, lines, seconds=plan.rng.choice([(0.5, 4), (3, 12)]), ready=plan.chance(0.3))


def crashes_silently(plan: Plan) -> None:
    """Let the program end with an exit code and no word about why."""
    plan.dies(plan.rng.choice([1, 2, 139]), (), seconds=(0.5, 6))


def not_executable(plan: Plan) -> None:
    """Let the command not exist or not be executable: the runtime says so, or the shell does."""
    command = plan.rng.choice(["gunicorn-server", "/app/run.sh", "bundle exec puma -C config.rb", "serve"])
    plan.new.container["command"] = [command]
    given = container_has("command", [command])
    if plan.chance(0.5):
        why = plan.rng.choice(["executable file not found in $PATH", "stat {c}: no such file or directory"])
        denied = f'exec: "{command}": permission denied'
        text = plan.rng.choice([f'exec: "{command}": {why.replace("{c}", command)}', denied])
        wordings = (
            f"{_START}ResourceInitializationError: failed to create new container runtime task: failed to create "
            "shim task: "
            f"OCI runtime create failed: runc create failed: unable to start container process: {text}: unknown",
            f"{_START}Error response from daemon: OCI runtime create failed: container_linux.go:380: starting "
            "container "
            f"process caused: {text}: unknown",
        )
        text = plan.pick([wordings[0]], [wordings[1]])
        plan.hitch("start", text, exit_code=plan.rng.choice([None, 127, 128]), given=given)
        return
    code, line = plan.rng.choice(
        [
            (127, f"/bin/sh: 1: {command.split()[0]}: not found"),
            (127, f"/usr/local/bin/docker-entrypoint.sh: line 12: exec: {command.split()[0]}: not found"),
            (126, f"/bin/sh: {command.split()[0]}: Permission denied"),
        ]
    )
    plan.dies(code, [line], seconds=(0.1, 0.6), mute=True, given=given)


def ends(plan: Plan) -> None:
    """Let the program end with exit code 0: it was a one-shot command, or went into the background."""
    lines = plan.rng.choice([["migrations are up to date", "done"], ["daemon started in background"], []])
    plan.dies(0, lines, seconds=plan.rng.choice([(0.5, 3), (4, 15)]), mute=plan.chance(0.5))


def answers_500(plan: Plan) -> None:
    """Let the health endpoint fail, with the error behind it in the log."""
    plan.need_balancer()
    plan.program(routes=plan.new.program.routes | {plan.group.path: 500})
    plan.script(on_error=plan.framework.errors["failing"])
    plan.new.container.pop("healthCheck", None)


def _failing(plan: Plan) -> tuple[str, ...]:
    """Return what the framework prints again and again while its requests fail."""
    return tuple(line.replace("{path}", plan.group.path) for line in plan.framework.errors["failing"])


def own_check_500(plan: Plan) -> None:
    """Let the health endpoint answer the container's own check with 500; there is no load balancer."""
    plan.balanced = False
    plan.program(routes=plan.new.program.routes | {plan.group.path: 500})
    plan.new.container["healthCheck"] = container_check(plan, plan.group.path, interval=10, startPeriod=0)
    plan.script(repeats=_failing(plan))


def alarm_rings(plan: Plan) -> None:
    """Let the deployment be rolled back by an alarm on the application's errors."""
    plan.need_balancer()
    plan.first, plan.silent, plan.attempts, plan.late, plan.breaker = False, True, 0, False, False
    plan.ask_after = max(plan.ask_after, 12.0)
    name = f"{plan.name}-5xx"
    plan.service["deploymentConfiguration"] = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "alarms": {"alarmNames": [name], "enable": True, "rollback": True},
        "maximumPercent": 200,
        "minimumHealthyPercent": 100,
    }
    failing = {path: 500 for path in plan.new.program.routes if path != plan.group.path}
    plan.program(routes=failing | {plan.group.path: 200})
    plan.script(repeats=_failing(plan))
    seconds = plan.rng.uniform(200, 420)

    def arrange(world: World, service: Service, deployment: Deployment) -> None:
        image = world.task_definitions[deployment.shape["taskDefinition"]]["containerDefinitions"][0]["image"]
        alarms = service.shape["deploymentConfiguration"].get("alarms", {})
        if world.programs.get(image) is not plan.new.program or not alarms.get("enable"):
            return
        deployment.keeps_older = True
        deployment.record["alarms"] = {"status": "MONITORING", "alarmNames": [name], "triggeredAlarmNames": []}

        def ring() -> None:
            if deployment is not service.deployments[0]:
                return
            deployment.record["alarms"] |= {"status": "TRIGGERED", "triggeredAlarmNames": [name]}
            world.scheduler.rollout.fail(service, deployment, "alarm detected.", rollback=True)

        world.engine.after(seconds, ring)

    plan.after.append(partial(recurring, arrange))


def listens_on_loopback(plan: Plan) -> None:
    """Let the program listen on 127.0.0.1 only; its own check passes."""
    plan.need_balancer()
    plan.use("uvicorn", "gunicorn", "express", "go", "puma")
    plan.script(address="127.0.0.1")
    if plan.chance(0.6):
        plan.new.container["healthCheck"] = container_check(plan, plan.group.path)


def killed_unwilling(plan: Plan) -> None:
    """Let a program that ignores SIGTERM fail its health checks: it ends with 137, and not for its memory."""
    plan.need_balancer()
    plan.program(ignores_sigterm=True, routes=plan.new.program.routes | {plan.group.path: 404})
    plan.new.container.pop("healthCheck", None)


_ERROR = "application.error_response"
RECIPES = (
    Recipe("program-crashes", "application.crash", "the program ends by an error of its own", crashes),
    Recipe("program-crashes-silently", "application.crash", "the program ends without a word", crashes_silently),
    Recipe("command-not-executable", "application.command", "the command cannot be run", not_executable),
    Recipe("program-ends", "application.finished", "the program ends without an error", ends),
    Recipe("answers-500", _ERROR, "the health endpoint fails", answers_500),
    Recipe("own-check-500", _ERROR, "the health endpoint fails, and the container's check asks it", own_check_500),
    Recipe("alarm-rings", _ERROR, "an alarm on the application's errors ends the rollout", alarm_rings),
    Recipe("listens-on-loopback", "application.listen_address", "it listens on 127.0.0.1", listens_on_loopback),
    Recipe(
        "killed-after-failed-checks",
        "health_check.path",
        "the path is unknown, and the program ignores SIGTERM: 137",
        killed_unwilling,
    ),
)
