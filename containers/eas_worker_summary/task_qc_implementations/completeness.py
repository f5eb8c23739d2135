"""Judge a completeness: it has to be made of enough, and rise with the strength of the transits."""

import csv
from pathlib import Path

from eas_worker import QualityContext, qc

SIGNATURE = b"\x89PNG\r\n\x1a\n"


@qc
def judge(ctx: QualityContext) -> None:
    """Check the table, and that the picture is one."""
    rows = read_table(ctx.outputs.table.path)
    fewest = min((int(row["planets"]) for row in rows), default=0)
    ctx.check("planets", fewest, minimum=5, severity="warn", quantity="fewest planets in a bin of mes")
    shares = [float(row["found"]) for row in rows]
    is_share = bool(shares) and all(0 <= share <= 1 for share in shares)
    ctx.check("shares", is_share, quantity="all parts found are from 0 to 1")
    rises = all(rise(rows, name) >= 0 for name in {row["search"] for row in rows})
    ctx.check("rises", rises, severity="warn", quantity="of the strongest transits more are found than of the weakest")
    is_picture = ctx.outputs.picture.path.read_bytes().startswith(SIGNATURE)
    ctx.check("picture", is_picture, quantity="the picture is a PNG")


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows by their columns."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def rise(rows: list[dict[str, str]], search: str) -> float:
    """Return how much more is found in the last bin than in the first."""
    shares = [float(row["found"]) for row in rows if row["search"] == search]
    return shares[-1] - shares[0]
