"""Do nothing, for as long as asked."""

import time

from eas_worker import Context, task


@task
def run(ctx: Context) -> None:
    """Sleep for `seconds`."""
    if ctx.settings.seconds > 0:  # to sleep for no time costs milliseconds
        time.sleep(ctx.settings.seconds)
