"""The one training loop, the same for every agent."""

from collections.abc import Callable, Iterator
from typing import Any

from agents.agent import Agent, LearnsFromModel
from agents.memory.state import restarted
from agents.runs.environments import Environments


def never() -> bool:
    """Do not stop before the budget is spent."""
    return False


class Training:
    """An agent in its environments, and what a checkpoint must hold of both."""

    def __init__(self, agent: Agent, environments: Environments):
        self.agent = agent
        self.environments = environments
        self.initial_state = agent.initial_state(environments.num_envs)
        self.agent_state = self.initial_state
        self._practises = isinstance(agent, LearnsFromModel)

    def train(self, env_steps: int, stop: Callable[[], bool] = never) -> Iterator[dict[str, float]]:
        """Learn until the environments have taken `env_steps` steps in all, or `stop` says so.

        Yields the agent's metrics when it has some, after `env_steps` and the statistics of the environments.
        `stop` is asked before each step of the environments, or before many in a model. A checkpoint may be
        taken at every yield, in `stop`, and at the end.

        Raises:
            NonFiniteLossError: learning has diverged.
        """
        agent, environments = self.agent, self.environments
        while environments.env_steps < env_steps and not stop():
            if not self._practise(env_steps - environments.env_steps):
                self._step()
            for metrics in agent.learn(environments.env_steps):
                yield {"env_steps": environments.env_steps} | environments.statistics() | metrics

    def _step(self) -> None:
        """One step of the environments."""
        agent, environments = self.agent, self.environments
        action, self.agent_state = agent.act(environments.obs, self.agent_state)
        _, transition = environments.step(action)
        self.agent_state = restarted(self.agent_state, self.initial_state, transition.ignored)
        agent.observe(transition)

    def _practise(self, env_steps: int) -> bool:
        """Many steps at once in the environment's model, if it tells one and the agent can; whether so."""
        if not self._practises or (model := self.environments.model) is None:
            return False
        assert isinstance(self.agent, LearnsFromModel)
        practice = self.agent.practise(model, env_steps, self.environments.num_envs)
        if practice is not None:
            self.environments.add_practice(practice)
        return practice is not None

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on in the same bits.

        Raises:
            NonFiniteLossError: learning has diverged, so that there is nothing worth keeping.
            ValueError: the environment cannot be saved.
        """
        return {
            "agent": self.agent.state_dict(),
            "agent_state": self.agent_state,
            "environments": self.environments.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            ValueError: the state is that of other environments, or one cannot be brought back exactly.
        """
        self.agent.load_state_dict(state["agent"])
        self.agent_state = state["agent_state"]
        self.environments.load_state_dict(state["environments"])
