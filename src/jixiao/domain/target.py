"""The language of targets and actuals: ``>=15000项``, ``不低于95%``, ``11月底前``, ``较显著`` read as typed values.

A small hand-written grammar. It never raises and never guesses: words it does not know stay ``qualitative``, several
numbers are ``compound``. What a pair of target and actual is worth is decided in scoring/completion.py.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from jixiao.domain.interval import Interval


class Operator(StrEnum):
    """How a value binds. ``~<`` is 近, ``>~`` is 余, ``~`` is 约."""

    AT_LEAST = ">="
    AT_MOST = "<="
    MORE = ">"
    LESS = "<"
    EQUAL = "="
    ABOUT = "~"
    JUST_BELOW = "~<"
    JUST_ABOVE = ">~"
    BETWEEN = "between"
    NOT_BETWEEN = "not_between"
    NONE = ""


class TargetKind(StrEnum):
    """What sort of value a text holds (CONTRACT §4)."""

    NUMBER = "number"
    PERCENT = "percent"
    DATE = "date"
    DATE_RANGE = "date_range"
    RANGE = "range"
    APPROX = "approx"
    COMPOUND = "compound"
    QUALITATIVE = "qualitative"
    RANK = "rank"
    BOOLEAN = "boolean"
    STATUS = "status"
    NOT_APPLICABLE = "not_applicable"
    BLANK = "blank"
    PLACEHOLDER = "placeholder"


@dataclass(frozen=True)
class Target:
    """A target or an actual as read.

    ``value`` is in plain decimals, ranges ``a..b``, several values joined by ``|``, dates as far as stated.
    ``number`` is the single number (percent: 95 for 95%); ``interval`` what a range or an approximate number may be,
    None for 超 which has no upper edge. ``first_day`` and ``last_day`` are the days that a date covers, None where no
    year is known. ``says_decline``: the text speaks of 下降 or 减少, so the number is no growth.
    """

    text: str
    operator: Operator
    value: str
    unit: str
    kind: TargetKind
    note: str = ""
    number: Decimal | None = None
    interval: Interval | None = None
    first_day: date | None = None
    last_day: date | None = None
    says_decline: bool = False

    def as_json(self) -> dict[str, str]:
        """The six fields of the contract."""
        return {
            "text": self.text,
            "operator": self.operator.value,
            "value": self.value,
            "unit": self.unit,
            "kind": self.kind.value,
            "note": self.note,
        }


# --- words of the language ------------------------------------------------------------------------------------------

GRADE_FAMILIES: tuple[tuple[str, ...], ...] = (
    ("高", "较高", "中", "低"),
    ("优秀", "良好", "一般", "差"),
    ("优", "良", "中", "差"),
    ("好", "较好", "一般", "差"),
    ("合格", "基本合格", "不合格"),
    ("达标", "基本达标", "不达标"),
    ("健全", "较健全", "基本健全", "不健全"),
    ("完善", "较完善", "基本完善", "不完善"),
    ("规范", "较规范", "基本规范", "不规范"),
    ("有效", "较有效", "基本有效", "无效"),
    ("及时", "较及时", "基本及时", "不及时"),
    ("显著", "较显著", "一般", "不显著"),
    ("明显", "较明显", "一般", "不明显"),
    ("满意", "较满意", "基本满意", "一般", "不满意"),
)
"""Qualitative scales, best word first; the last word is the negative end. Words of degree are in completion.py."""

_LOWER_WORDS_TEXT = (
    "成本 费用 投资 支出 控制率 控制数 变动率 调整率 结转 结余 受害率 成灾率 发生率 发病率 死亡率 事故 投诉 故障 差错 错误率 失误 "
    "返工 空置率 闲置率 流失率 破损率 失败率 违规 违法 违纪 逾期 超支 隐患 能耗 排放 污染 延误 响应时间 响应时长 复发率 信访 上访 "
    "负面舆情 扣分 浪费 漏报 误报 拖欠"
)
_LOWER_WORDS = tuple(_LOWER_WORDS_TEXT.split())
_COST_ENDINGS = ("费", "单价", "造价", "价格")
# 完成时限 and the like: how long it took; 完成 and 办结 in front of it do not turn it round.
_TIME_ENDINGS = ("时限", "工期", "响应时间", "响应时长", "办理时间", "办结时间", "完成时间")
_HIGHER_WORDS_TEXT = (
    "处理 处置 办结 修复 排除 排查 整改 化解 及时 完成 节约 节省 满意 覆盖 下降 降低 减少 达标 招商 引进 引资 吸引 带动 撬动 盘活 "
    "回复 答复 执行率 保障 公开 压减 治理 合规 规范 监测 准确 拉动 到位"
)
_HIGHER_WORDS = tuple(_HIGHER_WORDS_TEXT.split())


def lower_is_better(name: str) -> bool:
    """Whether an indicator of this name is the better the lower it is. Only for texts without an operator.

    An act upon the evil (投诉处理率, 隐患整改率, 能耗下降率) is the better the higher.
    """
    if name.rstrip("）)").endswith(_TIME_ENDINGS):
        return True
    costs = any(word in name for word in _LOWER_WORDS) or name.rstrip("）)").endswith(_COST_ENDINGS)
    return costs and not any(word in name for word in _HIGHER_WORDS)


_UNIT_WORDS_TEXT = (
    "元 万元 亿元 千元 百万元 千万元 美元 万美元 亿美元 欧元 港元 % ‰ 百分比 个百分点 百分点 "
    "项 项次 项目 个 小类 大类 类 家 家次 户 户次 人 人次 人·次 人天 人日 名 位 员 件 件次 份 份次 场 场次 次 批 批次 期 篇 条 条次 部 套 台 台套 "
    "台次 辆 辆次 架 架次 所 只 头 株 棵 栋 幢 间 座 处 块 片 面 支 根 盏 把 张 册 本 卷 幅 首 集 档 种 例 起 宗 笔 单 组 队 "
    "班 班次 节 课时 学时 门 层 孔 口 眼 米 延米 延长米 厘米 毫米 分米 千米 公里 里 海里 M m cm mm km KM 亩 万亩 公顷 平方米 平方公里 平方千米 "
    "㎡ m² m2 立方米 方 m³ m3 ㎥ 升 毫升 L 吨 千克 公斤 克 斤 kg KG 微克 毫克 千瓦 兆瓦 千瓦时 度 kW kWh 吨标准煤 "
    "小时 分钟 秒 天 日 工作日 个工作日 周 个月 月 季度 个季度 年 周年 年度 周岁 岁 TB GB MB KB 兆 G Mbps 分贝 分 星 级 倍 "
    "点 平米 方米 ℃ 摄氏度 床 张床 车次 车 船 艘 枚 桶 瓶 袋 箱 包 盒 樘 对 双 款 版 字 万字 页 站 路 线 团 村 镇 户数 人数 户家庭"
)
_UNIT_WORDS = tuple(_UNIT_WORDS_TEXT.split())
_PHYSICAL_FACTOR_UNITS = "万元|亿元|万美元|亿美元|千万元|百万元|千元|万亩|万字"
_BASE_UNIT = "|".join(re.escape(u) for u in sorted(set(_UNIT_WORDS), key=lambda u: (-len(u), u)))
# A composite: 元/人·月, 次/年, 微克/立方米. Behind the slash any short word will do. Atomic, so that a hostile
# text such as /人/人/人… cannot make the search explode.
_UNIT = rf"(?:{_BASE_UNIT})(?:(?:/|[*·•](?=[人户月年天日次亩株]))(?>{_BASE_UNIT}|[一-鿿A-Za-z]{{1,3}}(?![一-鿿A-Za-z]))){{0,3}}+"

_SYMBOLS = str.maketrans(
    {
        "≥": ">=", "≧": ">=", "⩾": ">=", "≮": ">=", "≤": "<=", "≦": "<=", "⩽": "<=", "≯": "<=", "﹥": ">", "﹤": "<",
        "═": "=", "﹦": "=", "﹪": "%", "％": "%", "≈": "~", "∼": "~", "〜": "~", "−": "-", "‐": "-", "‑": "-",
        "–": "—", "―": "—", "\u3000": " ", "\xa0": " ", "。": ".", "﹣": "-", "·": "·", "‧": "·", "・": "·",
    }
)  # fmt: skip
_FULLWIDTH = str.maketrans({chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)})
_ENTITIES = (("&gt;", ">"), ("&lt;", "<"), ("&ge;", ">="), ("&le;", "<="), ("&amp;", "&"))

_LONGEST_TEXT = 300  # a cell longer than this is prose; it is not searched for a value
_READ_CHARS = 2 * _LONGEST_TEXT  # no more of a hostile cell is looked at; what is longer is prose
_MOST_DIGITS = 24  # more digits than any amount has: a code or hostile text
_CJK = "[一-鿿]"
_CN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}


def _readable(text: str) -> str:
    """The text in one spelling: half-width, ASCII operators, no control characters, no spaces within an expression."""
    s = text[:_READ_CHARS].translate(_FULLWIDTH).translate(_SYMBOLS)
    for entity, char in _ENTITIES:
        s = s.replace(entity, char)
    s = re.sub(r"[\r\n]+", ";", s.strip())
    s = "".join(c for c in s if c.isprintable())
    s = re.sub(r"(?<=\d)\s+(?=\d)", ";", s)  # two numbers, never one
    s = re.sub(r"\s+", "", s)
    s = s.replace("=>", ">=").replace("=<", "<=").replace("==", "=")
    s = re.sub(r"([<>])\.?=", r"\1=", s)
    s = re.sub(r"(?<=[人场户批家件份期台辆])\(次\)", "次", s)
    s = re.sub(r"(?<=\d)\(([一-鿿]{1,4})\)", r"\1", s)  # 10（人次）
    s = re.sub(r"(?:(?<=^)|(?<=[<>=]))\+(?=\d)", "", s)
    return s.rstrip(".;,、!") if re.match(r"[.,]\d", s) else s.strip(".;,、!")


# --- closed kinds ---------------------------------------------------------------------------------------------------

_NOT_APPLICABLE = re.compile(r"(?:无|没有|不涉及|不适用|未涉及|/+|\\+|—+|-+|~|N/?A|n/a|不考核|无此项)")
_BOOLEAN = re.compile(
    r"(?:是|否|[√✓×✗]|(?:验收|评审|审核|审计|考核|审查|检查|鉴定)?(?:已|未|不|全部)?通过(?:验收|评审|审核|考核|审查)?)"
)
_STATUS = re.compile(
    r"(?:均?已|均|全部|全面|基本|部分|大部分|未|尚未|没有|未全部|未能)*(?:完成|达成|达到|实现)了?"
    r"(?:了|全部|全年|年度|年初|当年|本年|预期|预定|既定|设定|绩效|计划|工作|总体)*(?:指标值?|目标值?|任务|计划|效果|要求)?"
    r"(?:[,并且]*(?:具有一定效果|效果较差))?"
)
_PLACEHOLDER = re.compile(
    r"(?P<op>>=|<=|[<>=])?(?:[^\d<>=]{0,8}?)(?:[*×]{1,}|[Xx]{2,}|[Xx](?=[%‰一-鿿])|_{1,}|□+|\(\)|…+|\.{3,}|\?+|待定|待填|待补充|待报)(?P<rest>[^\d]{0,6})"
)
_RANK = re.compile(
    r"(?P<before>[^\d<>=]{0,14}?)(?P<op>>=|<=|[<>=])?(?:"
    r"(?P<front>前)(?P<n>\d{1,3}|[一二三四五六七八九十])(?P<unit>名|位|%)?"
    r"|(?:(?<=排名)第?|(?<=位列)第?|(?<=名列)第?|(?<=位居)第?|(?<=[全本][省市县区国])第)(?P<k>\d{1,3}|[一二三四五六七八九十])(?P<spot>名|位)?"
    r"|第(?P<m>\d{1,3}|[一二三四五六七八九十])(?P<place>名|位)"
    r")(?P<after>以内|之内|内|以上|及以上)?(?P<tail>[^\d]{0,8})"
)
_RANK_WORDS = re.compile(r"排名|名列|位列|位居|居|排|名次|进入|列|获|省|市|县|区|国|位于|评|$")


def _small_chinese_number(text: str) -> int | None:
    """一 … 九十九, 百; None where the text is no such number."""
    if text == "百":
        return 100
    match = re.fullmatch(r"([一二三四五六七八九两])?十([一二三四五六七八九])?", text)
    if match:
        return (_CN_DIGITS[match[1]] if match[1] else 1) * 10 + (_CN_DIGITS[match[2]] if match[2] else 0)
    return _CN_DIGITS.get(text)


# --- dates ----------------------------------------------------------------------------------------------------------

_Y = r"(?P<y>(?:19|20)\d\d)"
_DATE_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        _Y + r"年(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]?(?!\d)",
        _Y + r"(?P<sep>[-./])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})日?(?![\d.%])",
        _Y + r"年度?(?P<m>\d{1,2})月份?(?P<end>底|末|[上中下]旬)?(?!\d)",
        _Y + r"[-./](?P<m>0[1-9]|1[0-2])(?P<end>月底|月末)?(?![\d.%一-鿿])",
        r"(?<!\d)(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]",
        r"(?<!\d)(?P<m>\d{1,2})月(?P<d>\d{1,2})(?=前|之前|以前|$)",
        r"(?<![\d.])(?P<m>1[0-2]|0?[1-9])\.(?P<d>\d{1,2})(?=前|之前|以前)",
        r"(?<!\d)(?P<m>\d{1,2})月份?(?P<end>底|末|[上中下]旬)?(?!\d)",
        rf"(?:{_Y}年度?)?(?P<half>上半年|下半年)",
        rf"(?:{_Y}年度?)?第?(?P<q>[1-4一二三四])季度(?:底|末)?",
        rf"(?:{_Y}年?|当年|本年|全年|年)(?:度)?(?P<ye>底|末|内|终)",
        rf"{_Y}年度?",
    )
)
_BEFORE = r"(?P<suf>(?:之前|以前|前|之内|以内|内)|(?P<after>之后|以后|后|起))"
_DONE_WORDS = re.compile(
    r"(?:份|全部|全面|已|均|按时|如期|基本|正式|并|前|[,;])*"
    r"(?:完成|完工|竣工|验收|交付|投入|投用|开工|到位|启动|实施|发放|支付|执行|建成|结束|上线|报送|印发)[^\d]{0,12}"
)
_TIME_WORDS = re.compile(
    r"(?:(?:完成|完工|竣工|验收|交付|项目|工程|工作|服务|建设|计划|预计|发放|支付|开工|建成|实施)*"
    r"(?:时间|时限|期限|日期|周期)?(?:不晚于|不迟于|不超过|截至|截止到?|于|在|为|至|到|预计|计划|均|[:,])*)"
)
_LATEST_WORDS = re.compile(r"不晚于|不迟于|不超过")


@dataclass(frozen=True)
class _Day:
    """A date as far as stated, and the days that it covers."""

    value: str
    unit: str
    first: date | None
    last: date | None


def _days(
    *, stated: int | None, year: int | None, months: tuple[int, int], day: int | None
) -> tuple[date, date] | None:
    y = stated or year or 2000  # a leap year, for checking 2月29日 only: the caller drops it where no year is known
    try:
        last = calendar.monthrange(y, months[1])[1] if day is None else day
        return date(y, months[0], day or 1), date(y, months[1], last)
    except (ValueError, IndexError):  # calendar.IllegalMonthError is a ValueError
        return None


_TEN_DAYS = {"上旬": 10, "中旬": 20}  # 下旬 ends with the month


def _day_of(match: re.Match[str], year: int | None) -> _Day | None:
    found = match.groupdict()
    stated = int(found["y"]) if found.get("y") else None
    prefix = f"{stated}-" if stated else ""
    unit, ending, day = "", False, None
    if found.get("half"):
        months = (1, 6) if found["half"] == "上半年" else (7, 12)
        ending = True
    elif found.get("q"):
        quarter = _small_chinese_number(found["q"]) or int(found["q"])
        months = (3 * quarter - 2, 3 * quarter)
        ending = True
    elif found.get("m"):
        months = (int(found["m"]), int(found["m"]))
        day = int(found["d"]) if found.get("d") else _TEN_DAYS.get(found.get("end") or "")
        ending = bool(found.get("end"))
    else:
        months = (1, 12)
        ending = bool(found.get("ye"))
    covered = _days(stated=stated, year=year, months=months, day=day)
    if covered is None:
        return None
    first, last = covered
    if not (stated or year) and months[1] == 2 and day is None:
        last = last.replace(day=28)
    if day is not None:
        value = f"{prefix}{first:%m-%d}"
    elif ending:
        value = f"{prefix}{last:%m-%d}"
        if found.get("end"):
            first = last
    elif found.get("m"):
        value, unit = (f"{prefix}{first:%m}", "") if stated else (str(months[0]), "月")
    else:
        value = str(stated)
    known = bool(stated or year)
    return _Day(value, unit, first if known else None, last if known else None)


def _deadline(prefix: str, suffix: re.Match[str] | None) -> Operator:
    if suffix:
        return Operator.AT_LEAST if suffix["after"] else Operator.AT_MOST
    symbol = re.search(r"(>=|<=|[<>=])$", prefix)
    if symbol:
        return Operator(symbol[1])
    return Operator.AT_MOST if _LATEST_WORDS.search(prefix) else Operator.NONE


def _read_date(text: str, s: str, year: int | None) -> Target | None:
    for shape in _DATE_SHAPES:
        match = shape.search(s)
        if not match:
            continue
        prefix, rest = s[: match.start()], s[match.end() :]
        if re.search(r"\d", prefix + rest) or prefix.endswith(("-", "+")):
            continue
        suffix = re.match(_BEFORE, rest)
        tail = rest[suffix.end() :] if suffix else rest
        only_year = not (set(match.groupdict()) - {"y"})
        words = re.sub(r"(>=|<=|[<>=])$", "", prefix)
        if not _TIME_WORDS.fullmatch(words) and not ((suffix or not tail) and len(words) <= 16 and not only_year):
            continue
        if tail and not suffix and not _DONE_WORDS.fullmatch(tail) and tail not in {"份", "完", "止"}:
            continue
        day = _day_of(match, year)
        if day is None:
            continue
        operator = _deadline(prefix, suffix)
        if match.groupdict().get("ye") == "内" and operator is Operator.NONE:
            operator = Operator.AT_MOST
        return Target(text, operator, day.value, day.unit, TargetKind.DATE, first_day=day.first, last_day=day.last)
    return None


_SEP = r"(?:-+|—+|~|至|到)"
_RANGE_SHAPES = tuple(
    re.compile(rf"(?P<before>[^\d<>=]{{0,10}})(?:{shape})(?P<tail>[^\d]{{0,12}})")
    for shape in (
        (
            rf"(?P<y1>(?:19|20)\d\d)(?:年|[./-])(?P<m1>\d{{1,2}})(?:月|[./-])(?P<d1>\d{{1,2}})[日号]?{_SEP}"
            rf"(?:(?P<y2>(?:19|20)\d\d)(?:年|[./-]))?(?P<m2>\d{{1,2}})(?:月|[./-])(?P<d2>\d{{1,2}})[日号]?"
        ),
        rf"(?P<y1>(?:19|20)\d\d)(?:年|[./])(?P<m1>\d{{1,2}})月?份?{_SEP}(?P<y2>(?:19|20)\d\d)(?:年|[./])(?P<m2>\d{{1,2}})月?份?",
        rf"(?P<y1>(?:19|20)\d\d)年(?P<m1>\d{{1,2}})月?份?{_SEP}(?P<m2>\d{{1,2}})月份?",
        rf"(?P<m1>\d{{1,2}})月(?P<d1>\d{{1,2}})[日号]{_SEP}(?P<m2>\d{{1,2}})月(?P<d2>\d{{1,2}})[日号]",
        rf"(?P<m1>\d{{1,2}})月?份?{_SEP}(?P<m2>\d{{1,2}})月份?",
        rf"(?P<y1>(?:19|20)\d\d)年?{_SEP}(?P<y2>(?:19|20)\d\d)(?:学年|年度?)",
    )
)


def _read_date_range(text: str, s: str, year: int | None) -> Target | None:
    for shape in _RANGE_SHAPES:
        match = shape.fullmatch(s)
        if not match:
            continue
        g = {key: value for key, value in match.groupdict().items() if value}
        y1 = int(g["y1"]) if "y1" in g else None
        y2 = int(g["y2"]) if "y2" in g else y1
        m1, m2 = int(g.get("m1", 1)), int(g.get("m2", 12))
        first = _days(stated=y1, year=year, months=(m1, m1), day=int(g["d1"]) if "d1" in g else None)
        last = _days(stated=y2, year=year, months=(m2, m2), day=int(g["d2"]) if "d2" in g else None)
        if first is None or last is None or last[1] < first[0]:
            continue
        form = "%m-%d" if "d1" in g else "%m"
        if "m1" not in g:
            values = (str(y1), str(y2))
        else:
            values = (
                (f"{y1}-" if y1 else "") + first[0].strftime(form),
                (f"{y2}-" if y2 else "") + last[1].strftime(form),
            )
        unit = ""
        if y1 is None and "d1" not in g:
            values, unit = (str(m1), str(m2)), "月"
        known = bool(y1 or year)
        return Target(
            text,
            Operator.BETWEEN,
            "..".join(values),
            unit,
            TargetKind.DATE_RANGE,
            first_day=first[0] if known else None,
            last_day=last[1] if known else None,
        )
    return None


# --- quantities -----------------------------------------------------------------------------------------------------

_OP_WORDS: tuple[tuple[str, Operator], ...] = (
    (r"(?:应|须|要)?不(?:得|应)?(?:少于|低于|小于|短于)|至少|最少|(?:大于|多于|高于)或?等于", Operator.AT_LEAST),
    (
        r"(?:应|须|要)?(?:不(?:得|应)?(?:超过|高于|大于|多于|超出|长于)|不超|未超过|未超|至多|最多|最高|(?:小于|少于|低于)或?等于)",
        Operator.AT_MOST,
    ),
    (r"(?:严格)?控制(?:在)?(?:到)?", Operator.AT_MOST),
    (r"大于|多于|高于|超过", Operator.MORE),
    (r"小于|少于|低于|不足|不到|未达到?", Operator.LESS),
    (r"(?:力争|需|应|须|要)?(?:达到|达)", Operator.AT_LEAST),
    (r"等于", Operator.EQUAL),
    (r"大约|约为|约|≈|大概|~", Operator.ABOUT),
    (r"将近|接近|近", Operator.JUST_BELOW),
    (r"超|逾|突破", Operator.MORE),
    (r">=", Operator.AT_LEAST),
    (r"<=", Operator.AT_MOST),
    (r">", Operator.MORE),
    (r"<", Operator.LESS),
    (r"=", Operator.EQUAL),
)
_PRE = tuple((re.compile(rf"(?:{words})[为了:]*\(?$"), operator) for words, operator in _OP_WORDS)
_APPROX_BEFORE = re.compile(r"(?:大约|约为|约|大概|~|将近|接近|近|(?<!不)超|逾|突破)[为了]?$")
_POST = (
    (re.compile(r"(?:\(含\)|\(含[^)]{0,8}\))?(?:\(?(?:及|或|含)?\)?以上|起步)(?:\(含[^)]{0,8}\))?"), Operator.AT_LEAST),
    (re.compile(r"(?:\(含\)|\(含[^)]{0,8}\))?(?:及|或)?以下(?:\(含[^)]{0,8}\))?"), Operator.AT_MOST),
    (re.compile(r"(?:之内|以内|内(?![容部外涵科]))"), Operator.AT_MOST),
    (re.compile(r"(?:左右|上下)"), Operator.ABOUT),
)
_MORE_THAN = r"(?P<{0}>余|多(?!媒|样|功|元))?"
_QUANTITY = re.compile(
    r"(?<![A-Za-z\d.])(?P<n>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|\d+(?:\.\d+)?)(?![\d]|\.\d)"
    + _MORE_THAN.format("more1")
    + rf"(?:(?P<whole>(?:{_PHYSICAL_FACTOR_UNITS})(?:/{_UNIT})?)|(?P<scale>[万亿]|千(?![克米瓦卡伏])|百(?!分))?"
    + _MORE_THAN.format("more2")
    + rf"(?P<unit>{_UNIT})?)"
)
_SCALES = {"千": 1000, "百": 100, "万": 10_000, "亿": 100_000_000}
# A short unknown word that ends the text or stands before 以上/以内 is a unit all the same: 12樘, 6幕.
_OTHER_UNIT = re.compile(
    r"(?:(?![以及之内前后底余约左上全当本每多完覆达均且和与并或的至到为通不未无已])[一-鿿]){1,3}(?=$|[;,()]|以上|及以上|以下|以内|之内|左右)"
)
_MASKED = (
    re.compile(r"《[^》]*》|〔[^〕]*〕|\[\d{4}\]|第\d+[号条款期届批次季]|\d+号(?:文|令|楼|线)?"),
    re.compile(r"(?<![A-Za-z\d])[A-Za-z][A-Za-z/_-]*\d[\d.]*|(?<!\d)[2-6]G(?![A-Za-z])"),
    re.compile(r"(?:19|20)\d\d-(?:19|20)\d\d(?:学年|年度?)|(?:19|20)\d\d(?:学年|年)度?(?!\d)"),
    re.compile(r"(?<=\(含)[\d.]+(?=[^)]{0,4}\))"),
    re.compile(r"(?:(?<=^)|(?<=[;,]))[(]?\d{1,2}(?:[)、]|\.(?!\d))(?=[^\d%‰])"),
)
_DECLINE = re.compile(r"下降|降低|减少|压减|缩减|负增长|下浮|降幅")
_NEGATED = re.compile(r"(?:不发生|不出现|未发生|未出现|杜绝|没有|无)[^,;]{0,6}$")


@dataclass(frozen=True)
class _Quantity:
    """One number of a text with its scale, unit and operator, and where it stands.

    ``step`` is the value of its last digit that is not 0, ``place`` that of its last digit written.
    """

    start: int
    end: int
    number: Decimal
    step: Decimal
    place: Decimal
    unit: str
    operator: Operator
    approx: bool

    @property
    def percent(self) -> bool:
        return self.unit in {"%", "‰"}


def plain(number: Decimal) -> str:
    """A number in plain decimals without trailing zeros."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _unit_name(unit: str) -> str:
    return "%" if unit == "百分比" else unit.replace("*", "·").replace("•", "·")


