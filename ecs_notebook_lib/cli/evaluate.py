"""`ecs-notebook evaluate`: measure the differential on labelled cases (DESIGN 6)."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecs_notebook_lib.cases import evaluate, load_cases
from ecs_notebook_lib.errors import CaseFileError


def run(options: argparse.Namespace) -> int:
    """Print the figures of all labelled cases of a file; one without any is an error."""
    path = Path(options.cases)
    evaluation = evaluate(load_cases(path))
    if not evaluation.judged:
        raise CaseFileError(path, "no case in it has a root_cause with a family to compare with")
    document = evaluation.to_json()
    if options.format == "json":
        from ecs_notebook_lib.cli.documents import print_json

        print_json(document)
    else:
        _print(document, color=not options.no_color)
    return 0


def _print(document: Mapping[str, Any], *, color: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ecs_notebook_lib.untrusted import visible

    console = Console(no_color=not color, highlight=False)
    table = Table(title="How often the true family came first", title_justify="left", title_style="bold")
    for name in ("cases", "n", "top 1", "top 3", "log loss [nats]", "mean top probability"):
        table.add_column(name)
    parts = {
        "headline": document,
        "hard ones of these": document["hard"],
        "thin": document["thin"],
        "documentation examples": document["documentation_examples"],
    }
    for name, row in parts.items():
        figures = (_percent(row["top1"]), _percent(row["top3"]), _number(row["log_loss"]), _number(row["mean_top"]))
        table.add_row(name, str(row["n"]), *figures)
    console.print(table)
    console.print(f"Expected calibration error of the headline: {_number(document['ece'])}")
    wrong = [row for row in document["confusion"] if row["truth"] != row["top"]]
    for row in sorted(wrong, key=lambda row: (-row["n"], row["truth"], row["top"])):
        console.print(Text(f"  {row['truth']} was taken for {row['top']}: {row['n']}"))
    for row in document["cases"]:
        if row["rank_of_truth"] > 1 and not (row["thin"] or row["documentation_example"]):
            console.print(
                Text(visible(f"  {row['id']}: {row['truth']} came {row['rank_of_truth']}. after {row['top']}"))
            )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
