"""Do nothing, for as long as asked."""

import time

from eas_worker import Context, task


@task
def run(ctx: Context) -> None:
    """Sleep for `seconds`."""
    time.sleep(ctx.settings.seconds)
