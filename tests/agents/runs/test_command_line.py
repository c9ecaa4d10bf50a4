from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from agents.runs.command_line import load_config, read_encoder_run, read_run
from agents.runs.config import RunConfig
from agents.runs.errors import RunError

DEFAULT = """
env: {id: Road-v0, num_envs: 32, kwargs: {obs: dict}}
agent: {name: dqn, learning_rate: 1e-4}
"""


@pytest.fixture
def default(tmp_path: Path) -> Path:
    path = tmp_path / "default.yaml"
    path.write_text(DEFAULT)
    return path


@pytest.fixture
def read(default: Path):
    def read_config(*arguments: str) -> RunConfig:
        return read_run(arguments, default, "Train.").config

    return read_config


def test_without_arguments_the_default_experiment_is_read(read):
    config = read()
    assert config.env.id == "Road-v0"
    assert config.agent.learning_rate == 1e-4


@pytest.mark.parametrize("given", [["--env.id", "CartPole-v1"], ["--env.id=CartPole-v1"]])
def test_a_named_environment_leaves_the_default_experiment_out(read, given: Sequence[str]):
    config = read(*given)
    assert config.env.id == "CartPole-v1"
    assert config.env.kwargs == {}
    assert config.agent.learning_rate == 1e-3


def test_a_named_file_leaves_the_default_experiment_out(read, tmp_path: Path):
    (tmp_path / "other.yaml").write_text("seed: 7\n")
    config = read("--config", str(tmp_path / "other.yaml"))
    assert config.seed == 7
    assert config.agent.learning_rate == 1e-3


def test_the_command_line_wins_over_the_file(read):
    config = read("--agent.learning_rate", "3e-4", "--env.kwargs.image_size", "48")
    assert config.agent.learning_rate == 3e-4
    assert config.env.kwargs == {"obs": "dict", "image_size": 48}
    assert config.env.num_envs == 32


def test_a_recipe_for_another_agent_is_named(read, tmp_path: Path):
    file = tmp_path / "recipe.yaml"
    file.write_text("agent: {name: dqn, n_step: 3}\n")
    with pytest.raises(RunError, match=r"recipe\.yaml is a recipe for dqn, .* for ppo give --env\.id"):
        read("--config", str(file), "--agent.name", "ppo")
    assert read("--config", str(file), "--agent.name", "dqn").agent.n_step == 3