def _masked(s: str) -> str:
    """Numbers that are names (第3批, 〔2020〕10号, PM2.5, 2022年度) blotted out, every other character in its place."""
    for pattern in _MASKED:
        s = pattern.sub(lambda m: "#" * len(m[0]), s)
    return s


def _place(digits: str) -> Decimal:
    return Decimal(1).scaleb(-len(digits.partition(".")[2]))


def _step(digits: str) -> Decimal:
    return _place(digits) if "." in digits else Decimal(1).scaleb(len(digits) - len(digits.rstrip("0") or digits))


def _pre_operator(before: str) -> Operator:
    return next((operator for pattern, operator in _PRE if pattern.search(before)), Operator.NONE)


_FAR = re.compile(r"(?P<op>>=|<=|[<>=]|不(?:得)?(?:超过|高于|大于|低于|少于|小于)|控制在|至少|至多)[一-鿿]{1,8}$")


def _far_operator(before: str) -> Operator:
    """An operator with a noun between it and the number: 不超过预算 100万元."""
    match = _FAR.search(before)
    return _pre_operator(match["op"]) if match else Operator.NONE


def _agree(pre: Operator, post: Operator) -> Operator | None:
    """One operator of two; None where they point to different sides."""
    if Operator.NONE in {pre, post} or pre is post:
        return pre or post
    up, down = {Operator.AT_LEAST, Operator.MORE}, {Operator.AT_MOST, Operator.LESS}
    return pre if {pre, post} <= up or {pre, post} <= down else None


