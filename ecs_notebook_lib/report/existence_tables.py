"""The table of what the examined revision names: what is missing, or not known, comes first."""

import pandas as pd

from ecs_notebook_lib.frames import Frames


def named_things_table(frames: Frames) -> pd.DataFrame:
    """Return what the examined revision and its service name, and whether it exists: what does not comes first."""
    things = frames.named_things
    exists = things["exists"].map({True: "yes", False: "no"}).fillna("not known").astype("string")
    table = things[["kind", "name", "named_by", "detail", "reason"]].copy()
    table.insert(0, "exists", exists)
    order = exists.map({"no": 0, "not known": 1, "yes": 2})
    return table.assign(order=order).sort_values("order", kind="stable", ignore_index=True).drop(columns="order")
