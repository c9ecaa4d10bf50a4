"""Learning: agents written from formulas, and the loop that trains, saves and evaluates them."""
