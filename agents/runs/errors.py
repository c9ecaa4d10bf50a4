"""What ends a run, said to its user."""


class RunError(Exception):
    """A run cannot start or go on; the message is one sentence for the user.

    Args:
        message: what is wrong, where, and what would be right.
        status: exit status of the program; 2 is bad input, 1 is a run that failed.
    """

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status


class InterruptedRunError(RunError):
    """The user asked the run to stop; it is saved. The message says how to go on."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=130)


def require(condition: bool, key: str, value: object, expected: str) -> None:
    """Raise one sentence that says where a bad value stands, what it is and what would be right."""
    if not condition:
        raise ValueError(f"{key} is {value!r}; it must be {expected}")
