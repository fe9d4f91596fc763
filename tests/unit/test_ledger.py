"""国库支付明细: what counts, what stands there twice, which refund nothing explains, and texts that are cut wrongly."""

from __future__ import annotations

import pytest

from jixiao.intake import read_inbox
from jixiao.intake.grids import delimited
from jixiao.intake.rows.payment_states import Standing, standing_of
from tests.fixtures.damage import PAYMENT_HEAD, UNIT, YEAR, csv_bytes, payments, text, with_column, xlsx

HEAD = ["支付凭证号", "单位编码", "项目名称", "部门经济分类", "支付金额", "支付日期", "业务类型", "用途"]


def row(voucher: str, amount: str = "100.00", *, line: str = "网络", item: str = "30213", day: str = "03-05", **more):
    return [
        voucher,
        more.get("unit", UNIT),
        line,
        item,
        amount,
        f"{YEAR}-{day}",
        more.get("kind", ""),
        more.get("use", ""),
    ]


def reading_of(rows, tmp_path, *, head=HEAD):
    return content_of(csv_bytes([head, *rows]), tmp_path)


def content_of(blob: bytes, tmp_path, name: str = "明细.csv"):
    path = tmp_path / name
    path.write_bytes(blob)
    return read_inbox([path], year=YEAR).files[0]


def said(file):
    return [(f.code, f.place.row) for f in file.findings]


def fen(file):
    return {name: getattr(file.counts.fen, name) for name in ("in_file", "accepted", "rejected", "excluded")}


# ── twice ────────────────────────────────────────────────────────────────────────────────────────────────────────────

SAME = row("20230001")
TWICE = {
    "every cell the same": ([SAME, SAME], [("DUPLICATE_KEY", 3)]),
    "three times": ([SAME, SAME, SAME], [("DUPLICATE_KEY", 3), ("DUPLICATE_KEY", 4)]),
    "another economic item": ([SAME, row("20230001", item="30214")], []),
    "another line": ([SAME, row("20230001", line="培训")], []),
    "another day": ([SAME, row("20230001", day="03-06")], []),
    "another amount and use": ([SAME, row("20230001", "50.00", use="尾款")], []),
    "the amount alone": ([SAME, row("20230001", "120.00")], [("VOUCHER_TWICE", 3)]),
    "three amounts, a payment to many": ([SAME, row("20230001", "120.00"), row("20230001", "130.00")], []),
    "paid and cancelled": ([SAME, row("20230001", "-100.00")], []),
    "the same number in another unit": ([SAME, row("20230001", unit="770002")], []),
    "no number": ([row(""), row("")], []),
    "numbers of one value": ([row("0020230001"), row("20230001")], []),
}


@pytest.mark.parametrize("name", TWICE)
def test_a_payment_stands_there_twice_where_every_cell_is_the_same(name, tmp_path):
    rows, expected = TWICE[name]
    assert said(reading_of(rows, tmp_path)) == expected


IDS = {
    "two details": ([["1", "10.00"], ["2", "20.00"]], []),
    "the same detail twice": ([["1", "10.00"], ["1", "10.00"]], [("DUPLICATE_KEY", 3)]),
    "one detail with two amounts": ([["1", "10.00"], ["1", "20.00"]], [("DUPLICATE_KEY", 3)]),
    "details that are numbered within their voucher": ([["1", "10.00"], ["1", "10.00", "V2"]], []),
    "no detail number": ([["", "10.00"], ["", "10.00"]], [("DUPLICATE_KEY", 3)]),
}


@pytest.mark.parametrize("name", IDS)
def test_a_detail_of_a_voucher_is_known_by_its_own_number(name, tmp_path):
    details, expected = IDS[name]
    rows = [[d, *row((v or ["V1"])[0], amount)] for d, amount, *v in details]
    file = reading_of(rows, tmp_path, head=["支付明细主键", *HEAD])
    assert said(file) == expected
    assert fen(file)["in_file"] == fen(file)["accepted"] + fen(file)["rejected"]


def test_of_a_ledger_in_which_many_vouchers_differ_in_the_amount_alone_none_is_doubted(tmp_path):
    rows = [row(f"2023{n:04d}", f"{amount}.00") for n in range(60) for amount in (10, 20)]
    assert said(reading_of(rows, tmp_path)) == []


