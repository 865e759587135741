"""scripts/build: makes a release of the commit that is checked out; the same commit gives the same bytes.

Exit codes: 0 made, 1 failed, 2 refused (a changed tree, a lock that does not fit, wrong arguments).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from building.arguments import parse
from building.release import build
from sluice.errors import SluiceError


def main(argv: Sequence[str]) -> int:
    """Run one command line; the last line of standard output is the summary."""
    began_at = time.monotonic()
    try:
        summary = build(parse(argv))
    except SluiceError as error:
        print(f"build: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps({**summary, "seconds": round(time.monotonic() - began_at, 1)}))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
