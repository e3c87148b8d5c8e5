"""Which dotted names are host names, and what of them is the customer's."""

import re
from dataclasses import dataclass
from functools import cache

from ecs_notebook_lib.knowledge.tables import read_table
from ecs_notebook_lib.redact.pseudonyms import OWN_HOST, OWN_LABEL, Pseudonyms

_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+){1,2}-\d[a-z]?\Z")
_RESOURCE = re.compile(r"(?:vpce(?:-svc)?|eni|fs|fsap|i|sg|subnet|vpc)-[0-9a-f]{8,}\S*\Z|\d{12}\Z")
_DASHED = re.compile(
    r"(?P<head>(?:ip|ec2)-)(?P<address>\d{1,3}(?:-\d{1,3}){3})(?P<tail>\.(?:ec2\.internal|(?:[a-z0-9-]+\.)?compute(?:-1)?\.(?:internal|amazonaws\.com(?:\.cn)?))|)\Z"
)

_TOLD_BEFORE = re.compile(
    r"(?:://|@|(?i:(?:host(?:_?names?)?|server|addr(?:ess)?|endpoint|enotfound|eai_again|etimeout|unknownhostexception"
    r"|resolve|domain|dns_?name|upstream)\\?[\"']?[ ]{0,2}[:=]?[ ]{0,2}\\?[\"']?))\Z"
)
_TOLD_AFTER = re.compile(r":\d{2,5}(?![\d.])")
_AS_FAR_AS = 40


@dataclass(frozen=True, slots=True)
class _HostTable:
    """The rows of `[hosts]` in `knowledge/redaction.toml`."""

    zones: frozenset[str]
    doubtful: frozenset[str]
    packages: frozenset[str]
    programs: frozenset[str]
    files: frozenset[str]
    labels: frozenset[str]
    of_services: frozenset[str]
    public_names: frozenset[str]
    public: tuple[str, ...]
    aws: tuple[str, ...]


@cache
def _table() -> _HostTable:
    row = read_table("redaction")["hosts"]
    sets = ("zones", "doubtful", "packages", "programs", "files", "labels", "of_services", "public_names")
    zones, doubtful, packages, programs, files, labels, of_services, names = (frozenset(row[name]) for name in sets)
    public, aws = (tuple(f".{zone}" for zone in row[name]) for name in ("public", "aws"))
    return _HostTable(zones, doubtful, packages, programs, files, labels, of_services, names, public, aws)


def is_told_to_be_a_host(text: str, start: int, end: int) -> bool:
    """Say whether the text around a name says that it is one of a host: a URL, a port, `host=`."""
    before = text[max(0, start - _AS_FAR_AS) : start]
    return _TOLD_BEFORE.search(before) is not None or _TOLD_AFTER.match(text, end) is not None


def is_host(name: str, *, told: bool) -> bool:
    """Say whether a dotted name is that of a host which is not public; `told`: the text around it says so."""
    lower, table = name.lower(), _table()
    first, last = lower.partition(".")[0], lower.rpartition(".")[2]
    if OWN_HOST.fullmatch(lower) or f".{lower}".endswith(table.public) or lower in table.public_names:
        return False
    if not last.isalpha() or last in table.files:
        return False
    if told and (last in table.zones or (first not in table.packages and name == lower)):
        return True
    if last not in table.zones or first in table.packages or name != lower:
        return False
    return last not in table.doubtful or (lower.count(".") > 1 and first not in table.programs)


def is_of_aws(name: str) -> bool:
    """Say whether a name is below one of AWS's own zones."""
    return f".{name.lower()}".endswith(_table().aws)


def aws_name(name: str, pseudonyms: Pseudonyms) -> str:
    """Return a name of AWS with the customer's labels replaced: those before service, region and zone."""
    zone = max((zone for zone in _table().aws if f".{name.lower()}".endswith(zone)), key=len)
    if len(name) < len(zone):
        return name  # the zone itself
    labels = name[: -len(zone)].split(".")
    kept = len(labels) - (_labels_of_service(labels) if zone[1:] in _table().of_services else 0)
    while kept and _stays(labels[kept - 1].lower()):
        kept -= 1
    if not kept or (kept == 1 and labels[1:2] == ["s3"]):
        return name  # AWS's own, or the name of a bucket, which policies tell as well
    customers = ".".join(labels[:kept])
    return pseudonyms.host_label(customers) + name[len(customers) :]


def _stays(label: str) -> bool:
    return label in _table().labels or any(form.match(label) for form in (_REGION, _RESOURCE, OWN_LABEL))


def _labels_of_service(labels: list[str]) -> int:
    """Return how many of the last labels name service and region: `sqs.us-east-1`, `us-east-1.rds` or `iam`."""
    return 2 if any(_REGION.match(label) for label in labels[-2:]) and len(labels) > 1 else 1


def dashed_address(name: str) -> tuple[str, str, str] | None:
    """Return a private or public DNS name that holds an address, `ip-10-0-1-5.ec2.internal`, in three parts."""
    match = _DASHED.match(name)
    return (match["head"], match["address"].replace("-", "."), match["tail"]) if match else None
