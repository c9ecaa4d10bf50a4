"""What evaluation reports."""

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
    prediction: Integer[Tensor, "*S"], label: Integer[Tensor, "*S"], num_classes: int
) -> Int64[Tensor, "K K"]:
    """C[i, j] = Σ_n [y_n = i] [ŷ_n = j], the number of places with label i and prediction j.

    Source: documents 000 Q3, 001 §3.2 and 002 §3.1, whose accuracy, precision, recall and F1 follow from it.
    """
    pairs = label.long().flatten() * num_classes + prediction.long().flatten()
    return pairs.bincount(minlength=num_classes**2).reshape(num_classes, num_classes)


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
