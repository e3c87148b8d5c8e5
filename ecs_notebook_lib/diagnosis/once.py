"""What several checks, the state and the prognosis ask of the same frames is computed once."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from ecs_notebook_lib.frames import Frames

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def once(
    function: Callable[Concatenate[Frames, Arguments], Result],
) -> Callable[Concatenate[Frames, Arguments], Result]:
    """Return a function that keeps its results as long as the frames live; who gets one must not change it."""
    known: WeakKeyDictionary[Frames, dict[object, Result]] = WeakKeyDictionary()

    @wraps(function)
    def of_frames(frames: Frames, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        results = known.setdefault(frames, {})
        key = (args, tuple(kwargs.items()))
        if key not in results:
            results[key] = function(frames, *args, **kwargs)
        return results[key]

    return of_frames
