"""Who answers for an indicator: the form's 责任科室, else the contact list's duties, else who leads."""

from __future__ import annotations

from collections.abc import Sequence

from jixiao.domain.books import Contact, Indicator
from jixiao.domain.names import comparable

UNIT_ITSELF = "单位负责人（未指定责任科室）"


def leading_owner(contacts: Sequence[Contact]) -> str:
    """Who leads where nobody is named: the first of the contact list; the unit itself where there is none."""
    return contacts[0].owner if contacts else UNIT_ITSELF


def owner_of(indicator: Indicator | None, contacts: Sequence[Contact]) -> str:
    """The owner of an indicator (None: of the unit as a whole).

    A duty is a word of an indicator's name, or the name of a first level; the longest match wins, a match in the
    name before one of the level.
    """
    if indicator is None:
        return leading_owner(contacts)
    if indicator.owner.strip():
        return indicator.owner.strip()
    name, level = comparable(indicator.name), comparable(indicator.level1)
    matches = [
        (comparable(duty) in name, len(comparable(duty)), -order, contact.owner)
        for order, contact in enumerate(contacts)
        for duty in contact.duties
        if comparable(duty) and (comparable(duty) in name or comparable(duty) == level)
    ]
    return max(matches)[3] if matches else leading_owner(contacts)
