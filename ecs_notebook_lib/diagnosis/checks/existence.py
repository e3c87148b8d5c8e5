"""Whether what the examined revision and its service name exists, fits, and can be used."""

from collections.abc import Iterator

import pandas as pd

from ecs_notebook_lib.diagnosis.findings import Finding, NothingToExamineError, counted, keys_of, listing
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.knowledge.ends import is_partial_secret

_FOUND = {
    "image": "image_does_not_exist",
    "secret": "secret_does_not_exist",
    "parameter": "secret_does_not_exist",
    "log_group": "log_group_does_not_exist",
    "file_system": "file_system_does_not_exist",
}
"""What the absence of each kind of thing comes to."""

_CONFIGURED = {
    "secret": "secret",
    "parameter": "parameter",
    "log_group": "log group",
    "file_system": "file system",
}
"""What a task needs before its containers run, beside the image."""

_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
"""ECS's names and those of image manifests (ECS API reference, RuntimePlatform; OCI image specification)."""

_REFUSING = ("implicit_deny", "explicit_deny")


def named_things(frames: Frames) -> Iterator[Finding]:
    """Whether the examined revision's images, secrets, parameters, log groups and file systems exist, and are usable.

    It is asked now: a thing that was made, or deleted, since the tasks failed looks as if it had been so then. What
    AWS does not tell (a refusal, another account or region) is left open and never counts as missing.
    """
    things = frames.named_things
    if not things["kind"].eq("task_definition").any():
        raise NothingToExamineError("the task definition of the examined revision is not known")
    yield from _missing(things)
    yield from _platforms(frames)
    yield from _trust(frames)
    yield from _unmounted(things)
    needed = things[things["kind"].isin(["image", *_CONFIGURED])]
    if len(needed) and needed["exists"].fillna(value=False).all():
        counts = needed["kind"].map({"image": "image", **_CONFIGURED}).value_counts(sort=False)
        words = ", ".join(counted(int(number), str(kind)) for kind, number in counts.items())
        statement = f"Everything that the revision needs before its containers run exists: {words}."
        yield _finding("named_things_exist", statement, needed)


def _missing(things: pd.DataFrame) -> Iterator[Finding]:
    gone = things[things["exists"].eq(other=False).fillna(value=False)]
    for kind, told in (("image", "image"), *_CONFIGURED.items()):
        for name, rows in gone[gone["kind"] == kind].groupby("name", sort=True):
            where = listing(rows["named_by"])
            statement = f"The {told} {name}, which {where} names, does not exist{_detail(rows)}."
            partial = kind == "secret" and is_partial_secret("secretsmanager:GetSecretValue", str(name))
            found = "secret_reference_partial" if partial else _FOUND[kind]
            yield _finding(found, statement, rows, thing=str(name))
    discovery = gone[gone["kind"] == "service_discovery_service"]
    if len(discovery):
        statement = f"The service discovery service {listing(discovery['name'])} does not exist."
        yield _finding("service_discovery_missing", statement, discovery)


def _detail(rows: pd.DataFrame) -> str:
    detail = listing(rows["detail"], limit=1)
    return f" ({detail})" if detail else ""


def _platforms(frames: Frames) -> Iterator[Finding]:
    """Yield each image whose manifest index has no entry for the platform that the revision runs on."""
    wanted = _wanted_platform(frames)
    if wanted is None:
        return
    known = frames.image_platforms.dropna(subset=["architecture"])
    for image, rows in known.groupby("image", sort=True):
        pairs = rows["os"].fillna("linux") + "/" + rows["architecture"]
        if wanted in set(pairs):
            things = frames.named_things
            statement = f"The image {image} is built for {wanted}, on which the revision runs."
            yield _finding("image_has_platform", statement, things[things["name"] == image], platform=wanted)
        else:
            things = frames.named_things
            statement = f"The image {image} is built for {listing(pairs)}; the revision runs on {wanted}."
            yield _finding("image_lacks_platform", statement, things[things["name"] == image], platform=wanted)


def _wanted_platform(frames: Frames) -> str | None:
    """Return the platform that the tasks run on; None where the instances decide it."""
    arn = frames.history.examined_definition
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == arn]
    if not len(definition):
        return None
    architecture, system = definition[["cpu_architecture", "operating_system_family"]].iloc[0]
    if pd.isna(architecture) and "container_instance" in set(frames.named_things["kind"]):
        return None
    family = "windows" if pd.notna(system) and str(system).startswith("WINDOWS") else "linux"
    return f"{family}/{_ARCHITECTURES.get('X86_64' if pd.isna(architecture) else str(architecture), 'amd64')}"


