"""A development file: it must not get into a release."""

from kkt.items import Item


def test_an_item_has_a_name():
    assert Item(name="screw").name == "screw"
