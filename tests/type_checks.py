"""The checker that tests run `agents` and `vision` under: shapes and types of every call."""

from beartype import BeartypeConf, beartype

# An int is welcome where a float is asked for, as everywhere else in Python.
checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