def _trust(frames: Frames) -> Iterator[Finding]:
    """Yield each role of the examined revision whose trust policy does not let ECS assume it."""
    things = frames.named_things
    of_revision = things.loc[things["kind"] == "role", "name"]
    refusing = frames.roles[
        frames.roles["role_arn"].isin(of_revision) & frames.roles["trust_verdict"].isin(_REFUSING).fillna(value=False)
    ]
    for arn, reason in zip(refusing["role_arn"], refusing["trust_reason"], strict=True):
        statement = f"ECS cannot assume the role {arn} for a task: {reason}."
        yield _finding("role_cannot_be_assumed", statement, things[things["name"] == arn], role=str(arn))


def _unmounted(things: pd.DataFrame) -> Iterator[Finding]:
    missing = things[(things["kind"] == "mount_target") & things["exists"].eq(other=False).fillna(value=False)]
    if len(missing):
        statement = f"No mount target is available for {listing(missing['name'])}."
        yield _finding("mount_target_missing", statement, missing)


def _finding(kind: str, statement: str, rows: pd.DataFrame, **parts: str) -> Finding:
    keys = keys_of(rows.drop_duplicates("name"), "name")
    revision = str(rows["revision"].iloc[0])
    return Finding(kind, "named_things", statement, "named_things", keys, revision, parts)


def service_capacity(frames: Frames) -> Iterator[Finding]:
    """Whether the instances that the service is placed on exist and take tasks.

    A capacity provider without instances is usual before its group grows; it counts only if no other provider of the
    service has any. Fargate needs none.
    """
    if not len(frames.services):
        raise NothingToExamineError("the service was not read")
    on_instances = "container_instance" in set(frames.named_things["kind"])
    providers = frames.capacity_providers.dropna(subset=["in_service_count"])
    if len(providers) and not _uses_fargate(frames) and providers["in_service_count"].eq(0).all():
        sizes = providers["auto_scaling_group"] + " (at most " + providers["max_size"].astype("string") + ")"
        statement = f"The service's capacity providers have no instance in service: {listing(sizes)}."
        yield _capacity_finding("capacity_provider_empty", statement, providers, "capacity_provider")
    instances = frames.container_instances
    if on_instances and not len(instances) and "container_instances" not in frames.gaps:
        cluster = frames.named_things[frames.named_things["kind"] == "container_instance"]
        statement = "The cluster has no container instance, and the service is placed on instances."
        yield Finding("no_container_instances", "service_capacity", statement, "named_things", keys_of(cluster, "name"))
    active = instances[instances["status"] == "ACTIVE"]
    if len(active) and active["agent_connected"].eq(other=False).fillna(value=False).all():
        statement = f"None of the {counted(len(active), 'active container instance')} has a connected agent."
        yield _capacity_finding("instance_agents_disconnected", statement, active, "container_instance_arn")

    yield from _no_room(frames, active[active["agent_connected"].fillna(value=False)])


def _no_room(frames: Frames, usable: pd.DataFrame) -> Iterator[Finding]:
    """Yield that no instance has the memory, or the CPU, that one more task of the examined revision reserves.

    A cluster in which the old tasks fill every instance looks the same: a rolling update then needs them to go first.
    """
    arn = frames.history.examined_definition
    definition = frames.task_definitions[frames.task_definitions["task_definition"] == arn]
    if not len(usable) or not len(definition):
        return
    containers = frames.container_definitions[frames.container_definitions["task_definition"] == arn]
    reserved = pd.to_numeric(definition[["cpu", "memory"]].iloc[0])
    memory = reserved["memory"] if pd.notna(reserved["memory"]) else containers["memory"].sum(min_count=len(containers))
    for need, left, unit in ((memory, "memory", "MiB"), (reserved["cpu"], "cpu", "CPU units")):
        most = usable[f"remaining_{left}"].max()
        if pd.notna(need) and pd.notna(most) and int(most) < int(need):
            statement = f"No container instance has room for a task: it takes {int(need)} {unit}, {int(most)} are left."
            yield _capacity_finding("no_instance_has_room", statement, usable, "container_instance_arn")
            return


def _uses_fargate(frames: Frames) -> bool:
    providers = frames.named_things.loc[frames.named_things["kind"] == "capacity_provider", "name"]
    return bool(providers.isin(["FARGATE", "FARGATE_SPOT"]).any())


def _capacity_finding(kind: str, statement: str, rows: pd.DataFrame, key: str) -> Finding:
    frame = "capacity_providers" if key == "capacity_provider" else "container_instances"
    return Finding(kind, "service_capacity", statement, frame, keys_of(rows, key))
