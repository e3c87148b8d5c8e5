"""`ecs-notebook simulate`: list, write or serve a simulated incident."""

import argparse
import sys
import threading

from ecs_notebook_lib.errors import SourceError, UnknownDemoError
from ecs_notebook_lib.simulate import RECIPES, SCENARIOS, UnknownScenarioError, World, begin, build, paced, serve
from ecs_notebook_lib.source import DemoSource, parse_source


def run(options: argparse.Namespace) -> int:
    """Do what was asked for; serving ends with Ctrl-C."""
    if options.list:
        rows = [(row.name, row.summary) for row in SCENARIOS.values()]
        rows += [(row.name, row.summary) for row in RECIPES.values()]
        sys.stdout.writelines(f"{name:32}{summary}\n" for name, summary in rows)
        return 0
    if not options.name or not (options.serve or options.out):
        options.parser.error("give NAME and --serve HOST:PORT or --out FILE, or --list")
    source = _source(options.name)
    if options.out:
        return _write(source, options)
    world = _world(source, begun=options.begun)
    world.refused.update(_known(options.refuse, world))
    return _serve(world, options)


def _source(name: str) -> DemoSource:
    source = parse_source(name if name.startswith("demo:") else f"demo:{name}")
    if not isinstance(source, DemoSource):
        raise SourceError(f"{name!r} names no simulated incident.")
    return source


def _world(source: DemoSource, *, begun: bool) -> World:
    try:
        return begin(source.name, source.seed) if begun else build(source.name, source.seed)
    except UnknownScenarioError as error:
        raise UnknownDemoError(source.name, RECIPES if begun else SCENARIOS) from error


def _known(refused: list[str], world: World) -> list[str]:
    for name in refused:
        if name not in world.operations:
            raise SourceError(f"The simulated AWS has no operation {name!r}. Give service:Operation.")
    return refused


def _write(source: DemoSource, options: argparse.Namespace) -> int:
    from pathlib import Path

    from ecs_notebook_lib.incident import open_incident
    from ecs_notebook_lib.snapshot import save_snapshot

    path = Path(options.out)
    save_snapshot(open_incident(f"demo:{source.name}:{source.seed}").snapshot, path)
    sys.stdout.write(f"{path}\n")
    return 0


def _serve(world: World, options: argparse.Namespace) -> int:
    host, colon, port = options.serve.rpartition(":")
    if not (colon and host and port.isdecimal()):
        options.parser.error("--serve takes HOST:PORT")
    with serve(paced(world, options.speed), host, int(port)) as server:
        sys.stdout.write(
            f"{world.scenario} (simulated) at {server.url}, cluster {world.cluster}, service {world.service}\n"
            f"export AWS_ENDPOINT_URL={server.url} AWS_REGION={world.region} "
            "AWS_ACCESS_KEY_ID=simulated AWS_SECRET_ACCESS_KEY=simulated\n"
        )
        sys.stdout.flush()
        threading.Event().wait()
    return 0