def test_the_run_folder_is_named_after_the_run_unless_given(default: Path, tmp_path: Path):
    named = read_run(["--seed", "5"], default, "").folder.path
    assert named.parent == Path("runs")
    assert named.name.startswith("Road-v0-dqn-5-")
    assert read_run([f"--run_dir={tmp_path / 'x'}"], default, "").folder.path == tmp_path / "x"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--env.nam", "x"], "there is no option env.nam; did you mean env.num_envs or agent.name"),
        (["--learning_rate=1"], "there is no option learning_rate; did you mean agent.learning_rate"),
        (["--trian.env_steps", "5"], "there is no option trian.env_steps; did you mean train.env_steps"),
        (["qqqq"], "there is no option qqqq$"),
        (["--env.num_envs", "many"], "env.num_envs: 'many' is not a whole number"),
        (["--env.num_envs", "1.5"], "env.num_envs: '1.5' is not a whole number"),
        (["--agent.discount", "high"], "agent.discount: 'high' is not a number"),
        (["--agent.double", "maybe"], "agent.double: 'maybe' is not true or false"),
        (["--agent.hidden_sizes", "3"], "agent.hidden_sizes: '3' is not a list"),
        (["--env.kwargs", "3"], "env.kwargs: '3' is not a dictionary"),
        (["--train.seconds", "soon"], "train.seconds: 'soon' is not a number or null"),
        (["--device", "tpu"], "device: 'tpu' is not one of 'auto', 'cpu', 'cuda', 'mps'"),
        (["--env.num_envs", "0"], "env.num_envs is 0; it must be at least 1"),
        (["--agent.learning_rate", "-1"], "agent.learning_rate is -1.0; it must be greater than 0"),
        (["--seed", "-1"], "seed is -1; it must be 0 or more"),
        (["--agent.name", "dqm"], "agent.name is 'dqm'; did you mean dqn"),
        (["--agent.name", "zzz"], "agent.name is 'zzz'; there are .*dqn"),
        (["--config", "no/such.yaml"], "File does not exist: .*no/such.yaml"),
        (["--config"], "expected one argument"),
        (["--resume", "no/such"], "no/such is missing"),
        (["--resume", "no/such", "--seed", "1"], "--resume takes a run's folder and no other option"),
        (["--resume"], "--resume takes a run's folder"),
        (["--agent.name.kind", "x"], "agent.name: there is no option kind in it"),
        (["--resum", "no/such"], "there is no option resum; did you mean resume"),
        (["--agent.nam", "dqn"], "there is no option agent.nam; did you mean agent.name"),
        (["--conf", "no/such.yaml"], "there is no option conf"),
    ],
)
def test_a_fault_is_one_sentence(read, arguments: Sequence[str], sentence: str):
    with pytest.raises(RunError, match=sentence) as fault:
        read(*arguments)
    assert "\n" not in str(fault.value)
    assert fault.value.status == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("env: {idd: A}\n", "there is no option env.idd; did you mean env.id"),
        ("speed: 3\n", "there is no option speed"),
        ("agent: {name: dqm}\n", "agent.name is 'dqm'; did you mean dqn"),
        ("agent: {learning_rate: fast}\n", "agent.learning_rate: 'fast' is not a number"),
        ("seed: 1\nenv: {id: A\n", "bad.yaml is not YAML: .* in line 3"),
    ],
)
def test_a_fault_in_a_file_is_one_sentence(read, tmp_path: Path, content: str, sentence: str):
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(RunError, match=sentence) as fault:
        read("--config", str(tmp_path / "bad.yaml"))
    assert "\n" not in str(fault.value)


def test_the_resolved_options_give_the_same_run_again(default: Path, tmp_path: Path):
    request = read_run(["--seed", "9", "--train.seconds", "5"], default, "")
    (tmp_path / "config.yaml").write_text(request.options)
    assert load_config(tmp_path / "config.yaml") == request.config
    assert "resume" not in yaml.safe_load(request.options)


def test_a_run_goes_on_as_it_began(default: Path, tmp_path: Path):
    begun = read_run(["--seed", "9", "--run_dir", str(tmp_path / "run")], default, "")
    begun.folder.create(begun.options)
    again = read_run(["--resume", str(tmp_path / "run")], default, "")
    assert again.resumes
    assert not begun.resumes
    assert again.config == begun.config
    assert again.folder.path == begun.folder.path


def test_a_foreign_configuration_is_named(tmp_path: Path):
    (tmp_path / "config.yaml").write_text("agent: {name: dqn}\nmodel: gpt\n")
    with pytest.raises(RunError, match="config.yaml is not a run's configuration: there is no option model"):
        read_run(["--resume", str(tmp_path)], tmp_path / "default.yaml", "")


def test_an_encoder_run_has_no_agent(tmp_path: Path):
    request = read_encoder_run(["--run_dir", str(tmp_path / "e"), "--perception.batch_size", "8"], "")
    assert request.config.perception.batch_size == 8
    with pytest.raises(RunError, match="there is no option agent.name"):
        read_encoder_run(["--agent.name", "dqn"], "")
    request.folder.create(request.options)
    assert read_encoder_run(["--resume", str(tmp_path / "e")], "").config == request.config


def test_every_option_has_a_sentence_of_help(default: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        read_run(["--help"], default, "Train an agent.")
    assert end.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Train an agent." in told
    assert "Seed that every random generator of the run is derived from." in told
    assert "Environment steps over which random actions give way." in told
