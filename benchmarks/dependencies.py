"""Which call of a recorded collection needs which other: by the identifiers in its parameters, and by what was chosen.

A call can be made as soon as each identifier in its parameters stands in an answer that has come. Which answers hold an
identifier is looked up in the recording; of several the one that can come first counts. That is mechanical, and the
chains that follow are the shortest that there can be: no wait of the collectors' own making is in them.

A few calls need more than identifiers: the collectors choose what to ask by what a set of answers says. `CHOICES` lists
them, each with its reason.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from math import ceil
from typing import Any, NamedTuple

import orjson
from botocore.session import get_session

from ecs_notebook_lib.knowledge.operations import every_operation
from ecs_notebook_lib.snapshot import Snapshot

_WORD = re.compile(r"[\w.@+=-]*\w")
_OURS = frozenset(
    {
        "acceptedMediaTypes",
        "ActionNames",
        "AttributeKey",
        "AttributeValue",
        "filterPattern",
        "Id",
        "Key",
        "MetricName",
        "Name",
        "Namespace",
        "Option",
        "ServiceCode",
        "Stat",
    }
)
"""Parameters whose values come from our own tables, though an answer may hold the same word."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One page of one question, as it was recorded."""

    operation: str
    params: Mapping[str, Any]
    page: int
    words: frozenset[str] = field(repr=False)
    """Every word of its answer."""

    @property
    def question(self) -> str:
        """Return what this page shares with the other pages of its question."""
        return self.operation + orjson.dumps(self.params, option=orjson.OPT_SORT_KEYS).decode()


class Choice(NamedTuple):
    """A kind of call that is chosen by what all calls of another kind say."""

    later: Callable[[Call], bool]
    earlier: Callable[[Call], bool]
    reason: str


def _is(operation: str, **params: Any) -> Callable[[Call], bool]:
    return lambda call: call.operation == operation and params.items() <= call.params.items()


CHOICES = (
    Choice(
        _is("logs:GetLogEvents", startFromHead=False),
        _is("ecs:DescribeTasks"),
        "of all tasks that stopped in the same way the newest two are read",
    ),
    Choice(
        _is("logs:FilterLogEvents"),
        _is("ecs:DescribeTasks"),
        "a group is searched only if none of the tasks is of the last good revision",
    ),
    Choice(
        _is("logs:GetLogEvents", startFromHead=True),
        _is("logs:GetLogEvents", startFromHead=False),
        "the first lines are read of a stream whose last lines are not all",
    ),
    Choice(
        _is("iam:SimulatePrincipalPolicy"),
        _is("logs:GetLogEvents"),
        "asked once for a role, with every action that a log line says was denied",
    ),
)


def calls_of(snapshot: Snapshot, *, without: Iterable[str] = ()) -> list[Call]:
    """Return the calls of a snapshot, those to the operations `without` left out."""
    left_out = frozenset(without)
    return [
        Call(operation, row["params"], row["page"], frozenset(_words(row["response"])))
        for operation in snapshot.operations
        if operation not in left_out
        for row in snapshot.records(operation)
    ]


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from _WORD.findall(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _words(item)
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)


def longest_chain(calls: Sequence[Call], *, known: Iterable[str], choices: Sequence[Choice] = ()) -> list[Call]:
    """Return the longest chain of calls of which each needs the one before it; `known` is what the user said.

    Raises
    ------
    ValueError
        If calls need each other in a circle: then a word of ours is taken for an identifier.
    """
    said = frozenset(word for text in known for word in _words(text))
    holders: dict[str, set[Call]] = defaultdict(set)
    for call in calls:
        for word in call.words - said:
            holders[word].add(call)
    needs = {call: [*_needs(call, calls, holders, choices)] for call in calls}
    after: dict[Call, Call | None] = {}
    level: list[Call] = []
    while len(after) < len(calls):
        ready = [call for call in calls if call not in after and all(need & after.keys() for need in needs[call])]
        if not ready:
            raise ValueError(f"these need each other: {[call.operation for call in calls if call not in after]}")
        before = after.keys() - set(level)
        after |= {call: _last_needed(needs[call], before, level) for call in ready}
        level = ready
    return [*_back_from(level[0], after)][::-1]


def _last_needed(needs: Iterable[set[Call]], before: Set[Call], level: Sequence[Call]) -> Call | None:
    """Return a call of the newest level that is waited for: none that was made before answers the same."""
    awaited = [need for need in needs if not need & before]
    return next((call for call in level if any(call in need for need in awaited)), None)


def _needs(
    call: Call, calls: Sequence[Call], holders: Mapping[str, set[Call]], choices: Sequence[Choice]
) -> Iterator[set[Call]]:
    """Yield what a call waits for: sets of calls of which one must have been answered."""
    for word in _identifiers(call):
        if others := holders.get(word, set()) - {call}:
            yield others
    yield from ({source} for choice in choices if choice.later(call) for source in calls if choice.earlier(source))
    yield from (
        {other} for other in calls if call.page and other.question == call.question and other.page == call.page - 1
    )


def _back_from(call: Call | None, after: Mapping[Call, Call | None]) -> Iterator[Call]:
    while call is not None:
        yield call
        call = after[call]


def _identifiers(call: Call) -> set[str]:
    """Return the words of the parameters that may be identifiers: no enumerations, times, numbers or names of ours."""
    return {word for text in _texts(call.params, _input_shape(call.operation), "") for word in _words(text)}


def _texts(value: Any, shape: Any, name: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for key in value.keys() & shape.members.keys():
            yield from _texts(value[key], shape.members[key], key)
    elif shape.type_name == "list":
        for item in value:
            yield from _texts(item, shape.member, name)
    elif shape.type_name == "string" and not shape.enum and name not in _OURS:
        yield value


@cache
def _input_shape(operation: str) -> Any:
    service, _, action = operation.partition(":")
    return get_session().get_service_model(service).operation_model(action).input_shape


def fewest(calls: Iterable[Call]) -> dict[str, int]:
    """Return by operation how many calls were needed: full batches, each question once, pages as AWS pages them."""
    batched: dict[tuple[str, str], set[str]] = defaultdict(set)
    single: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for call in calls:
        batch = every_operation()[call.operation].batch
        if batch:
            others = {name: value for name, value in call.params.items() if name != batch}
            batched[call.operation, orjson.dumps(others, option=orjson.OPT_SORT_KEYS).decode()] |= {*call.params[batch]}
        else:
            single[call.operation].add((call.question, call.page))
    counts = Counter({operation: len(pages) for operation, pages in single.items()})
    for (operation, _), values in batched.items():
        counts[operation] += ceil(len(values) / every_operation()[operation].batch_size)
    return dict(counts)
