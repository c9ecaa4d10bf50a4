"""A command line whose faults are one sentence each, and the exit status that goes with them."""

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import yaml
from jsonargparse import ArgumentParser, set_parsing_settings

from agents.runs.errors import RunError

set_parsing_settings(docstring_parse_attribute_docstrings=True, instantiate_subclass_spec_in_any=False)

Options = TypeVar("Options")
TYPE_WORDS = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'bool'>": "true or false",
    "<class 'str'>": "text",
    "<class 'tuple'>": "a list",
    "tuple[str": "a list such as '[a,b]'",
    "tuple[int": "a list such as '[0,1]'",
    "<class 'dict'>": "a dictionary",
    "<class 'NoneType'>": "null",
}


class OneSentenceParser(ArgumentParser):
    """An argument parser that answers a fault in one sentence, without the list of all options.

    An option is written in full: who reads the words for `--resume` or a name alone finds them.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def parse_args(self, args: Sequence[str] | None = None, *rest: Any, **settings: Any) -> Any:
        """The options. A word deep in a dictionary (--kwargs.camera.pitch 1) leaves those beside it alone."""
        words, deep = self._take_deep(list(sys.argv[1:] if args is None else args))
        options = super().parse_args(words, *rest, **settings)
        for key, outer, names, text in deep:
            inner, place = options[key], key
            *above, last = outer, *names.split(".")
            for name in above:
                inner, place = inner.setdefault(name, {}), f"{place}.{name}"
                if not isinstance(inner, dict):
                    self.error(f"{place} is {inner!r}; {names} has no place in it")
            inner[last] = _read(text)
        return options

    def _take_deep(self, words: list[str]) -> tuple[list[str], list[tuple[str, str, str, str]]]:
        """The words but those of a dictionary in a dictionary; and those: option, key, inner key, value."""
        dictionaries = [a.dest for a in self._actions if str(getattr(a, "_typehint", "")).startswith("dict")]
        pattern = re.compile(rf"--({'|'.join(map(re.escape, dictionaries)) or '(?!)'})\.([^.=]+)\.([^=]+)")
        others, deep = [], []
        rest = iter(words)
        for word in rest:
            name, equals, value = word.partition("=")
            if match := pattern.fullmatch(name):
                deep.append((*match.groups(), value if equals else next(rest, "")))
            else:
                others.append(word)
        return others, deep

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong, where and what would be right.

        Raises:
            RunError: always; the sentence, for the program to print.
        """
        raise RunError(self._sentence(message)) from ex

    def _sentence(self, message: str) -> str:
        unknown = _unknown_key(message)
        if unknown is not None:
            return f"there is no option {unknown}{self._suggestion(unknown)}"
        message = re.sub(r'Parser key "([^"]+)":?', r"\1:", " ".join(message.split()))
        message = re.sub(
            r"Does not validate .* Subtypes: \[(.+?)\] .*Given value: (.*)", _wrong_type, message
        )
        message = re.sub(r"Expected a (.+?)\. Got value: (.*)", _wrong_type, message)
        return message.rstrip(".")

    def _suggestion(self, unknown: str) -> str:
        """Options with the same last word, or nearly the same; those of the same section first."""
        if any(action.dest == unknown and not action.option_strings for action in self._actions):
            return f"; {unknown} stands without a name"
        known = sorted(
            action.dest for action in self._actions if not action.dest.endswith(("help", "config"))
        )
        section, _, word = unknown.rpartition(".")
        beside = [key for key in known if key.rpartition(".")[0] == section]
        candidates = [
            *difflib.get_close_matches(unknown, beside, n=1),
            *(key for key in known if key.rpartition(".")[2] == word),
            *difflib.get_close_matches(unknown, known, n=1),
        ]
        return f"; did you mean {' or '.join(dict.fromkeys(candidates))}?" if candidates else ""


def _read(text: str) -> Any:
    """The number, truth value or list that a text spells; else the text."""
    try:
        value = yaml.safe_load(text)
        return float(value) if isinstance(value, str) else value  # 1e-3 is a text to YAML
    except (yaml.YAMLError, ValueError):
        return text


def _unknown_key(message: str) -> str | None:
    """The key that no option has, where the parser's message is about one."""
    patterns = {
        r"unrecognized arguments: -*([^\s=]+)": "{0}",
        r"Group '([^']+)' does not accept option '([^']+)'": "{0}.{1}",
        r"Option '([^']+)' is not accepted": "{0}",
    }
    for pattern, key in patterns.items():
        if match := re.search(pattern, message):
            return key.format(*match.groups())
    return None


def _wrong_type(match: re.Match[str]) -> str:
    kinds, value = match.groups()
    if nested := re.match(r"[\"']?NestedArg\(key='([^']*)'", value):
        return f"there is no option {nested[1]} in it"
    if literal := re.fullmatch(r"typing\.Literal\[(.*)\]", kinds):
        return f"{value!r} is not one of {literal[1]}"
    words = [TYPE_WORDS.get(kind, kind) for kind in kinds.split(", ") if kind != "...]"]
    return f"{value!r} is not {' or '.join(words)}"


def parse_options(options_class: type[Options], arguments: Sequence[str], description: str) -> Options:
    """The record of a small program's options; its fields without a default are positional.

    Raises:
        RunError: a fault in the arguments, in one sentence.
    """
    parser = OneSentenceParser(description=description)
    parser.add_class_arguments(options_class, as_positional=True)
    try:
        return options_class(**vars(parser.instantiate(parser.parse_args(list(arguments)))))
    except ValueError as fault:
        raise RunError(str(fault)) from fault


def exit_status(program: Callable[[], None]) -> int:
    """Carry a program out; what ends it early is printed as one sentence, and told by the status."""
    try:
        program()
    except RunError as fault:
        sys.stderr.write(f"{fault}\n")
        return fault.status
    except OSError as fault:  # a folder that is none, a name that is too long, a disk that is full
        sys.stderr.write(f"{fault}\n")
        return 2
    except MemoryError as fault:
        sys.stderr.write(f"there is not enough memory: {fault}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return 130
    return 0
