"""drain3 on the lines of a file, run by a Python that has it: nothing of this project is imported here.

`python drain3_oracle.py masked|plain FILE` prints one JSON object: the seconds that mining took and each line's group.
The masks are those of drain3's own example configuration; all else is its default.
"""

import json
import logging
import sys
import time
from pathlib import Path

from drain3 import TemplateMiner  # type: ignore[import-not-found]
from drain3.masking import MaskingInstruction  # type: ignore[import-not-found]
from drain3.template_miner_config import TemplateMinerConfig  # type: ignore[import-not-found]

_BEGIN, _END = r"((?<=[^A-Za-z0-9])|^)", r"((?=[^A-Za-z0-9])|$)"
_MASKS = (
    (_BEGIN + r"(([0-9a-f]{2,}:){3,}([0-9a-f]{2,}))" + _END, "ID"),
    (_BEGIN + r"(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})" + _END, "IP"),
    (_BEGIN + r"([0-9a-f]{6,} ?){3,}" + _END, "SEQ"),
    (_BEGIN + r"([0-9A-F]{4} ?){4,}" + _END, "SEQ"),
    (_BEGIN + r"(0x[a-f0-9A-F]+)" + _END, "HEX"),
    (_BEGIN + r"([\-\+]?\d+)" + _END, "NUM"),
    (r"(?<=executed cmd )(\".+?\")", "CMD"),
)


def main() -> None:
    """Mine the lines of the file, and print how long that took and which line is in which group."""
    logging.disable(logging.CRITICAL)
    masks, path = sys.argv[1:]
    config = TemplateMinerConfig()
    config.profiling_enabled = False
    config.masking_instructions = [MaskingInstruction(*mask) for mask in _MASKS] if masks == "masked" else []
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    miner = TemplateMiner(config=config)
    begin = time.process_time()
    groups = [miner.add_log_message(line)["cluster_id"] for line in lines]
    print(json.dumps({"seconds": time.process_time() - begin, "groups": groups}))


if __name__ == "__main__":
    main()