def test_a_file_that_stands_in_itself_twice_gives_a_finding_for_each_row(tmp_path):
    rows = [row(f"2023{n:04d}") for n in range(300)]
    file = reading_of([*rows, *rows], tmp_path)
    assert [f.place.row for f in file.findings] == list(range(302, 602))
    assert fen(file) == {"in_file": 6_000_000, "accepted": 3_000_000, "rejected": 3_000_000, "excluded": 0}


def test_a_payment_of_the_sheet_before_is_not_taken_again_wherever_its_columns_stand(tmp_path):
    turned = [list(reversed(cells)) for cells in (HEAD, SAME, row("20230003"))]
    book = xlsx({"上半年": [HEAD, SAME, row("20230002")], "全年": turned})
    file = content_of(book, tmp_path, "明细.xlsx")
    assert [(f.code, f.place.sheet, f.place.row) for f in file.findings] == [("DUPLICATE_KEY", "全年", 2)]
    assert "上半年" in file.findings[0].message
    assert fen(file) == {"in_file": 40_000, "accepted": 30_000, "rejected": 10_000, "excluded": 0}


# ── refunds ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PAID = row("20230001", "1000.00", day="03-05")
REFUNDS = {
    "of its line, later": (row("9", "-400.00", kind="资金退回", day="03-06"), True),
    "on the same day": (row("9", "-400.00", kind="资金退回"), True),
    "before it was paid": (row("9", "-400.00", kind="资金退回", day="03-04"), False),
    "of more than was paid": (row("9", "-1000.01", kind="资金退回", day="03-06"), False),
    "of another line": (row("9", "-400.00", kind="资金退回", day="03-06", line="培训"), False),
    "of another unit": (row("9", "-400.00", kind="资金退回", day="03-06", unit="770002"), False),
    "of the voucher that it names": (row("9", "-400.00", day="03-06", line="培训", use="退货 原凭证20230001"), True),
    "of a voucher that is not there": (row("9", "-400.00", day="03-06", use="退货，原支付凭证号：20239999"), False),
    "of the same number in another unit": (row("9", "-400.00", unit="770002", use="原凭证20230001"), False),
    "of a year, not a voucher": (row("9", "-400.00", kind="退款", day="03-06", use="退原凭证2023年款"), True),
    "by correction": (row("9", "-400.00", kind="支付更正", day="03-06"), True),
    "that nothing calls a refund": (row("9", "-400.00", line="培训"), True),
}


@pytest.mark.parametrize("name", REFUNDS)
def test_a_refund_is_held_against_the_payment_that_explains_it(name, tmp_path):
    refund, explained = REFUNDS[name]
    file = reading_of([PAID, refund], tmp_path)
    assert [f for f in said(file) if f[0] == "REFUND_UNMATCHED"] == ([] if explained else [("REFUND_UNMATCHED", 3)])
    assert fen(file)["accepted"] == fen(file)["in_file"]


def test_refunds_of_one_voucher_may_not_exceed_it_together(tmp_path):
    refunds = [row(f"9{n}", "-600.00", day="03-06", use="原凭证20230001") for n in range(2)]
    assert said(reading_of([PAID, *refunds], tmp_path)) == [("REFUND_UNMATCHED", 4)]


def test_the_original_voucher_may_stand_in_a_column_of_its_own(tmp_path):
    rows = [[*PAID, ""], [*row("9", "-5.00", line="培训"), "20230001"], [*row("8", "-5.00", line="培训"), "20231111"]]
    file = reading_of(rows, tmp_path, head=[*HEAD, "原支付凭证号"])
    assert said(file) == [("REFUND_UNMATCHED", 4)]
    assert "支付凭证号 8" in file.findings[0].message
    assert file.findings[0].expected == "20231111"


def test_a_refund_may_be_explained_by_the_sheet_before(tmp_path):
    refund = row("20230009", "-400.00", day="09-01", use="退回 原凭证20230001")
    book = xlsx({"上半年": [HEAD, PAID], "下半年": [HEAD, refund]})
    assert said(content_of(book, tmp_path, "明细.xlsx")) == []


