"""The published page behind a section of the notes that the tables cite: the table `sources.toml`."""

import re

from ecs_notebook_lib.knowledge.tables import read_table

_CITED = re.compile(r"ECS_FACTS (\d{1,2}\.\d{1,2})")


def published(source: str) -> str:
    """Return a source as people can look it up: for a section of the notes its page at AWS.

    Raises
    ------
    KeyError
        If the table does not have the section.
    """
    return _CITED.sub(_page, source)


def _page(cited: re.Match[str]) -> str:
    row = read_table("sources")[cited[1]]
    return f"{row['title']} ({row['url']})"
