"""Settings: what a file and the environment may say, and that what they may not say is named."""

from __future__ import annotations

import pytest

from jixiao.errors import UsageError
from jixiao.settings import load_settings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in ("JIXIAO_STORE__DB", "JIXIAO_STORE__VAR", "JIXIAO_RULES__REGION", "JIXIAO_RUN__BATCH_SIZE"):
        monkeypatch.delenv(name, raising=False)


def read(folder, text):
    (folder / "jixiao.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def test_without_a_file_the_defaults_hold(tmp_path):
    found = load_settings(tmp_path)
    assert (found.store_url, found.region, found.batch_size) == ("sqlite:///var/jixiao.db", "", 500)


def test_the_environment_stands_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("JIXIAO_RUN__BATCH_SIZE", "7")
    found = read(tmp_path, '\ufeff[store]\nvar = "data"\n[rules]\nregion = 320500\n[run]\nbatch_size = 20\n')
    assert (found.var, found.region, found.batch_size) == ("data", "320500", 7)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[run\n", "jixiao.toml"),
        ("[shop]\na = 1\n", "shop"),
        ('store = "x"\n', "store"),
        ('[store]\ndatabase = "x"\n', "store.database"),
        ("[store]\ndb = 5\n", "store.db"),
        ("[store]\nvar = [1]\n", "store.var"),
        ("[run]\nbatch_size = true\n", "run.batch_size"),
        ("[run]\nbatch_size = 0\n", "run.batch_size"),
        ("[run]\nbatch_size = 2.5\n", "run.batch_size"),
        ('[run]\nbatch_size = "viele"\n', "run.batch_size"),
        ('[rules]\nregion = "苏州"\n', "rules.region"),
    ],
)
def test_a_wrong_setting_is_named_and_a_way_out_given(tmp_path, text, named):
    with pytest.raises(UsageError, match=named) as caught:
        read(tmp_path, text)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("variable", "value"),
    [("JIXIAO_RUN__BATCH_SIZE", "²"), ("JIXIAO_RUN__BATCH_SIZE", "9" * 5000), ("JIXIAO_STORE__DATABASE", "x")],
)
def test_a_wrong_variable_is_a_usage_error(tmp_path, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError):
        load_settings(tmp_path)


def test_a_settings_file_that_is_a_folder_is_said(tmp_path):
    (tmp_path / "jixiao.toml").mkdir()
    with pytest.raises(UsageError, match="是文件夹"):
        load_settings(tmp_path)


def test_a_working_folder_that_is_a_file_is_said(tmp_path):
    from jixiao.bootstrap import log_to_file

    (tmp_path / "var").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="不能写"):
        log_to_file(str(tmp_path / "var"))
