"""Secrets planted into a snapshot, at places that botocore's models name: what a shared report must not hold."""

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import botocore.session
import orjson

from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.snapshot import Snapshot

Path = tuple[str, ...]
FREE_TEXT = (
    *("reason", "message", "description", "detail", "details", "value", "values", "options", "labels", "driveropts"),
    *(
        "command",
        "entrypoint",
        "document",
        "policy",
        "policytext",
        "tags",
        "createdby",
        "label",
        "query",
        "messagebody",
    ),
    *("clientsecret", "username", "cloudtrailevent", "dockersecurityoptions", "resourcepolicy", "path", "group"),
)
"""Names of members, in lower case, whose texts people or containers write."""

WHOLE = frozenset({"IpPermissions", "IpPermissionsEgress"})
"""Rows of which AWS leaves no member out: none is made with a text alone."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What was planted: its kind, the text that must not be found afterwards, and where it was put."""

    kind: str
    text: str
    place: str


def _of(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


LETTERS, BASE64, HEX = (
    string.ascii_letters + string.digits,
    string.ascii_letters + string.digits + "+/",
    "0123456789abcdef",
)


def _mixed(rng: random.Random, length: int, alphabet: str = LETTERS) -> str:
    """Return random characters as a generator of keys makes them: with some of each kind."""
    head = rng.choice(string.ascii_uppercase) + rng.choice(string.digits) + rng.choice(string.ascii_lowercase)
    return head + rng.choice(string.digits) + _of(rng, alphabet, length - 4)


def _word(rng: random.Random) -> str:
    return _of(rng, "bcdfgklmnprst", 1) + _of(rng, "aeiou", 1) + _of(rng, "bcdfgklmnprst", 5) + "q"


def _octets(rng: random.Random, *first: int) -> str:
    return ".".join(map(str, (*first, *(rng.randint(11, 99) for _ in range(4 - len(first))))))


def _pem(rng: random.Random) -> str:
    lines = (_of(rng, BASE64, 64) for _ in range(3))
    return "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(lines) + "\n-----END RSA PRIVATE KEY-----"


Made = tuple[str, str]
KINDS: dict[str, Callable[[random.Random], Made]] = {
    "account id": lambda rng: (
        one := f"{rng.randint(3, 9)}{_of(rng, '123456789', 11)}",
        f"shared from account {one} by",
    ),
    "public address": lambda rng: (one := _octets(rng, 54), f"connect to {one}:443 timed out"),
    "private address": lambda rng: (one := _octets(rng, 10, 77), f"upstream=db/{one}:5432 refused"),
    "IPv6 address": lambda rng: (
        one := f"2600:1f18:{_of(rng, HEX[1:], 4)}:7c{_of(rng, HEX, 2)}::9",
        f"listen [{one}]:80",
    ),
    "database host": lambda rng: (
        one := f"{_word(rng)}.c9akc{_of(rng, HEX, 6)}",
        f"host={one}.eu-west-1.rds.amazonaws.com",
    ),
    "customer's domain": lambda rng: (one := _word(rng), f"GET https://api.{one}.com/v1/orders gave 502"),
    "MAC address": lambda rng: (one := "0a:" + ":".join(_of(rng, HEX, 2) for _ in range(5)), f"eni has mac {one} now"),
    "e-mail address": lambda rng: (one := f"{_word(rng)}.{_word(rng)}", f"mail to {one}@corp.example.io bounced"),
    "user": lambda rng: (one := _word(rng), f"denied to arn:aws:iam::444455556666:user/ops/{one} by {one}"),
    "session": lambda rng: (one := _word(rng), f"arn:aws:sts::444455556666:assumed-role/admin/{one} said {one}"),
    "access key": lambda rng: (one := "AKIA" + _of(rng, string.ascii_uppercase + "234567", 16), f"key id {one} is old"),
    "secret access key": lambda rng: (one := _mixed(rng, 40), f"aws_secret_access_key = {one}"),
    "bearer token": lambda rng: (one := _mixed(rng, 32), f"Authorization: Bearer {one}"),
    "JWT": lambda rng: (one := _of(rng, LETTERS, 43), f"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.{one} expired"),
    "GitHub token": lambda rng: (one := "ghp_" + _of(rng, LETTERS, 36), f"clone with {one} failed"),
    "Slack token": lambda rng: (
        one := f"xoxb-{_of(rng, '123456789', 12)}-{_of(rng, LETTERS, 24)}",
        f"slack said no to {one}",
    ),
    "Stripe key": lambda rng: (one := "sk_live_" + _of(rng, LETTERS, 24), f"stripe: invalid api key {one}"),
    "presigned URL": lambda rng: (
        one := _of(rng, HEX, 64),
        f"GET https://b.s3.amazonaws.com/k?X-Amz-Expires=900&X-Amz-Signature={one} 403",
    ),
    "connection string": lambda rng: (
        one := _of(rng, LETTERS + "@!$", 14),
        f"postgres://app:{one}@db.acme-corp.net:5432/app",
    ),
    "password": lambda rng: (one := _of(rng, string.ascii_lowercase, 12), f"DB_PASSWORD={one} LOG=debug"),
    "password in JSON": lambda rng: (
        one := _of(rng, string.ascii_letters, 11),
        f"config {{'user': 'a', 'password': '{one}'}}",
    ),
    "private key": lambda rng: (one := _pem(rng)).split("\n")[2:3] and (one.split("\n")[2], one),
    "random text": lambda rng: (one := _mixed(rng, 36), f"seed {one} was used"),
    "query": lambda rng: (one := _word(rng), f"GET /reset?mail=1&customer={one} 200"),
}


@cache
def places(operation: str) -> tuple[Path, ...]:
    """Return the paths of every free text in the answer of an operation, from botocore's model of it."""
    service, name = operation.split(":")
    shape = botocore.session.get_session().get_service_model(service).operation_model(name).output_shape
    return tuple(_texts(shape, ())) if shape is not None else ()


def _texts(shape: Any, path: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    if shape.name in above:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _texts(member, (*path, name), (*above, shape.name))
    elif shape.type_name == "list":
        yield from _texts(shape.member, (*path, "[]"), above)
    elif shape.type_name == "map":
        yield from _texts(shape.value, (*path, "*"), above)
    elif shape.type_name == "string" and not shape.enum and _name_of(path).endswith(FREE_TEXT):
        yield path


def _name_of(path: Path) -> str:
    return next(part for part in reversed(path) if part not in ("[]", "*")).lower()


def planted(snapshot: Snapshot, seed: int, number: int = 200) -> tuple[Snapshot, list[Secret]]:
    """Return a snapshot with `number` secrets in it, of all kinds in turn, and what was planted where.

    Every free text that a model names and the snapshot has a place for gets one before any gets two.
    """
    rng = random.Random(seed)
    pages = {name: [orjson.loads(line) for line in snapshot.lines(name).splitlines()] for name in snapshot.operations}
    found = [
        (operation, path, holder, key)
        for operation in set(every_operation()) & pages.keys()
        for path in places(operation)
        for holder, key in _first_places(pages[operation], path, rng)
    ]
    found.sort(key=lambda row: (row[0], row[1]))
    rng.shuffle(found)
    secrets = []
    for index in range(number):
        operation, path, holder, key = found[index % len(found)]
        kind = list(KINDS)[index % len(KINDS)]
        text, said = KINDS[kind](rng)
        holder[key] = _with(holder.get(key) if isinstance(holder, dict) else holder[key], said)
        secrets.append(Secret(kind, text, f"{operation} {'.'.join(path)}"))
    members = {
        name: b"".join(orjson.dumps(page, option=orjson.OPT_APPEND_NEWLINE) for page in rows)
        for name, rows in pages.items()
    }
    return replace(snapshot, members=members), secrets


def _first_places(pages: list[dict[str, Any]], path: Path, rng: random.Random) -> list[tuple[Any, Any]]:
    """Return one place that a path leads to in the answers; what is missing on the way is made."""
    every = [place for page in pages for place in _holders(page.get("response"), path)]
    answers = [page["response"] for page in pages if page.get("response")]
    if every or not answers or WHOLE.intersection(path):
        return [rng.choice(every)] if every else []
    return list(_holders(_made(rng.choice(answers), path), path))[:1]


def _holders(value: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    head, rest = path[0], path[1:]
    if head == "[]" and isinstance(value, list):
        keys: list[Any] = list(range(len(value)))
    elif isinstance(value, dict):
        keys = list(value) if head == "*" else [head]
    else:
        return
    for key in keys:
        if rest and (head in ("[]", "*") or key in value):
            yield from _holders(value[key], rest)
        elif not rest and _may_hold(value[key] if isinstance(value, list) else value.get(key)):
            yield value, key


def _made(answer: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return an answer in which a path leads to something, as far as it can without taking away what is there."""
    value: Any = answer
    for part, following in zip(path, (*path[1:], ""), strict=True):
        empty: Any = "" if not following else [] if following == "[]" else {}
        if isinstance(value, list):
            value += [] if value else [empty]
            value = value[0]
        elif isinstance(value, dict):
            value = value.setdefault("note" if part == "*" else part, empty)
    return answer


def _may_hold(text: Any) -> bool:
    """Say whether a text, or none, may be followed by words: numbers, states and names that something reads may not."""
    return not text or (isinstance(text, str) and (text.startswith(("{", "hmac:")) or " " in text))


def _with(text: str | None, said: str) -> str:
    """Return a text that says something more; a JSON document says it in a member of its own."""
    if text and text.startswith("{"):
        document = orjson.loads(text)
        return orjson.dumps({**document, f"Note{len(document)}": said}).decode()
    return f"{text} {said}" if text else said
