"""Training a perception network on a labelled stream, as a generator of metrics."""

import math
import time
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vision.data import LabelledBatch, LabelledSource, TensorBatch, to_tensors
from vision.encoder import Encoding
from vision.formulas.losses import cross_entropy, gaussian_negative_log_likelihood, variance_weight
from vision.formulas.perception_losses import multi_task_loss
from vision.gradients import GradientWorkers
from vision.networks import SCENE_TASKS, NetworkConfig, PerceptionNetwork
from vision.optimisation import (
    GradientClip,
    WeightAverage,
    build_optimisers,
    named_moments,
    restore_moments,
    scale_learning_rates,
)
from vision.processes import Processes
from vision.recipe import TrainingConfig
from vision.scene_losses import scene_losses

SCALE_BATCHES = 16
T = TypeVar("T")


class NonFiniteLossError(ArithmeticError):
    """The loss became infinite or undefined.

    Attributes:
        update: number of the first update that it happened in, counted from 1.
    """

    def __init__(self, loss: float, update: int, learning_rate: float) -> None:
        super().__init__(
            f"the perception loss is {loss} at update {update}; "
            f"a learning_rate below {learning_rate} may help"
        )
        self.update = update


class PerceptionTrainer:
    """Trains a perception network on a labelled source.

    The scale of each pose number is the standard deviation of its labels in the source's first batches.

    Args:
        network_config: the network's size.
        config: budget and recipe.
        source: gives the batches; their size is the batch size. Used as it is given: wrap it in
            `PrefetchedSource` to have the next batch computed meanwhile.
        seed: of the initial weights.
        device: where to train.
        processes: those that train together, each with a source of its own; this one alone by default.
    """

    def __init__(
        self,
        network_config: NetworkConfig,
        config: TrainingConfig,
        source: LabelledSource,
        *,
        seed: int,
        device: str | torch.device = "cpu",
        processes: Processes | None = None,
    ) -> None:
        self._processes = processes or Processes()
        self.config, self.device = config, torch.device(device)
        self.update, self.seconds, self.images = 0, 0.0, 0
        self._source, self._seed = source, seed
        generator = torch.Generator().manual_seed(seed)
        scale = self._processes.agreed(_measured_scale(source))
        network = PerceptionNetwork(network_config, source.schema(), scale, generator)
        self.network = network.to(self.device)
        self._average = WeightAverage(self.network, config.average)
        self.network.mixed = _is_mixed(config.precision, self.device)
        if config.compiled:
            self.network.compile_layers()
        self._workers = GradientWorkers(config.parts if self.device.type == "cpu" else 1)
        self._clip = GradientClip(self.network, config.clip, self.device) if config.clip else None
        self._optimisers = build_optimisers(
            self.network, (config.hidden_learning_rate, config.learning_rate), config.weight_decay
        )

    @property
    def averaged(self) -> PerceptionNetwork:
        """The network with the running average of the weights: the one to evaluate and to save."""
        return self._average.network

    @property
    def progress(self) -> float:
        """Fraction of the budget that is used up: of updates or of seconds, whichever is further."""
        seconds = self.seconds / self.config.seconds if self.config.seconds else 0.0
        return max(self.update / self.config.updates, seconds)

    @property
    def finished(self) -> bool:
        """Whether the budget is used up."""
        return self.progress >= 1

    def train(self) -> Iterator[dict[str, float]]:
        """Learn until the budget is used up, with a record every `log_interval` updates and at the end.

        Raises:
            NonFiniteLossError: the loss became infinite or undefined; names the update.
        """
        while not self.finished:
            losses = [self.step()]
            while self.update % self.config.log_interval and not self.finished:
                losses.append(self.step())
            yield self._record(torch.stack(losses).cpu())

    def state_dict(self) -> dict[str, Any]:
        """Everything that training depends on, exact between two records; the source's state included.

        All processes must ask for it together.
        """
        return {
            "update": self.update,
            "images": self.images,
            "seconds": self.seconds,
            "network": _cloned(self.network.state_dict()),
            "average": _cloned(self.averaged.state_dict()),
            **({"usual_gradient": self._clip.usual.clone()} if self._clip else {}),
            "optimisers": named_moments(self._optimisers, self.network),
            "source": _only(self._processes.gathered(self._source.state_dict())),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state` was taken."""
        self.update, self.images, self.seconds = state["update"], state["images"], state["seconds"]
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["average"])
        if self._clip:
            self._clip.usual.copy_(state["usual_gradient"])
        restore_moments(self._optimisers, self.network, state["optimisers"])
        saved, count = state["source"], self._processes.count
        sources = saved if isinstance(saved, list) else [saved]
        if len(sources) != count:
            raise ValueError(f"{len(sources)} processes saved the training, and {count} would go on with it")
        self._source.load_state_dict(sources[self._processes.rank])

    def learning_rate_factor(self) -> float:
        """Of the next update: from 0 to 1 in a linear warm-up, then to 0 along a cosine, over the budget.

        Source: Loshchilov and Hutter (2016), arXiv:1608.03983, without restarts.
        """
        rise = (self.progress + 1 / self.config.updates) / max(self.config.warmup, 1e-9)
        fall = max(0.0, self.progress - self.config.warmup) / max(1 - self.config.warmup, 1e-9)
        return min(1.0, rise, 0.5 * (1 + math.cos(math.pi * min(1.0, fall))))

    def step(self) -> Tensor:
        """One update, its time counted; gives the losses without waiting for them."""
        started = time.perf_counter()
        losses = self._learn(self._next_batch())
        self.seconds += time.perf_counter() - started
        if self.config.seconds is not None:
            (self.seconds,) = self._processes.agreed([self.seconds])
        return losses

    def _next_batch(self) -> TensorBatch:
        """The source's next batch, changed by draws that depend on the seed and the update alone."""
        batch = to_tensors(LabelledBatch(*self._source.next_batch()), self.device)
        if not self.config.augmentation.changes:
            return batch
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.update)
        return self.config.augmentation.apply(batch, self.network.schema, generator)

    def _learn(self, batch: TensorBatch) -> Tensor:
        """One update; gives the losses, by `_parts`, without waiting for them."""
        scale_learning_rates(self._optimisers, self.learning_rate_factor())
        losses = self._workers.compute(self.losses, batch, self.network)
        losses = self._processes.mean(losses, self.network)
        if self._clip:
            self._clip.shorten()
        for optimiser in self._optimisers:
            optimiser.step()
        self._average.update(self.update)
        self.update += 1
        self.images += self._processes.count * len(batch.frames)
        return losses

    @property
    def _parts(self) -> tuple[str, ...]:
        """Names of what the loss is made of."""
        return ("pose", *SCENE_TASKS) if self.network.config.scene else ("pose", "segmentation")

    def losses(self, batch: TensorBatch) -> tuple[Tensor, Tensor]:
        """What is minimised; and what is reported: it again, and its terms by `_parts`."""
        encoding = self.network.encode(batch.frames)
        mean, log_variance = self.network.pose(encoding.latent)
        target = batch.pose / self.network.pose_scale
        likelihood = gaussian_negative_log_likelihood(mean, log_variance, target)
        if self.config.variance_exponent:
            likelihood = likelihood * variance_weight(log_variance, self.config.variance_exponent)
        pose_loss = likelihood.sum(1).mean()
        total, terms = self._pictured_losses(encoding, batch)
        total = pose_loss + total
        return total, torch.cat([torch.stack([total, pose_loss]), terms])

    def _pictured_losses(self, encoding: Encoding, batch: TensorBatch) -> tuple[Tensor, Tensor]:
        """The weighted loss of what is told of every pixel, and its terms."""
        if self.network.config.scene:
            terms = scene_losses(self.network, encoding, batch)
            return self.config.scene_weight * multi_task_loss(terms, self.network.task_log_variance), terms
        if self.config.segmentation_weight == 0:
            return torch.zeros_like(encoding.latent.sum()), encoding.latent.new_zeros(1)
        share = max(1, round(self.config.segmentation_share * len(batch.frames)))
        logits = self.network.segmentation(Encoding(*(tensor[:share] for tensor in encoding)))
        loss = cross_entropy(logits, self.network.seen_labels(batch.semantic[:share]))
        return self.config.segmentation_weight * loss, loss.unsqueeze(0)

    def _record(self, losses: Tensor) -> dict[str, float]:
        """Metrics of the updates whose losses (U, 1 + parts) are given."""
        total = losses[:, 0]
        broken = (~total.isfinite()).nonzero()
        if len(broken):
            update = self.update - len(losses) + int(broken[0]) + 1
            raise NonFiniteLossError(float(total[broken[0]]), update, self.config.learning_rate)
        parts = zip(self._parts, losses[:, 1:].mean(0).tolist(), strict=True)
        return {
            "update": self.update,
            "images": self.images,
            "loss": float(total.mean()),
            **{f"loss/{name}": value for name, value in parts},
            "learning_rate": self.config.learning_rate * self.learning_rate_factor(),
            "seconds": self.seconds,
            "time/images_per_second": self.images / self.seconds,
        }


def _is_mixed(precision: str, device: torch.device) -> bool:
    """Whether convolutions are to compute in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"


def _measured_scale(source: LabelledSource) -> list[float]:
    poses = np.concatenate([source.next_batch()[2] for _ in range(SCALE_BATCHES)])
    return poses.std(axis=0, dtype=np.float64).clip(min=1e-6).tolist()


def _only(parts: list[T]) -> T | list[T]:
    """The only one of a list, or the list."""
    return parts[0] if len(parts) == 1 else parts


def _cloned(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}
