"""Which sizes a task may have on Fargate."""

from ecs_notebook_lib.knowledge.tables import read_table


def is_fargate_size(cpu: int, memory: int) -> bool:
    """Say whether Fargate takes a task of so many CPU units and so much memory in MiB."""
    row = next((row for row in read_table("fargate")["size"] if row["cpu"] == cpu), None)
    if row is None:
        return False
    if "memory" in row:
        return memory in row["memory"]
    return bool(row["least"] <= memory <= row["most"] and (memory - row["least"]) % row["step"] == 0)
