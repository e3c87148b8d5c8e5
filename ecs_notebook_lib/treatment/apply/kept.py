"""What a snapshot has kept of the things that a treatment changes, read in the same words as AWS is."""

from typing import Any

from ecs_notebook_lib.snapshot import Snapshot


class NotKeptError(LookupError):
    """The snapshot does not hold this."""


_BY = {
    "ecs:DescribeServices": ("services", ""),
    "ecs:DescribeServiceDeployments": ("serviceDeployments", "serviceDeploymentArn"),
    "elbv2:DescribeTargetGroups": ("TargetGroups", "TargetGroupArn"),
    "ec2:DescribeSecurityGroups": ("SecurityGroups", "GroupId"),
}
"""The repeated member of an answer, and what tells one of its rows."""

_BY_PARAMS = {
    "elbv2:DescribeTargetGroupAttributes": ("TargetGroupArn",),
    "iam:GetRole": ("RoleName",),
    "iam:GetRolePolicy": ("RoleName", "PolicyName"),
}
"""The parameters that tell one answer from the others."""


class Kept:
    """Answers read operations with what a snapshot has kept, the last answer of each."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def read(self, operation: str, **params: Any) -> dict[str, Any]:
        """Return the answer as it was kept.

        Raises
        ------
        NotKeptError
            If the snapshot does not hold it.
        """
        pages = [row for row in self._snapshot.records(operation) if row["response"]]
        if operation in _BY:
            member, key = _BY[operation]
            rows = [row for page in pages for row in page["response"].get(member) or ()]
            wanted = next((value for value in params.values() if isinstance(value, list)), [])
            found = [row for row in rows if not key or row.get(key) in wanted]
            if found:
                return {member: found[-1:]}
        elif operation in _BY_PARAMS:
            names = _BY_PARAMS[operation]
            own = [page for page in pages if all(page["params"].get(name) == params.get(name) for name in names)]
            if own:
                return dict(own[-1]["response"])
        raise NotKeptError(operation)
