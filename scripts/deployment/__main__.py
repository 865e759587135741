"""Entry point of scripts/deploy and scripts/policies."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from deployment import deploy, policies
from sluice.errors import SluiceError

_COMMANDS = {"deploy": deploy.run, "policies": policies.run}


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns the exit code: 0 done, 1 failed, 2 refused with nothing written."""
    command = argv[0]
    try:
        _COMMANDS[command](argv[1:])
    except SluiceError as error:
        print(f"scripts/{command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(
            f"scripts/{command}: interrupted; every job names one whole release. Run again to finish", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
