"""Laws of intake: reading is exact, order does not matter, and no bytes make it raise."""

from __future__ import annotations

import csv
import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jixiao.domain.money import MoneyUnit, yuan_text
from jixiao.intake import read_inbox
from jixiao.intake.grids.cells import decimal_of_float
from jixiao.intake.rows.values import NotANumber, read_money

FEN = st.integers(-(10**13), 10**13)
HEAD = ["支付凭证号", "单位编码", "项目名称", "支付金额", "支付日期"]
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def ledger_file(folder: str, name: str, amounts: list[str]) -> Path:
    path = Path(folder) / name
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(HEAD)
        writer.writerows([str(i), "410007", f"项目{i % 3}", amount, "2024-05-06"] for i, amount in enumerate(amounts))
    return path


@given(FEN)
def test_a_printed_amount_is_read_back_in_every_style(fen):
    plain = yuan_text(fen)
    bare = plain.lstrip("-")
    grouped = f"{int(bare.split('.')[0]):,}.{bare.split('.')[1]}"
    styles = [plain, f"￥{plain}" if fen >= 0 else plain, f"{plain}元"]
    styles += [f"（{grouped}）", f"{grouped}-"] if fen < 0 else [grouped]
    assert {read_money(style, MoneyUnit.YUAN).fen for style in styles} == {fen}


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_a_numeric_cell_is_the_decimal_that_was_typed(value):
    assert decimal_of_float(float(value)) == value
    assert read_money(float(value), MoneyUnit.YUAN).fen == int(value * 100)


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=6))
def test_wan_and_yuan_are_the_same_money(value):
    wan = read_money(f"{value:f}", MoneyUnit.WAN)
    yuan = read_money(f"{value * 10000:f}", MoneyUnit.YUAN)
    assert wan.fen == yuan.fen
    assert Decimal(wan.fen) == value * 1_000_000


@given(st.text(max_size=12))
def test_a_text_is_an_amount_or_refused_never_an_exception(text):
    try:
        money = read_money(text, MoneyUnit.YUAN)
    except NotANumber:
        return
    assert isinstance(money.fen, int)


@QUICK
@given(st.lists(FEN, min_size=1, max_size=30))
def test_the_column_path_equals_the_cell_path(amounts):
    with tempfile.TemporaryDirectory() as folder:
        plain = ledger_file(folder, "a.csv", [yuan_text(fen) for fen in amounts])
        styled = ledger_file(folder, "b.csv", [f"¥{yuan_text(fen)}" for fen in amounts])
        one, other = (read_inbox([path], year=2024).files[0].tables[0] for path in (plain, styled))
        assert one.ledger["amount_fen"].tolist() == other.ledger["amount_fen"].tolist() == amounts
        assert one.total_fen == sum(amounts)


@QUICK
@given(st.permutations(["a.csv", "b.csv", "c.csv"]))
def test_the_order_in_which_files_are_named_changes_nothing(order):
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(("a.csv", "b.csv", "c.csv")):
            ledger_file(folder, name, [f"{number}.00"])
        straight = read_inbox([Path(folder)], year=2024)
        named = read_inbox([Path(folder) / name for name in order], year=2024)
        assert [(f.file, f.outcome, f.findings) for f in named.files] == [
            (f.file, f.outcome, f.findings) for f in straight.files
        ]


@QUICK
@given(
    st.binary(max_size=300),
    st.sampled_from(["", "PK\x03\x04", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "支付凭证号,单位编码\n"]),
)
def test_no_bytes_make_intake_raise(blob, start):
    head = start.encode("latin-1") if start.isascii() or start.startswith("\xd0") else start.encode("gb18030")
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".csv", ".xlsx", ".docx", ""):
            (Path(folder) / f"a{suffix}").write_bytes(head + blob)
        assert len(read_inbox([Path(folder)], year=2024).files) == 4
