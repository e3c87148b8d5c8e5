"""CloudTrail asked once for many collections: each is told what it would have been told alone."""

from datetime import timedelta

import orjson
import pytest

from ecs_notebook_lib.collect import Caller, Clients
from ecs_notebook_lib.collect.access import simulated_session
from ecs_notebook_lib.collect.changes import collect_changes
from ecs_notebook_lib.collect.mask import Masker
from ecs_notebook_lib.collect.shared_trail import SharedTrail
from ecs_notebook_lib.frames.trail import left_out
from ecs_notebook_lib.simulate import build, install

HOURS = {"an hour": 1, "a day": 24, "two weeks": 24 * 14}


def clients_of(world) -> Clients:
    session = simulated_session(world.region)
    install(session, world.respond)
    return Clients(session)


def told(caller: Caller) -> set[tuple[str, str]]:
    return {
        (
            page.params["LookupAttributes"][0]["AttributeValue"],
            orjson.dumps(event, option=orjson.OPT_SORT_KEYS).decode(),
        )
        for page in caller.pages
        for event in (page.response or {}).get("Events") or ()
    }


@pytest.mark.parametrize("name", HOURS)
def test_a_collection_is_told_what_it_would_have_been_told_alone(name):
    world, masker = build("clarity-backend"), Masker(b"k" * 32)
    clients, since, until = clients_of(world), world.now - timedelta(hours=HOURS[name]), world.now
    shared, alone = (Caller(clients, masker=masker) for _ in range(2))
    SharedTrail(clients, masker, until=world.now).collect(shared, since=since, until=until)
    collect_changes(alone, since=since, until=until)
    assert told(shared) == told(alone)
    assert {page.params["StartTime"] for page in shared.pages} == {since}
    assert len(told(shared)) or name == "an hour"


def test_many_collections_ask_once():
    world = build("clarity-backend")
    clients, masker = clients_of(world), Masker()
    asked = []
    door = world.respond
    session = simulated_session(world.region)
    install(session, lambda request: asked.append(request) or door(request))
    trail = SharedTrail(Clients(session), masker, until=world.now)
    calls = []
    for hours in (1, 5, 40):
        trail.collect(Caller(clients, masker=masker), since=world.now - timedelta(hours=hours), until=world.now)
        calls.append(len(asked))
    assert calls[0] > 0
    assert len(set(calls)) == 1


def test_events_before_those_that_were_asked_for_are_told_to_be_missing():
    world, masker = build("clarity-backend"), Masker()
    clients = clients_of(world)
    caller = Caller(clients, masker=masker)
    trail = SharedTrail(clients, masker, until=world.now)
    trail.collect(caller, since=world.now - timedelta(days=60), until=world.now)
    pages = [{"region": p.region, "params": p.params, "error": p.error, "response": p.response} for p in caller.pages]
    assert "only the newest" in left_out(pages, world.region)


def test_a_refusal_is_told_to_every_collection():
    world, masker = build("clarity-backend"), Masker()
    world.refused.add("cloudtrail:LookupEvents")
    clients = clients_of(world)
    trail = SharedTrail(clients, masker, until=world.now)
    for _ in range(2):
        caller = Caller(clients, masker=masker)
        trail.collect(caller, since=world.now - timedelta(days=1), until=world.now)
        assert {page.error["code"] for page in caller.pages} == {"AccessDeniedException"}
