"""What MARS_IMAGES says."""

from __future__ import annotations

import pytest

from martian_moments.domain.moments import Sols
from martian_moments.domain.subscriptions import Rendition, Subscription, parse_subscriptions


def test_subscriptions_are_read_as_people_write_them() -> None:
    text = " perseverance FRONT_HAZCAM_LEFT_A last 30, Curiosity nav_left_b+NAV_RIGHT_B 100-200 gray bayer small "
    text += ",spirit PANCAM all,"
    assert parse_subscriptions(text) == (
        Subscription("perseverance", ("FRONT_HAZCAM_LEFT_A",), Sols(last=30)),
        Subscription("curiosity", ("NAV_LEFT_B", "NAV_RIGHT_B"), Sols(100, 200), ("gray", "bayer"), Rendition.SMALL),
        Subscription("spirit", ("PANCAM",), Sols()),
    )
    assert parse_subscriptions("") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pathfinder CAM 1-2", "'pathfinder' is no rover"),
        ("curiosity", "does not say of which sols"),
        ("curiosity MAST", "does not say of which sols"),
        ("curiosity MAST 20-10", "write the lower sol first"),
        ("curiosity MAST 1 small full", "2 renditions"),
        ("curiosity MAST+ 1", "a camera's name is missing"),
        ("curiosity MAST 1 green", "does not say of which sols"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("'", ".")):
        parse_subscriptions(text)
