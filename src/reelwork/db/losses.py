"""What a move of the database to other tables would lose."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnClause, Connection, column, func, inspect, select, table


def contents(connection: Connection) -> Counter[str]:
    """Count the rows of every ``table`` and the values of every ``table.column`` as it stands now."""
    inspector = inspect(connection)
    counted: Counter[str] = Counter()
    for name in set(inspector.get_table_names()) - {"alembic_version"}:
        columns: list[ColumnClause[Any]] = [column(each["name"]) for each in inspector.get_columns(name)]
        counts = select(func.count(), *map(func.count, columns)).select_from(table(name, *columns))
        rows, *values = connection.execute(counts).one()
        counted[name] = rows
        counted.update({f"{name}.{each.name}": count for each, count in zip(columns, values, strict=True)})
    return counted


def told(lost: Counter[str]) -> str:
    """Say what is lost: ``3 rows of api_key, 2 values of job.source``; of a table that loses rows no columns."""
    tables = {name for name in lost if "." not in name}
    return ", ".join(
        f"{count} {'value' if '.' in name else 'row'}{'' if count == 1 else 's'} of {name}"
        for name, count in sorted(lost.items())
        if name in tables or name.partition(".")[0] not in tables
    )
