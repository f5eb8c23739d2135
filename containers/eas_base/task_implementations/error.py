"""Raise an error, to see what a chain does then."""

from eas_worker import Context, task


@task
def run(ctx: Context) -> None:
    """Raise."""
    raise RuntimeError(f"{ctx.path} raises an error, as it was asked to")