# ── states ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_states(*states: str):
    return [[*row(f"2023{n:04d}", f"{n}.00"), state] for n, state in enumerate(states, start=1)]


@pytest.mark.parametrize("head", ["支付状态", "凭证状态", "状态"])
def test_what_was_not_paid_is_left_out_with_its_count_and_money(head, tmp_path):
    file = reading_of(with_states("已支付", "作废", "已清算", "03-已作废", "退票"), tmp_path, head=[*HEAD, head])
    assert fen(file) == {"in_file": 1500, "accepted": 400, "rejected": 0, "excluded": 1100}
    assert {f.code for f in file.findings} == {"ROWS_EXCLUDED"}
    message = next(f for f in file.findings if f.value == "作废").message
    assert "第 3 行" in message
    assert "20230002" in message
    assert "2.00 元" in message


def test_a_state_that_nobody_knows_counts_with_a_warning(tmp_path):
    file = reading_of(with_states("已支付", "处理完毕", ""), tmp_path, head=[*HEAD, "支付状态"])
    assert sorted(said(file)) == [("PAYMENT_STATE_UNKNOWN", 3), ("PAYMENT_STATE_UNKNOWN", 4)]
    assert fen(file)["accepted"] == 600


def test_an_empty_column_of_states_says_nothing(tmp_path):
    assert said(reading_of(with_states("", ""), tmp_path, head=[*HEAD, "支付状态"])) == []


def test_what_was_not_paid_is_not_judged_besides(tmp_path):
    rows = [[*row("20230001"), "已支付"], [*row("20230001"), "作废"], [*row("", "—"), "未支付"]]
    assert {code for code, _ in said(reading_of(rows, tmp_path, head=[*HEAD, "支付状态"]))} == {"ROWS_EXCLUDED"}


@pytest.mark.parametrize("total", ["6.00", "4.00"])
def test_a_printed_total_may_or_may_not_hold_what_was_not_paid(total, tmp_path):
    rows = [*with_states("已支付", "作废", "已支付"), ["", "", "合计", "", total, "", "", "", ""]]
    assert "CONTROL_TOTAL" not in dict(said(reading_of(rows, tmp_path, head=[*HEAD, "支付状态"])))


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("已支付", Standing.COUNTS),
        (" 已清算 ", Standing.COUNTS),
        ("02 支付成功", Standing.COUNTS),
        ("[9]作废", Standing.DOES_NOT_COUNT),
        ("未支付", Standing.DOES_NOT_COUNT),
        ("已退款", Standing.UNKNOWN),
        ("3", Standing.UNKNOWN),
        ("", Standing.UNKNOWN),
    ],
)
def test_a_state_counts_by_the_list(state, standing):
    assert standing_of(state) is standing


# ── texts that are cut wrongly ───────────────────────────────────────────────────────────────────────────────────────

