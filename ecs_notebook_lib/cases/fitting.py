"""Counting real incidents into shares and priors, and judging cases by tables that others were counted into."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.cases.case import Case
from ecs_notebook_lib.cases.evaluation import Families, Judged, figures
from ecs_notebook_lib.cases.observation import snapshot_of
from ecs_notebook_lib.diagnosis.checks import run_checks
from ecs_notebook_lib.diagnosis.differential import evidence_of, families_of, rank
from ecs_notebook_lib.diagnosis.findings import CheckResult
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.tables import read_table, replaced
from ecs_notebook_lib.knowledge.weights import COMPUTED, finding_kinds

LAPSES = (0.02, 0.03, 0.05, 0.07, 0.1)
"""Among these the lapse of reported cases is chosen. Their temperature is judged and not fitted: the cases that the
tables were written beside would sharpen it more than cases that nobody has seen bear."""

Table = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Examined:
    """A case with what its checks found: that does not depend on any weight."""

    case: Case
    results: tuple[CheckResult, ...]
    revision: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that counted: of a group with a specific finding the general ones do not."""
        found = [finding_kinds()[row.kind] for result in self.results for row in result.findings if row.weighs]
        specific = {kind.group for kind in found if not kind.general}
        counted = [kind.name for kind in found if not (kind.general and kind.group in specific)]
        return tuple(dict.fromkeys(counted))


def examine(case: Case) -> Examined:
    """Return a case with what its checks find."""
    frames = Frames(snapshot_of(case))
    revision = frames.history.examined.revision if frames.history.examined else ""
    return Examined(case, run_checks(frames), revision)


def families(examined: Examined) -> Families:
    """Return the probability of each family, by the tables as they stand."""
    ids = {id(finding): "F" for result in examined.results for finding in result.findings}
    ranked = rank(evidence_of(examined.results, ids, examined.revision), examined.results, observed="reported")
    return families_of({row.cause: row.probability for row in ranked})


def fit(examined: Iterable[Examined]) -> Table:
    """Return the table `fitted` that these cases come to; thin ones and documentation examples do not count."""
    counting = [row for row in examined if row.case.headline and row.case.truth]
    table = counted(counting)
    losses = {lapse: _loss(counting, table, lapse) for lapse in LAPSES}
    table["lapse"]["reported"] = min(LAPSES, key=lambda lapse: (losses[lapse], lapse))
    return table


def counted(examined: Sequence[Examined]) -> Table:
    """Return the table `fitted` with these cases counted in, and everything else as it stands."""
    stands = read_table("fitted")
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for row in examined:
        for kind in row.kinds:
            shown[kind][row.case.truth] += 1
    return {
        "strength": dict(stands["strength"]),
        "lapse": dict(stands["lapse"]),
        "temperature": dict(stands["temperature"]),
        "refused": dict(stands["refused"]),
        "incidents": dict(sorted(Counter(row.case.truth for row in examined).items())),
        "shown": {kind: dict(sorted(counts.items())) for kind, counts in sorted(shown.items())},
    }


def _loss(examined: Sequence[Examined], table: Table, lapse: float) -> float:
    judged = judge_by(examined, table | {"lapse": {**table["lapse"], "reported": lapse}})
    return figures(judged)["log_loss"] or 0.0


def judge_by(examined: Sequence[Examined], table: Table) -> list[Judged]:
    """Return the cases judged by a table `fitted`."""
    with replaced("fitted", table, computed=COMPUTED):
        return [Judged(row.case, families(row)) for row in examined]


def leave_one_source_out(examined: Sequence[Examined]) -> list[Judged]:
    """Return each case judged by what all cases of other sources come to, in the order given."""
    judged: dict[str, Judged] = {}
    for source in dict.fromkeys(source_of(row.case) for row in examined):
        left_out = [row for row in examined if source_of(row.case) == source]
        others = [row for row in examined if source_of(row.case) != source]
        judged |= {row.case.id: row for row in judge_by(left_out, fit(others))}
    return [judged[row.case.id] for row in examined]


def source_of(case: Case) -> str:
    """Return the thread, page or file that a case comes from: several cases may come from one."""
    return case.source or case.id


def to_toml(table: Mapping[str, Any]) -> str:
    """Return the table as it stands in `knowledge/fitted.toml`."""
    lines = []
    for part in ("strength", "lapse", "temperature", "refused", "incidents"):
        lines += [f"[{part}]", *(f"{name} = {value}" for name, value in table[part].items()), ""]
    lines.append("[shown]")
    for kind, counts in table["shown"].items():
        told = ", ".join(f"{family} = {n}" for family, n in counts.items())
        lines.append(f"{kind} = {{{told}}}")
    return "\n".join(lines) + "\n"