def _post_operator(after: str) -> tuple[Operator, int]:
    """The operator behind a value and how long it is written."""
    for pattern, operator in _POST:
        match = pattern.match(after)
        if match:
            return operator, match.end()
    return Operator.NONE, 0


def _sign(s: str, start: int) -> int | None:
    """-1 where a minus stands before the number, None where the dash may be anything."""
    if not start or s[start - 1] not in "-—":
        return 1
    if s[start - 1] == "-" and (start == 1 or s[start - 2] in "<>=~;,(:"):
        return -1
    return None


def _quantity(s: str, m: re.Match[str]) -> _Quantity | None:
    """One number, None where it cannot be said."""
    digits = m["n"].replace(",", "")
    start, end = m.start(), m.end()
    sign = _sign(s, start)
    if sign is None or len(digits) > _MOST_DIGITS or re.match(r"0\d", digits):
        return None
    start -= sign < 0
    scale, unit = m["scale"] or "", m["whole"] or m["unit"] or ""
    other = None if unit else _OTHER_UNIT.match(s, end)
    if other:
        unit, end = other[0], other.end()
    factor = _SCALES.get(scale, 1)
    if scale in {"万", "亿"} and not unit:
        unit, factor = scale, 1
    pre, (post, post_length) = _pre_operator(s[:start]) or _far_operator(s[:start]), _post_operator(s[end:])
    approx = bool(_APPROX_BEFORE.search(s[:start])) or post is Operator.ABOUT
    odd = re.match(r"余|多(?!个)", s[end:])
    operator = _agree(pre, post)
    if m["more1"] or m["more2"] or odd:
        operator = Operator.JUST_ABOVE if pre is post is Operator.NONE else None
        approx, post_length = True, post_length or (1 if odd else 0)
    if operator is None:
        return None
    return _Quantity(
        start=start,
        end=end + post_length,
        number=sign * Decimal(digits) * factor,
        step=_step(digits) * factor,
        place=_place(digits) * factor,
        unit=_unit_name(unit),
        operator=operator,
        approx=approx,
    )


