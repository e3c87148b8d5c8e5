"""Frames of 100,000 tasks, beside a plain reading of the same pages: `python -m benchmarks.frames_scale`.

Timed is the way from the member `ecs:DescribeTasks` at rest (JSON lines, uncompressed, as a snapshot holds them in
memory) to the finished frames `tasks` and `containers`, derived columns and all; the tasks are copies of simulated
ones, 100 a page. Beside it, alternating in one run: `json.loads` and `pandas.json_normalize` to the same columns, with
the derived ones from the same functions as ours; and `orjson.loads` of each line, whose result is dropped.

Memory is asked of a process of its own: the growth of the peak of its resident memory (`VmHWM`) over what it had after
its imports (`VmRSS`), the bytes of the member included, by the size of these. Cost exponents are slopes of processor
time over tasks, both logarithmic: over all four sizes, and over the last tenfold alone, where what is paid once no
longer hides what grows. The whole road is `load_snapshot` of the zip with its checks, every frame, and `diagnose`.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pandas as pd

from benchmarks.measuring import growth_exponent
from benchmarks.results_file import Figure, report_figures
from benchmarks.simulated import collected
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.frames import SCHEMAS, Frames
from ecs_notebook_lib.frames.columns import UTC_TIME, FrameSchema, declared
from ecs_notebook_lib.frames.shape import containers_frame, tasks_frame
from ecs_notebook_lib.frames.tasks import CONTAINERS, TASKS
from ecs_notebook_lib.simulate import build
from ecs_notebook_lib.snapshot import IncidentName, Page, Snapshot, load_snapshot, save_snapshot
from ecs_notebook_lib.source import parse_instant

SIZES = (100, 1_000, 10_000, 100_000)
ROUNDS = 3
SCENARIOS = ("clarity-backend", "clarity-permissions-execution", "clarity-network", "clarity-resources")
"""Tasks that exit, that never start (each with a sentence of its own), that fail health checks, and that run."""

OPERATION = "ecs:DescribeTasks"
FASTER_THAN_PLAIN, TIMES_ORJSON, TIMES_JSON, EXPONENT = 6.0, 3.0, 3.0, 1.1
_TASKS_A_PAGE = 100
_TIMES = tuple(c.path.rpartition(".")[2] for c in TASKS.columns if c.dtype == UTC_TIME and c.path.startswith("tasks[]"))
_SIDECAR = {"name": "log-router", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable", "reason": None}

Pair = tuple[pd.DataFrame, pd.DataFrame]

_GROWTH = """
import json, sys
from pathlib import Path
{imports}
def kib(name):
    rows = dict(row.split(":") for row in Path("/proc/self/status").read_text().splitlines())
    return int(rows[name].split()[0])
