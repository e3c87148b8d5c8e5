"""What is not as it was at the last good deployment: each change raises, modestly, the causes that it can bring."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, examined_of
from ecs_notebook_lib.diagnosis.what_changed import failing_of, nearness, touch_of
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.comparing import beginning
from ecs_notebook_lib.knowledge.change_kinds import ChangeKind, change_kind_of

_NEAR = 0.7
_TOUCHES = 0.9
"""Below one of these a change is shown and weighs nothing: long before, or of something that does not fail."""

_MOST = 12
_LONGEST = 120


def changes(frames: Frames) -> Iterator[Finding]:
    """Somebody made changes between the last good deployment and the first failure.

    That something changed is no proof: a change weighs little, only the most telling one counts for a cause, and one
    that was made long before or touches nothing that fails weighs nothing.
    """
    if examined_of(frames).succeeded and not len(frames.changes):
        raise NothingToExamineError("the deployment is well")
    if frames.well_since is None:
        raise NothingToExamineError("no time is known at which the service was well")
    failing = failing_of(frames)
    rows = [(row, change_kind_of(row["subject"], row["member"], row["effect"])) for row in _nearest_first(frames)]
    known = [(row, kind) for row, kind in rows if kind is not None and row["related"] is not False]
    for row, kind in known[:_MOST]:
        near = nearness(row["changed_at"], failing)[0]
        weighs = near >= _NEAR and touch_of(row, kind, failing).factor >= _TOUCHES
        yield Finding(
            kind=kind.name,
            check="changes",
            statement=_statement(row, kind),
            frame="changes",
            rows=(str(row["change_id"]),),
            parts={name: str(row[name]) for name in ("subject", "resource", "member")},
            weighs=weighs,
        )
    if "trail_events" in frames.gaps:
        raise NothingToExamineError(f"CloudTrail was not read ({frames.gaps['trail_events']})")


def _nearest_first(frames: Frames) -> list[Mapping[Any, Any]]:
    return list(frames.changes.iloc[::-1].to_dict("records"))


def _statement(row: Mapping[Any, Any], kind: ChangeKind) -> str:
    who = f" by {row['who']}" if pd.notna(row["who"]) else ""
    texts = [beginning(row[name], _LONGEST) for name in ("before", "after")]
    told = f": {texts[0] or 'nothing'} before, {texts[1] or 'nothing'} after" if any(texts) else ""
    return (
        f"Changed at {row['changed_at']:%Y-%m-%d %H:%M} UTC{who}: {kind.says}, {row['resource']} {row['member']}{told}."
    )
