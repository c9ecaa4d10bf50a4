import json
from pathlib import Path

import pytest

from scripts import evaluate


@pytest.mark.slow
def test_the_same_episodes_give_the_run_s_own_result(driving_run: Path, tmp_path: Path):
    out = tmp_path / "out.json"
    assert evaluate.main([str(driving_run), "--episodes", "2", "--json", str(out)]) == 0
    scores = json.loads(out.read_text())
    assert scores == json.loads((driving_run / "evaluation.json").read_text())
    assert list(scores)[:8] == [
        *("env", "agent", "split", "episodes"),
        *("mean_return", "iqm_return", "ci95", "success_rate"),
    ]
    assert "mean_speed" in scores
    low, high = scores["ci95"]
    assert low <= scores["mean_return"] <= high


@pytest.mark.slow
def test_another_split_and_seed_are_other_episodes(driving_run: Path, tmp_path: Path):
    out = tmp_path / "out.json"
    assert evaluate.main([str(driving_run), "--split", "val", "--episodes", "2", "--json", str(out)]) == 0
    own = json.loads((driving_run / "evaluation.json").read_text())
    other = json.loads(out.read_text())
    assert other["split"] == "val"
    assert other["mean_return"] != own["mean_return"]


@pytest.mark.slow
def test_roads_unlike_any_in_training_come_as_a_second_result(driving_run: Path, tmp_path: Path):
    out = tmp_path / "out.json"
    assert evaluate.main([str(driving_run), "--episodes", "1", "--ood", "all", "--json", str(out)]) == 0
    results = json.loads(out.read_text())
    assert [scores["split"] for scores in results] == ["test", "ood", "test"]
    assert [scores.get("axis") for scores in results] == [None, "curvature", "friction"]


@pytest.mark.slow
def test_where_there_are_no_splits_there_is_nothing_to_judge_twice(cartpole_run: Path, tmp_path: Path):
    out = tmp_path / "out.json"
    assert evaluate.main([str(cartpole_run), "--episodes", "1", "--ood", "all", "--json", str(out)]) == 0
    assert [scores["split"] for scores in json.loads(out.read_text())] == [None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--split", "tset"], "split is 'tset'; Hairpin/LaneFollow-v0 has train, val, test, ood"),
        (["--episodes", "0"], "episodes is 0; it must be at least 1"),
        (["--env_kwargs.colour", "red"], "colour"),
        (["--device", "tpu"], "device is 'tpu'"),
        (["--spilt", "val"], "there is no option spilt; did you mean split"),
    ],
)
def test_a_fault_is_one_sentence(
    driving_run: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert evaluate.main([str(driving_run), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.slow
def test_the_expert_and_chance_are_judged_on_the_same_episodes(tmp_path: Path):
    few = ["--episodes", "3", "--env_kwargs.num_levels", "4", "--json", str(tmp_path / "out.json")]
    results = {}
    for name in ("expert", "random"):
        assert evaluate.main([name, *few]) == 0
        results[name] = json.loads((tmp_path / "out.json").read_text())
        assert (results[name]["agent"], results[name]["split"], results[name]["episodes"]) == (
            name,
            "test",
            3,
        )
    assert results["expert"]["success_rate"] == 1.0
    assert results["random"]["success_rate"] == 0.0


def test_a_driver_is_refused_a_split_that_is_none(capsys: pytest.CaptureFixture[str]):
    assert evaluate.main(["expert", "--split", "tset"]) == 2
    assert capsys.readouterr().err == "split is 'tset'; it must be one of train, val, test, ood.\n"


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert evaluate.main([str(tmp_path / "nowhere")]) == 2
    assert "is missing" in capsys.readouterr().err
    assert evaluate.main([str(tmp_path)]) == 2
    assert "holds no config.yaml" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_without_a_policy_says_how_to_get_one(
    driving_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "config.yaml").write_bytes((driving_run / "config.yaml").read_bytes())
    assert evaluate.main([str(tmp_path)]) == 2
    assert f"{tmp_path} has no policy yet" in capsys.readouterr().err


@pytest.mark.slow
def test_the_weights_of_another_network_are_one_sentence(
    cartpole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    told = (cartpole_run / "config.yaml").read_text()
    assert "- 256\n  - 256" in told
    (tmp_path / "config.yaml").write_text(told.replace("- 256\n  - 256", "- 32\n  - 256", 1))
    (tmp_path / "policy.safetensors").write_bytes((cartpole_run / "policy.safetensors").read_bytes())
    assert evaluate.main([str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "holds another network than" in told
    assert told.count("\n") == 1


@pytest.mark.slow
def test_an_altered_policy_is_one_sentence(
    driving_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "config.yaml").write_bytes((driving_run / "config.yaml").read_bytes())
    (tmp_path / "policy.safetensors").write_bytes((driving_run / "policy.safetensors").read_bytes()[:1000])
    assert evaluate.main([str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert str(tmp_path) in told
    assert told.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--episodes", "5"], "has 0 … 3"),
        (["--seed", "-1"], "seed is -1; it must be 0 or greater"),
        (["--json", "no/folder/out.json"], "it must be a file in a folder that exists"),
        (["--env_kwargs.num_envs", "3"], "env_kwargs.num_envs is 3; it must be left out"),
        (["--env_kwargs.obs", "camera", "--env_kwargs.actions", "continuous"], "does not fit the agent"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(
    driving_run: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
):
    assert evaluate.main([str(driving_run), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("agent: [1, 2]", "it must hold options under agent; it holds [1, 2]"),
        ("env: {id: CartPole-v1}", "it names no agent"),
        ("", "it must hold options, such as seed: 0; it holds None"),
    ],
)
def test_a_configuration_that_is_not_of_an_agent_s_run_is_one_sentence(
    content: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "config.yaml").write_text(content)
    assert evaluate.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == (f"{tmp_path}/config.yaml is not a run's configuration: {sentence}\n")


@pytest.mark.slow
def test_the_expert_drives_the_task_that_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "out.json"
    few = ["--episodes", "2", "--env_kwargs.num_levels", "2", "--json", str(out), "--ood", "all"]
    assert evaluate.main(["expert", "--env_id", "Hairpin/Race-v0", *few]) == 0
    results = json.loads(out.read_text())
    assert [scores.get("axis") for scores in results] == [None, "curvature", "friction"]
    assert {scores["env"] for scores in results} == {"Hairpin/Race-v0"}
    assert results[0]["driving_score"] == 1.0
    told = capsys.readouterr().out
    gap = results[2]["driving_score"] - results[0]["driving_score"]
    assert f"{gap:+,.3f}" in told


@pytest.mark.slow
def test_a_run_is_not_judged_on_another_task(driving_run: Path, capsys: pytest.CaptureFixture[str]):
    assert evaluate.main([str(driving_run), "--env_id", "Hairpin/Race-v0"]) == 2
    told = capsys.readouterr().err
    assert "was trained on Hairpin/LaneFollow-v0: leave it out" in told
    assert told.count("\n") == 1
