"""What evaluation reports."""

import torch
from jaxtyping import Float, Int64, Integer
from torch import Tensor


def mean_absolute_error(
    prediction: Float[Tensor, "B P"], target: Float[Tensor, "B P"]
) -> Float[Tensor, " P"]:
    """MAE = (1/B) Σ_b |ŷ_b − y_b|, for each column.

    Source: Willmott and Matsuura (2005), "Advantages of the mean absolute error (MAE) over the root mean
    square error (RMSE)"; the documents' metrics are of classes only.
    """
    return (prediction - target).abs().mean(0)


def fraction_within(
    error: Float[Tensor, "B P"], standard_deviation: Float[Tensor, "B P"], sigmas: float
) -> Float[Tensor, " P"]:
    """C(k) = (1/B) Σ_b [|e_b| ≤ k σ_b], for each column: 0.683 at k = 1 and 0.954 at k = 2 for a Gaussian.

    Source: arXiv:1807.00263, whose calibration curve this is at two points; the documents name none.
    """
    return (error.abs() <= sigmas * standard_deviation).float().mean(0)


def confusion_matrix(
    prediction: Integer[Tensor, "*S"],
    label: Integer[Tensor, "*S"],
    num_classes: int,
    ignored: int | None = None,
) -> Int64[Tensor, "K K"]:
    """C[i, j] = Σ_n [y_n = i] [ŷ_n = j], the number of places with label i and prediction j.

    Places whose label is `ignored` count nowhere. Those of several batches may be added up.

    Raises:
        ValueError: a label or a prediction is no class.
    Source: documents 000 Q3, 001 §3.2 and 002 §3.1, whose accuracy, precision, recall and F1 follow from it.
    """
    labels, predictions = label.long().flatten(), prediction.long().flatten()
    if ignored is not None:
        counted = labels != ignored
        labels, predictions = labels[counted], predictions[counted]
    for name, values in (("label", labels), ("prediction", predictions)):
        if len(values) and not (int(values.min()) >= 0 and int(values.max()) < num_classes):
            raise ValueError(f"a {name} lies outside 0 … {num_classes - 1}")
    pairs = labels * num_classes + predictions
    return pairs.bincount(minlength=num_classes**2).reshape(num_classes, num_classes)


def accuracy(confusion: Int64[Tensor, "K K"]) -> Float[Tensor, ""]:
    """A = Σ_k C[k, k] / Σ_i Σ_j C[i, j], over every sample of every batch.

    Source: documents 000 Q3, 001 §3.2 and 002 §3.1. 001 §5.2 adds up the batches' accuracies and never
    divides by their number, and compares labels of shape (N, 1) with predictions of shape (N,), so each
    with all.
    """
    return confusion.diagonal().sum() / confusion.sum()


def precision(confusion: Int64[Tensor, "K K"]) -> Float[Tensor, " K"]:
    """Precision P_k = C[k, k] / Σ_i C[i, k]; NaN for a class that is never predicted.

    Source: documents 000 Q3, 001 §3.2 and 002 §3.1.
    """
    return confusion.diagonal() / confusion.sum(0)


def recall(confusion: Int64[Tensor, "K K"]) -> Float[Tensor, " K"]:
    """Recall R_k = C[k, k] / Σ_j C[k, j]; NaN for a class that is not there.

    Source: documents 000 Q3, 001 §3.2 and 002 §3.1.
    """
    return confusion.diagonal() / confusion.sum(1)


def f1_score(confusion: Int64[Tensor, "K K"]) -> Float[Tensor, " K"]:
    """F1_k = 2 P_k R_k / (P_k + R_k) = 2 C[k, k] / (Σ_i C[i, k] + Σ_j C[k, j]).

    The second form is also right, 0, where only one of precision and recall is defined; it is NaN for a class
    that is neither there nor predicted.
    Source: documents 000 Q3, 001 §3.2 and 002 §3.1.
    """
    return 2 * confusion.diagonal() / (confusion.sum(0) + confusion.sum(1))


def expected_calibration_error(
    confidence: Float[Tensor, " N"], correct: Float[Tensor, " N"], bins: int = 15
) -> Float[Tensor, ""]:
    """Error ECE = Σ_m (n_m / N) |mean of correct − mean of confidence|, over bins (m / M, (m + 1) / M].

    Source: arXiv:1706.04599 §2; the documents name none.
    """
    place = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=confidence.dtype).index_add(0, place, correct - confidence)
    return gap.abs().sum() / len(confidence)


def absolute_relative_error(depth: Float[Tensor, "*S"], target: Float[Tensor, "*S"]) -> Float[Tensor, ""]:
    """AbsRel = (1/N) Σ_n |ŷ_n − y_n| / y_n.

    Source: arXiv:1406.2283 §4.1; the documents name no depth.
    """
    return ((depth - target).abs() / target).mean()


def fraction_within_ratio(
    depth: Float[Tensor, "*S"], target: Float[Tensor, "*S"], ratio: float = 1.25
) -> Float[Tensor, ""]:
    """Share δ = (1/N) Σ_n [max(ŷ_n / y_n, y_n / ŷ_n) < t]; δ₁ is that of t = 1.25.

    Source: arXiv:1406.2283 §4.1; the documents name no depth.
    """
    return (torch.maximum(depth / target, target / depth) < ratio).to(depth.dtype).mean()


def intersection_over_union(confusion: Int64[Tensor, "K K"]) -> Float[Tensor, " K"]:
    """IoU_k = C[k, k] / (Σ_j C[k, j] + Σ_i C[i, k] − C[k, k]).

    A class that is neither labelled nor predicted has no union, and gets NaN: it is not a class seen wrongly.
    Source: Jaccard (1912), as in Everingham et al. (2010), "The Pascal visual object classes (VOC)
    challenge"; the documents name segmentation and no measure of it.
    """
    hits = confusion.diagonal()
    return hits / (confusion.sum(0) + confusion.sum(1) - hits)


def mean_intersection_over_union(confusion: Int64[Tensor, "K K"]) -> Float[Tensor, ""]:
    """Mean mIoU = (1/|K⁺|) Σ_{k ∈ K⁺} IoU_k, with K⁺ the classes that occur in labels or predictions.

    Source: Everingham et al. (2010), "The Pascal visual object classes (VOC) challenge".
    """
    return intersection_over_union(confusion).nanmean()