def _interval(q: _Quantity) -> Interval | None:
    """What an approximate number may be: 600余 [600, 700), 近 (0.9 n, n), 约 ± half of the last place; 超 has no end."""
    n = Fraction(q.number)
    if q.operator is Operator.JUST_ABOVE:
        return Interval(n, n + Fraction(q.step), open_high=True)
    if q.operator is Operator.JUST_BELOW:
        return Interval(min(n, n * 9 / 10), max(n, n * 9 / 10), open_high=True)
    if q.operator is Operator.ABOUT:
        return Interval(n - Fraction(q.place) / 2, n + Fraction(q.place) / 2)
    return None


_BOTH_SIDES = re.compile(
    rf"(?P<a>-?\d+(?:\.\d+)?)(?P<ua>{_UNIT})?(?P<opa><=|<)[^\d<>=]{{0,12}}(?P<opb><=|<)(?P<b>-?\d+(?:\.\d+)?)(?P<ub>{_UNIT})?"
)
_NUMBER_RANGE = re.compile(
    rf"(?P<before>[^\d<>=±]{{0,16}}?)(?P<a>-?\d+(?:\.\d+)?)(?P<sa>[万亿](?!元|美元|亩))?(?P<ua>{_UNIT})?(?:{_SEP})"
    rf"(?P<b>-?\d+(?:\.\d+)?)(?P<sb>[万亿](?!元|美元|亩))?(?P<ub>{_UNIT}|{_CJK}{{1,3}}(?=$|之间|以?内|范围|以外|之外))?"
    rf"(?P<after>之间|范围内|范围|以?内|以外|之外)?(?P<tail>[^\d<>=]{{0,10}})"
)
_PLUS_MINUS = re.compile(
    rf"(?P<before>[^\d±]{{0,16}}?)(?P<c>\d+(?:\.\d+)?)?(?P<uc>{_UNIT})?(?:±|\+/-|\+-)(?P<n>\d+(?:\.\d+)?)(?P<unit>{_UNIT})?(?P<tail>[^\d<>=]{{0,10}})"
)
_OUTSIDE = re.compile(r"不在|超出|不属于|以外|之外")


