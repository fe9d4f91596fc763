"""Laws of the store's snapshots: import twice = import once; import A, then B, then revert = A."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jixiao.cycle import revert_batch
from tests.fixtures.damage import PAYMENT_HEAD, UNIT, UNIT_NAME, YEAR, csv_bytes
from tests.unit.test_batches import Store

LEDGERS = st.lists(
    st.tuples(
        st.integers(1, 9).map(str),
        st.sampled_from(["网络运行维护", "设备购置"]),
        st.decimals(min_value=-1000, max_value=1000, places=2).map(str),
        st.integers(1, 28).map(lambda day: f"{YEAR}-03-{day:02d}"),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


def text(rows) -> bytes:
    made = [[voucher, UNIT, UNIT_NAME, line, "30213", amount, day, ""] for voucher, line, amount, day in rows]
    return csv_bytes([PAYMENT_HEAD, *made])


@given(LEDGERS, LEDGERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_twice_is_once_and_back_is_back(one, other):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.put("a.csv", text(one))
        held = store.ledger()
        store.put("a.csv", text(one), yes=True)
        assert store.ledger() == held
        _, done = store.put("b.csv", text(other), yes=True)
        if done.superseded:
            revert_batch(done.batch_ids[0], database_url=store.url, reason="")
        assert store.ledger() == held


@given(LEDGERS, LEDGERS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_said_to_change_is_what_changes(one, other):
    from jixiao.storage.batches import ledger_difference

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        sides = []
        for rows in (one, other):
            store.put("x.csv", text(rows), yes=True)
            sides.append(store.ledger())
        import pandas as pd

        frames = [
            pd.DataFrame(side, columns=["voucher_no", "line_name", "amount_fen"]).assign(paid_on=pd.NaT)
            for side in sides
        ]
        diff = ledger_difference(*frames)
        assert len(sides[0]) + diff.added - diff.vanished == len(sides[1])
        change = diff.added_fen - diff.vanished_fen + diff.changed_fen
        assert sum(row[2] for row in sides[0]) + change == sum(row[2] for row in sides[1])
