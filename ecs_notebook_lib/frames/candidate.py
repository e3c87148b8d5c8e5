"""The task definition that is to be judged before it is deployed, as far as a snapshot tells of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecs_notebook_lib.examined import revision_of
from ecs_notebook_lib.snapshot import Snapshot

_OPERATION = "ecs:DescribeTaskDefinition"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What was asked for, the ARN that AWS knows it by (what was asked for, if AWS did not say), and AWS's error."""

    asked: str
    task_definition: str
    error: Mapping[str, Any] | None = None

    @property
    def revision(self) -> str:
        """Return `family:number`."""
        return revision_of(self.task_definition)


def candidate_of(snapshot: Snapshot, asked: str, *, examined: str = "") -> Candidate | None:
    """Return the candidate; None if the snapshot was not collected for it, and it is not the `examined` one either.

    Of any other revision a snapshot may hold the definition, and nothing of what it names.
    """
    pages = snapshot.records(_OPERATION)
    own = [page for page in pages if snapshot.candidate and page["params"]["taskDefinition"] == snapshot.candidate]
    arns = {page["response"]["taskDefinition"]["taskDefinitionArn"] for page in own if page["response"]}
    if asked == snapshot.candidate and own and not arns:
        return Candidate(asked, asked, own[-1]["error"])
    names = {name: arn for arn in [examined, *arns] if arn for name in (arn, revision_of(arn))}
    for arn in arns:
        names[snapshot.candidate] = arn
    return Candidate(asked, names[asked]) if asked in names else None
