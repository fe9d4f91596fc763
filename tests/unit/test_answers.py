"""Questions of files and the answers of people: asked once a source, applied and said, wrong answers named with the choices."""

from __future__ import annotations

from datetime import date

import pytest

from jixiao.domain.findings import Outcome
from jixiao.domain.money import MoneyUnit
from jixiao.errors import UsageError
from jixiao.intake import read_inbox
from jixiao.intake.answers import NO_ANSWERS, Answer, AnswerBook, read_answers
from tests.fixtures.damage import YEAR, csv_bytes, damages, payments, with_column, xlsx
from tests.unit.test_intake import YEAR as FORM_YEAR
from tests.unit.test_intake import codes, named, sheet, text
from tests.unit.test_intake_doubts import lines_in, small_ledger

AMBIGUOUS = [
    ["单位名称：旧河地区档案资料中心 单位编码：410007"],
    ["项目", "年初预算数", "调整预算数", "实际支出数", "执行率"],
    ["甲", 100, 60, 50, None],
    ["乙", 50, 40, 30, None],
]


def book(*answers):
    return AnswerBook(tuple(Answer(*answer) for answer in answers))


def read(folder, answers=NO_ANSWERS, *, year=FORM_YEAR):
    return read_inbox([folder], year=year, answers=answers)


def question(reading):
    (asked,) = reading.questions
    return asked


def mixed(folder):
    """A ledger whose amounts are labelled 万元 beside an unlabelled column of the same money."""
    rows = [[*row[:5], *row[6:]] for row in payments()]
    amounts = [f"{n * 1234}" for n in range(1, 9)]
    rows = with_column(rows, "支付金额（万元）", amounts, at=5)
    rows = with_column(rows, "本次支付", [f"{int(a) * 10_000}" for a in amounts])
    (folder / "a.csv").write_bytes(csv_bytes(rows))


# ------------------------------------------------------------------------------------------------ what is asked


ASKING = [damage for damage in damages() if damage.outcome == "ask_user"]


@pytest.mark.parametrize("damage", ASKING, ids=[damage.name for damage in ASKING])
def test_whatever_waits_for_an_answer_says_its_question_and_its_choices(damage, tmp_path):
    (tmp_path / damage.name).write_bytes(damage.content)
    (file,) = read_inbox([tmp_path], year=YEAR, scope=frozenset({damage.scope} - {""})).files
    asks = [f for f in file.findings if f.outcome is Outcome.ASK_USER]
    assert asks
    for finding in asks:
        assert finding.question is not None
        assert finding.question.code == finding.code
        assert len(finding.question.choices) >= 2
        assert finding.question.about
        assert finding.question.of


# ------------------------------------------------------------------------------------------------ what an answer does


def test_a_table_is_read_in_the_money_unit_that_was_answered(tmp_path):
    text(tmp_path / "支付.csv", small_ledger())
    sheet(tmp_path / "执行.xlsx", lines_in("元"))
    asked = question(named(read(tmp_path), "执行.xlsx"))
    assert (asked.key, asked.choices) == ("UNIT_IMPLAUSIBLE:预算执行情况表", ("元", "万元"))
    file = named(read(tmp_path, book((asked.of, asked.key, "万元", "张三", date(2023, 3, 1)))), "执行.xlsx")
    assert file.outcome is Outcome.ACCEPT_LOGGED
    assert file.tables[0].money_unit is MoneyUnit.WAN
    (said,) = [f for f in file.findings if f.code == "ANSWER_APPLIED"]
    for word in ("万元", "张三", "2023-03-01"):
        assert word in said.message


def test_an_answer_that_the_figures_still_contradict_is_kept_with_a_warning(tmp_path):
    text(tmp_path / "支付.csv", small_ledger())
    sheet(tmp_path / "执行.xlsx", lines_in("元"))
    file = named(read(tmp_path, book(("", "UNIT_IMPLAUSIBLE", "元"))), "执行.xlsx")
    assert file.outcome is Outcome.ACCEPT_WITH_WARNING
    assert codes(file) == {"UNIT_IMPLAUSIBLE", "ANSWER_APPLIED"}


def test_one_column_is_read_in_the_unit_that_was_answered_for_it(tmp_path):
    head = ["项目", "年初预算数（万元）", "调整后预算数（万元）", "实际支出数", "执行率"]
    rows = [lines_in("")[0], head, *([r[0], r[1], r[3], r[4], r[5]] for r in lines_in("万元")[3:])]
    sheet(tmp_path / "a.xlsx", rows)
    file = read(tmp_path, book(("a.xlsx", "UNIT_IMPLAUSIBLE", "万元"))).files[0]
    assert file.outcome is Outcome.ACCEPT_LOGGED
    assert {line.executed.unit for line in file.tables[0].rows} == {MoneyUnit.WAN}