def _finite(number: str) -> Decimal | None:
    """A number of a range; None for a code such as 007 or one too long."""
    return None if re.match(r"-?0\d", number) or len(number) > _MOST_DIGITS else Decimal(number)


def _between(text: str, low: Decimal, high: Decimal, unit: str, *, operator: Operator = Operator.BETWEEN) -> Target:
    return Target(
        text,
        operator,
        f"{plain(low)}..{plain(high)}",
        _unit_name(unit),
        TargetKind.RANGE,
        interval=Interval(Fraction(low), Fraction(high)),
    )


def _common_unit(*units: str | None) -> str | None:
    """The one unit of both ends, empty where neither has any, None where they differ."""
    names = {_unit_name(unit) for unit in units if unit}
    return None if len(names) > 1 else "".join(names)


def _read_both_sides(text: str, s: str) -> Target | None:
    """90%<=完成率<=110%."""
    match = _BOTH_SIDES.fullmatch(s)
    if not match:
        return None
    low, high, unit = _finite(match["a"]), _finite(match["b"]), _common_unit(match["ua"], match["ub"])
    if low is None or high is None or unit is None or low > high:
        return None
    return _between(text, low, high, unit)


def _read_plus_minus(text: str, s: str) -> Target | None:
    """±10%, 100±5."""
    match = _PLUS_MINUS.fullmatch(s)
    if not match:
        return None
    width, centre = _finite(match["n"]), _finite(match["c"] or "0")
    unit = _common_unit(match["uc"], match["unit"])
    if width is None or centre is None or unit is None or match["before"].endswith(">"):
        return None
    outside = _OUTSIDE.search(match["before"] + match["tail"])
    operator = Operator.NOT_BETWEEN if outside else Operator.BETWEEN
    return _between(text, centre - width, centre + width, unit, operator=operator)


