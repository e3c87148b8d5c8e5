"""Writing a result with the commit and the kind of machine that it was made on."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write_result(name: str, figures: dict[str, Any]) -> Path:
    """Write `benchmarks/results/<name>.json` and return its path."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results"], check=False)
    machine = {"system": platform.system(), "python": platform.python_version(), "cores": os.cpu_count()}
    document = {"commit": commit.stdout.strip() + "-changed" * changed.returncode, "machine": machine, **figures}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path
