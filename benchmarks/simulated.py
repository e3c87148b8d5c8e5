"""Simulated incidents judged: which cause comes first, with what probability, in worlds that are told apart by seed."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qs

from ecs_notebook_lib.collect import Clients, collect_incident
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.diagnosis import Diagnosis, diagnose
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.simulate import HTTPRequest, HTTPResponse, World, build, install
from ecs_notebook_lib.snapshot import Simulated, Snapshot
from ecs_notebook_lib.source import LiveSource

WORKERS = 2


def operation_of(request: HTTPRequest) -> str:
    """Return the operation that a request calls; of a REST protocol, which names none, method and path."""
    target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    named = parse_qs(request.body.decode(errors="replace")).get("Action", [""])[0]
    return target or named or f"{request.method} {request.url}"


@dataclass(frozen=True, slots=True)
class Question:
    """One world to be judged: its scenario, its seed, and what is refused to whoever reads it."""

    name: str
    seed: int
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the differential made of a world, beside the truth."""

    question: Question
    truth: tuple[str, ...]
    ranking: tuple[tuple[str, float], ...]
    families: dict[str, float]
    also: tuple[str, ...]
    plan: tuple[str, ...]
    reads: tuple[str, ...] = field(default=())
    """The checks that read what was refused."""

    @property
    def top(self) -> str:
        """Return the cause that came first."""
        return self.ranking[0][0]

    @property
    def top_family(self) -> str:
        """Return the most likely family."""
        return max(self.families, key=lambda name: (self.families[name], name))

    @property
    def right(self) -> bool:
        """Say whether the first cause is one of the true ones, or none of these where nothing is wrong."""
        return self.top in (self.truth or ("none_of_these",))

    @property
    def right_family(self) -> bool:
        """Say whether the most likely family is that of a true cause."""
        return self.top_family in {cause.partition(".")[0] for cause in self.truth or ("none_of_these",)}


def judge(question: Question) -> Answer:
    """Return what the differential makes of one world."""
    world = build(question.name, question.seed)
    world.refused |= question.refused
    diagnosis = diagnose(Frames(collected(world)))
    return Answer(
        question=question,
        truth=world.truth,
        ranking=tuple((row.cause, row.probability) for row in diagnosis.differential),
        families=diagnosis.families,
        also=tuple(cause for cause, _ in diagnosis.also),
        plan=tuple(row.check for row in diagnosis.plan),
        reads=tuple(_reads(diagnosis, question.refused)),
    )


def judge_all(questions: Iterable[Question]) -> list[Answer]:
    """Return the answers in the order of the questions, made on all cores."""
    listed = list(questions)
    with ProcessPoolExecutor(WORKERS) as pool:
        return list(pool.map(judge, listed, chunksize=max(1, min(16, len(listed) // (4 * WORKERS)))))


def _reads(diagnosis: Diagnosis, refused: frozenset[str]) -> Iterable[str]:
    """Return the checks that a refusal left open."""
    actions = {name.partition(":")[2] for name in refused}
    return (row.check for row in diagnosis.results if row.reason.rpartition(" ")[2] in actions)


class Door:
    """Answers with the world that is asked at present, so that its clients need be made only once."""

    def __init__(self) -> None:
        self.world: World | None = None

    def __call__(self, request: HTTPRequest) -> HTTPResponse:
        """Return the answer of the world that is asked at present."""
        assert self.world is not None  # noqa: S101  it is set before a call is made
        return self.world.respond(request)


@cache
def _door(region: str) -> tuple[Door, Clients]:
    door, session = Door(), simulated_session(region)
    install(session, door)
    return door, Clients(session)


def collected(world: World) -> Snapshot:
    """Return what the collectors read of a world, in process."""
    door, clients = _door(world.region)
    door.world = world
    source = LiveSource(world.cluster, world.service)
    return collect_incident(clients, source, simulated=Simulated(world.scenario, world.seed))


def questions_of(names: Sequence[str], seeds: Iterable[int]) -> list[Question]:
    """Return a question for each scenario and seed."""
    return [Question(name, seed) for seed in seeds for name in names]
