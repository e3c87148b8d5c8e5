"""What the cause of one service's failure rests on, and other services may have in common with it. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
import pandas as pd

from ecs_notebook_lib.diagnosis import Diagnosis
from ecs_notebook_lib.diagnosis.telling import telling_lines
from ecs_notebook_lib.diagnosis.what_changed import TOLD_FROM
from ecs_notebook_lib.fleet.model import SharedThing
from ecs_notebook_lib.frames import Frames
from ecs_notebook_lib.frames.line_masks import pattern_of
from ecs_notebook_lib.frames.log_lines import read_line
from ecs_notebook_lib.knowledge.named import ThingKind
from ecs_notebook_lib.knowledge.shared_things import shared_kinds

_RANKED_CHANGES = 3
_DENIED = ("implicit_deny", "explicit_deny")
_ERROR_LINES = 2
_WHY_KNOWN = ("a known error", "a stack trace", "an error that is new")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_ENDS = "com|net|org|io|dev|app|cloud|internal|local|corp|lan|[a-z]{2}"
_HOST = re.compile(
    rf"(?<![\w.-])(?:{_LABEL}\.)+(?:{_ENDS})(?::\d{{2,5}})?(?![\w.-])|(?<![\w.:-])[a-z][a-z0-9-]+(?:\.{_LABEL})*:\d{{4,5}}(?![\w.:])"
)
"""A host: a name under a domain of names, or any with a port. Lower case, as no exception's name is."""

_NO_HOST = re.compile(r".*\.(?:py|js|ts|go|rb|cs|so|md|java|php|json|ya?ml|toml|cfg)(?::\d+)?")
"""Places in a program."""


def things_of(diagnosis: Diagnosis) -> tuple[SharedThing, ...]:
    """Return what the leading cause rests on that other services may share, the most telling kind first."""
    found = []
    for kind in shared_kinds(diagnosis.differential[0].cause):
        names = sorted({str(name) for name in _READ[kind](diagnosis) if name and not pd.isna(name)})
        found += [SharedThing(kind, name) for name in names]
    return tuple(found)


Names = Iterable[Any]


def _closed(diagnosis: Diagnosis) -> pd.DataFrame:
    path = diagnosis.frames.network_path
    return path[path["verdict"] == "closed"]


def _rules(prefix: str) -> Callable[[Diagnosis], Names]:
    """Return what reads the ids of one kind out of the hops that let nothing pass."""
    identifier = re.compile(rf"\b{prefix}-[0-9a-f]{{8,17}}\b")

    def read(diagnosis: Diagnosis) -> Names:
        closed = _closed(diagnosis)
        return [
            name for text in (*closed["rule"].dropna(), *closed["reason"].dropna()) for name in identifier.findall(text)
        ]

    return read


def _security_groups(diagnosis: Diagnosis) -> Names:
    rules = _closed(diagnosis)["rule"].dropna()
    return rules[rules.str.startswith("sg-")]


def _changed(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what was changed, outside of the service and its revision, and most likely brought the failure."""
    rows = diagnosis.frames.changes.set_index("change_id")
    cause = diagnosis.differential[0].cause
    for change in diagnosis.changes[:_RANKED_CHANGES]:
        row = rows.loc[change.change_id]
        if (
            change.score >= TOLD_FROM
            and cause in change.causes
            and row["subject"] not in ("service", "task_definition")
        ):
            yield f"{row['subject']} {row['resource']}"


def _role(which: str) -> Callable[[Diagnosis], Names]:
    def read(diagnosis: Diagnosis) -> Names:
        access = diagnosis.frames.access
        own = access[access["role"] == which]
        refused = own[own["verdict"].isin(_DENIED)]
        return (refused if len(refused) else own)["role_arn"].dropna().unique()

    return read


def _refused(diagnosis: Diagnosis) -> Names:
    access = diagnosis.frames.access
    rows = access[access["verdict"].isin(_DENIED)]
    return rows["resource"].dropna().unique()


def _named(kind: ThingKind) -> Callable[[Diagnosis], Names]:
    def read(diagnosis: Diagnosis) -> Names:
        things = diagnosis.frames.named_things
        return things.loc[things["kind"] == kind.value, "name"].dropna().unique()

    return read


def _images(diagnosis: Diagnosis) -> list[str]:
    definition = diagnosis.frames.container_definitions
    own = definition[definition["task_definition"] == diagnosis.state.examined]
    return [str(image).partition("@")[0] for image in own["image"].dropna()]


def _repositories(diagnosis: Diagnosis) -> Names:
    return [
        head + slash + last.partition(":")[0]
        for head, slash, last in (one.rpartition("/") for one in _images(diagnosis))
    ]


def _registries(diagnosis: Diagnosis) -> Names:
    return [image.partition("/")[0] for image in _images(diagnosis) if "/" in image]


def _error_lines(frames: Frames) -> list[str]:
    lines = telling_lines(frames)
    return list(lines.loc[lines["why"].isin(_WHY_KNOWN), "message"].head(_ERROR_LINES))


def _said(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what the failing containers print, with its variable parts masked line by line, so that two agree."""
    for message in _error_lines(diagnosis.frames)[:1]:
        yield pattern_of(read_line(message).text)


def _hosts(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the hosts that the failing containers' errors name, without their ports: some drivers tell these apart."""
    for message in _error_lines(diagnosis.frames):
        yield from (host.partition(":")[0] for host in _HOST.findall(message) if not _NO_HOST.fullmatch(host))


def _providers(diagnosis: Diagnosis) -> Names:
    return diagnosis.frames.capacity_providers["capacity_provider"].dropna()


def _vpcs(diagnosis: Diagnosis) -> Names:
    subnets = diagnosis.frames.snapshot.records("ec2:DescribeSubnets")
    wanted = set(diagnosis.frames.examined_networks("subnet"))
    rows = (row for page in subnets for row in (page["response"] or {}).get("Subnets") or ())
    return [row.get("VpcId") for row in rows if row.get("SubnetId") in wanted]


def _base_layers(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield the first layer of each image whose manifest was read: images that share it are built on one base."""
    pages = (page["response"] or {} for page in diagnosis.frames.snapshot.records("ecr:BatchGetImage"))
    for image in (image for page in pages for image in page.get("images") or ()):
        try:
            layers = orjson.loads(image.get("imageManifest") or "{}").get("layers") or ()
            yield from (str(layer["digest"]) for layer in layers[:1])
        except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError):  # a registry's text, in any form
            continue


_READ: dict[str, Callable[[Diagnosis], Names]] = {
    "security_group": _security_groups,
    "network_acl": _rules("acl"),
    "nat_gateway": _rules("nat"),
    "vpc_endpoint": _rules("vpce"),
    "route_table": _rules("rtb"),
    "vpc": _vpcs,
    "changed": _changed,
    "task_role": _role("task"),
    "execution_role": _role("execution"),
    "refused": _refused,
    "secret": _named(ThingKind.SECRET),
    "log_group": _named(ThingKind.LOG_GROUP),
    "image_repository": _repositories,
    "registry": _registries,
    "base_layer": _base_layers,
    "said": _said,
    "host": _hosts,
    "capacity_provider": _providers,
    "subnet": lambda diagnosis: diagnosis.frames.examined_networks("subnet"),
    "cluster": lambda diagnosis: [diagnosis.frames.snapshot.incident.cluster],
    "region": lambda diagnosis: [diagnosis.frames.snapshot.incident.region],
}
"""Where each kind of thing is read; the same kinds as in `knowledge/shared_things.toml`."""
