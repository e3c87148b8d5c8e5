"""What exit codes of containers mean: the table `exit_codes.toml`."""

from dataclasses import dataclass
from functools import cache

from ecs_notebook_lib.knowledge.sources import published
from ecs_notebook_lib.knowledge.tables import read_table

HIGHEST_EXIT_CODE = 255
SIGNALS = range(129, 160)
"""128 + n: the process was ended by signal n."""


@dataclass(frozen=True, slots=True)
class ExitMeaning:
    """What a code means; `finding` is the kind that such an end of an essential container comes to, empty if none."""

    meaning: str
    finding: str
    source: str


@cache
def meaning_of_exit(code: int) -> ExitMeaning:
    """Return what an exit code means by itself, whether or not the table has a row of its own for it."""
    table = read_table("exit_codes")
    row = table.get(str(code)) or (table["by_signal"] if code in SIGNALS else table["otherwise"])
    return ExitMeaning(row["meaning"], row["finding"], published(row["source"]))