def _read_span(text: str, s: str) -> Target | None:
    """18—54周岁, 90-95%, 10万-20万. With an operator before or behind it is no range."""
    match = _NUMBER_RANGE.fullmatch(s)
    if not match or _POST[0][0].match(match["tail"]):
        return None
    if _pre_operator(match["before"]) is not Operator.NONE and "控制" not in match["before"]:
        return None
    low, high, unit = _finite(match["a"]), _finite(match["b"]), _common_unit(match["ua"], match["ub"])
    scale = match["sb"] or ""
    if low is None or high is None or unit is None or low >= high or match["sa"] not in {None, scale}:
        return None
    if scale and unit:
        low, high = low * _SCALES[scale], high * _SCALES[scale]
    outside = _OUTSIDE.search(match["before"] + (match["after"] or ""))
    operator = Operator.NOT_BETWEEN if outside else Operator.BETWEEN
    return _between(text, low, high, unit or scale, operator=operator)


def _read_rank(text: str, s: str) -> Target | None:
    match = _RANK.fullmatch(s)
    if not match or (match["front"] and not match["unit"] and not _RANK_WORDS.search(match["before"] or "")):
        return None
    if match["front"] and not match["unit"] and not match["before"] and match["tail"]:
        return None
    if re.search(r"[上之以目当提]$", match["before"]):  # 之前, 目前, 提前 3 …
        return None
    raw = match["n"] or match["m"] or match["k"]
    number = int(raw) if raw.isascii() else _small_chinese_number(raw)
    if number is None:
        return None
    operator = Operator.AT_MOST if match["front"] or match["after"] else Operator.NONE
    if match["op"]:
        operator = Operator(match["op"])
    unit = match["unit"] or match["place"] or match["spot"] or ""
    return Target(text, operator, str(number), unit, TargetKind.RANK, number=Decimal(number))


