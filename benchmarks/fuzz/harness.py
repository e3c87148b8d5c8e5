"""One target under atheris, libFuzzer for Python: `python -m benchmarks.fuzz.harness TARGET FOLDER SECONDS`.

What fails does not end the run: of each place in the code at which something failed the first input is kept under
`FOLDER/failed/`, beside the traceback. An input that takes longer than `SLOW_SECONDS` ends it: that is a hang.
"""

import json
import sys
import traceback
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ecs_notebook_lib"]):
    from benchmarks.fuzz.targets import TARGETS, words

SLOW_SECONDS = 25
LONGEST = 65_536


def place_of(error: BaseException) -> str:
    """Return where in the library an error was raised, and its class."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "ecs_notebook_lib" in frame.filename] or list(frames)
    return f"{own[-1].filename.rpartition('ecs_notebook_lib/')[2]}:{own[-1].lineno} {type(error).__name__}"


class Harness:
    """Runs a target and keeps the first input that failed at each place."""

    def __init__(self, name: str, folder: Path) -> None:
        self._target = TARGETS[name]
        self._failed: dict[str, int] = {}
        self._folder = folder / "failed"
        self._folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, content: bytes) -> None:
        """Run the target on one input."""
        try:
            self._target.run(content)
        except Exception as error:
            place = place_of(error)
            self._failed[place] = self._failed.get(place, 0) + 1
            if self._failed[place] == 1:
                name = self._folder / sha256(content).hexdigest()[:12]
                name.write_bytes(content)
                told = {"place": place, "traceback": traceback.format_exc()}
                name.with_suffix(".json").write_text(json.dumps(told), encoding="utf-8")

    def mutate(self, content: bytes, most: int, seed: int) -> bytes:
        """Return another input: changed as the target knows to, else in its bytes."""
        made = self._target.mutate(content, seed) if seed % 8 else None
        return atheris.Mutate(content, most) if made is None or len(made) > most else made


def main(name: str, folder: Path, seconds: int) -> None:
    """Fuzz for some seconds, beginning with the target's seeds."""
    harness = Harness(name, folder)
    corpus, dictionary = folder / "corpus", folder / "words"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in words())
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped), encoding="utf-8")
    limits = [f"-max_total_time={seconds}", f"-timeout={SLOW_SECONDS}", f"-max_len={LONGEST}", "-rss_limit_mb=2500"]
    told = [f"-dict={dictionary}", f"-artifact_prefix={folder}/", "-print_final_stats=1", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *limits, *told, str(corpus)], harness, custom_mutator=harness.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