@pytest.mark.parametrize(("answer", "column"), [("调整后", "adjusted"), ("调整数", "carry_and_adjust")])
def test_an_ambiguous_head_means_what_was_answered(tmp_path, answer, column):
    sheet(tmp_path / "a.xlsx", AMBIGUOUS)
    asked = question(read(tmp_path).files[0])
    assert asked.key == "AMBIGUOUS_COLUMN:调整预算数"
    file = read(tmp_path, book((asked.of, asked.key, answer))).files[0]
    assert codes(file) == {"ANSWER_APPLIED"}
    assert [getattr(line, column).fen for line in file.tables[0].rows] == [6000, 4000]


@pytest.mark.parametrize(
    ("answer", "outcome"), [("元", "accept_logged"), ("忽略", "accept_logged"), ("万元", "reject_file")]
)
def test_a_column_beside_the_amounts_is_in_the_unit_that_was_answered(tmp_path, answer, outcome):
    mixed(tmp_path)
    asked = question(read(tmp_path, year=YEAR).files[0])
    assert asked.key == "MIXED_UNITS:本次支付"
    file = read(tmp_path, book((asked.of, asked.key, answer)), year=YEAR).files[0]
    assert file.outcome.value == outcome
    assert "MIXED_UNITS" not in codes(file)


def test_a_file_of_another_year_counts_if_the_answer_is_yes_and_is_left_out_if_it_is_no(tmp_path):
    (tmp_path / "a.csv").write_bytes(csv_bytes(payments()))
    asked = question(read(tmp_path, year=YEAR + 1).files[0])
    assert asked.choices == ("是", "否")
    yes = read(tmp_path, book((asked.of, asked.key, "是")), year=YEAR + 1).files[0]
    no = read(tmp_path, book((asked.of, asked.key, "否")), year=YEAR + 1).files[0]
    assert (yes.outcome, yes.rows_accepted) == (Outcome.ACCEPT_LOGGED, 8)
    assert (no.outcome, no.tables, no.counts.rows.excluded) == (Outcome.ACCEPT_LOGGED, (), 8)
    other_year = read(tmp_path, book((asked.of, asked.key, "是")), year=YEAR + 2).files[0]
    assert other_year.outcome is Outcome.ASK_USER


def test_a_text_is_decoded_as_was_answered(tmp_path):
    blob = "名稱,數額,備註\n圖書館,12,無\n書店,13,無\n".encode("big5")
    (tmp_path / "a.csv").write_bytes(blob)
    asked = question(read(tmp_path).files[0])
    assert (asked.key, asked.choices[:2]) == ("ENCODING_DOUBTFUL", ("gb18030", "big5"))
    file = read(tmp_path, book((asked.of, asked.key, "big5"))).files[0]
    assert "ENCODING_DOUBTFUL" not in codes(file)
    assert "ANSWER_APPLIED" in codes(file)


# ------------------------------------------------------------------------------------------------ for whom it holds


def test_an_answer_for_a_source_holds_for_its_next_export_and_for_no_other_heads(tmp_path):
    sheet(tmp_path / "一月.xlsx", AMBIGUOUS)
    asked = question(read(tmp_path).files[0])
    (tmp_path / "一月.xlsx").unlink()
    sheet(tmp_path / "二月.xlsx", [*AMBIGUOUS[:2], ["丙", 90, 60, 50, None], ["丁", 50, 45, 30, None]])
    assert read(tmp_path, book((asked.of, asked.key, "调整数"))).files[0].outcome is Outcome.ACCEPT_LOGGED
    rows = [[*row, extra] for row, extra in zip(AMBIGUOUS[1:], ["备注", "", ""], strict=True)]
    sheet(tmp_path / "二月.xlsx", [AMBIGUOUS[0], *rows])
    assert read(tmp_path, book((asked.of, asked.key, "调整数"))).files[0].outcome is Outcome.ASK_USER


def test_the_order_of_columns_makes_no_other_source(tmp_path):
    sheet(tmp_path / "a.xlsx", AMBIGUOUS)
    one = read(tmp_path).files[0].profiles
    moved = [AMBIGUOUS[0], *([r[1], r[0], r[3], r[2], r[4]] for r in AMBIGUOUS[1:])]
    sheet(tmp_path / "a.xlsx", moved)
    assert read(tmp_path).files[0].profiles == one


