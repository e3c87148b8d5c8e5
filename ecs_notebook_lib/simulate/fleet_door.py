"""The door of many worlds: one call goes to the world that it names, or to several, whose answers become one.

Every world is one service with its surroundings. A call names its world by some word: a service, a role, an identifier.
Words that worlds share (a VPC, a cluster) lead to several; the word that the fewest share is the most telling one.
"""

import json
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ecs_notebook_lib.simulate.answers import named
from ecs_notebook_lib.simulate.api_trail import lookup
from ecs_notebook_lib.simulate.fleet_tables import EC2_ROWS, LISTS, SPLIT, Listing, Split
from ecs_notebook_lib.simulate.trail import Event
from ecs_notebook_lib.simulate.wire import AWSError, Call
from ecs_notebook_lib.simulate.world import World

Key = tuple[str, str, str, str]
"""Account, region, cluster and service."""
_WORD = re.compile(r"[A-Za-z0-9][\w.-]*")
_GLOBAL = ("cloudtrail", "iam", "s3", "sts")
"""Services that answer for the whole account: IAM's events stand in one region, whatever region its calls come from."""
_SESSION = timedelta(hours=1)
_LONGEST_PAGE = 100
_ALL = 1 << 20


class Door:
    """Routes the calls of several accounts; `accounts` are the accounts by access key, the first one is the usual."""

    def __init__(self, worlds: Sequence[World], accounts: Mapping[str, str]) -> None:
        self._accounts = dict(accounts)
        self._usual = next(iter(accounts.values()))
        self._worlds: dict[str, list[World]] = defaultdict(list)
        self._holders: dict[tuple[str, str], list[World]] = defaultdict(list)
        self.calls: Counter[str] = Counter()
        self.calls_by_service: dict[Key, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()
        for world in worlds:
            self._worlds[world.account].append(world)
            for word in words_of(world):
                self._holders[world.account, word].append(world)
        self._events = {account: _told_once(some) for account, some in self._worlds.items()}

    def answer(self, call: Call) -> Mapping[str, Any]:
        """Return the output of a call.

        Raises
        ------
        AWSError
            If AWS would refuse it.
        """
        name, account = f"{call.service}:{call.operation}", self._account(call)
        with self._lock:
            self.calls[name] += 1
        if name == "sts:AssumeRole":
            return self._assume(call)
        if name == "cloudtrail:LookupEvents":
            return lookup(self._events[account], self._worlds[account][0].now, call)
        if name == "ecs:ListClusters":
            _check_page("maxResults", call.params.get("maxResults", _LONGEST_PAGE))
            return _page(call, sorted({world.cluster_arn for world in self._within(call)}), LISTS[name])
        if name == "ecs:DescribeClusters":
            return self._clusters(call)
        self._check_cluster(call)
        if name in SPLIT and SPLIT[name].member in call.params:
            return self._split(name, call, SPLIT[name])
        if name in EC2_ROWS:
            return self._rows(name, call)
        if name in LISTS:
            return self._list(name, call)
        return self._ask(name, call, self._best(call, call.params)[0])

    # Who is asked.

    def _account(self, call: Call) -> str:
        return self._accounts.get(call.access_key, self._usual)

    def _within(self, call: Call) -> list[World]:
        """Return the worlds of the account and region, and of the cluster if one is named."""
        return [world for world in self._worlds[self._account(call)] if _fits(call, world)]

    def _check_cluster(self, call: Call) -> None:
        by_cluster = "cluster" in call.params or call.operation in ("ListServices", "ListTasks", "DescribeServices")
        if call.service == "ecs" and by_cluster and not self._among(call, [named(call.params.get("cluster") or "")]):
            raise AWSError("ClusterNotFoundException", "Cluster not found.")

    def _among(self, call: Call, words: Iterable[str]) -> list[list[World]]:
        """Return the holders of each word that some world of the call's place holds."""
        known = (self._holders.get((self._account(call), word), ()) for word in dict.fromkeys(words))
        return list(filter(None, ([world for world in some if _fits(call, world)] for some in known)))

    def _best(self, call: Call, about: Any) -> list[World]:
        """Return the worlds that hold the most telling word; all of the place if there is none."""
        known = (self._holders.get((self._account(call), word), ()) for word in dict.fromkeys(_words(about)))
        for holders in sorted(known, key=len):
            fitting = [world for world in holders if _fits(call, world)]
            if fitting:
                return fitting
        return self._fallback(call)

    def _fallback(self, call: Call) -> list[World]:
        return self._within(call) or self._worlds[self._account(call)]

    def _ask(self, name: str, call: Call, world: World) -> Mapping[str, Any]:
        with self._lock:
            self.calls_by_service[key_of(world)][name] += 1
        return world.answer(call)

    # Several worlds.

    def _split(self, name: str, call: Call, split: Split) -> dict[str, Any]:
        """Ask each world for its own part of a batch."""
        wanted = call.params[split.member]
        if split.limit and len(wanted) > split.limit:
            raise AWSError(split.code, f"{split.member} can have at most {split.limit} items.")
        parts: dict[World, list[Any]] = defaultdict(list)
        for item in wanted:
            parts[self._best(call, item)[0]].append(item)
        if len(parts) < 2:
            return dict(self._ask(name, call, next(iter(parts), None) or self._fallback(call)[0]))
        answers = [
            world.answer(replace(call, params=call.params | {split.member: own})) for world, own in parts.items()
        ]
        return {member: [row for one in answers for row in one.get(member, ())] for member in split.answers}

    def _rows(self, name: str, call: Call) -> Mapping[str, Any]:
        """Ask every world that holds any of the words: a VPC is in all of those whose services are in it."""
        member, identity = EC2_ROWS[name]
        holders = [world for some in self._among(call, _words(call.params)) for world in some]
        asked = dict.fromkeys(holders or self._fallback(call))
        if len(asked) == 1:
            return self._ask(name, call, next(iter(asked)))
        answers = [world.answer(call) for world in asked]
        return {member: _once((row for one in answers for row in one[member]), identity)}

    def _list(self, name: str, call: Call) -> Mapping[str, Any]:
        """Ask every world that the call is about for the whole of its list, and give one page of it all."""
        listing = LISTS[name]
        limit = call.params.get(listing.size, listing.usual)
        if call.service == "ecs":
            _check_page(listing.size, limit)
        worlds = self._list_of(name, call)
        if len(worlds) == 1:
            return self._ask(name, call, worlds[0])
        whole = {key: value for key, value in call.params.items() if key != listing.token} | {listing.size: _ALL}
        answers = [world.answer(replace(call, params=whole)) for world in worlds]
        rows = _once((row for one in answers for row in one[listing.member]), listing.identity)
        rows.sort(key=(lambda row: row[listing.order]) if listing.order else _as_is)
        return _page(call, rows, listing)

    def _list_of(self, name: str, call: Call) -> list[World]:
        if name in ("ecs:ListTasks", "ecs:ListServices"):
            return self._best(call, call.params["serviceName"]) if "serviceName" in call.params else self._within(call)
        return self._best(call, call.params)

    def _clusters(self, call: Call) -> dict[str, Any]:
        rows, failures = [], []
        for name in call.params.get("clusters") or ["default"]:
            about = replace(call, params=call.params | {"clusters": [name], "cluster": name})
            worlds = [
                world for some in self._among(about, [named(name)]) for world in some if world.cluster == named(name)
            ]
            answers = [world.answer(about) for world in worlds]
            if not answers:
                failures += self._fallback(call)[0].answer(about)["failures"]
                continue
            own = [answer["clusters"][0] for answer in answers]
            rows.append(
                own[0] | {member: sum(row[member] for row in own) for member in own[0] if member[-5:] == "Count"}
            )
        return {"clusters": rows, "failures": failures}

    def _assume(self, call: Call) -> dict[str, Any]:
        """Give the credentials of the role's account; every role of a known account may be assumed."""
        arn = call.params["RoleArn"]
        account = (arn.split(":") + [""] * 6)[4]
        key = next((key for key, known in self._accounts.items() if known == account), None)
        if key is None:
            text = f"User is not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise AWSError("AccessDenied", text, status=403)
        role, session = named(arn), call.params["RoleSessionName"]
        return {
            "Credentials": {
                "AccessKeyId": key,
                "SecretAccessKey": "simulated",
                "SessionToken": "simulated",
                "Expiration": self._worlds[account][0].now + _SESSION,
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"AROAEXAMPLEINVESTIGATE:{session}",
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
            },
        }


def key_of(world: World) -> Key:
    """Return by what a world is known in a fleet."""
    return world.account, world.region, world.cluster, world.service


def _told_once(worlds: Iterable[World]) -> list[Event]:
    """Return the events of an account: what was done to a thing that worlds share was done once."""
    found: dict[tuple[object, ...], Event] = {}
    for event in (event for world in worlds for event in world.trail.events):
        found.setdefault((event.at, event.region, event.call.name, json.dumps(event.call.params, default=str)), event)
    return list(found.values())


def _check_page(member: str, limit: int) -> None:
    if not 1 <= limit <= _LONGEST_PAGE:
        raise AWSError("InvalidParameterException", f"{member} must be between 1 and {_LONGEST_PAGE}.")


def _fits(call: Call, world: World) -> bool:
    if call.service in _GLOBAL:
        return True
    cluster = named(call.params.get("cluster") or "") if call.service == "ecs" else ""
    return world.region == call.region and cluster in ("", world.cluster)


def _words(about: Any) -> Iterator[str]:
    """Yield the words of all texts in the parameters of a call."""
    if isinstance(about, str):
        yield from _WORD.findall(about)
    elif isinstance(about, Mapping):
        for value in about.values():
            yield from _words(value)
    elif isinstance(about, list):
        for value in about:
            yield from _words(value)


def words_of(world: World) -> set[str]:
    """Return the words by which a caller may name something of a world: the last ones of names and ARNs."""
    access, held, network = world.access, world.holdings, world.network
    names: list[str] = [world.cluster, *world.scheduler.services, *world.tasks.by_arn]
    names += [*access.roles, *access.policies, *access.buckets, *access.repositories, *access.secrets, *access.keys]
    names += [
        *held.parameters,
        *held.file_systems,
        *held.rules,
        *held.stacks,
        *world.balancer.groups,
        *world.log_groups,
    ]
    names += [row["LoadBalancerArn"] for row in world.load_balancers] + [row["ListenerArn"] for row in world.listeners]
    tables = (network.subnets, network.route_tables, network.security_groups, network.network_acls)
    for rows in (*tables, network.nat_gateways, network.endpoints):
        names += [row[member] for row in rows for member in row if member in _IDENTITIES]
    return {_WORD.findall(name)[-1] for name in names}


_IDENTITIES = frozenset({"VpcId", *(identity for _, identity in EC2_ROWS.values())})


def _once(rows: Iterable[Any], identity: str) -> list[Any]:
    """Return each row once: worlds that share a thing all tell of it."""
    return list({row[identity] if identity else number: row for number, row in enumerate(rows)}.values())


def _as_is(_row: Any) -> int:
    return 0


def _page(call: Call, rows: Sequence[Any], listing: Listing) -> dict[str, Any]:
    """Return one page; a token is the offset, as text."""
    token = call.params.get(listing.token, "offset-0").removeprefix("offset-")
    if not token.isdecimal():
        raise AWSError("InvalidParameterException", "Invalid token.")
    end = int(token) + call.params.get(listing.size, listing.usual)
    more = {listing.next: f"offset-{end}"} if end < len(rows) else {}
    truncated = {"IsTruncated": end < len(rows)} if call.service == "iam" else {}
    return {listing.member: list(rows[int(token) : end]), **more, **truncated}
