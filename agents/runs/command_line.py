"""From the command line and YAML files to a `RunConfig`; a fault is one sentence and exit status 2."""

import difflib
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import yaml
from jsonargparse import ArgumentParser, set_parsing_settings

from agents.registry import AGENTS, config_class
from agents.runs.config import EncoderRunConfig, RunConfig
from agents.runs.errors import RunError
from agents.runs.folder import RunFolder, default_folder

set_parsing_settings(docstring_parse_attribute_docstrings=True, instantiate_subclass_spec_in_any=False)

Config = TypeVar("Config", RunConfig, EncoderRunConfig)
Options = TypeVar("Options")
DEFAULT_AGENT = "dqn"
TYPE_WORDS = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'bool'>": "true or false",
    "<class 'str'>": "text",
    "<class 'tuple'>": "a list",
    "<class 'dict'>": "a dictionary",
    "<class 'NoneType'>": "null",
}


class OneSentenceParser(ArgumentParser):
    """An argument parser that answers a fault in one sentence, without the list of all options."""

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
    if literal := re.fullmatch(r"typing\.Literal\[(.*)\]", kinds):
        return f"{value!r} is not one of {literal[1]}"
    words = [TYPE_WORDS.get(kind, kind) for kind in kinds.split(", ")]
    return f"{value!r} is not {' or '.join(words)}"


def run_parser(config: type, description: str, agent: str | None = None) -> OneSentenceParser:
    """The parser of everything that a run can be told.

    Args:
        config: the record of the run, `RunConfig` or `EncoderRunConfig`.
        description: what the program does.
        agent: name of the run's agent, where it has one.

    Raises:
        ValueError: no agent has this name.
    """
    parser = OneSentenceParser(description=description)
    parser.add_argument("--config", action="config", help="YAML file with options; later ones win.")
    parser.add_class_arguments(config, skip={"agent"})
    if agent is not None:
        parser.add_class_arguments(config_class(agent), "agent")
    parser.add_argument("--resume", type=Path | None, help="Folder of a run to go on with; stands alone.")
    return parser


@dataclass(frozen=True)
class Request(Generic[Config]):
    """What a user asks a training program for."""

    config: Config
    options: str  # the resolved configuration as YAML
    folder: RunFolder
    resumes: bool


def parse_run(
    config: type[Config], parser: OneSentenceParser, arguments: Sequence[str]
) -> tuple[Config, str]:
    """The run that the arguments describe, and its resolved options as YAML.

    Raises:
        RunError: a fault in the arguments, in one sentence.
    """
    options = parser.parse_args(list(arguments))
    options.pop("resume")
    try:
        built = parser.instantiate(options)
        run = config(**{field.name: built[field.name] for field in fields(config)})
    except ValueError as fault:
        raise RunError(str(fault)) from fault
    return run, parser.dump(options, skip_unset=False)


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


def read_run(arguments: Sequence[str], default_config: Path, description: str) -> Request[RunConfig]:
    """The agent's training that a command line asks for, new or to be gone on with.

    Raises:
        RunError: a fault in the arguments or in the folder to resume, in one sentence.
    """
    if folder := _resumed(arguments):
        return Request(load_config(folder.config), folder.config.read_text(), folder, resumes=True)
    if not _values(arguments, "--config") and not _values(arguments, "--env.id"):
        arguments = ["--config", str(default_config), *arguments]
    parser = run_parser(RunConfig, description, checked_agent(arguments))
    config, options = parse_run(RunConfig, parser, arguments)
    return Request(config, options, _new_folder(config, config.agent.name), resumes=False)


def read_encoder_run(arguments: Sequence[str], description: str) -> Request[EncoderRunConfig]:
    """The encoder's training that a command line asks for, new or to be gone on with.

    Raises:
        RunError: a fault in the arguments or in the folder to resume, in one sentence.
    """
    folder = _resumed(arguments)
    parser = run_parser(EncoderRunConfig, description)
    given = ["--config", str(folder.config)] if folder else arguments
    config, options = parse_run(EncoderRunConfig, parser, given)
    return Request(config, options, folder or _new_folder(config, "perception"), resumes=folder is not None)


def _resumed(arguments: Sequence[str]) -> RunFolder | None:
    """The run to go on with, if the arguments name one."""
    if not any(argument.split("=")[0] == "--resume" for argument in arguments):
        return None
    resumed = _values(arguments, "--resume")
    if len(resumed) != 1 or len(arguments) > 2:
        raise RunError("--resume takes a run's folder and no other option: a run goes on as it began")
    folder = RunFolder(Path(resumed[0]))
    folder.require_run()
    return folder


def _new_folder(config: RunConfig | EncoderRunConfig, name: str) -> RunFolder:
    default = default_folder(config.env.id, name, config.seed, datetime.now())
    return RunFolder(config.run_dir or default)


def load_config(file: Path) -> RunConfig:
    """The configuration of a run that has been started.

    Raises:
        RunError: the file is no configuration of ours; says what does not fit.
    """
    arguments = ["--config", str(file)]
    try:
        parser = run_parser(RunConfig, "", checked_agent(arguments))
        return parse_run(RunConfig, parser, arguments)[0]
    except RunError as fault:
        raise RunError(f"{file} is not a run's configuration: {fault}") from fault


def chosen_agent(arguments: Sequence[str]) -> str:
    """The agent's name: from the command line, else from the last YAML file that names one.

    Raises:
        RunError: a file is not YAML.
    """
    if named := _values(arguments, "--agent.name"):
        return named[-1]
    for file in reversed(_values(arguments, "--config")):
        agent = _agent_of(Path(file))
        if agent is not None:
            return agent
    return DEFAULT_AGENT


def checked_agent(arguments: Sequence[str]) -> str:
    """The chosen agent's name.

    Raises:
        RunError: there is no agent of that name, or a file is not YAML.
    """
    agent = chosen_agent(arguments)
    if agent in AGENTS:
        return agent
    close = difflib.get_close_matches(agent, AGENTS, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(AGENTS))}"
    raise RunError(f"agent.name is {agent!r}; {hint}")


def _values(arguments: Sequence[str], option: str) -> list[str]:
    """Values given to an option, as `--option value` or `--option=value`."""
    following = [value for name, value in pairwise(arguments) if name == option]
    joined = [name.split("=", 1)[1] for name in arguments if name.startswith(f"{option}=")]
    return following + joined


def _agent_of(file: Path) -> str | None:
    """The agent that a YAML file names. A file that is not there is left to the parser, which tells it."""
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError:
        return None
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise RunError(f"{file} is not YAML: {fault.problem} in line {line}") from fault
    except (UnicodeDecodeError, yaml.YAMLError) as fault:
        raise RunError(f"{file} is not YAML: it is not text") from fault
    agent = content.get("agent") if isinstance(content, dict) else None
    name = agent.get("name") if isinstance(agent, dict) else None
    return name if isinstance(name, str) else None


def exit_status(program: Callable[[], None]) -> int:
    """Carry a program out; what ends it early is printed as one sentence, and told by the status."""
    try:
        program()
    except RunError as fault:
        sys.stderr.write(f"{fault}\n")
        return fault.status
    return 0
