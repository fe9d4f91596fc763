"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

OLDEST_YEAR, NEWEST_YEAR = 1990, 2100

Db = Annotated[str, typer.Option("--db", metavar="URL", help="数据库地址；默认工作目录下 var/jixiao.db")]
Json = Annotated[bool, typer.Option("--json", help="只在标准输出打印一个 JSON 文档")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="输出文件夹")]
Units = Annotated[list[str] | None, typer.Option("--unit", metavar="CODE", help="只处理这些单位编码，可写多次")]
Answers = Annotated[
    Path | None, typer.Option("--answer", metavar="FILE", help="答复文件：文件或来源、问题、答复三列，供无人值守时用")
]
Run = Annotated[str, typer.Option("--run", metavar="RUN", help="运行编号；默认该年度最近一次完成的运行")]
Project = Annotated[str, typer.Option("--project", metavar="NAME", help="单位的哪个项目：全名，或其中几个字")]
Year = Annotated[int, typer.Argument(metavar="YEAR", help="预算年度，例如 2022", min=OLDEST_YEAR, max=NEWEST_YEAR)]
YearOption = Annotated[
    int | None, typer.Option("--year", help="预算年度（默认今年的上一年）", min=OLDEST_YEAR, max=NEWEST_YEAR)
]
