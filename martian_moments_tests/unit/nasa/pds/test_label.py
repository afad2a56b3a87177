"""Labels: where the columns of a table lie, from the real label and line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from martian_moments.domain.errors import InputError
from martian_moments.nasa.pds_label import read_label
from martian_moments_tests.unit.nasa.pds.conftest import BOM
from martian_moments_tests.unit.nasa.pds_archive import line


def test_every_column_of_the_real_line_is_where_the_real_label_says(real_payloads: Path) -> None:
    label = read_label((real_payloads / "mer_edrindex.lbl").read_bytes())
    text = (real_payloads / "mer_edrindex_row_sample.tab").read_text()
    # Independently of byte offsets: between tabs, which the five items of the motion counter make 59 fields.
    (fields,) = csv.reader([text], delimiter="\t")
    row = label.row(text.encode())
    values = [value for column in row.values() for value in (column if isinstance(column, list) else [column])]
    assert (len(row), len(values), label.rows) == (55, 59, 203_550)
    assert values == [field.strip() for field in fields]
    assert row["PRODUCT_ID"] == "1P128287181EFF0000P2303L2M1"
    assert row["ROVER_MOTION_COUNTER"] == ["0", "0", "1", "34", "0"]


def test_a_column_that_a_volume_lacks_is_lacking_in_its_rows_and_nothing_moves(real_payloads: Path) -> None:
    """As in the descent volumes, which have neither path nor file name."""
    blocks = (real_payloads / "mer_edrindex.lbl").read_text().split("OBJECT                      = COLUMN\n")
    kept = [block for block in blocks if "= PATH_NAME" not in block and "= FILE_NAME" not in block]
    assert len(blocks) - len(kept) == 2
    row = read_label("OBJECT = COLUMN\n".join(kept).encode()).row(line(real_payloads, 1, 7))
    assert (len(row), row["PLANET_DAY_NUMBER"], row["PRODUCT_ID"]) == (53, "1", "1P128000007EFF0000P2303L2M1")


def test_a_keyword_without_a_value_takes_nothing_from_the_next_line(real_payloads: Path) -> None:
    real = (real_payloads / "mer_edrindex.lbl").read_bytes()
    odd = BOM + real.replace(b"  NAME  ", b"  UNIT                      = \r\n  NAME  ").replace(
        b"ROWS", b"NOTE =\r\n  ROWS"
    )
    assert odd.count(b"UNIT                      = \r\n") == 55
    assert read_label(odd) == read_label(real)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("START_BYTE = 1", "START_BYTE = 0"),
        ("BYTES = 5", "BYTES = -5"),
        ("BYTES = 5", f"BYTES = {'9' * 5_000}"),
        ("BYTES = 5", "BYTES = 999999999"),
        ("BYTES = 5", "BYTES = 5\nITEMS = 1000000000"),
        ("BYTES = 5", "BYTES = 5\nITEMS = 0"),
        ("BYTES = 5", "BYTES ="),
        ("NAME = A", "NAME"),
    ],
)
def test_a_column_that_lies_nowhere_in_a_line_is_refused(old: str, new: str) -> None:
    good = "OBJECT = COLUMN\nNAME = A\nSTART_BYTE = 1\nBYTES = 5\nEND_OBJECT = COLUMN\n"
    assert read_label(good.encode()).row(b"12345678") == {"A": "12345"}
    with pytest.raises(InputError, match="a column that"):
        read_label(good.replace(old, new).encode())


def test_a_label_of_a_megabyte_is_none() -> None:
    with pytest.raises(InputError, match="more than the label of any table"):
        read_label(b"\n" * 2_000_000)


@pytest.mark.parametrize("rows", ["", "9" * 5_000, "many", "-1", "\u0663"])
def test_a_number_of_rows_that_is_none_is_not_believed(rows: str) -> None:
    column = "OBJECT = COLUMN\nNAME = A\nSTART_BYTE = 1\nBYTES = 5\nEND_OBJECT = COLUMN\n"
    assert read_label(f"ROWS = {rows}\n{column}".encode("latin-1", "replace")).rows is None