base = empty()
before = kib("VmRSS")
lines = Path(sys.argv[1]).read_bytes()
frames = {expression}
print(json.dumps({{"growth": (kib("VmHWM") - before) * 1024, "bytes": len(lines), "rows": len(frames[0])}}))
"""
OURS = _GROWTH.format(imports="from benchmarks.frames_scale import ours, empty", expression="ours(base, lines)")
PLAIN = _GROWTH.format(
    imports="from benchmarks.frames_scale import by_json_normalize, empty",
    expression="by_json_normalize(base, lines)",
)


def ours(base: Snapshot, lines: bytes) -> Pair:
    """Return the frames `tasks` and `containers` of these pages of DescribeTasks in an incident."""
    frames = Frames(with_tasks(base, lines))
    return frames.tasks, frames.containers


def by_json_normalize(base: Snapshot, lines: bytes) -> Pair:
    """Return the same frames as who knows pandas, and nothing of Arrow, would make them."""
    rows = []
    for page in map(json.loads, lines.splitlines()):
        told = {"@at": page["at"], "@origin": page["origin"]}
        rows += [{"containers": [], **task, **told} for task in (page["response"] or {}).get("tasks") or ()]
    tasks = pd.json_normalize(rows, max_level=0)  # nothing that is asked for lies deeper, and so it is faster
    meta = ["taskArn", "taskDefinitionArn", "@at"]
    containers = pd.json_normalize(rows, "containers", meta, record_prefix="containers.", errors="ignore", max_level=0)
    definitions = Frames(base).container_definitions
    return tasks_frame(_read(tasks, TASKS)), containers_frame(_read(containers, CONTAINERS), definitions)


def _read(flat: pd.DataFrame, schema: FrameSchema) -> pd.DataFrame:
    """Return the columns of a schema, of each key the last observation."""
    members = {column.name: column.path.removeprefix("tasks[].").replace("[]", "") for column in schema.columns}
    members |= {"first_seen_at": "@at"}
    frame = pd.DataFrame({name: flat[member] for name, member in members.items() if member in flat})
    for column in schema.columns:
        if column.dtype == UTC_TIME and column.name in frame:
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True, format="ISO8601")
    frame["seen"] = pd.to_datetime(flat["@at"], utc=True, format="ISO8601")
    frame = frame.dropna(subset=list(schema.key))
    if "first_seen_at" in schema.names:
        frame["first_seen_at"] = frame.groupby(list(schema.key))["seen"].transform("min")
    last = frame.sort_values("seen", kind="stable").drop_duplicates(list(schema.key), keep="last").sort_index()
    return declared(last, schema)


def by_orjson(lines: bytes) -> None:
    """Parse each page, and make nothing of it."""
    for line in lines.splitlines():
        orjson.loads(line)


def empty() -> Snapshot:
    """Return an incident of which nothing was read."""
    now = datetime(2025, 7, 12, 9, 15, tzinfo=UTC)
    name = IncidentName("clarity", "clarity-backend", "us-east-1", "111122223333", (now - timedelta(hours=3), now))
    return Snapshot(name, now, None, redacted=False, tool_version="", members={})


def with_tasks(base: Snapshot, lines: bytes) -> Snapshot:
    """Return the incident with these pages of DescribeTasks in place of its own."""
    return replace(base, members={**base.members, OPERATION: lines})


def models() -> list[dict[str, Any]]:
    """Return tasks of simulated incidents in turn, each as DescribeTasks gives it."""
    told = []
    for name in SCENARIOS:
        pages = collected(build(name)).records(OPERATION)
        told.append([task for page in pages for task in page["response"]["tasks"]])
    return [tasks[number % len(tasks)] for number in range(400) for tasks in told]


def pages_of(base: Snapshot, tasks: list[dict[str, Any]], count: int) -> bytes:
    """Return the pages of so many tasks: copies of `tasks`, each with identifiers and times of its own."""
    texts = [json.dumps(task) for task in tasks]
    copies = [_copy(texts[n % len(texts)], n, late=n // len(texts)) for n in range(count)]
    where = {"cluster": base.incident.cluster, "include": ["TAGS"]}
    lines = []
    for begin in range(0, count, _TASKS_A_PAGE):
        some = copies[begin : begin + _TASKS_A_PAGE]
        asked = where | {"tasks": [task["taskArn"] for task in some]}
        page = Page(OPERATION, base.as_of, base.incident.region, asked, response={"tasks": some, "failures": []})
        lines.append(page.line(base.incident.account))
    return b"".join(lines)


def _copy(text: str, number: int, *, late: int) -> dict[str, Any]:
    name = re.search("task/[^/]*/([0-9a-f]{32})", text)
    assert name is not None  # noqa: S101  every task has an ARN
    own = f"{number * 2_654_435_761 % 2**32:08x}{name[1][8:]}"
    text = re.sub("request id: [0-9a-f]{8}", f"request id: {own[:8]}", text.replace(name[1], own))
    task: dict[str, Any] = orjson.loads(text)
    for member in _TIMES:
        if member in task:
            task[member] = (parse_instant(task[member]) + timedelta(seconds=late)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    task["containers"].append(task["containers"][0] | _SIDECAR)
    task["attributes"] = [{"name": "ecs.cpu-architecture", "value": "x86_64"}]
    task["tags"] = [{"key": "team", "value": "clarity"}, {"key": "build", "value": str(number)}]
    environment = [{"name": "BUILD", "value": str(number)}]
    task["overrides"] = {"containerOverrides": [{"name": "clarity-backend", "environment": environment}]}
    return task


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long something takes."""
    began = clock()
    work()
    return clock() - began


