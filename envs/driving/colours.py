"""The colours of a look, as painting finds them."""

from envs.driving.compiling import kernel
from envs.driving.tracing import SKIN

# Colours of a look, each linear RGB in 0 … 255.
ZENITH, HAZE, HILL, GRASS_DARK, GRASS_LIGHT, ASPHALT, PAINT, KERB_RED, KERB_WHITE = range(9)
NUM_COLOURS = 9
LUMA = 3  # the channel of a colour that holds its gray


@kernel(inline="always")
def colour_of(floats, colour, channel):
    """One channel of one of the look's colours."""
    return floats[SKIN + 4 * colour + channel]


@kernel
def take_colours(look, floats):
    """Copy a `LOOK` record's colours into the buffer of floats."""
    for colour in range(NUM_COLOURS):
        for channel in range(4):
            floats[SKIN + 4 * colour + channel] = look.colours[colour, channel]
