"""The life of a Fargate task, from PROVISIONING to STOPPED, with the times that DescribeTasks tells (ECS_FACTS 4)."""

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from ecs_notebook_lib.simulate import application, scripted
from ecs_notebook_lib.simulate.model import Deployment, Life, Service, Shape, Task
from ecs_notebook_lib.simulate.placement import FARGATE, Place
from ecs_notebook_lib.simulate.script import Death, Hitch, fill
from ecs_notebook_lib.simulate.starting import refusal_to_start
from ecs_notebook_lib.simulate.wording import start_facts

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_SIGKILL, _SIGTERM = 137, 143
_EXITED = "Essential container in task exited"


class Tasks:
    """All tasks that ECS still lists: the living, and the dead of about the last hour."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.by_arn: dict[str, Task] = {}

    def start(self, service: Service, deployment: Deployment, place: Place = FARGATE) -> Task:
        """Accept a new task of a deployment; all that follows comes in time."""
        task = self._create(service, deployment, place)
        task.number, deployment.started = deployment.started, deployment.started + 1
        deployment.tasks.append(task)
        self.by_arn[task.shape["taskArn"]] = task
        if not self._hitched(task, "provisioning"):
            self._after(self._world.engine.between(8, 16), task, self._connect)
        return task

    def _doomed(self, task: Task) -> bool:
        """Say whether a later phase of the start has its own reason to end."""
        hitches = self._world.hitches.get(task.shape["taskDefinitionArn"], ())
        return any(hitch.hits(self._world, task) for hitch in hitches)

    def _hitched(self, task: Task, phase: str) -> bool:
        """Say whether the task's start ends in this phase; if so, let it end in time."""
        for hitch in self._world.hitches.get(task.shape["taskDefinitionArn"], ()):
            if hitch.phase == phase and hitch.hits(self._world, task):
                self._after(self._world.engine.between(*hitch.seconds), task, partial(self._fail, hitch=hitch))
                return True
        return False

    def _fail(self, task: Task, hitch: Hitch) -> None:
        """End a task that cannot start, in the words of the hitch."""
        text = fill(hitch.text, start_facts(self._world, task))
        main = task.shape["containers"][0]
        if hitch.exit_code is not None:
            main["exitCode"] = hitch.exit_code
        for container in task.shape["containers"]:
            container["healthStatus"] = (hitch.health or {}).get(container["name"], container["healthStatus"])
        if hitch.in_container:
            main["reason"] = text
        self._stop_now(task, "TaskFailedToStart", "Task failed to start" if hitch.in_container else text)

    def _after(self, seconds: float, task: Task, step: Any) -> None:
        """Do the next step of a task's start, unless it was stopped meanwhile."""
        self._world.engine.after(seconds, lambda: None if task.stopping else step(task))

    def _create(self, service: Service, deployment: Deployment, place: Place) -> Task:
        world, engine = self._world, self._world.engine
        task_id = engine.hexadecimal(32)
        subnet = self._subnet(deployment, place)
        address = world.free_address(subnet)
        attachment = self._interface(subnet, address)
        definition = world.task_definitions[deployment.shape["taskDefinition"]]
        arn = world.arn("ecs", f"task/{world.cluster}/{task_id}")
        shape = {
            "attachments": [attachment],
            "availabilityZone": world.zones[subnet],
            "clusterArn": world.cluster_arn,
            "connectivity": "DISCONNECTED",
            "containers": [_container(world, arn, row) for row in definition["containerDefinitions"]],
            "cpu": definition["cpu"],
            "createdAt": engine.now,
            "desiredStatus": "RUNNING",
            "enableExecuteCommand": False,
            "group": f"service:{service.name}",
            "healthStatus": "UNKNOWN",
            "lastStatus": "PROVISIONING",
            "launchType": "FARGATE",
            "memory": definition["memory"],
            "overrides": {"containerOverrides": [{"name": row["name"]} for row in definition["containerDefinitions"]]},
            "platformFamily": "Linux",
            "platformVersion": "1.4.0",
            "startedBy": deployment.id,
            "tags": [],
            "taskArn": arn,
            "taskDefinitionArn": deployment.shape["taskDefinition"],
            "version": 1,
        }
        task = Task(shape, deployment, address)
        world.scheduler.placement.take(place, task, shape)
        return task

    def _subnet(self, deployment: Deployment, place: Place) -> str:
        """Return the subnet of a new task: that of its instance, or one of the deployment's in turn."""
        subnets = deployment.network["subnets"]
        found = self._world.scheduler.placement.subnet(place, subnets)
        if found:
            return str(found)
        if self._world.programs_scripted:
            return self._emptiest(deployment, subnets)
        return str(subnets[len(deployment.tasks) % len(subnets)])

    def _interface(self, subnet: str, address: str) -> Shape:
        """Return the attachment of a new network interface."""
        new = self._world.engine.hexadecimal
        details = {
            "subnetId": subnet,
            "networkInterfaceId": f"eni-{new(17)}",
            "macAddress": "0a:" + ":".join(new(2) for _ in range(5)),
            "privateDnsName": f"ip-{address.replace('.', '-')}.ec2.internal",
            "privateIPv4Address": address,
        }
        return {
            "id": f"{new(8)}-0000-4000-8000-{new(12)}",
            "type": "ElasticNetworkInterface",
            "status": "ATTACHED",
            "details": [{"name": name, "value": value} for name, value in details.items()],
        }

    def _emptiest(self, deployment: Deployment, subnets: list[str]) -> str:
        """Return the subnet with the fewest tasks of a deployment; among equals they take turns."""
        zones = [task.shape["availabilityZone"] for task in deployment.alive]
        turned = [subnets[(deployment.started + turn) % len(subnets)] for turn in range(len(subnets))]
        return min(turned, key=lambda subnet: zones.count(self._world.zones[subnet]))

    def _connect(self, task: Task) -> None:
        for attachment in task.shape.get("attachments", ()):
            for container in task.shape["containers"]:
                container["networkInterfaces"] = [
                    {"attachmentId": attachment["id"], "privateIpv4Address": task.address}
                ]
        _move(task, "PENDING", connectivity="CONNECTED", connectivityAt=self._world.engine.now)
        self._after(self._world.engine.between(2, 5), task, self._prepare)

    def _prepare(self, task: Task) -> None:
        """Do what the execution role is for: registry, secrets, log stream; then pull the image."""
        if self._hitched(task, "prepare"):
            return
        refusal = None if self._doomed(task) else refusal_to_start(self._world, task)
        if refusal is not None:
            self._stop_now(task, "TaskFailedToStart", refusal)
            return
        task.shape["pullStartedAt"] = self._world.engine.now
        if self._hitched(task, "pull"):
            return
        pull = self._world.program(task).pull_seconds
        self._after(self._world.engine.between(*pull), task, self._pulled)

    def _pulled(self, task: Task) -> None:
        task.shape["pullStoppedAt"] = self._world.engine.now
        for container in task.shape["containers"]:
            container["imageDigest"] = self._world.image_digest(container["image"])
        if self._hitched(task, "start"):
            return
        self._after(self._world.engine.between(0.5, 1.5), task, self._run)

    def _run(self, task: Task) -> None:
        engine = self._world.engine
        for container in task.shape["containers"]:
            container["lastStatus"] = "RUNNING"
            container["runtimeId"] = f"{task.id}-{engine.hexadecimal(10).translate(_DIGITS)}"
        _move(task, "RUNNING", startedAt=engine.now)
        task.running = True
        definition = self._world.task_definitions[task.shape["taskDefinitionArn"]]
        service = task.shape["group"].partition(":")[2]
        task.life = Life(service, self._world.program(task), float(definition["memory"]), engine.now)
        self._world.lives.append(task.life)
        stream = self._world.open_stream(task)
        if task.life.program.script is None:
            application.run(self._world, task, stream)
        else:
            scripted.run(self._world, task)
        self._world.scheduler.task_running(task)

    def container_checked(self, task: Task, healthy: bool, *, container: str = "") -> None:
        """Take over the verdict of a container's own health check: the application's, or the named one's."""
        if task.stopping:
            return
        verdict = "HEALTHY" if healthy else "UNHEALTHY"
        rows = task.shape["containers"]
        checked = [row for row in rows if row["name"] == container] if container else rows[:1]
        for row in checked:
            row["healthStatus"] = verdict
        if container and healthy:
            return
        task.container_healthy = healthy and not task.held
        task.shape["healthStatus"] = verdict
        if healthy:
            self._world.scheduler.task_changed(task)
        else:
            self._world.scheduler.container_unhealthy(task)

    def exited(self, task: Task, *, code: int, reason: str = "") -> None:
        """End a task whose essential container ended by itself; `reason` is the container's, if it has one."""
        self._leave(task, "EssentialContainerExited", _EXITED)
        self._contained(task, code)
        for container in task.shape["containers"][:1]:
            container |= {"reason": reason} if reason else {}

    def container_exited(self, task: Task, name: str, death: Death, *, essential: bool) -> None:
        """End one of the other containers; an essential one takes the task down with it."""
        if essential:
            task.exit_codes[name] = death.code
            self._leave(task, "EssentialContainerExited", _EXITED)
            self._world.engine.after(self._world.engine.between(0.4, 2.0), lambda: self._contained(task, _SIGTERM))
        for container in task.shape["containers"]:
            if container["name"] == name:
                container |= {"lastStatus": "STOPPED", "exitCode": death.code}
                container |= {"reason": death.reason} if death.reason else {}

    def stop(self, task: Task, code: str, reason: str) -> None:
        """Stop a task as the scheduler or a person does: SIGTERM, the stop time-out, SIGKILL."""
        if task.stopping:
            return
        if not task.running:
            self._stop_now(task, code, reason)
            return
        self._leave(task, code, reason)
        slow = self._world.program(task).ignores_sigterm
        seconds = 30.0 if slow else self._world.engine.between(0.3, 1.5)
        self._world.engine.after(seconds, lambda: self._contained(task, _SIGKILL if slow else _SIGTERM))

    def _leave(self, task: Task, code: str, reason: str) -> None:
        """Leave RUNNING."""
        task.stopping, task.answering = True, False
        task.shape |= {"desiredStatus": "STOPPED", "stopCode": code, "stoppedReason": reason}
        _move(task, "STOPPING" if code != "EssentialContainerExited" else "DEPROVISIONING", stoppingAt=self._now)
        self._world.scheduler.task_leaving(task)

    @property
    def _now(self) -> datetime:
        return self._world.engine.now

    def _contained(self, task: Task, exit_code: int) -> None:
        """Note that the containers have ended."""
        application.stop_logging(self._world.stream(task), self._now)
        if exit_code == _SIGTERM and self._world.program(task).script is not None:
            scripted.say_goodbye(self._world, task)
        elif exit_code == _SIGTERM:
            self._world.stream(task).write(
                self._now, "INFO:     Shutting down", "INFO:     Finished server process [1]"
            )
        for container in task.shape["containers"]:
            own = task.exit_codes.get(container["name"], exit_code)
            container |= {"lastStatus": "STOPPED", "exitCode": container.get("exitCode", own)}
        task.running = False
        if task.life is not None:
            task.life.ended = self._now
        _move(task, "DEPROVISIONING", executionStoppedAt=self._now)
        self._world.engine.after(self._world.engine.between(12, 30), lambda: self._stopped(task))

    def _stop_now(self, task: Task, code: str, reason: str) -> None:
        """End a task that never ran."""
        task.stopping = True
        task.shape |= {"desiredStatus": "STOPPED", "stopCode": code, "stoppedReason": reason}
        _move(task, "DEPROVISIONING", stoppingAt=self._now)
        for container in task.shape["containers"]:
            container["lastStatus"] = "STOPPED"
        task.shape["executionStoppedAt"] = self._now
        self._world.scheduler.task_leaving(task)
        self._world.engine.after(self._world.engine.between(12, 30), lambda: self._stopped(task))

    def _stopped(self, task: Task) -> None:
        _move(task, "STOPPED", stoppedAt=self._now)
        self._world.captured(task)
        task.deployment.tasks.remove(task)
        self._world.scheduler.placement.release(task)
        self._world.return_address(task.address)
        self._world.scheduler.task_stopped(task)
        forgotten = timedelta(seconds=self._world.engine.between(3600, 4200))
        self._world.engine.at(self._now + forgotten, lambda: self._forget(task))

    def _forget(self, task: Task) -> None:
        del self.by_arn[task.shape["taskArn"]]


_DIGITS = str.maketrans("abcdef", "012345")


def _move(task: Task, status: str, **facts: Any) -> None:
    task.shape |= {"lastStatus": status, **facts}
    task.shape["version"] += 1


def _container(world: "World", task_arn: str, definition: dict[str, Any]) -> dict[str, Any]:
    part = f"{world.engine.hexadecimal(8)}-{world.engine.hexadecimal(4)}-4000-8000-{world.engine.hexadecimal(12)}"
    return {
        "containerArn": f"{task_arn.replace(':task/', ':container/')}/{part}",
        "taskArn": task_arn,
        "name": definition["name"],
        "image": definition["image"],
        "lastStatus": "PENDING",
        "networkInterfaces": [],
        "healthStatus": "UNKNOWN",
        "cpu": str(definition.get("cpu", 0)),
    }
