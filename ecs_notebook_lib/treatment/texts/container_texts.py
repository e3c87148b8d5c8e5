"""Members of the task definition to change: size, disk, open files, platform, image, command, own health check."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.checks.resources import NEAR_LIMIT_PERCENT, utilization_since
from ecs_notebook_lib.diagnosis.health_budget import health_budget_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.existence import task_definition_of
from ecs_notebook_lib.knowledge.ends import SIGKILL
from ecs_notebook_lib.knowledge.exits import meaning_of_exit
from ecs_notebook_lib.knowledge.fargate import smallest_fargate_size
from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.definition_forms import definition

_MARGIN = 1.3
"""Memory that a task has beside its peak: CloudWatch's minute hides the fastest spikes."""

_STEP_MIB = 256
_SHARE_OF_BUDGET = 0.7
_OUT = "out_of_memory"
_KILLED = frozenset({_OUT, meaning_of_exit(SIGKILL).finding})
_DISK_DEFAULT, _DISK_LEAST, _DISK_MOST = 20, 21, 200
MOST_FILES = 65_535
"""The highest limit of open files that Fargate allows (ECS_FACTS 8)."""

ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}


@dataclass(frozen=True, slots=True)
class MemoryAdvice:
    """Memory in MiB, CPU in units of 1/1024. The containers' limits are theirs if they have one, else empty.

    A peak at the limit, or of a task that was killed there, is only a lower bound: then the memory is at least doubled.
    """

    task_memory: int
    container_memory: tuple[tuple[str, int], ...]
    cpu: int
    peak_mib: float | None
    is_lower_bound: bool
    fragment: Fragment


@dataclass(frozen=True, slots=True)
class CpuAdvice:
    """CPU in units of 1/1024, memory in MiB; `ready_seconds` is the measured start-up, None if it was never ready."""

    cpu: int
    memory: int
    ready_seconds: float | None
    fragment: Fragment


def _examined(frames: Frames) -> dict[str, Any]:
    return task_definition_of(frames.snapshot, frames.history.examined_definition)


def _former(frames: Frames) -> dict[str, Any]:
    former = frames.history.last_good if frames.history.former_revision else None
    return task_definition_of(frames.snapshot, former.task_definition if former else "")


def _number(value: object) -> int | None:
    return int(str(value)) if str(value or "").isdecimal() else None


def _on_fargate(row: dict[str, Any]) -> bool:
    return "FARGATE" in (row.get("requiresCompatibilities") or ())


def _sized(row: dict[str, Any], cpu: int, memory: int) -> tuple[int, int] | None:
    if _on_fargate(row):
        return smallest_fargate_size(cpu, memory)
    return cpu, math.ceil(memory / _STEP_MIB) * _STEP_MIB


def memory_advice(diagnosis: Diagnosis) -> MemoryAdvice | None:
    """Return how much memory the task needs by its measured peak; None if it has it, or no peak and no kill is known.

    On Fargate the size is rounded up to one that exists, which may take more CPU along.
    """
    frames, row = diagnosis.frames, _examined(diagnosis.frames)
    cpu, present = _number(row.get("cpu")), _number(row.get("memory"))
    if present is None or frames.history.examined is None:
        return None
    points = utilization_since(
        frames, "MemoryUtilization", pd.Timestamp(frames.history.examined.created_at).floor("min")
    )
    percent = float(points["value"].max()) if len(points) else 0.0
    peak = percent * present / 100 if len(points) else None
    bound = percent >= NEAR_LIMIT_PERCENT or any(finding.kind == _OUT for _, finding in diagnosis.findings)
    killed = bound and any(finding.kind in _KILLED for _, finding in diagnosis.findings)
    wanted = math.ceil((peak or 0.0) * _MARGIN)
    if bound:
        wanted = max(wanted, 2 * present)
    size = _sized(row, cpu or 0, wanted)
    if wanted <= present or size is None:
        return None
    limits = tuple(
        (str(one["name"]), math.ceil(one["memory"] * size[1] / present))
        for one in row.get("containerDefinitions") or ()
        if one.get("memory")
    )
    members = {"memory": str(size[1])} | ({"cpu": str(size[0])} if size[0] != cpu and size[0] else {})
    told = f"at least {peak:.0f} MiB were used" if peak is not None else "how much was used is not known"
    title = f"Memory {size[1]} MiB in place of {present}: {told}" + (", and the task was killed" if killed else "")
    container = {"name": limits[0][0], "memory": limits[0][1]} if limits else None
    return MemoryAdvice(size[1], limits, size[0], peak, bound, definition(title, members, container=container))


