"""One digest an owner, only their gaps; drafts that cannot be turned into another message."""

from __future__ import annotations

import email
import email.policy
import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jixiao.domain.books import Unit
from jixiao.notify import draft_digests, write_outbox
from tests.fixtures.report_samples import RUN, UNIT, contact, gap

OFFICE = contact("办公室", "office@example.org")
TROUPE = contact("演艺科", "troupe@example.org", channel="wecombot")
HERE = Unit(UNIT, "某县文化馆")


def mails(folder, written):
    return {
        name: email.message_from_bytes((folder / name).read_bytes(), policy=email.policy.default)
        for name in written
        if name.endswith(".eml")
    }


def test_each_owner_gets_one_digest_with_only_their_own_gaps():
    gaps = [
        gap("演艺科", gap_id="G1"),
        gap("办公室", gap_id="G2"),
        gap("演艺科", gap_id="G3"),
        gap("别处", unit_code="999"),
    ]
    digests = draft_digests(gaps, [OFFICE, TROUPE], HERE, run=RUN)
    assert {d.owner: [g.gap_id for g in d.gaps] for d in digests} == {"办公室": ["G2"], "演艺科": ["G1", "G3"]}
    assert {d.owner: (d.email, d.channel) for d in digests}["演艺科"] == ("troupe@example.org", "wecombot")


def test_the_most_urgent_stands_first_and_in_the_subject():
    gaps = [gap("办公室", gap_id="later"), gap("办公室", gap_id="soon", due_on=date(2032, 2, 4))]
    (digest,) = draft_digests(gaps, [OFFICE], HERE, run=RUN)
    assert [g.gap_id for g in digest.gaps] == ["soon", "later"]
    assert digest.subject == "【待办 2 项】某县文化馆2031年度绩效自评，请于 2032-02-04 前答复"


@pytest.mark.parametrize(
    ("contacts", "says"),
    [
        ([], "没有「办公室」"),
        ([contact("办公室", "")], "没有填写邮箱"),
        ([contact("办公室", "office@")], "写法有误"),
        ([contact("办公室", "a@example.org\r\nBcc: b@example.org")], "写法有误"),
        ([contact("办公室", "a..b@example.org")], "写法有误"),
    ],
)
def test_an_owner_who_cannot_be_reached_is_told_in_the_draft(contacts, says, tmp_path):
    (digest,) = draft_digests([gap("办公室")], contacts, HERE, run=RUN)
    assert digest.email == ""
    (mail,) = mails(tmp_path, write_outbox([digest], run=RUN, folder=tmp_path)).values()
    assert mail["To"] is None
    assert mail["Bcc"] is None
    assert says in mail.get_body(("plain",)).get_content()


def test_a_draft_holds_text_and_html_and_is_not_sent(tmp_path):
    digests = draft_digests([gap("办公室")], [OFFICE], HERE, run=RUN)
    written = write_outbox(digests, run=RUN, folder=tmp_path)
    assert written == (f"outbox/{UNIT}-办公室.eml", f"outbox/{UNIT}-办公室.json")
    (mail,) = mails(tmp_path, written).values()
    assert mail["To"].addresses[0].addr_spec == "office@example.org"
    assert mail["X-Unsent"] == "1"
    assert str(mail["Date"]) == "Fri, 30 Jan 2032 09:00:00 +0800"
    for kind in ("plain", "html"):
        body = mail.get_body((kind,)).get_content()
        assert "演出场次：目标未达成" in body
        assert "《自评表.xlsx》 工作表「自评」 第 5 行 D 列" in body
        assert "2032-02-13" in body
    document = json.loads((tmp_path / written[1]).read_text(encoding="utf-8"))
    assert (document["to"], document["run"], document["gaps"][0]["row"]) == ("office@example.org", RUN.run_id, 5)


def test_the_same_digest_is_the_same_bytes(tmp_path):
    digests = draft_digests([gap("办公室"), gap("演艺科")], [OFFICE, TROUPE], HERE, run=RUN)
    first = write_outbox(digests, run=RUN, folder=tmp_path / "a")
    assert first == write_outbox(digests, run=RUN, folder=tmp_path / "b")
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in first)


def test_two_owners_never_share_a_message_id(tmp_path):
    digests = draft_digests([gap("办公室"), gap("演艺科")], [OFFICE, TROUPE], HERE, run=RUN)
    found = mails(tmp_path, write_outbox(digests, run=RUN, folder=tmp_path)).values()
    assert len({mail["Message-ID"] for mail in found}) == 2


def test_two_pairs_of_unit_and_owner_never_share_a_file(tmp_path):
    pairs = [("A", "B-C"), ("A-B", "C"), ("A~B", "C"), ("A_B", "C"), ("A", "B~C")]
    digests = [
        digest
        for unit, owner in pairs
        for digest in draft_digests([gap(owner, unit_code=unit)], [], Unit(unit, "某馆"), run=RUN)
    ]
    assert len(set(write_outbox(digests, run=RUN, folder=tmp_path))) == 2 * len(pairs)


def test_markup_in_a_message_stays_text(tmp_path):
    digests = draft_digests([gap("办公室", indicator="<script>window.hit=1</script>{{7*7}}")], [OFFICE], HERE, run=RUN)
    (mail,) = mails(tmp_path, write_outbox(digests, run=RUN, folder=tmp_path)).values()
    assert "<script>" not in mail.get_body(("html",)).get_content()
    assert "{{7*7}}" in mail.get_body(("plain",)).get_content()


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_adds_a_header_or_leaves_the_outbox(tmp_path_factory, owner, unit_name):
    folder = tmp_path_factory.mktemp("outbox")
    digests = draft_digests([gap(owner)], [contact(owner, "office@example.org")], Unit(UNIT, unit_name), run=RUN)
    written = write_outbox(digests, run=RUN, folder=folder)
    assert all((folder / name).parent == folder / "outbox" for name in written)
    (mail,) = mails(folder, written).values()
    allowed = {"Subject", "To", "Date", "Message-ID", "X-Unsent", "X-Jixiao-Run", "MIME-Version", "Content-Type"}
    assert set(mail.keys()) <= allowed
