import pytest

from vision.schema import checked_schema, image_shape, schema_difference

SCHEMA = {
    "camera": {"image_size": (64, 64), "pitch": 0.1},
    "channels": 3,
    "classes": ("road",),
    "pose": ("lane_offset",),
    "pose_units": ("m",),
}


def test_tuples_and_lists_are_the_same_schema():
    checked = checked_schema(SCHEMA)
    assert checked["camera"]["image_size"] == [64, 64]
    assert schema_difference(checked, checked_schema(checked)) is None


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match="lacks channels; it needs camera"):
        checked_schema({key: value for key, value in SCHEMA.items() if key != "channels"})


def test_a_camera_without_image_size_is_refused():
    with pytest.raises(ValueError, match=r"lacks camera\.image_size"):
        checked_schema({**SCHEMA, "camera": {"pitch": 0.1}})


def test_units_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="has 1 pose numbers and 2 units"):
        checked_schema({**SCHEMA, "pose_units": ["m", "rad"]})


def test_the_shape_of_a_frame():
    assert image_shape(SCHEMA) == (64, 64, 3)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            {"camera": {"image_size": [84, 84], "pitch": 0.1}},
            "camera.image_size [64, 64], the environment gives [84, 84]",
        ),
        ({"camera": {"image_size": [64, 64]}}, "camera.pitch 0.1, the environment gives none"),
        ({"classes": ["road", "kerb"]}, 'classes ["road"], the environment gives ["road", "kerb"]'),
        ({"lens": "wide"}, 'lens none, the environment gives "wide"'),
    ],
)
def test_the_first_difference_is_named(change, difference):
    assert schema_difference(checked_schema(SCHEMA), checked_schema({**SCHEMA, **change})) == difference