def test_an_answer_given_now_goes_before_a_remembered_one(tmp_path):
    sheet(tmp_path / "a.xlsx", AMBIGUOUS)
    asked = question(read(tmp_path).files[0])
    remembered = Answer(asked.of, asked.key, "调整数", answer_id=7)
    given = Answer("a.xlsx", "AMBIGUOUS_COLUMN", "调整后")
    for answers, column in (([remembered], "carry_and_adjust"), ([remembered, given], "carry_and_adjust")):
        file = read(tmp_path, AnswerBook(tuple(answers))).files[0]
        assert getattr(file.tables[0].rows[0], column) is not None
    exact = Answer("", asked.key, "调整后")
    file = read(tmp_path, AnswerBook((remembered, exact))).files[0]
    assert file.tables[0].rows[0].adjusted.fen == 6000


# ------------------------------------------------------------------------------------------------ a file of answers

ANSWER_HEAD = ["文件或来源", "问题", "答复", "答复人", "答复日期"]


def written(folder, *rows, head=ANSWER_HEAD, name="答复.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(csv_bytes([head, *rows], encoding))
    return path


def test_a_file_of_answers_is_read_in_any_container_and_encoding(tmp_path):
    row = ["a.xlsx", "ambiguous_column：调整预算数", "调整后", "李四", "2023-02-01"]
    expected = Answer("a.xlsx", "AMBIGUOUS_COLUMN:调整预算数", "调整后", "李四", date(2023, 2, 1))
    assert read_answers(written(tmp_path, row)).answers == (expected,)
    assert read_answers(written(tmp_path, row, encoding="gb18030")).answers == (expected,)
    (tmp_path / "b.xlsx").write_bytes(xlsx([ANSWER_HEAD, row]))
    assert read_answers(tmp_path / "b.xlsx").answers == (expected,)
    english = written(tmp_path, row, head=["file", "question", "answer", "by", "date"])
    assert read_answers(english).answers == (expected,)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["", "UNIT_IMPLAUSIBLE", "千元", "", ""], ("千元", "元、万元")),
        (["", "WHAT_IS_IT", "是", "", ""], ("WHAT_IS_IT", "PERIOD_MISMATCH")),
        (["", "PERIOD_MISMATCH", "", "", ""], ("PERIOD_MISMATCH", "是、否")),
        (["", "PERIOD_MISMATCH", "是", "", "昨天"], ("昨天", "2023-03-15")),
    ],
    ids=["choice", "question", "blank", "date"],
)
def test_a_wrong_answer_names_its_row_and_what_can_be_answered(tmp_path, row, words):
    with pytest.raises(UsageError) as caught:
        read_answers(written(tmp_path, row))
    said = f"{caught.value.message} {caught.value.fix}"
    for word in (*words, "答复.csv"):
        assert word in said or (word == "答复.csv" and "第 2 行" in said)


@pytest.mark.parametrize("head", [["文件", "答复"], ["甲", "乙"]])
def test_a_file_of_answers_without_its_columns_names_them(tmp_path, head):
    with pytest.raises(UsageError) as caught:
        read_answers(written(tmp_path, ["a", "是"], head=head))
    assert "「问题」" in caught.value.message


def test_a_file_of_answers_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError):
        read_answers(tmp_path / "没有.csv")


# ------------------------------------------------------------------------------------------------ remembered in the store


@pytest.fixture
def store(tmp_path):
    return f"sqlite:///{tmp_path / 'jixiao.db'}"