_CHINESE_QUANTITY = re.compile(
    rf"(?P<op>>=|<=|[<>=]|不少于|不低于|不超过|至少|每年|每月|每季度)?(?P<n>[零〇一二三四五六七八九两十百]{{1,3}})(?P<unit>{_BASE_UNIT})(?P<post>及?以上|以内|以下|内)?"
)
_CHINESE_PERCENT = re.compile(
    r"(?P<pre>不低于|不少于|不超过|不高于|达到)?百分之(?P<n>[一二三四五六七八九十百]{1,3})(?P<post>及?以上|以内|以下)?"
)


def _read_chinese(text: str, s: str) -> Target | None:
    """三场, 不少于两次, 百分之九十五以上: only where nothing else stands in the text."""
    match = _CHINESE_PERCENT.fullmatch(s)
    unit = "%"
    if not match:
        match = _CHINESE_QUANTITY.fullmatch(s)
        if not match or match["unit"] in {"点", "面", "线", "路", "口", "级", "方", "体", "门", "项目", "度", "日"}:
            return None
        unit = _unit_name(match["unit"])
    number = _small_chinese_number(match["n"])
    before = match.groupdict().get("op") or match.groupdict().get("pre") or ""
    operator = _agree(_pre_operator(before), _post_operator(match["post"] or "")[0])
    if number is None or operator is None:
        return None
    kind = TargetKind.PERCENT if unit == "%" else TargetKind.NUMBER
    return Target(text, operator, str(number), unit, kind, "数字为中文写法", number=Decimal(number))


_OCR_TWO_OR_FIVE = re.compile(r"[25](?:100|\d\d(?:\.\d+)?)%")


def doubtful_percentage(target: Target) -> bool:
    """Whether a bare percentage above 100 may be a misread ≥: 290% for ≥90%."""
    return target.operator is Operator.NONE and bool(_OCR_TWO_OR_FIVE.fullmatch(_readable(target.text)))


_EVERY = re.compile(r"^(?:每年|年均|每)|(?:每年|年均|每)$")
# A dash that may be a minus, or 二 and 三 that a machine read for = and ≡: no value is taken.
_NO_VALUE_BEFORE = re.compile(r"[—-]$|^[.,]$|^[二三]$|[^一-鿿][二三]$")
_CLOCK_UNITS = {"日", "天", "小时", "年", "周"}


def _one(text: str, s: str, q: _Quantity) -> Target | None:
    """A text with one number; None where the words around it make it no value."""
    before, after = s[: q.start], s[q.end :]
    for pattern, _ in _PRE:
        before = pattern.sub("", before)
    before = _FAR.sub(lambda m: m[0][len(m["op"]) :], before).removesuffix("为")
    words = re.sub(r"[(),;:.#]", "", _EVERY.sub("", before + after))
    if (words and not q.unit) or _NEGATED.search(before) or _NO_VALUE_BEFORE.search(before):
        return None
    if re.match(r"[<>=—-]", after) or (q.unit in _CLOCK_UNITS and re.match(r"之?前|以前|之?后|以后", after)):
        return None
    kind = TargetKind.APPROX if q.approx else TargetKind.PERCENT if q.percent else TargetKind.NUMBER
    note = f"“{words}”按说明文字，不作为数值" if words else ""
    if doubtful := _OCR_TWO_OR_FIVE.fullmatch(s):
        note = f"{doubtful[0]} 超过 100%，可能是“≥”被识别成数字，请核对原件"
    if len(_place_text(q)) > _FLOAT_DEBRIS:
        note = "小数位过长，疑为表格软件的浮点误差，请核对"
    return Target(
        text,
        q.operator,
        plain(q.number),
        q.unit,
        kind,
        note,
        number=q.number,
        interval=_interval(q) if q.approx else None,
        says_decline=bool(_DECLINE.search(words)),
    )


