"""A finished run, opened for reading: manifest, key figures and tables, as pandas, Arrow, polars or duckdb."""

import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from cosim.scenario import NS
from cosim.tables import TABLES
from experiments import folder
from experiments.environment import optional
from experiments.errors import UserError
from experiments.keys import did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.dataset as ds

Form = Literal["pandas", "arrow", "polars", "duckdb"]
FORMS = get_args(Form)
TIME_S = "time_s"
ORDER = ("t_ns", "ev_id")  # of rows as they are read


def load_run(path: str | os.PathLike[str] = folder.LATEST, runs: Path = folder.RUNS) -> "Run":
    """Open a run: its folder, its name below `runs`, `latest`, `latest~1` for the one before, or `latest/VARIANT`."""
    found = folder.find_run(path, runs)
    ways = folder.ways_in(path, found)
    if ways:
        raise UserError(f"'{path}' holds the variants of a scenario, open one of them: {ways}")
    return Run(found)


class Run:
    """One run folder. Nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = folder.read_manifest(path)
        self.kpis = folder.read_json(path / folder.KPIS)

    @property
    def name(self) -> str:
        """Name of the scenario, with its variant if it has one."""
        variant = self.manifest.get("variant")
        return f"{self.manifest.get('scenario', self.path.name)}{f' [{variant}]' if variant else ''}"

    @property
    def status(self) -> str:
        """done, interrupted or failed. A run without an end was killed (or is still going on): interrupted."""
        status = str(self.manifest.get("status", "interrupted"))
        return "interrupted" if status == "running" else status

    @property
    def config(self) -> dict[str, Any]:
        """The resolved scenario."""
        import tomllib

        return tomllib.loads((self.path / folder.CONFIG).read_text(encoding="utf-8"))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        from experiments.store import table_names

        return tuple(table_names(self.path))

    def rows(self, name: str) -> int:
        """Number of rows of a table, from its parts' footers."""
        return int(self.dataset(name).count_rows())

    def dataset(self, name: str) -> "ds.Dataset":
        """A table as an Arrow dataset over its closed parts; nothing is read yet."""
        import pyarrow.dataset as ds

        from experiments.store import arrow_schema, parts_of

        self._check_table(name)
        parts = [str(part) for part in parts_of(self.path, name)]
        if parts:
            return ds.dataset(parts, format="parquet")
        return ds.dataset(arrow_schema(TABLES[name]).empty_table())

    def table(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        ev: int | Iterable[int] | None = None,
        between: tuple[float, float] | None = None,
        as_: Form = "pandas",
    ) -> Any:
        """Rows of a table; the choice of columns and rows is made while reading.

        Parameters
        ----------
        name : str
            One of `tables`.
        columns : sequence of str, optional
            Columns wanted, `time_s` among them if it is to be there. Default: all.
        ev : int or iterable of int, optional
            Only these vehicles.
        between : (float, float), optional
            Only from the first to before the second instant [s].
        as_ : "pandas" | "arrow" | "polars" | "duckdb"
            polars gives a LazyFrame, duckdb a relation.

        Returns
        -------
        The rows in the order of time, then of vehicles, with `time_s` [s] added behind `t_ns`. A pandas frame carries
        `attrs["units"]`.
        """
        dataset = self.dataset(name)
        wanted = self._columns(dataset.schema.names, columns, name)
        if as_ not in FORMS:
            raise UserError(f"as_ must be pandas, arrow, polars or duckdb, got '{as_}'")
        keys = [key for key in ORDER if key in dataset.schema.names]
        read = [*wanted, *(key for key in keys if key not in wanted)]
        chosen = dataset.scanner(columns=_projection(read), filter=_filter(dataset.schema.names, ev, between))
        rows = _in_order(chosen.to_table(), keys).select(wanted)
        if as_ == "polars":
            return optional("polars").from_arrow(rows).lazy()
        if as_ == "duckdb":
            return optional("duckdb").from_arrow(rows)
        rows = _with_metadata(rows, dataset.schema)
        return rows if as_ == "arrow" else _to_pandas(rows)

    def sql(self, query: str) -> "pd.DataFrame":
        """A query over the tables by their names; needs duckdb."""
        connection = optional("duckdb").connect()
        for name in self.tables:
            connection.register(name, self.table(name, as_="arrow"))
        frame: pd.DataFrame = connection.sql(query).df()
        return frame

    def trace(self, ev: int | None = None, limit: int | None = None) -> str:
        """Messages of one vehicle's session as text, repeated charge loops folded."""
        from experiments.trace import trace_text

        return trace_text(self, ev, limit)

    def __getattr__(self, name: str) -> Any:
        """`run.charge_loop(ev=3)` is `run.table("charge_loop", ev=3)`."""
        if name in TABLES:
            return partial(self.table, name)
        raise AttributeError(f"a run has no '{name}'.{did_you_mean(name, [*TABLES, *PUBLIC])}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *TABLES]

    def __repr__(self) -> str:
        from experiments.show import run_text

        return run_text(self)

    def _repr_html_(self) -> str:
        from experiments.show import run_html

        return run_html(self)

    def _check_table(self, name: str) -> None:
        names = list(dict.fromkeys([*self.tables, *TABLES]))
        if name not in names:
            raise UserError(f"there is no table '{name}'.{did_you_mean(name, names)}")

    @staticmethod
    def _columns(known: list[str], wanted: Sequence[str] | None, name: str) -> list[str]:
        names = [known[0], TIME_S, *known[1:]] if known[0] == "t_ns" else list(known)
        for column in wanted or ():
            if column not in names:
                raise UserError(f"table {name} has no column '{column}'.{did_you_mean(column, names)}")
        return names if wanted is None else list(wanted)


PUBLIC = ("path", "manifest", "kpis", "name", "status", "config", "tables", "rows", "dataset", "table", "sql", "trace")


def _in_order(rows: "pa.Table", keys: list[str]) -> "pa.Table":
    """Rows by time, then by vehicle; what is equal in both stays as it was recorded. Parts hold them by vehicle."""
    import numpy as np

    columns = [rows[key].fill_null(-1).to_numpy() for key in keys]
    if not columns or np.all(np.diff(columns[0]) > 0):
        return rows
    return rows.unify_dictionaries().take(np.lexsort(columns[::-1]))


def _projection(columns: list[str]) -> dict[str, Any]:
    import pyarrow.compute as pc

    seconds = pc.field("t_ns").cast("float64", safe=False) / float(NS)
    return {column: seconds if column == TIME_S else pc.field(column) for column in columns}


def _filter(known: list[str], ev: int | Iterable[int] | None, between: tuple[float, float] | None) -> Any:
    import pyarrow.compute as pc

    chosen = None
    if ev is not None:
        if "ev_id" not in known:
            raise UserError("this table has no ev_id, so its rows cannot be chosen by vehicle")
        chosen = pc.field("ev_id").isin([ev] if isinstance(ev, int) else [int(one) for one in ev])
    if between is not None:
        start, end = (round(instant * NS) for instant in between)
        window = (pc.field("t_ns") >= start) & (pc.field("t_ns") < end)
        chosen = window if chosen is None else chosen & window
    return chosen


def _with_metadata(rows: "pa.Table", schema: "pa.Schema") -> "pa.Table":
    """Units and meanings again, which a projection loses."""
    import pyarrow as pa

    seconds = pa.field(
        TIME_S, pa.float64(), metadata={"unit": "s", "meaning": "simulated time since the start of the run"}
    )
    fields = [seconds if name == TIME_S else schema.field(name) for name in rows.column_names]
    return rows.cast(pa.schema(fields, schema.metadata)).unify_dictionaries()


def _to_pandas(rows: "pa.Table") -> "pd.DataFrame":
    frame: pd.DataFrame = rows.to_pandas()
    frame.attrs["units"] = {
        field.name: field.metadata[b"unit"].decode()
        for field in rows.schema
        if field.metadata and b"unit" in field.metadata
    }
    return frame
