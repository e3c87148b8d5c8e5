"""The keys of secrets and parameters: who may read one that a customer's key encrypts must be able to decrypt it."""

from collections.abc import Iterable, Iterator
from typing import Any

from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.actions import resources_for
from ecs_notebook_lib.policy.documents import Document
from ecs_notebook_lib.policy.wildcards import matches

_READS = ("secretsmanager:GetSecretValue", "ssm:GetParameters", "ssm:GetParameter")


def key_statements(frames: Frames, pairs: Iterable[tuple[str, str]]) -> Iterator[Document]:
    """Yield a statement for each customer's key of the secrets and parameters in (action, resource) pairs.

    It allows the key through the secret's own service only. A secret without a key of its own needs none.
    """
    read = [(action.partition(":")[0], resource) for action, resource in pairs if action in _READS]
    keys = dict.fromkeys(
        (service, key)
        for service, pattern in read
        for arn, key in _keys(frames, service)
        if matches(pattern, arn) and key
    )
    for number, (service, key) in enumerate(keys, start=1):
        parts = key.split(":")
        suffix = "amazonaws.com.cn" if parts[1] == "aws-cn" else "amazonaws.com"
        yield {
            "Sid": f"KeyOfTheSecret{number if len(keys) > 1 else ''}",
            "Effect": "Allow",
            "Action": ["kms:Decrypt"],
            "Resource": [key],
            "Condition": {"StringEquals": {"kms:ViaService": f"{service}.{parts[3]}.{suffix}"}},
        }


def _keys(frames: Frames, service: str) -> Iterator[tuple[str, str]]:
    """Yield (ARN, ARN of its key) of each secret or parameter that was described."""
    if service == "secretsmanager":
        rows = [page["response"] for page in frames.snapshot.records("secretsmanager:DescribeSecret")]
        yield from ((str(row["ARN"]), _key_arn(row["ARN"], row.get("KmsKeyId"))) for row in rows if row)
        return
    pages = frames.snapshot.records("ssm:DescribeParameters")
    for row in (row for page in pages for row in (page["response"] or {}).get("Parameters") or ()):
        if row.get("ARN"):
            yield str(row["ARN"]), _key_arn(row["ARN"], row.get("KeyId"))


def _key_arn(owner: str, key: Any) -> str:
    """Return the ARN of a key given by ARN or id; empty for an alias: AWS's own keys have one and need no statement."""
    text = str(key or "")
    if text and not text.startswith(("alias/", "arn:")):
        parts = owner.split(":")
        text = f"arn:{parts[1]}:kms:{parts[3]}:{parts[4]}:key/{text}"
    return text if ":key/" in text and resources_for("kms:Decrypt", text) else ""
