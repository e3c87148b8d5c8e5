"""What the containers of a varied world do once they run: start, listen, answer, ask AWS, log, hang, die."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ecs_notebook_lib.simulate.logs import LogStream, Periodic
from ecs_notebook_lib.simulate.model import Program, Task
from ecs_notebook_lib.simulate.script import Death, Script, Sidecar, fill
from ecs_notebook_lib.simulate.wording import access_line, line

if TYPE_CHECKING:
    from ecs_notebook_lib.simulate.world import World

_COUNTED_SECONDS = 40.0
"""A task without a health check counts as healthy so long after RUNNING (ECS_FACTS 2.6)."""
_CURL = "curl/8.5.0"
_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0"


@dataclass(frozen=True, slots=True)
class Process:
    """One running process of the application: its task, its program, its log."""

    world: "World"
    task: Task
    program: Program
    script: Script
    stream: LogStream

    def say(self, *texts: str, **facts: object) -> None:
        """Print lines now."""
        now = self.world.engine.now
        self.stream.write(now, *(line(self.world, self.script, text, now, **facts) for text in texts))

    def after(self, seconds: float, action: str, *arguments: object) -> None:
        """Do something in so many seconds if the task is still there."""
        method = getattr(self, action)
        self.world.engine.after(seconds, lambda: None if self.task.stopping else method(*arguments))

    # Its life.

    def start(self) -> None:
        """Begin: print what a start prints, and listen when it is over."""
        death = self._death()
        if death is None or not death.mute:
            self.say(*self.script.framework.starting)
        if death is not None and not death.ready:
            self.after(self.world.engine.between(*death.seconds), "die", death)
        seconds = self.world.engine.between(*self.program.startup_seconds) * self.slowness
        for number, text in enumerate(self.script.says, start=1):
            self.after(seconds * number / (len(self.script.says) + 1), "say", text)
        if self.script.repeats:
            self._repeat()
        if self.script.listens and not (death is not None and not death.ready and death.seconds[1] < seconds):
            self.after(seconds, "listen", seconds)
        self._grow()

    def _death(self) -> Death | None:
        death = self.script.death
        return death if death is not None and death.hits(self.world, self.task) else None

    @property
    def slowness(self) -> float:
        """Return how many times slower it runs than with the CPU that it needs."""
        units = float(self.world.task_definitions[self.task.shape["taskDefinitionArn"]]["cpu"])
        return max(1.0, self.script.cpu_units / units)

    def listen(self, seconds: float) -> None:
        """Listen, check itself, ask AWS for what it needs, serve."""
        self.say(*self.script.framework.ready, seconds=f"{seconds:.3f}")
        self.task.answering, self.task.ready_at = True, self.world.now
        self.check_itself()
        death = self._death()
        if death is not None and death.ready:
            self.after(self.world.engine.between(*death.seconds), "die", death)
        if self.script.hangs_after is not None and self.script.hangs_if(self.world, self.task):
            self.after(self.script.hangs_after * self.world.engine.between(0.8, 1.2), "hang")
        refusal = next((need for need in self.program.needs if self.world.denial(self.task, need) is not None), None)
        if refusal is not None:
            self.after(self.world.engine.between(0.4, 3.0), "refused", refusal)
        if not self.world.groups_of(self.world.scheduler.service_of(self.task)):
            self.serve()

    def die(self, death: Death) -> None:
        """End with an exit code and the last words."""
        self.say(*death.lines)
        self.world.tasks.exited(self.task, code=death.code, reason=death.reason)

    def hang(self) -> None:
        """Stop answering, and live on."""
        self.say(*self.script.hanging)
        self.task.answering = False
        self.world.balancer.look_again(self.task)
        if self.world.container_definition(self.task).get("healthCheck"):
            self.world.engine.after(60, lambda: self.world.tasks.container_checked(self.task, False))

    def _grow(self) -> None:
        life, program = self.task.life, self.program
        if life is None or program.memory_mib <= life.limit_mib:
            return
        share = (life.limit_mib - 120) / (program.memory_mib - 120)
        seconds = share * program.memory_seconds * self.world.engine.between(0.7, 1.4)
        self.after(seconds, "burst")

    def burst(self) -> None:
        """Be killed by the kernel for its memory."""
        self.say(*self.program.last_words)
        self.world.tasks.exited(self.task, code=137, reason=self.world.memory_reason)

    def refused(self, need: tuple[str, str, str]) -> None:
        """Print the refusal of a call, and do what the script says."""
        denial = self.world.denial(self.task, need)
        if denial is None:
            return
        operation, action, _ = need
        service = _SERVICES.get(action.partition(":")[0], action.partition(":")[0].title())
        self.say(*self.script.framework.denied, sentence=denial, operation=operation, service=service)
        if self.script.on_refusal == "exit":
            self.world.tasks.exited(self.task, code=1)

    # What it answers and prints.

    def check_itself(self) -> None:
        """Begin the container's own health check; without one, count as healthy a while after RUNNING."""
        check = self.world.container_definition(self.task).get("healthCheck")
        if check is None:
            balanced = bool(self.world.groups_of(self.world.scheduler.service_of(self.task)))
            self.after(0.0 if balanced else _COUNTED_SECONDS, "counted")
            return
        fails = self.script.check_fails(self.world, self.task)
        passes = not fails and self.code_of(check_path(check), self.world.now) < 400
        patience = 0.0 if passes else check["retries"] * check["interval"] + float(check.get("startPeriod", 0))
        self.after(check["interval"] + patience, "checked", passes)
        if not fails and self.script.framework.access:
            path = check_path(check)
            self.stream.periodic.append(self.requests("127.0.0.1", path, check["interval"], _CURL))

    def counted(self) -> None:
        """Count as healthy."""
        self.task.container_healthy = not self.task.held
        self.world.scheduler.task_changed(self.task)

    def checked(self, passes: bool) -> None:
        """Take over the verdict of the container's own health check."""
        self.world.tasks.container_checked(self.task, passes)

    def code_of(self, path: str, when: datetime) -> int:
        """Return what it answers on a path at a moment."""
        seconds, code = self.script.warming
        ready = self.task.ready_at
        if seconds and (ready is None or when < ready + timedelta(seconds=seconds)):
            return code
        denied = self.script.on_refusal == "unready" and any(
            self.world.denial(self.task, n) for n in self.program.needs
        )
        return 503 if denied else self.program.routes.get(path, self.program.routes.get("*", 404))

    def requests(self, host: str, path: str, period: float, agent: str, *, begin: datetime | None = None) -> Periodic:
        """Return the access lines of a client that asks again and again."""

        def text(when: datetime, number: int) -> str:
            request = {"host": host, "client": f"{host}:{1024 + number * 38 % 60000}", "path": path, "agent": agent}
            return access_line(self.world, self.script, when, code=self.code_of(path, when), **request)

        return Periodic(begin or self.world.now, float(period), text, agent)

    def serve(self) -> None:
        """Answer customers from now on: a load balancer sends them to healthy targets only."""
        if not self.script.framework.access or self.script.warming[0] > 0:
            return
        paths = [path for path in self.program.routes if path not in ("*", "/health") and "health" not in path]
        for number, path in enumerate(paths[:2]):
            period = self.world.engine.between(17, 41)
            self.stream.periodic.append(self.requests(f"203.0.113.{20 + number}", path, period, _BROWSER))

    def _repeat(self) -> None:
        texts, period = self.script.repeats, self.world.engine.between(8, 30)

        def text(when: datetime, number: int) -> str:
            return line(self.world, self.script, texts[number % len(texts)], when)

        begin = self.world.now + timedelta(seconds=period / 2)
        self.stream.periodic.append(Periodic(begin, period, text, "itself"))


