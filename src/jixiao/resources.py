"""Where the files stand that are not code: today the document templates. Data of one package stays in that package."""

from __future__ import annotations

from pathlib import Path

from jixiao.errors import UsageError

_PACKAGE = Path(__file__).resolve().parent


def templates_root(stated: str | Path = "") -> Path:
    """Return the folder of the templates: the one ``stated`` (a setting, an option), the checkout's, the wheel's.

    Raises:
        UsageError: the stated folder is not there, or the installation lacks its templates.

    """
    if stated:
        if not Path(stated).is_dir():
            raise UsageError(f"模板文件夹不存在：{stated}", "请改正设置中的模板文件夹，或删去该设置使用自带模板")
        return Path(stated)
    for folder in (_PACKAGE.parents[1] / "templates", _PACKAGE / "_templates"):
        if (folder / "report").is_dir():
            return folder
    raise UsageError("安装不完整：找不到报告和通知的模板", "请重新安装 jixiao，或在设置中写明模板文件夹")
