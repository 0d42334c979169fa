"""Reads a run's Parquet files with DuckDB and compares each value with the CSV files beside them.

Prints what the files are, as JSON: for each of them its rows, its groups of rows and its columns' types.
"""

import csv
import json
import sys
from pathlib import Path

import duckdb


def value(text, kind):
    """A field of CSV as a value of a type of DuckDB's; an empty one means that there is none."""
    if text == "":
        return None
    if kind == "VARCHAR":
        return text
    if kind == "DOUBLE":
        return float(text)
    if kind == "BOOLEAN":
        return {"true": True, "false": False}[text]
    return int(text)


def compare(table, parquet):
    db = duckdb.connect()
    rows = db.execute("select * from read_parquet(?)", [str(parquet)])
    kinds = {column[0]: str(column[1]) for column in rows.description}
    with table.open(newline="") as file:
        reader = csv.reader(file)
        assert next(reader) == list(kinds), f"{parquet}: other columns"
        count = 0
        for line in reader:
            expected = tuple(map(value, line, kinds.values()))
            found = rows.fetchone()
            assert found == expected, f"{parquet}, row {count}: {found}, and in CSV {expected}"
            count += 1
        assert rows.fetchone() is None, f"{parquet}: more than the {count} rows of CSV"
    groups = db.execute("select num_row_groups from parquet_file_metadata(?)", [str(parquet)]).fetchone()[0]
    return {"rows": count, "groups": groups, "types": kinds}


folder = Path(sys.argv[1])
files = {name: compare(folder / f"{name}.csv", folder / f"{name}.parquet") for name in ("calls", "hops")}
json.dump(files, sys.stdout)
