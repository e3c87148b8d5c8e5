"""Shared fixtures: simulated worlds, and incidents collected from them through boto3."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

import boto3
import pytest

from benchmarks.simulated import collected as collect
from ecs_notebook_lib.collect import Clients
from ecs_notebook_lib.incident import Incident
from ecs_notebook_lib.report import Report, write_report
from ecs_notebook_lib.simulate import World, build, install
from ecs_notebook_lib.source import parse_instant
from ecs_notebook_lib.treatment.apply.journal import Heading, begin

FAILING = ("clarity-backend", "clarity-permissions-execution", "clarity-health-check", "clarity-network")
STORIES = (*FAILING, "clarity-resources", "clarity-percentages", "clarity-overlap")
"""Every scenario in which a rollout fails; in `clarity-slow` nothing is broken, and the morning after is its own."""

for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=1, help="seeds of the simulated world that each scenario is run with")


SOAK_SEEDS = 20
"""From this many seeds on every case of the sampled files runs: `make soak`."""

SAMPLED = {
    "access_lines": 6,
    "changes": 8,
    "collect": 12,
    "diagnosis": 4,
    "differential_tables": 6,
    "disk": 5,
    "existence": 6,
    "explain": 5,
    "faults": 122,
    "fleet_history": 5,
    "fleet_world": 6,
    "forecast": 4,
    "frames": 6,
    "history": 3,
    "history_events": 8,
    "hostile": 12,
    "hostile_report": 8,
    "knowledge": 8,
    "lab": 9,
    "log_lines": 6,
    "log_wordings": 8,
    "messages": 8,
    "mimics": 8,
    "placement": 8,
    "preflight": 12,
    "redact_diagnosis": 23,
    "steps": 6,
    "trail": 8,
    "treatment": 12,
    "treatment_apply": 6,
    "treatment_texts": 10,
    "treatment_texts_settings": 8,
    "varied": 10,
    "wait": 6,
    "world_writes": 8,
}
"""Of the cases of each test in `test_<name>.py` every n-th runs, so that `make test` ends within its time."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test in a sampled file keep the first and then every n-th case; all of them in the soak.

    A test without cases always stays. What is left out is told by pytest as deselected.
    """
    if config.getoption("seeds") >= SOAK_SEEDS:
        return
    counted: Counter[str] = Counter()
    kept, left_out = [], []
    for item in items:
        name = item.nodeid.partition("[")[0]
        every = SAMPLED.get(item.path.stem.removeprefix("test_"), 1)
        (left_out if counted[name] % every else kept).append(item)
        counted[name] += 1
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have measured: with xdist their own prints do not reach the terminal."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("seeds")))


def environment(url: str) -> dict[str, str]:
    """Return what boto3 and the aws command need to call a served world, and nothing of the caller's."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_PAGER": "",
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
    }


@cache
def incident_of(name: str, seed: int = 0, refused: frozenset[str] = frozenset()) -> Incident:
    """Return an incident of a scenario, with some operations refused; the same one for the same question."""
    world = build(name, seed)
    world.refused |= refused
    return Incident(collect(world))


@pytest.fixture(scope="session")
def incident() -> Callable[..., Incident]:
    def open_one(name: str, seed: int = 0, refused: Iterable[str] = ()) -> Incident:
        return incident_of(name, seed, frozenset(refused))

    return open_one


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Return the demo incident's report, with the journal of a treatment, in a folder with a space in its name."""
    folder = tmp_path_factory.mktemp("with a space")
    noon = parse_instant("2025-07-12T12:00:00Z")
    heading = Heading("roll_back", "permissions.task_role", "c", "clarity-backend", "1", "us-east-1", "arn:somebody")
    with begin(folder / "journals", heading, noon) as journal:
        journal.write("intent", noon, step=0, operation="ecs:UpdateService", params={"service": "<b>web</b>"})
        journal.write("outcome", noon, step=0, result="done")
        journal.write("watched", noon, outcome="stable", statement="Stable after 4.2 min, within what was foretold.")
    return write_report(incident_of("clarity-backend"), folder=str(folder / "report"), journal=journal.path)


@pytest.fixture
def world() -> World:
    return build("clarity-backend")


@pytest.fixture
def session() -> Callable[[World], boto3.Session]:
    def open_session(world: World) -> boto3.Session:
        made = boto3.Session(
            region_name=world.region,
            aws_access_key_id="AKIASIMULATED",
            aws_secret_access_key="simulated",  # noqa: S106
        )
        install(made, world.respond)
        return made

    return open_session


@pytest.fixture
def clients(session) -> Callable[[World], Clients]:
    return lambda world: Clients(session(world))


def steps(work: Callable[[], object]) -> int:
    """Return how many lines of Python a piece of work takes."""
    count = 0

    def trace(_frame, _event, _argument):
        nonlocal count
        count += 1
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return count
