"""Write a table of light curves: their names, the loop variables around those who made them, and their metadata."""

import csv

from eas_worker import Context, task


@task
def run(ctx: Context) -> None:
    """Write a line for each light curve; what one does not have stays empty."""
    files = ctx.files("lightcurves")
    rows = [{"name": one.name, **one.loop_variables, **one.metadata} for one in files]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with ctx.output("table").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    ctx.emit(count=len(files))
