import pytest

from vision.schema import checked_schema, schema_difference

SCHEMA = {
    "image_size": (64, 64),
    "channels": 3,
    "class_names": ("road",),
    "pose_names": ("lane_offset",),
    "camera": {"pitch": 0.1, "height": 1.3},
}


def test_tuples_and_lists_are_the_same_schema():
    checked = checked_schema(SCHEMA)
    assert checked["image_size"] == [64, 64]
    assert schema_difference(checked, checked_schema(checked)) is None


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match="lacks channels; it needs image_size"):
        checked_schema({key: value for key, value in SCHEMA.items() if key != "channels"})


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"image_size": [84, 84]}, "image_size [64, 64], the environment gives [84, 84]"),
        ({"camera": {"pitch": 0.2, "height": 1.3}}, "camera.pitch 0.1, the environment gives 0.2"),
        ({"camera": {"pitch": 0.1}}, "camera.height 1.3, the environment gives none"),
        ({"lens": "wide"}, 'lens none, the environment gives "wide"'),
    ],
)
def test_the_first_difference_is_named(change, difference):
    assert schema_difference(checked_schema(SCHEMA), checked_schema({**SCHEMA, **change})) == difference