def compared(base: Snapshot, lines: bytes) -> dict[str, float]:
    """Return the median seconds of the three readings, which alternate."""
    ways: Mapping[str, Callable[[], object]] = {
        "ours": lambda: ours(base, lines),
        "orjson": lambda: by_orjson(lines),
        "json_normalize": lambda: by_json_normalize(base, lines),
    }
    rounds = [{name: seconds(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    return {name: median(row[name] for row in rounds) for name in ways}


def growth(code: str, path: Path) -> float:
    """Return the growth of a process's peak memory, by the size of the JSON that it reads."""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    return float(told["growth"] / told["bytes"])


def road(base: Snapshot, lines: bytes, folder: Path) -> Iterator[tuple[str, float]]:
    """Yield the processor seconds of each part of the road from a snapshot on disk to its diagnosis."""
    path = save_snapshot(with_tasks(base, lines), folder / "incident.zip")
    held: dict[str, Any] = {}
    yield "load", seconds(lambda: held.update(frames=Frames(load_snapshot(path))), time.process_time)
    yield "frames", seconds(lambda: [held["frames"].rows(name) for name in SCHEMAS], time.process_time)
    yield "diagnose", seconds(lambda: diagnose(held["frames"]).to_json(), time.process_time)


def grown(name: str, cost: Mapping[int, float], baseline: str) -> list[Figure]:
    """Return the cost exponents over all sizes, and over the last two, as figures."""
    spans = {"from 100 to 100,000 tasks": cost, "from 10,000 to 100,000 tasks": dict(sorted(cost.items())[-2:])}
    return [
        Figure(f"{name}, cost exponent {span}", growth_exponent(some), EXPONENT, baseline, unit="exponent")
        for span, some in spans.items()
    ]


def main() -> int:
    """Make the pages, check that all readings give the same frames, measure, and write the result."""
    base, tasks = collected(build(SCENARIOS[0])), models()
    lines = {size: pages_of(base, tasks, size) for size in SIZES}
    for mine, plain in zip(ours(base, lines[1_000]), by_json_normalize(base, lines[1_000]), strict=True):
        pd.testing.assert_frame_equal(mine, plain)
    large = lines[SIZES[-1]]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "tasks.jsonl"
        path.write_bytes(large)
        memory = {"ours": growth(OURS, path), "json_normalize": growth(PLAIN, path)}
        whole = {size: [dict(road(base, some, Path(name))) for _ in range(ROUNDS)] for size, some in lines.items()}
    taken = compared(base, large)
    frames = {
        size: median(seconds(lambda some=some: ours(base, some), time.process_time) for _ in range(ROUNDS))  # type: ignore[misc]
        for size, some in lines.items()
    }
    parts = {size: {part: median(row[part] for row in rows) for part in rows[0]} for size, rows in whole.items()}
    roads = {size: sum(row.values()) for size, row in parts.items()}
    faster, slower = taken["json_normalize"] / taken["ours"], taken["ours"] / taken["orjson"]
    plain = "json.loads and pandas.json_normalize to the same columns"
    figures = [
        Figure("tasks and containers: speed", faster, FASTER_THAN_PLAIN, plain, "at least"),
        Figure("tasks and containers: time", slower, TIMES_ORJSON, "orjson.loads of the same bytes"),
        Figure("tasks and containers, peak memory", memory["ours"], TIMES_JSON, "the size of the JSON"),
        *grown("tasks and containers", frames, "itself, by the number of tasks"),
        *grown("load, all frames and diagnosis", roads, "itself, by the number of tasks"),
    ]
    details = {"rounds": ROUNDS, "json_mib": len(large) / 2**20, "seconds": taken, "memory_by_json": memory}
    return report_figures(
        "frames_scale", figures, details | {"processor_seconds": frames, "road_processor_seconds": parts}
    )


if __name__ == "__main__":
    sys.exit(main())
