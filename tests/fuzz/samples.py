"""The whole files that mutation.py breaks: the bundled example's, and one of each further container."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources import files

_PAYMENTS = (
    ("支付凭证号", "单位编码", "单位名称", "项目名称", "部门经济分类", "支付金额", "支付日期", "用途"),
    ("20220000000001", "770001", "某市技术中心", "网络运行维护", "30213", "60,000.00", "2022-03-05", "维护费"),
    ("20220000000002", "770001", "某市技术中心", "网络运行维护", "30213", "-1,000.00", "2022-04-06", "退回"),
    ("20220000000003", "770001", "某市技术中心", "设备购置", "31002", "9,690.50", "2022-05-07", "=SUM(A1)"),
    ("", "", "", "合计", "", "68,690.50", "", ""),
)
_EXECUTION = (
    ("某市技术中心 2022 年度部门预算执行情况表", "", "", "", "", ""),
    ("单位编码：770001", "", "", "", "", "单位：万元"),
    ("项目", "年初预算数", "上年结转及追加追减", "调整预算数", "实际支出数", "执行率"),
    ("预算总金额", "1905.66", "197.53", "2103.19", "1999.97", "95.09%"),
    ("基本支出", "1356.61", "197.53", "1554.14", "1451.77", "93.41%"),
    ("项目支出", "549.05", "0", "549.05", "548.20", "99.85%"),
    ("网络运行维护", "549.05", "0", "549.05", "548.20", "99.85%"),
)
_REGISTER = (("单位编码", "单位名称", "上级编码", "行政区划"), ("770001", "某市技术中心", "770", "320500"))


def _csv(rows: tuple[tuple[str, ...], ...]) -> str:
    made = io.StringIO(newline="")
    csv.writer(made).writerows(rows)
    return made.getvalue()


def _html(rows: tuple[tuple[str, ...], ...]) -> str:
    cells = ["".join(f"<td>{cell}</td>" for cell in row) for row in rows]
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return f'<html><head><meta charset="utf-8"></head><body><table border="1">{lines}</table></body></html>'


def _xml_2003(rows: tuple[tuple[str, ...], ...]) -> str:
    cells = ["".join(f"<Cell><Data ss:Type='String'>{cell}</Data></Cell>" for cell in row) for row in rows]
    lines = "".join(f"<Row>{row}</Row>" for row in cells)
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><?mso-application progid="Excel.Sheet"?>'
        f'<Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet ss:Name="Sheet1"><Table>{lines}</Table></Worksheet></Workbook>'
    )


@cache
def samples() -> tuple[tuple[str, bytes], ...]:
    """File names with their contents, always in the same order."""
    inbox = files("jixiao.examples") / "suzhou-2022" / "inbox"
    made = [(entry.name, entry.read_bytes()) for entry in inbox.iterdir() if entry.is_file()]
    made += [
        ("明细.csv", _csv(_PAYMENTS).encode("utf-8-sig")),
        ("明细_gbk.csv", _csv(_PAYMENTS).encode("gb18030")),
        ("明细_utf16.txt", _csv(_PAYMENTS).replace(",", "\t").encode("utf-16")),
        ("执行.csv", _csv(_EXECUTION).encode()),
        ("名册.csv", _csv(_REGISTER).encode()),
        ("网页.xls", _html(_EXECUTION).encode()),
        ("表格2003.xls", _xml_2003(_PAYMENTS).encode()),
        ("报告.md", "一、单位名称：某市技术中心\n二、履职目标完成情况\n近13000项。\n三、概况\n正文。\n".encode()),
    ]
    return tuple(sorted(made))
