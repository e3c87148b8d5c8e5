"""Members of a task definition, written down for a person: only what changes, the rest stays as it is."""

from collections.abc import Mapping
from typing import Any

from ecs_notebook_lib.treatment.action import Fragment
from ecs_notebook_lib.treatment.texts.rendering import Block, Encoded, cloudformation, json_text, terraform

_BLOCKS = {"ephemeralStorage": ("ephemeral_storage", {"sizeInGiB": "size_in_gib"})}
_BLOCKS["runtimePlatform"] = (
    "runtime_platform",
    {"cpuArchitecture": "cpu_architecture", "operatingSystemFamily": "operating_system_family"},
)


def definition(
    title: str, members: Mapping[str, Any] | None = None, *, container: Mapping[str, Any] | None = None
) -> Fragment:
    """Return a fragment of a task definition: `members` of its own, and those of one container, in ECS's spelling."""
    own = dict(members or {})
    whole = {**own, **({"containerDefinitions": [dict(container)]} if container else {})}
    hcl: dict[str, Any] = {}
    for name, value in own.items():
        block = _BLOCKS.get(name)
        hcl[block[0] if block else name] = Block({block[1][key]: one for key, one in value.items()}) if block else value
    if container:
        hcl["container_definitions"] = Encoded([dict(container)])
    return Fragment(
        title,
        json_text(whole),
        terraform("aws_ecs_task_definition", "this", hcl),
        cloudformation("AWS::ECS::TaskDefinition", "TaskDefinition", spelt_for_cloudformation(whole)),
    )


def spelt_for_cloudformation(value: Any) -> Any:
    """Return members in CloudFormation's spelling: `valueFrom` → `ValueFrom`."""
    if isinstance(value, Mapping):
        return {_SPELT.get(key, key[:1].upper() + key[1:]): spelt_for_cloudformation(one) for key, one in value.items()}
    return [spelt_for_cloudformation(one) for one in value] if isinstance(value, list | tuple) else value


_SPELT = {"sizeInGiB": "SizeInGiB"}
