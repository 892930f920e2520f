"""One transaction: the statements in it, and what is to be done once it is committed."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, ScalarResult

Parameters = Mapping[str, Any]


class Transaction:
    """What ``Database.reading`` and ``Database.writing`` give.

    Statements go to the tables, not through an ORM session: built once, they cost a tenth of it.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._afterwards: list[Callable[[], None]] = []

    def execute(self, statement: Executable, parameters: Parameters | list[Any] | None = None) -> CursorResult[Any]:
        """Run a statement."""
        return self.connection.execute(statement, parameters)

    def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """Run a statement; return the first column of its first row, None if there is none."""
        return self.connection.scalar(statement, parameters)

    def scalars(self, statement: Executable, parameters: Parameters | None = None) -> ScalarResult[Any]:
        """Run a statement; return the first column of its rows."""
        return self.connection.scalars(statement, parameters)

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have something called, once, when this is committed, and not when it is rolled back."""
        if call not in self._afterwards:
            self._afterwards.append(call)

    def committed(self) -> None:
        """Call what waits for the commit."""
        for call in self._afterwards:
            call()
