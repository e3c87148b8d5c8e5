"""AWS's sentences by the column: each is read once, however many tasks it was told of."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import pandas as pd

from ecs_notebook_lib.frames.columns import texts

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_ONE_TASK = (
    rf"/[0-9a-f]{{32}} is not authorized|[Rr]equest ?(?:id|ID): {_UUID}|\d{{1,3}}(?:\.\d{{1,3}}){{3}}:\d{{1,5}}"
)
"""Its role's session (its own id), a request's id, an address with a port: no template's fixed text has one."""


def each_once(values: pd.Series, function: Callable[[pd.Series], Iterable[str | None]]) -> pd.Series:
    """Return the text that `function` makes of each distinct value, at each row that has it; missing stays missing."""
    codes, distinct = pd.factorize(values)
    made = texts([*function(pd.Series(distinct)), None], pd.RangeIndex(len(distinct) + 1))
    return made.take(codes).set_axis(values.index)  # the code of what is missing is -1: the last one


def read_once(sentences: pd.Series, read: Callable[[str], str | None]) -> pd.Series:
    """Return what `read` makes of each sentence: of those that differ only in what one task has of its own, the same.

    A service that may not read its secret stops every task with a sentence of its own, and all mean the same.
    """
    return each_once(sentences, partial(_read_alike, read))


def samples(sentences: pd.Series) -> list[str]:
    """Return one of the sentences that differ only in what one task has of its own, in order of appearance."""
    distinct = pd.Series(sentences.dropna().unique(), dtype="string")
    return [str(text) for text in distinct[~_alike(distinct).duplicated()]]


def _read_alike(read: Callable[[str], str | None], sentences: pd.Series) -> Iterator[str | None]:
    alike = _alike(sentences)
    first = ~alike.duplicated()
    known = {key: read(str(text)) for key, text in zip(alike[first], sentences[first], strict=True)}
    return (known[key] for key in alike)


def _alike(sentences: pd.Series) -> pd.Series:
    """Return a text that is the same for sentences that mean the same; their length counts: AWS cuts long ones."""
    return sentences.str.replace(_OF_ONE_TASK, "#", regex=True) + sentences.str.len().astype("string")
