"""How often the change that brought the fault is ranked first, with three unrelated ones in between.

Every recipe and story that a change brought, each with its own truth in AWS's terms; worlds of the test dialect with
seeds that nothing was tuned on, and others of the training dialect. Worlds that no change brought have no truth.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.results_file import write_result
from benchmarks.simulated import WORKERS, collected
from ecs_notebook_lib.diagnosis import diagnose
from ecs_notebook_lib.diagnosis.what_changed import rank_changes
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.simulate import RECIPES, SCENARIOS, World, build, build_varied
from ecs_notebook_lib.simulate.brought import BROUGHT, Brought

UNRELATED = 3
FIRST_TEST_SEED, FIRST_TRAINING_SEED = 10_000, 3_000
SEEDS = 25
LEAST = 0.9


@dataclass(frozen=True, slots=True)
class Judged:
    """One world: where the true change stands, 0 if it was not seen at all; None if no change brought its fault."""

    name: str
    seed: int
    rank: int | None
    first: str
    first_cause: str
    right_cause: bool
    seen: int


def world_of(name: str, seed: int) -> World:
    """Return a story's world, or a recipe's with unrelated changes in between."""
    if name in SCENARIOS:
        return build(name, seed)
    recipe, _, dialect = name.partition("@")
    return build_varied([recipe], seed, dialect=dialect or "training", unrelated=UNRELATED)


def judge(question: tuple[str, int]) -> Judged:
    """Return where the true change of one world stands."""
    name, seed = question
    world = world_of(name, seed)
    frames = Frames(collected(world))
    diagnosis = diagnose(frames)
    ranked = rank_changes(frames, {row.cause: row.probability for row in diagnosis.differential})
    rows = frames.changes.set_index("change_id")
    places = [n for n, row in enumerate(ranked, start=1) if any(_is(rows.loc[row.change_id], t) for t in world.brought)]
    top = diagnosis.differential[0].cause
    rank = (places or [0])[0] if world.brought else None
    first = ranked[0].change_id if ranked else ""
    return Judged(name, seed, rank, first, top, top in world.truth, len(ranked))


def _is(row: Any, truth: Brought) -> bool:
    """Say whether a row of the frame is a true change: by CloudTrail's id, or by the member of the thing."""
    if truth.event_id:
        return isinstance(row["event_id"], str) and row["event_id"] == truth.event_id
    of_thing = str(row["resource"]).partition(":")[0] == truth.resource
    return of_thing and str(row["member"]).startswith(truth.member)


def questions(seeds: int, names: Iterable[str] = BROUGHT) -> list[tuple[str, int]]:
    """Return every story and recipe that a change brought, with its seeds of both dialects."""
    asked: list[tuple[str, int]] = []
    for name in names:
        if name in RECIPES:
            asked += [(f"{name}@test", FIRST_TEST_SEED + n) for n in range(seeds)]
        first = FIRST_TRAINING_SEED if name in RECIPES else 0
        asked += [(name, first + n) for n in range(seeds)]
    return asked


def judge_all(asked: Sequence[tuple[str, int]]) -> list[Judged]:
    """Return the answers in the order of the questions, made on all cores."""
    with ProcessPoolExecutor(WORKERS) as pool:
        return list(pool.map(judge, asked, chunksize=4))


def figures(answers: Sequence[Judged]) -> dict[str, Any]:
    """Return the shares, and what was missed, by recipe."""
    told = [row for row in answers if row.rank is not None]
    missed = [row for row in told if row.rank != 1]
    return {
        "n": len(told),
        "without_a_truth": len(answers) - len(told),
        "first": round(1 - len(missed) / len(told), 4),
        "first_where_the_cause_is_right": round(_share([row for row in told if row.right_cause]), 4),
        "in_the_first_three": round(sum(row.rank in (1, 2, 3) for row in told) / len(told), 4),
        "changes_seen": round(sum(row.seen for row in told) / len(told), 1),
        "missed": dict(sorted(Counter(row.name for row in missed).items())),
    }


def _share(rows: Sequence[Judged]) -> float:
    return sum(row.rank == 1 for row in rows) / len(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the share of each dialect, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of each recipe and dialect")
    parser.add_argument("--only", nargs="*", default=list(BROUGHT), help="recipes")
    options = parser.parse_args(arguments)
    answers = judge_all(questions(options.seeds, options.only))
    parts = {
        "test": [row for row in answers if row.name.endswith("@test")],
        "training": [row for row in answers if row.name in RECIPES],
        "stories": [row for row in answers if row.name in SCENARIOS],
    }
    document = {name: figures(rows) for name, rows in parts.items() if any(row.rank is not None for row in rows)}
    for name, told in document.items():
        print(f"{name}: {told}")
    for row in answers:
        if row.rank not in (1, None):
            told = f"cause {row.first_cause} ({'right' if row.right_cause else 'wrong'})"
            print(f"{row.name}:{row.seed} true at {row.rank}, first {row.first}, {told}")
    if options.only == list(BROUGHT):
        write_result("changes", {"unrelated": UNRELATED, "seeds": options.seeds, "least": LEAST, **document})
    return 0 if all(told["first"] >= LEAST for told in document.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
