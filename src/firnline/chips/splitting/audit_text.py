"""An audit as text: what each side holds, what the sides share, and whether the split leaks."""

from __future__ import annotations

from firnline.chips.splitting.audit import Audit, Between, Side

_HEAD = ("", "chips", "scenes", "glaciers", "valid km2", "glacier km2", "clean km2", "debris km2", "dates")


def audit_lines(audit: Audit) -> list[str]:
    """The audit for reading, line by line."""
    if not audit.kind:
        return ["the table is not split; split it with firnline chips split"]
    lines = _table([_HEAD, *(_row(side) for side in audit.sides)])
    if audit.unused:
        lines.append(f"{audit.unused} chips are on no side")
    lines += ["", *(_apart(pair) for pair in audit.between), ""]
    lines += [f"LEAK     {line}" for line in audit.leaks]
    lines += [f"warning  {line}" for line in audit.warnings]
    if audit.leaks:
        return [*lines, f"the split leaks: {len(audit.leaks)} findings"]
    return [*lines, "the split does not leak: no pixels and no named glacier on two sides"]


def _row(side: Side) -> tuple[str, ...]:
    def ice(km2: float | None) -> str:
        if km2 is None:
            return "unknown"
        share = f" ({100 * km2 / side.valid_km2:.1f} %)" if side.valid_km2 else ""
        return f"{km2:.1f}{share}"

    dates = "unknown" if side.first_date is None else f"{side.first_date} to {side.last_date}"
    areas = (ice(side.glacier_km2), ice(side.clean_km2), ice(side.debris_km2))
    return (side.name, str(side.chips), str(side.scenes), str(side.glaciers), f"{side.valid_km2:.1f}", *areas, dates)


def _apart(pair: Between) -> str:
    if pair.pairs:
        how = f"share {pair.shared_km2:.4g} km2 in {pair.pairs} pairs of chips"
    elif pair.touching_pairs:
        how = f"touch in {pair.touching_pairs} pairs of chips"
    elif pair.distance_m < 10_000:
        how = f"{pair.distance_m:.0f} m apart at the nearest"
    else:
        how = f"{pair.distance_m / 1000:.1f} km apart at the nearest"
    return f"{pair.a} | {pair.b}: {how}"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows with aligned columns: the first and the last to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