WHOLE = text(payments(60))
BOTH_WAYS = pytest.mark.parametrize("least", [0, 2**40], ids=["stream", "whole"])


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads the bytes of a CSV as a stream or whole."""

    def read_as(blob: bytes, least: int, name: str = "明细.csv"):
        monkeypatch.setattr(delimited, "STREAM_FROM_BYTES", least)
        return content_of(blob, tmp_path, name)

    return read_as


LAYOUTS = {
    "semicolons": csv_bytes(payments(60), delimiter=";"),
    "semicolons, and commas in a text": csv_bytes(
        with_column(payments(60), "备注", ["a,b,c,d,e,f,g,h,i,j"] * 60), delimiter=";"
    ),
    "bars": csv_bytes(payments(60), delimiter="|"),
    "tabs": csv_bytes(payments(60), delimiter="\t"),
    "sep=;": b"sep=;\r\n" + csv_bytes(payments(60), delimiter=";"),
    "sep=; after a mark": "\ufeffsep=;\r\n".encode() + csv_bytes(payments(60), delimiter=";"),
    "two marks": ("\ufeff\ufeff" + WHOLE).encode(),
    "CR alone": WHOLE.replace("\r\n", "\r").encode(),
    "LF alone": WHOLE.replace("\r\n", "\n").encode(),
    "CR LF and LF": WHOLE.replace("\r\n", "\n", 30).encode(),
    "a line break in a cell": WHOLE.replace("第3笔", '"第一行\n第二行, 共二行"').encode(),
    "inches": WHOLE.replace("第3笔", '5" 管').encode(),
    "no end of line at the end": WHOLE.rstrip().encode(),
    "blank lines": WHOLE.replace("\r\n", "\r\n\r\n", 5).encode(),
}


@BOTH_WAYS
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_of_a_text_gives_the_same_payments(name, least, read):
    file = read(LAYOUTS[name], least)
    assert (said(file), file.rows_accepted) == ([], 60)
    assert file.control_total == read(WHOLE.encode(), least).control_total


@BOTH_WAYS
def test_stray_nuls_are_cut_and_said(least, read):
    file = read(WHOLE.replace("网络", "网\0络", 3).encode() + b"\0" * 9, least)
    assert said(file) == [("TEXT_NORMALISED", 4)]
    assert "12 个" in file.findings[0].message
    assert set(file.tables[0].ledger["line_name"]) == {"网络运行维护", "设备购置", "人才培训"}


QUOTES = {
    "one that is never closed": WHOLE.replace("网络", '"网络', 1),
    "two of two rows": WHOLE.replace("网络", '"网络', 2),
    "one in the last column": WHOLE.replace("第3笔", '"第3笔'),
}


@BOTH_WAYS
@pytest.mark.parametrize("name", QUOTES)
def test_a_quote_that_swallows_rows_refuses_the_file_and_names_the_row(name, least, read):
    assert said(read(QUOTES[name].encode(), least)) == [("FILE_CORRUPT", 4)]


@BOTH_WAYS
def test_a_quote_that_swallows_more_than_a_block_names_its_row_too(least, read, monkeypatch):
    from jixiao.intake.grids import stream

    monkeypatch.setattr(stream, "_BLOCK_BYTES", 2**10)
    assert said(read(QUOTES["one that is never closed"].encode(), least)) == [("FILE_CORRUPT", 4)]


@BOTH_WAYS
def test_a_row_with_more_cells_than_the_head_is_kept_and_said(least, read):
    file = read(WHOLE.replace("第3笔", "第3笔,尾款").encode(), least)
    assert said(file) == [("ROW_TOO_WIDE", 4)]
    assert "尾款" in file.findings[0].message
    assert file.rows_accepted == 60


@BOTH_WAYS
def test_an_amount_that_its_own_comma_cut_in_two_is_no_amount(least, read):
    file = read(WHOLE.replace("3702.50", "3,702.50").encode(), least)
    assert said(file) == [("NUMBER_UNREADABLE", 4)]
    assert file.findings[0].value == "3,702.50"
    assert file.rows_rejected == 1


@BOTH_WAYS
def test_a_last_column_without_a_head_is_no_fault_of_each_row(least, read):
    blob = csv_bytes([PAYMENT_HEAD, *[[*cells, "已核"] for cells in payments(60)[1:]]])
    assert (said(read(blob, least)), read(blob, least).rows_accepted) == ([], 60)


@BOTH_WAYS
def test_rows_that_end_before_the_head_does_are_read_as_blank_there(least, read):
    blob = csv_bytes([PAYMENT_HEAD, *[cells[:7] for cells in payments(60)[1:]]])
    assert (said(read(blob, least)), read(blob, least).rows_accepted) == ([], 60)


# ── encodings ────────────────────────────────────────────────────────────────────────────────────────────────────────

FIELD_CODES = "PAY_CERT_NO,AGENCY_CODE,PRO_NAME,PAY_AMT,XPAY_DATE\r\n"


def coded(name: str) -> str:
    """A table under field codes: its heads say nothing of the encoding."""
    return FIELD_CODES + "".join(f"{n},{UNIT},{name},{n}.50,{YEAR}-03-05\r\n" for n in range(1, 30))


ENCODINGS = {
    "GB18030": (WHOLE.encode("gb18030"), "ENCODING_GB18030", 60),
    "GB18030 under field codes": (coded("信息网络运行维护").encode("gb18030"), "ENCODING_GB18030", 29),
    "Big5 under field codes": (coded("資訊網絡運行維護").encode("big5"), "ENCODING_DOUBTFUL", 0),
    "Shift-JIS under field codes": (coded("情報システム運用").encode("shift_jis"), "ENCODING_DOUBTFUL", 0),
    "EUC-KR under field codes": (coded("정보시스템운영비").encode("euc_kr"), "ENCODING_DOUBTFUL", 0),
    "Big5": ("支付憑證號,單位編碼,項目名稱\r\n1,2,網絡運行\r\n".encode("big5"), "ENCODING_DOUBTFUL", 0),
    "UTF-16": (WHOLE.encode("utf-16"), "ENCODING_UTF16", 60),
    "UTF-16 without a mark": (WHOLE.encode("utf-16-le"), "ENCODING_UTF16", 60),
    "UTF-16 big-endian without a mark": (WHOLE.encode("utf-16-be"), "ENCODING_UTF16", 60),
    "UTF-16 with sep=": (("sep=;\r\n" + text(payments(60), ";")).encode("utf-16"), "ENCODING_UTF16", 60),
    "UTF-8 with a byte that is none": (WHOLE.encode().replace("第30笔".encode(), b"\xff"), "ENCODING_BROKEN", 0),
    "GB18030 with a byte that is none": (
        WHOLE.encode("gb18030").replace("第30笔".encode("gb18030"), b"\xff"),
        "ENCODING_BROKEN",
        0,
    ),
}


@BOTH_WAYS
@pytest.mark.parametrize("name", ENCODINGS)
def test_an_encoding_is_accepted_only_where_heads_and_common_characters_confirm_it(name, least, read):
    blob, code, accepted = ENCODINGS[name]
    file = read(blob, least)
    assert code in dict(said(file))
    assert file.rows_accepted == accepted
    if code == "ENCODING_BROKEN":
        assert dict(said(file))[code] == 31


GB18030 = {
    "a row that is wider": WHOLE.replace("第30笔", "第30笔,尾款"),
    "a row that is narrower": WHOLE.replace(",第30笔", ""),
    "a line break in a cell": WHOLE.replace("第30笔", '"第一行\n第二行"'),
    "a quote that is never closed": WHOLE.replace("第30笔", '"第30笔'),
    "cells of bytes that look like a bar": WHOLE.replace("网络", "網絡丄亅").replace(",", "|"),
    "a blank line": WHOLE.replace("第30笔\r\n", "第30笔\r\n\r\n"),
    "characters outside of GBK": WHOLE.replace("网络", "𠮷㐂"),
}


@pytest.mark.parametrize("name", GB18030)
def test_a_text_in_gb18030_is_read_as_it_would_be_in_utf8(name, read, monkeypatch):
    from jixiao.intake.grids import stream

    monkeypatch.setattr(stream, "_BLOCK_BYTES", 2**10)
    plain, coded_so = (read(GB18030[name].encode(encoding), 0) for encoding in ("utf-8", "gb18030"))
    assert [f for f in said(coded_so) if f[0] != "ENCODING_GB18030"] == said(plain)
    assert [t.ledger.to_dict("list") for t in coded_so.tables] == [t.ledger.to_dict("list") for t in plain.tables]


def test_a_byte_that_is_broken_far_behind_the_head_is_named_with_its_row(read, monkeypatch):
    monkeypatch.setattr(delimited, "_STREAM_HEAD_BYTES", 2**10)
    assert said(read(ENCODINGS["UTF-8 with a byte that is none"][0], 0)) == [("ENCODING_BROKEN", 31)]
    assert ("ENCODING_BROKEN", 31) in said(read(ENCODINGS["GB18030 with a byte that is none"][0], 0))


def test_people_s_names_under_known_heads_are_no_objection(tmp_path):
    rows = [["单位编码", "科室", "姓名", "邮箱"], *[[UNIT, "蔺骞彧", "昝翀燚", f"a{n}@example.cn"] for n in range(9)]]
    file = content_of(csv_bytes(rows, "gb18030"), tmp_path)
    assert "ENCODING_DOUBTFUL" not in dict(said(file))
