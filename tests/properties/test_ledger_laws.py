"""Ledgers: read by column from a stream, or cell by cell, they are the same; nothing of a file is lost."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jixiao.intake import read_inbox
from jixiao.intake.grids import delimited
from tests.fixtures.damage import PAYMENT_HEAD, UNIT, UNIT_NAME, YEAR, csv_bytes, damages, payments

AMOUNTS = st.one_of(
    st.decimals(min_value=-(10**9), max_value=10**12, places=2).map(str),
    st.integers(-(10**6), 10**6).map(str),
    st.sampled_from(
        [
            "￥1,234.50",
            "1,234,567.80",
            "（12.00）",
            "7-",
            "１２．３",
            "12.345",
            "—",
            "无",
            "",
            "#REF!",
            "1e3",
            "9" * 25,
            "五元",
            " 5 ",
            "5元",
            "0.5",
            "-0.05",
        ]
    ),
)
DATES = st.sampled_from(
    [
        f"{YEAR}-03-05",
        f"{YEAR}/3/5",
        f"{YEAR}0305",
        f"{YEAR}年3月5日",
        "",
        "44990",
        f"{YEAR}-02-30",
        "昨天",
        f"{YEAR + 1}-01-02",
        f"{YEAR}-03-05 10:11:12",
    ]
)
NAMES = st.sampled_from(
    [
        "网络运行维护",
        "设备购置",
        "",
        "合计",
        "小计",
        "网络\u200b运行",
        " 设备购置 ",
        "1",
        "其中：购置",
        "a\nb",
        '引"号',
        "=1+1",
    ]
)
CODES = st.sampled_from([UNIT, UNIT, UNIT, "770002", "", "７７０００１", " 770001", "1.5E+14", "x"])
VOUCHERS = st.sampled_from(["1001", "1002", "1003", "", "00100", "A-1", "合计", "20230000000000000001"])
ROWS = st.lists(
    st.one_of(
        st.tuples(
            VOUCHERS,
            CODES,
            st.sampled_from([UNIT_NAME, ""]),
            NAMES,
            st.just("30213"),
            AMOUNTS,
            DATES,
            st.sampled_from(["", "退回", "原凭证1001001", "两\n行", "原凭证00100100"]),
            st.sampled_from(["已支付", "已支付", "作废", "处理中", ""]),
            st.sampled_from(["", "", "多出的"]),
        ).map(lambda cells: cells if cells[-1] else cells[:-1]),
        st.just(("",) * 9),
        st.just((*PAYMENT_HEAD, "支付状态")),
        st.just(("注：本表不含往来款",)),
        st.just(("续表", "", "", "", "", "", "", "", "")),
    ),
    max_size=12,
)


def read(blob: bytes, *, stream: bool, scope: frozenset[str] = frozenset({UNIT})):
    """The reading of one CSV, by the way that is asked for."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "明细.csv"
        path.write_bytes(blob)
        patch.setattr(delimited, "STREAM_FROM_BYTES", 0 if stream else 2**40)
        (file,) = read_inbox([path], year=YEAR, scope=scope).files
        return file


def canonical(file):
    rows = [] if not file.tables or file.tables[0].ledger is None else file.tables[0].ledger.astype(str).values.tolist()
    findings = sorted(
        (f.code, f.severity.value, f.place.row or 0, f.place.column, f.message, f.value, sorted(f.extra.items()))
        for f in file.findings
    )
    counts = [(t.rows_accepted, t.rows_rejected, t.rows_excluded, t.total_fen, t.counts.fen) for t in file.tables]
    return file.outcome, rows, findings, counts


def text(rows) -> bytes:
    made = io.StringIO(newline="")
    csv.writer(made).writerows([[*PAYMENT_HEAD, "支付状态"], *rows])
    return made.getvalue().encode()


@given(ROWS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_stream_and_its_cells_are_read_alike(rows):
    blob = text(rows)
    assert canonical(read(blob, stream=True)) == canonical(read(blob, stream=False))


@given(ROWS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_row_and_no_fen_is_lost(rows):
    for scope in (frozenset({UNIT}), frozenset()):
        counts = read(text(rows), stream=False, scope=scope).counts
        assert counts.rows.unaccounted == 0
        assert counts.fen is None or counts.fen.unaccounted == 0


@pytest.mark.parametrize("name", [d.name for d in damages() if d.name.endswith(".csv")])
def test_a_damaged_text_is_judged_alike_as_a_stream(name):
    damage = next(d for d in damages() if d.name == name)
    scope = frozenset({damage.scope} - {""})
    assert canonical(read(damage.content, stream=True, scope=scope)) == canonical(
        read(damage.content, stream=False, scope=scope)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_gives_the_same_payments(encoding):
    file = read(csv_bytes(payments(40), encoding), stream=True)
    assert canonical(file)[1] == canonical(read(csv_bytes(payments(40)), stream=True))[1]
    assert file.rows_accepted == 40