@pytest.fixture
def inbox(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def imported(inbox, store, answers=None, *, year=FORM_YEAR):
    from jixiao.cycle import import_files

    reading, stored = import_files([inbox], year=year, database_url=store, var=str(inbox.parent), answers=answers)
    return reading.files[0], stored[0]


def test_an_answer_given_with_an_import_is_asked_never_again_until_it_is_revoked(inbox, store, tmp_path):
    from jixiao.cycle.answering import list_answers, revoke

    sheet(inbox / "一月.xlsx", AMBIGUOUS)
    assert imported(inbox, store)[1].batch_ids == ()
    answers = written(tmp_path, ["一月.xlsx", "AMBIGUOUS_COLUMN", "调整数", "李四", ""])
    file, kept = imported(inbox, store, answers)
    assert (file.outcome, len(kept.batch_ids)) == (Outcome.ACCEPT_LOGGED, 1)
    (answer,) = list_answers(database_url=store)
    assert (answer.question, answer.answer, answer.by) == ("AMBIGUOUS_COLUMN:调整预算数", "调整数", "李四")
    assert (answer.kind, "调整预算数" in answer.heads) == ("budget_execution", True)
    (inbox / "一月.xlsx").unlink()
    sheet(inbox / "二月.xlsx", [*AMBIGUOUS[:2], ["甲", 100, 60, 55, None], ["乙", 50, 40, 30, None]])
    file, _ = imported(inbox, store)
    assert f"答复 {answer.answer_id}：李四" in next(f.message for f in file.findings if f.code == "ANSWER_APPLIED")
    revoke(answer.answer_id, database_url=store, by="王五")
    assert imported(inbox, store)[0].outcome is Outcome.ASK_USER
    (gone,) = list_answers(database_url=store, with_revoked=True)
    assert (gone.revoked_by, gone.revoked_at is not None) == ("王五", True)
    with pytest.raises(UsageError, match="已经撤销"):
        revoke(answer.answer_id, database_url=store)
    with pytest.raises(UsageError, match="没有编号"):
        revoke(99, database_url=store)


def test_a_question_of_a_file_is_answered_by_hand_and_a_wrong_answer_names_the_choices(inbox, store):
    from jixiao.cycle import read_files
    from jixiao.cycle.answering import answer_for_source, answer_question, list_answers

    sheet(inbox / "a.xlsx", AMBIGUOUS)
    reading = read_files([inbox], year=FORM_YEAR, database_url=store)
    for question_, answer_, words in (
        ("AMBIGUOUS_COLUMN", "也许", "调整后、调整数"),
        ("PERIOD_MISMATCH", "是", "AMBIGUOUS_COLUMN"),
        ("NO_SUCH", "是", "PERIOD_MISMATCH"),
    ):
        with pytest.raises(UsageError) as caught:
            answer_question(reading, question_, answer_, database_url=store)
        assert words in f"{caught.value.message}{caught.value.fix}"
    done = answer_question(reading, "ambiguous_column", "调整数", database_url=store, by="张三")
    again = answer_question(reading, done.question.key, "调整数", database_url=store)
    assert again.answer_id == done.answer_id
    other = answer_question(reading, done.question.key, "调整后", database_url=store)
    assert [a.answer_id for a in list_answers(database_url=store)] == [other.answer_id]
    of = done.question.of
    third = answer_for_source(of[:8], done.question.key, "调整数", database_url=store)
    assert (third.question.of, [a.answer for a in list_answers(database_url=store)]) == (of, ["调整数"])
    with pytest.raises(UsageError, match="找不到"):
        answer_for_source("没有的", done.question.key, "调整数", database_url=store)
    answered = read_files([inbox], year=FORM_YEAR, database_url=store)
    assert answered.files[0].outcome is Outcome.ACCEPT_LOGGED
    with pytest.raises(UsageError, match="没有待答复"):
        answer_question(answered, "AMBIGUOUS_COLUMN", "调整数", database_url=store)


def test_a_check_without_a_store_knows_what_the_usual_one_remembers_and_makes_none(inbox, store, tmp_path):
    from jixiao.cycle import read_files
    from jixiao.cycle.answering import answer_question

    sheet(inbox / "a.xlsx", AMBIGUOUS)
    waiting = read_files([inbox], year=FORM_YEAR, remembered_in=store)
    assert waiting.files[0].outcome is Outcome.ASK_USER
    assert not (tmp_path / "jixiao.db").exists()
    answer_question(waiting, "AMBIGUOUS_COLUMN", "调整数", database_url=store)
    assert read_files([inbox], year=FORM_YEAR, remembered_in=store).files[0].outcome is Outcome.ACCEPT_LOGGED


@pytest.mark.parametrize("answer", ["是", "否"])
def test_a_change_of_what_is_in_force_is_answered_for_that_very_file(inbox, store, tmp_path, answer):
    from tests.fixtures.damage import with_cell

    (inbox / "a.csv").write_bytes(csv_bytes(payments()))
    _, first = imported(inbox, store, year=YEAR)
    (inbox / "a.csv").write_bytes(csv_bytes(with_cell(payments(), 3, "F", "1.00")))
    file, waiting = imported(inbox, store, year=YEAR)
    assert (file.outcome, waiting.batch_ids, question(file).choices) == (Outcome.ASK_USER, (), ("是", "否"))
    assert file.counts.rows.rejected == 8
    answers = written(tmp_path, ["a.csv", "SNAPSHOT_DIFF", answer, "李四", ""])
    file, done = imported(inbox, store, answers, year=YEAR)
    if answer == "是":
        assert (file.outcome, done.superseded) == (Outcome.ACCEPT_WITH_WARNING, first.batch_ids)
        fix = next(f.fix for f in file.findings if f.code == "SNAPSHOT_DIFF")
        assert fix.startswith("已按答复")
    else:
        assert (file.outcome, done.batch_ids, file.counts.rows.excluded) == (Outcome.ACCEPT_LOGGED, (), 8)
    (inbox / "a.csv").write_bytes(csv_bytes(with_cell(payments(), 3, "F", "2.00")))
    assert imported(inbox, store, year=YEAR)[0].outcome is Outcome.ASK_USER
