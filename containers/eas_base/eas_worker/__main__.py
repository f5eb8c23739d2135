"""The command of every image: ``eas-worker run|qc|inline|rescue|ask``, or ``python -m eas_worker``."""

from __future__ import annotations

import faulthandler
import os
import sys

from eas_worker.runtime import VERBS, execute


def main(given: list[str] | None = None) -> int:
    """Carry out the verb that was given."""
    arguments = sys.argv[1:] if given is None else given
    if len(arguments) != 1 or arguments[0] not in VERBS:
        sys.stderr.write(f"usage: eas-worker {'|'.join(VERBS)}\n")
        return 2
    faulthandler.enable()  # a crash in a library's machine code leaves at least a traceback
    return execute(arguments[0], os.environ)


if __name__ == "__main__":
    sys.exit(main())
