"""From the command line and YAML files to a `RunConfig`; a fault is one sentence and exit status 2."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from agents.registry import AGENTS, config_class
from agents.runs.config import EncoderRunConfig, RunConfig
from agents.runs.errors import RunError
from agents.runs.folder import RunFolder, default_folder
from agents.runs.parser import OneSentenceParser

Config = TypeVar("Config", RunConfig, EncoderRunConfig)
DEFAULT_AGENT = "dqn"
SECTIONS = {"env", "agent", "perception", "train", "evaluate", "track"}


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
    try:
        options = parser.parse_args(list(arguments))
        options.pop("resume")
        built = parser.instantiate(options)
        run = config(**{field.name: built[field.name] for field in fields(config)})
    except (ValueError, TypeError) as fault:
        raise RunError(str(fault)) from fault
    return run, parser.dump(options, skip_unset=False)


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
        if _agent_of(file) is None:
            raise RunError("it names no agent")
        parser = run_parser(RunConfig, "", checked_agent(arguments))
        return parse_run(RunConfig, parser, arguments)[0]
    except RunError as fault:
        told = str(fault).replace(f"{file} ", "it ", 1)
        raise RunError(f"{file} is not a run's configuration: {told}") from fault


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
        RunError: there is no agent of that name, a file is a recipe for another one, or is not YAML.
    """
    agent = chosen_agent(arguments)
    if agent not in AGENTS:
        close = difflib.get_close_matches(agent, AGENTS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(AGENTS))}"
        raise RunError(f"agent.name is {agent!r}; {hint}")
    for file in _values(arguments, "--config"):
        other = _agent_of(Path(file))
        if other not in (None, agent):
            wanted = f"for {agent} give --env.id, or a --config of its own"
            raise RunError(f"{file} is a recipe for {other}, with that agent's options; {wanted}")
    return agent


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
    if not isinstance(content, dict):
        raise RunError(f"{file} must hold options, such as seed: 0; it holds {content!r}")
    for section in SECTIONS & content.keys():
        if not isinstance(content[section], dict):
            raise RunError(f"{file} must hold options under {section}; it holds {content[section]!r}")
    name = content.get("agent", {}).get("name")
    return name if name is None else str(name)
