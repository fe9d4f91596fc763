"""Addresses are shown and handed on without their password, and completed where a store is opened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jixiao import database_address
from jixiao.application import EvaluationRequest
from jixiao.database_address import whole_address, without_password
from jixiao.errors import UsageError


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sqlite:///var/jixiao.db", "sqlite:///var/jixiao.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:////tmp/u:x@y.db", "sqlite:////tmp/u:x@y.db"),
        ("postgresql://h/d", "postgresql://h/d"),
        ("postgresql+psycopg://u:p@h:5432/d", "postgresql+psycopg://u:***@h:5432/d"),
        ("postgresql://u:p@ss/w:x@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p?x@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d?password=x&host=y", "postgresql://u@h/d?password=***&host=y"),
    ],
)
def test_a_password_is_never_shown(address, shown):
    assert without_password(address) == shown
    assert without_password(shown) == shown
    assert whole_address(shown) == address


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text.strip("*")))
def test_no_password_shows_however_it_is_written(password):
    secret = f"<{password}>"
    assert secret not in without_password(f"postgresql://u:{secret}@h/d")


def test_a_request_holds_no_password():
    request = EvaluationRequest(year=2022, inbox="in", out="out", database_url="postgresql://u:GEHEIM@h/d")
    assert request.database_url == "postgresql://u:***@h/d"
    assert "GEHEIM" not in repr(request)
    assert whole_address(request.database_url) == "postgresql://u:GEHEIM@h/d"


def test_another_process_takes_the_password_from_its_environment(monkeypatch):
    monkeypatch.setattr(database_address, "_whole", {})
    with pytest.raises(UsageError, match="密码不在本进程中") as caught:
        whole_address("postgresql://u:***@h/d")
    assert "JIXIAO_STORE__DB" in caught.value.fix
    monkeypatch.setenv("JIXIAO_STORE__DB", "postgresql://u:GEHEIM@anderswo/d")
    with pytest.raises(UsageError):
        whole_address("postgresql://u:***@h/d")
    monkeypatch.setenv("JIXIAO_STORE__DB", "postgresql://u:GEHEIM@h/d")
    assert whole_address("postgresql://u:***@h/d") == "postgresql://u:GEHEIM@h/d"