_SERVICES = {
    "dynamodb": "DynamoDB",
    "s3": "S3",
    "secretsmanager": "SecretsManager",
    "sqs": "SQS",
    "ssm": "SSM",
    "kms": "KMS",
    "cognito-idp": "CognitoIdentityProvider",
}


def check_path(check: dict[str, object]) -> str:
    """Return the path that a container's health check asks for; `/` if it asks for none."""
    command = " ".join(str(word) for word in check["command"]) if isinstance(check["command"], list) else ""
    _, found, rest = command.partition("://")
    return "/" + rest.partition("/")[2].partition(" ")[0] if found else "/"


def process(world: "World", task: Task) -> Process:
    """Return the application's process of a task."""
    program = world.program(task)
    assert program.script is not None  # noqa: S101  asked of varied worlds only
    return Process(world, task, program, program.script, world.stream(task))


def run(world: "World", task: Task) -> None:
    """Begin the containers of a task that has just reached RUNNING."""
    running = process(world, task)
    others = world.sidecars.get(task.shape["taskDefinitionArn"], ())
    task.held = any(sidecar.healthy is False for sidecar in others)
    if task.life is not None and running.slowness > 1:
        task.life.cpu_percent = 99.6
    running.start()
    for sidecar in others:
        _run_sidecar(world, task, sidecar)


def _run_sidecar(world: "World", task: Task, sidecar: Sidecar) -> None:
    stream = world.open_stream(task, sidecar.name)
    task.exit_codes.setdefault(sidecar.name, sidecar.leaves)
    now, facts = world.engine.now, {"region": world.region, "cluster": world.cluster, **world.slots}
    stream.write(now, *(fill(text, facts) for text in sidecar.lines))
    if sidecar.healthy is not None:
        world.engine.after(
            20.0 if sidecar.healthy else world.engine.between(65, 110),
            lambda: world.tasks.container_checked(task, bool(sidecar.healthy), container=sidecar.name),
        )
    death = sidecar.death
    if death is None or not death.hits(world, task):
        return

    def end() -> None:
        if task.stopping:
            return
        stream.write(world.engine.now, *(fill(text, facts) for text in death.lines))
        world.tasks.container_exited(task, sidecar.name, death, essential=sidecar.essential)

    world.engine.after(world.engine.between(*death.seconds), end)


def say_goodbye(world: "World", task: Task) -> None:
    """Print what a program prints that obeys SIGTERM."""
    running = process(world, task)
    running.say(*running.script.framework.shutdown)