_FLOAT_DEBRIS = 10


def _place_text(q: _Quantity) -> str:
    return plain(q.number).partition(".")[2]


def _both_bounds(text: str, s: str, found: list[_Quantity]) -> Target | None:
    """>=90%且<=110%: two bounds of one unit with at most a word between them."""
    if len(found) != 2:
        return None
    low, high = sorted(found, key=lambda q: q.number)
    up, down = {Operator.AT_LEAST, Operator.MORE}, {Operator.AT_MOST, Operator.LESS}
    gap = s[found[0].end : found[1].start]
    for pattern, _ in _PRE:
        gap = pattern.sub("", gap)
    if low.operator not in up or high.operator not in down or low.unit != high.unit or s[: found[0].start].count(";"):
        return None
    if not re.fullmatch(r"[,;、]?(?:且|并且|同时|并|但)?", gap):
        return None
    return _between(text, low.number, high.number, low.unit)


def _read_numbers(text: str, s: str) -> Target | None:
    masked = _masked(s)
    found = [_quantity(masked, m) for m in _QUANTITY.finditer(masked)]
    if not found:
        return None
    known = [q for q in found if q is not None]
    if len(known) < len(found) or len(known) != len(re.findall(r"(?<![A-Za-z\d.])\d[\d.,]*", masked)):
        several = len(found) > 1
        kind = TargetKind.COMPOUND if several else TargetKind.QUALITATIVE
        return Target(text, Operator.NONE, "", "", kind, "数值写法无法确定，请人工确认")
    if len(known) == 1:
        one = _one(text, masked, known[0])
        return one or Target(text, Operator.NONE, "", "", TargetKind.QUALITATIVE, "含数字，但不是可比的数值")
    both = _both_bounds(text, masked, known)
    if both:
        return both
    units = [q.unit for q in known]
    operators = {q.operator for q in known}
    return Target(
        text,
        operators.pop() if len(operators) == 1 else Operator.NONE,
        "|".join(plain(q.number) for q in known),
        units[0] if len(set(units)) == 1 else "|".join(units),
        TargetKind.COMPOUND,
        "一格含多个目标，须逐项确认",
    )


_HALVES = re.compile(r"上半年|下半年|(?<!\d)\d{1,2}月份?(?:底|末)?|第?[一二三四1-4]季度")


def _read_milestones(text: str, s: str, year: int | None) -> Target | None:
    """6月份完成制作;9月份完成文本: each part has its own date."""
    parts = [part for part in re.split(r"[;,]", s) if part]
    if len(parts) < 2:
        return None
    dates = [_read_date("", re.sub(r"(?<=月份)完|(?<=月)完", "完", part), year) for part in parts]
    loose = [
        d
        or (
            _read_date("", head[0], year)
            if (head := _HALVES.match(part)) and not re.search(r"\d", part[head.end() :])
            else None
        )
        for d, part in zip(dates, parts, strict=True)
    ]
    known = [d for d in loose if d is not None]
    if len(known) < len(parts):
        return None
    units = {d.unit for d in known}
    operators = {d.operator for d in known}
    return Target(
        text,
        operators.pop() if len(operators) == 1 else Operator.NONE,
        "|".join(d.value for d in known),
        units.pop() if len(units) == 1 else "",
        TargetKind.COMPOUND,
        "一格含多个时间节点，须逐项确认",
    )


_DOTS = re.compile(r"[.…。*_]{2,}")


def _closed(text: str, s: str) -> Target | None:
    """The kinds that hold no value: blank, not applicable, boolean, status, placeholder; and prose too long to search."""
    raw = text.strip()
    kinds = (
        (not raw, TargetKind.BLANK),
        (_NOT_APPLICABLE.fullmatch(s or raw), TargetKind.NOT_APPLICABLE),
        (not s and _DOTS.fullmatch(raw), TargetKind.PLACEHOLDER),
        (not s, TargetKind.QUALITATIVE),
        (len(s) > _LONGEST_TEXT or len(text) > _READ_CHARS, TargetKind.QUALITATIVE),
        (_BOOLEAN.fullmatch(s), TargetKind.BOOLEAN),
        (_STATUS.fullmatch(s), TargetKind.STATUS),
    )
    for applies, kind in kinds:
        if applies:
            return Target(text, Operator.NONE, "", "", kind)
    hollow = _PLACEHOLDER.fullmatch(s)
    if not hollow:
        return None
    unit = re.match(_UNIT, hollow["rest"])
    note = "目标值未填写，仍是模板"
    return Target(text, Operator(hollow["op"] or ""), "", unit[0] if unit else "", TargetKind.PLACEHOLDER, note)


def parse_target(text: str, *, year: int | None = None) -> Target:
    """Read a target or an actual. ``year`` is the cycle's, for dates that state none.

    Never raises and never guesses: words are ``qualitative``, several numbers ``compound``.
    """
    s = _readable(text)
    return (
        _closed(text, s)
        or _read_rank(text, s)
        or _read_date_range(text, s, year)
        or _read_date(text, s, year)
        or _read_milestones(text, s, year)
        or _read_both_sides(text, s)
        or _read_plus_minus(text, s)
        or _read_span(text, s)
        or _read_numbers(text, s)
        or _read_chinese(text, s)
        or Target(text, Operator.NONE, "", "", TargetKind.QUALITATIVE)
    )
