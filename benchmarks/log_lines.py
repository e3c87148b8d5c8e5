"""A million log lines as the containers of a service print them: no two alike, of few kinds, made from a seed.

Lines of applications, JSON lines, access lines, and stack traces of several lines; what frameworks print when they
start, stop and fail is that of `ecs_notebook_lib.simulate.frameworks`.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from ecs_notebook_lib.simulate.frameworks import TRAINING
from ecs_notebook_lib.snapshot import IncidentName, Page, Simulated, Snapshot
from ecs_notebook_lib.snapshot.model import members_of

BEGIN = datetime(2025, 7, 12, 9, tzinfo=UTC)
_PATHS = (
    "/health",
    "/orders/{n}",
    "/users/{name}/cart",
    "/api/v1/items/{n}/reviews",
    "/search?q={name}",
    "/static/{id}.js",
)
_NAMES = (
    "alice",
    "bob",
    "carol",
    "dan",
    "erin",
    "frank",
    "grace",
    "heidi",
    "ivan",
    "judy",
    "mallory",
    "olivia",
    "peggy",
)
_TABLES = (
    "orders",
    "carts",
    "users",
    "payments",
    "reviews",
    "stock",
    "sessions",
    "prices",
    "coupons",
    "returns",
    "audits",
)
_APPLICATION = (
    "INFO  [http-nio-8080-exec-{n2}] c.e.web.OrderController - order {n} of user {name} accepted in {ms} ms",
    "INFO  [http-nio-8080-exec-{n2}] c.e.web.CartController - cart {uuid} has {n2} items, total {money}",
    "DEBUG [worker-{n2}] c.e.db.Pool - acquired connection {n2} of 20 after {ms} ms",
    "DEBUG [worker-{n2}] c.e.db.Query - SELECT from {table} took {ms} ms, {n} rows",
    "WARN  [worker-{n2}] c.e.db.Query - slow query on {table}: {ms} ms",
    "INFO  [scheduler-1] c.e.jobs.Cleaner - removed {n} expired sessions of {name}",
    "INFO  [kafka-{n2}] c.e.events.Consumer - partition {n2} offset {n} committed for topic {table}",
    "WARN  [http-nio-8080-exec-{n2}] c.e.clients.Retry - attempt {n2} of 5 to {name}.internal:8443 failed, wait {n2} s",
    "ERROR [http-nio-8080-exec-{n2}] c.e.clients.Payments - charge {id} refused by provider: code {n}",
    "INFO  [http-nio-8080-exec-{n2}] c.e.cache.Redis - miss of cart:{name}:{n}, loaded {n} bytes from {ip}:6379",
    "INFO  [main] c.e.health.Probe - heap {n2} MB of 512 MB, {n2} threads, errors=0",
    "INFO  [upload-{n2}] c.e.files.Store - stored /var/uploads/{name}/{id}.png ({n} bytes) in bucket images",
)
_MESSAGES = (
    ("info", "request completed", ("duration_ms", "request_id")),
    ("info", "message published", ("topic", "request_id")),
    ("debug", "token refreshed for user {name}", ("request_id",)),
    ("warn", "rate limit of {name} is near: {n2} %", ("request_id",)),
    ("error", "could not write to {table}: lock wait timeout after {ms} ms", ("request_id", "duration_ms")),
)
_TRACES = (
    (
        "Traceback (most recent call last):",
        '  File "/app/orders/views.py", line {n2}, in post',
        "    charge = billing.charge(order, card)",
        '  File "/app/orders/billing.py", line {n2}, in charge',
        "    raise CardRefused(f'card of {{user}} refused')",
        "orders.billing.CardRefused: card of {name} refused, order {n}",
    ),
    (
        "java.lang.IllegalStateException: cart {uuid} is closed",
        "\tat c.e.carts.Cart.add(Cart.java:{n2})",
        "\tat c.e.web.CartController.post(CartController.java:{n2})",
        "\tat java.base/java.lang.Thread.run(Thread.java:840)",
        "Caused by: java.net.SocketTimeoutException: Read timed out after {ms} ms",
        "\t... {n2} more",
    ),
)


def made_lines(count: int, seed: int = 0) -> Iterator[tuple[datetime, str]]:
    """Yield so many lines with their times, in order."""
    rng, at = Random(f"log lines:{seed}"), BEGIN
    ready: list[str] = []
    kinds: tuple[Callable[[Random, datetime], list[str]], ...] = (_application, _json, _access, _framework, _trace)
    for _ in range(count):
        at += timedelta(milliseconds=rng.randrange(1, 20))
        if not ready:
            [make] = rng.choices(kinds, weights=(48, 22, 25, 4, 1))
            ready = make(rng, at)[::-1]
        yield at, ready.pop()


def _slots(rng: Random) -> dict[str, object]:
    return {
        "n": rng.randrange(1, 1_000_000),
        "n2": rng.randrange(1, 64),
        "ms": f"{rng.expovariate(1 / 40):.1f}",
        "money": f"{rng.uniform(1, 500):.2f}",
        "id": f"{rng.getrandbits(64):016x}",
        "uuid": _uuid(rng),
        "ip": f"10.0.{rng.randrange(256)}.{rng.randrange(256)}",
        "name": rng.choice(_NAMES) + str(rng.choice(("", rng.randrange(1, 9999)))),
        "table": rng.choice(_TABLES),
    }


def _uuid(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _application(rng: Random, at: datetime) -> list[str]:
    return [f"{_iso(at)} {rng.choice(_APPLICATION).format(**_slots(rng))}"]


def _json(rng: Random, at: datetime) -> list[str]:
    level, message, members = rng.choice(_MESSAGES)
    slots = _slots(rng)
    values = {"duration_ms": float(str(slots["ms"])), "request_id": slots["uuid"], "topic": slots["table"]}
    line = {"time": _iso(at), "level": level, "msg": message.format(**slots)}
    return [json.dumps(line | {name: values[name] for name in members})]


def _access(rng: Random, at: datetime) -> list[str]:
    slots = _slots(rng)
    path, status = rng.choice(_PATHS).format(**slots), rng.choices((200, 304, 404, 500), weights=(90, 5, 4, 1))[0]
    agent = f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{rng.randrange(90, 130)}.0.0.0"
    request = f'"GET {path} HTTP/1.1" {status} {slots["n"]} "-" "{agent}"'
    return [f"{slots['ip']} - - [{at.strftime('%d/%b/%Y:%H:%M:%S +0000')}] {request}"]


def _framework(rng: Random, at: datetime) -> list[str]:
    framework = rng.choice(list(TRAINING.values()))
    return [line for line in (*framework.noise, *framework.shutdown) if "{" not in line][:2] or [
        f"{_iso(at)} INFO idle"
    ]


def _trace(rng: Random, at: datetime) -> list[str]:
    slots = _slots(rng)
    return [f"{_iso(at)} ERROR unhandled", *(line.format(**slots) for line in rng.choice(_TRACES))]


def snapshot_of_lines(count: int, seed: int = 0) -> Snapshot:
    """Return a snapshot in memory that holds so many lines, in eight streams of two revisions, and nothing else."""
    events: dict[str, list[dict[str, object]]] = {f"web/app/{number:032x}": [] for number in range(8)}
    streams = [*events.values()]
    until = BEGIN
    for number, (at, message) in enumerate(made_lines(count, seed)):
        until = at
        instant = int(at.timestamp() * 1000)
        streams[number // 50 % 8].append({"timestamp": instant, "message": message, "ingestionTime": instant})
    pages = [
        Page(
            "logs:GetLogEvents",
            at=until,
            region="eu-central-1",
            params={"logGroupName": "/ecs/web", "logStreamName": stream, "startFromHead": True},
            response={"events": of_stream},
        )
        for stream, of_stream in events.items()
    ]
    name = IncidentName("production", "web", "eu-central-1", "111122223333", (BEGIN, until))
    return Snapshot(name, until, Simulated("log-lines", seed), False, "", members_of(pages, "111122223333"))
