"""Faults of what a task has: memory, CPU, disk, open files."""

from ecs_notebook_lib.simulate.conditions import has_little_disk, has_memory_of, may_open
from ecs_notebook_lib.simulate.plan import Plan, Recipe
from ecs_notebook_lib.simulate.world import World

_FILES = 256
"""Open files: too few."""
_KILLED = "OutOfMemoryError: Container killed due to memory usage"


def memory_killed(plan: Plan) -> None:
    """Let the kernel kill the process for its memory, soon or after it was healthy; ECS names it or does not."""
    told = plan.chance(0.6)
    early = plan.chance(0.5)
    needed = plan.new.memory * plan.rng.uniform(1.15, 2.2)
    seconds = plan.rng.uniform(25, 90) if early else plan.rng.uniform(150, 320)
    words = [lines for code, lines in plan.framework.memory if code == 137]
    last = plan.rng.choice(words) if words else ()
    if plan.paired:
        plan.program(memory_mib=plan.new.memory * 0.99, memory_seconds=20.0)
        short = has_memory_of(lambda: plan.new.memory)
        plan.dies(137, last, reason=_KILLED if told else "", seconds=(20, 40), given=short)
        return
    plan.program(memory_mib=needed, memory_seconds=seconds, last_words=last)

    def tell(world: World) -> None:
        world.memory_reason = _KILLED if told else ""

    plan.prepare.append(tell)


def heap_full(plan: Plan) -> None:
    """Let the program end by itself because its heap is full."""
    plan.use("spring", "uvicorn", "express", "go", "puma")
    own = [(code, lines) for code, lines in plan.framework.memory if code != 137]
    code, lines = plan.rng.choice(own)
    share = plan.rng.uniform(0.9, 0.99)
    plan.program(memory_mib=plan.new.memory * share, memory_seconds=20.0)
    plan.dies(code, lines, seconds=(22, 60), given=has_memory_of(lambda: plan.new.memory))


def starved(plan: Plan) -> None:
    """Let the program get a fraction of the CPU that it needs to start."""
    plan.need_balancer()
    plan.new.cpu, plan.new.memory = 256, min(plan.new.memory, 2048)
    plan.good.cpu = max(plan.good.cpu, 1024)
    patience = max(plan.grace, plan.group.unhealthy * plan.group.interval + 12) + 30
    low, high = plan.new.program.startup_seconds
    factor = max(6.0, 1.5 * patience / low)
    plan.script(cpu_units=256 * factor)
    plan.program(startup_seconds=(low, high), memory_mib=plan.new.memory * 0.5)
    plan.new.container.pop("healthCheck", None)


def answers_starved(plan: Plan) -> None:
    """Let the program start late and answer later than the check waits, for want of CPU."""
    starved(plan)
    low, high = plan.new.program.startup_seconds
    plan.script(cpu_units=256 * 8.0, response_seconds=plan.group.timeout / 5)
    plan.program(startup_seconds=(min(low, 3.0), min(high, 4.0)))


def disk_full_pulling(plan: Plan) -> None:
    """Let the image not fit on the disk."""
    path = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/86/fs/opt/model/weights.bin"
    text = plan.pick(
        [
            "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer "
            f"sha256:7c524a8642865c29df8d: write {path}: no space left on device: unknown"
        ],
        [
            "CannotPullContainerError: write /var/lib/docker/tmp/GetImageBlob111111111: no space left on device",
            "CannotPullContainerError: failed to register layer: Error processing tar file(exit status 1): write "
            "/opt/model/weights.bin: no space left on device",
        ],
    )
    plan.hitch("pull", text, seconds=(40, 120), given=has_little_disk)


def disk_full_running(plan: Plan) -> None:
    """Let the program fill its disk, and end."""
    plan.dies(1, plan.framework.errors["disk"], seconds=(8, 40), ready=True, given=has_little_disk)


def files_exhausted(plan: Plan) -> None:
    """Let the program run out of open files: it hangs, or ends."""
    lines = plan.framework.errors["files"]
    plan.new.container["ulimits"] = [{"name": "nofile", "softLimit": _FILES, "hardLimit": _FILES}]
    if plan.balanced and not plan.paired and plan.chance(0.6):
        plan.script(hangs_after=plan.rng.uniform(50, 140), hangs_if=may_open(_FILES), hanging=lines * 4)
    else:
        plan.dies(1, lines, seconds=(10, 45), ready=True, given=may_open(_FILES))


_MEMORY, _CPU, _DISK = "resources.memory", "resources.cpu", "resources.disk"
RECIPES = (
    Recipe("memory-killed", _MEMORY, "the kernel kills the container for its memory", memory_killed),
    Recipe("heap-full", _MEMORY, "the program ends because its heap is full", heap_full),
    Recipe("cpu-starved", _CPU, "too little CPU: the start takes many times longer", starved),
    Recipe("cpu-starved-answers", _CPU, "too little CPU: answers come later than the check waits", answers_starved),
    Recipe("disk-full-pulling", _DISK, "the image does not fit on the disk", disk_full_pulling),
    Recipe("disk-full-running", _DISK, "the program fills its disk", disk_full_running),
    Recipe("files-exhausted", "resources.file_limit", "the program runs out of open files", files_exhausted),
)
