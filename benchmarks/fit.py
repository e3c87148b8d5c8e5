"""Count the development cases into `knowledge/fitted.toml`: `make fit`. The same cases give the same file."""

import sys
from pathlib import Path

from ecs_notebook_lib.cases import load_cases
from ecs_notebook_lib.cases.fitting import examine, fit, to_toml

CASES = Path(__file__).parent / "cases" / "dev.jsonl"
TABLE = Path(__file__).parent.parent / "ecs_notebook_lib" / "knowledge" / "fitted.toml"


def fitted_text() -> str:
    """Return the file that the cases come to, with the comment that stands above it."""
    comment = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    return "\n".join(comment) + "\n" + to_toml(fit([examine(case) for case in load_cases(CASES)]))


def main() -> int:
    """Write the table, and say what changed."""
    text, before = fitted_text(), TABLE.read_text(encoding="utf-8")
    TABLE.write_text(text, encoding="utf-8")
    print(f"fitted.toml: {'unchanged' if text == before else 'written anew'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
