"""年度重点任务: a task without a name or without what became of it."""

from __future__ import annotations

from expectations.suite import Suite, present
from jixiao.domain.findings import Severity

SUITE = Suite(
    table="key_tasks",
    chinese="年度重点任务表",
    subject="name",
    texts=("unit_code", "duty", "name", "completion"),
    checks=(
        present(
            table="key_tasks",
            column="name",
            column_name="任务名称",
            why="没有名称的重点任务无法核对完成情况",
            fix="请补填任务名称",
        ),
        present(
            table="key_tasks",
            column="completion",
            column_name="完成情况",
            why="没有填写完成情况，不能当作已完成",
            fix="请补填完成情况",
        ),
        present(
            table="key_tasks",
            column="duty",
            column_name="对应部门主要职责",
            why="没有对应的部门职责，看不出任务为何而设",
            fix="请补填对应的部门主要职责",
            severity=Severity.INFO,
        ),
    ),
)