def cpu_advice(diagnosis: Diagnosis) -> CpuAdvice | None:
    """Return how much CPU the task needs so that it starts in time; None if its CPU was not used up.

    A start that takes all of its CPU gets shorter as there is more of it. Unmeasured, the CPU is doubled.
    """
    row = _examined(diagnosis.frames)
    cpu, memory = _number(row.get("cpu")), _number(row.get("memory"))
    if cpu is None or not any(finding.kind == "cpu_at_limit" for _, finding in diagnosis.findings):
        return None
    budget = health_budget_of(diagnosis.frames)
    ready = budget.ready_seconds if budget else None
    factor = max(2.0, ready / (_SHARE_OF_BUDGET * budget.latest_stop)) if budget and ready else 2.0
    size = _sized(row, math.ceil(cpu * factor), memory or 0)
    if size is None:
        return None
    title = f"CPU {size[0]} units in place of {cpu}: all of it was used for minutes"
    members = {"cpu": str(size[0])} | ({"memory": str(size[1])} if memory else {})
    return CpuAdvice(size[0], size[1], ready, definition(title, members))


def ephemeral_storage(diagnosis: Diagnosis) -> tuple[int, Fragment] | None:
    """Return twice the disk of the task in GiB, 21 to 200; None if it is not on Fargate or has the most already.

    Whether the disk was full is for the caller to know: nothing measures it.
    """
    row = _examined(diagnosis.frames)
    present = int((row.get("ephemeralStorage") or {}).get("sizeInGiB") or _DISK_DEFAULT)
    if not _on_fargate(row) or present >= _DISK_MOST:
        return None
    size = min(_DISK_MOST, max(_DISK_LEAST, 2 * present))
    return size, definition(f"Disk of {size} GiB in place of {present}", {"ephemeralStorage": {"sizeInGiB": size}})


def file_limit(container: str) -> Fragment:
    """Return the limit of open files that Fargate allows at most, for a container."""
    limits = [{"name": "nofile", "softLimit": MOST_FILES, "hardLimit": MOST_FILES}]
    return definition(f"Open files of {container}: {MOST_FILES}", container={"name": container, "ulimits": limits})


def runtime_platform(diagnosis: Diagnosis) -> Fragment | None:
    """Return the platform for which the examined revision's images were built; None if it fits, or several fit."""
    frames = diagnosis.frames
    if not any(finding.kind == "image_lacks_platform" for _, finding in diagnosis.findings):
        return None
    built = set(frames.image_platforms["architecture"].dropna()) & set(ARCHITECTURES)
    if len(built) != 1:
        return None
    architecture = ARCHITECTURES[built.pop()]
    platform = {"operatingSystemFamily": "LINUX", "cpuArchitecture": architecture}
    return definition(f"Run on {architecture}, for which the image is built", {"runtimePlatform": platform})


def image_by_digest(diagnosis: Diagnosis) -> tuple[tuple[str, str, Fragment], ...]:
    """Return (container, image, text) with the digests that the last good revision ran; empty if none is known."""
    frames, former = diagnosis.frames, _former(diagnosis.frames)
    ran = frames.containers[frames.containers["task_definition"] == former.get("taskDefinitionArn")]
    digests = dict(zip(ran["container"], ran["image_digest"], strict=True))
    found = []
    for row in former.get("containerDefinitions") or ():
        name, digest = str(row["name"]), digests.get(row["name"])
        if isinstance(digest, str) and digest.startswith("sha256:"):
            image = f"{_untagged(str(row['image']))}@{digest}"
            title = f"Image of {name}, by the digest that ran well"
            found.append((name, image, definition(title, container={"name": name, "image": image})))
    return tuple(found)


def _untagged(image: str) -> str:
    name = image.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def former_command(diagnosis: Diagnosis) -> tuple[Fragment, ...]:
    """Return command and entry point of the last good revision for each container in which they are others now."""
    now = {row["name"]: row for row in _examined(diagnosis.frames).get("containerDefinitions") or ()}
    texts = []
    for row in _former(diagnosis.frames).get("containerDefinitions") or ():
        other = now.get(row["name"], row)
        members = {one: row.get(one) or [] for one in ("entryPoint", "command") if row.get(one) != other.get(one)}
        if members:
            title = f"Command of {row['name']}, as the last good revision has it"
            texts.append(definition(title, container={"name": row["name"], **members}))
    return tuple(texts)


_CHECKS = {
    "python": "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}{path}', timeout=4)",
    "node": "require('http').get('http://127.0.0.1:{port}{path}', r => process.exit(r.statusCode < 400 ? 0 : 1))"
    ".on('error', () => process.exit(1))",
}
_RUNNERS = {"python": ["CMD", "python", "-c"], "node": ["CMD", "node", "-e"]}
_PLAIN_PATH = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")


def container_health_check(container: str, *, runtime: str, port: int, path: str) -> Fragment | None:
    """Return a container's own check that needs neither a shell nor curl, but the runtime: `python` or `node`.

    None for another runtime, or a path that is more than letters, digits and slashes: it would stand in a program.
    """
    if runtime not in _CHECKS or not set(path) <= _PLAIN_PATH:
        return None
    program = _CHECKS[runtime].replace("{port}", str(port)).replace("{path}", path)
    check = {"command": [*_RUNNERS[runtime], program], "interval": 10, "timeout": 5, "retries": 3, "startPeriod": 60}
    return definition(f"Own check of {container}", container={"name": container, "healthCheck": check})
