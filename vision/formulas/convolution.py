"""Convolution and pooling, forward and backward.

What deep learning calls a convolution is a cross-correlation: the kernel is not turned round. Images are
(B, C, H, W). A window k pixels high at every s-th pixel of an image with p rows of zeros above and below fits
⌊(H + 2 p − k) / s⌋ + 1 times; the same across.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

Size = tuple[int, int]


def windows(
    image: Float[Tensor, "B C H W"], size: Size, stride: int = 1, padding: int = 0
) -> Float[Tensor, "B C h w k l"]:
    """Windows X[i, j, u, v] = x[s i + u − p, s j + v − p], 0 beyond the image; a view, if nothing is padded.

    Raises:
        ValueError: not one window fits.
    Source: document 001 §3.1.2, which prints a convolution without the offsets u and v.
    """
    padded = F.pad(image, (padding,) * 4) if padding else image
    if padded.shape[-2] < size[0] or padded.shape[-1] < size[1]:
        raise ValueError(f"no window of {size} fits in an image of {tuple(padded.shape[-2:])} pixels")
    return padded.unfold(2, size[0], stride).unfold(3, size[1], stride)


def convolution(
    image: Float[Tensor, "B C H W"],
    kernel: Float[Tensor, "O C k l"],
    bias: Float[Tensor, " O"],
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "B O h w"]:
    """Pre-activation z_o[i, j] = b_o + Σ_c Σ_u Σ_v K_o,c[u, v] x_c[s i + u − p, s j + v − p].

    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, h = σ(Σ w·x), printed without the window's offsets.
    """
    seen = windows(image, (kernel.shape[2], kernel.shape[3]), stride, padding)
    return torch.einsum("bchwkl,ockl->bohw", seen, kernel) + bias[:, None, None]


def convolution_parameter_gradient(
    gradient: Float[Tensor, "B O h w"],
    image: Float[Tensor, "B C H W"],
    size: Size,
    stride: int = 1,
    padding: int = 0,
) -> tuple[Float[Tensor, "O C k l"], Float[Tensor, " O"]]:
    """∂J/∂K_o,c[u, v] = Σ_i,j ∂J/∂z_o[i, j] x_c[s i + u − p, s j + v − p] and ∂J/∂b_o = Σ_i,j ∂J/∂z_o[i, j].

    Both are summed over the batch.
    Source: documents 001 §3.1.2 and 003 §3.2, by the chain rule of document 000 §4.2.
    """
    seen = windows(image, size, stride, padding)
    return torch.einsum("bohw,bchwkl->ockl", gradient, seen), gradient.sum((0, 2, 3))


def convolution_input_gradient(
    gradient: Float[Tensor, "B O h w"],
    kernel: Float[Tensor, "O C k l"],
    shape: Size,
    stride: int = 1,
    padding: int = 0,
) -> Float[Tensor, "B C H W"]:
    """∂J/∂x_c[s i + u − p, s j + v − p] += Σ_o ∂J/∂z_o[i, j] K_o,c[u, v], for every window and place in it.

    `shape` is the image's height and width.
    Source: documents 001 §3.1.2 and 003 §3.2, by the chain rule of document 002 §4.2.
    """
    return _laid_back(torch.einsum("bohw,ockl->bchwkl", gradient, kernel), shape, stride, padding)


def max_pooling(
    image: Float[Tensor, "B C H W"], size: int
) -> tuple[Float[Tensor, "B C h w"], Int64[Tensor, "B C h w"]]:
    """Greatest y[i, j] = max_{u, v < k} x[k i + u, k j + v], and which place k u + v it had.

    Of equal ones the first counts. Rows and columns that fill no window are left out.
    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, which name pooling without a formula.
    """
    seen = windows(image, (size, size), size).flatten(-2)
    place = seen.argmax(-1)
    return seen.gather(-1, place.unsqueeze(-1)).squeeze(-1), place


def max_pooling_backward(
    gradient: Float[Tensor, "B C h w"], place: Int64[Tensor, "B C h w"], size: int, shape: Size
) -> Float[Tensor, "B C H W"]:
    """∂J/∂x = ∂J/∂y for the one of each window that was the greatest, and 0 for the others.

    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, by the chain rule of document 002 §4.2.
    """
    spread = torch.zeros(*gradient.shape, size * size, dtype=gradient.dtype, device=gradient.device)
    spread.scatter_(-1, place.unsqueeze(-1), gradient.unsqueeze(-1))
    return _laid_back(spread.unflatten(-1, (size, size)), shape, size, 0)


def average_pooling(image: Float[Tensor, "B C H W"], size: int) -> Float[Tensor, "B C h w"]:
    """Mean y[i, j] = (1/k²) Σ_{u, v < k} x[k i + u, k j + v].

    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, which name pooling without a formula.
    """
    return windows(image, (size, size), size).mean((-2, -1))


def average_pooling_backward(
    gradient: Float[Tensor, "B C h w"], size: int, shape: Size
) -> Float[Tensor, "B C H W"]:
    """∂J/∂x = (1/k²) ∂J/∂y for everything in a window.

    Source: documents 001 §3.1.2, 003 §3.2 and 004 §3.1, by the chain rule of document 002 §4.2.
    """
    spread = (gradient / size**2)[..., None, None].expand(*gradient.shape, size, size)
    return _laid_back(spread, shape, size, 0)


def _laid_back(
    spread: Float[Tensor, "B C h w k l"], shape: Size, stride: int, padding: int
) -> Float[Tensor, "B C H W"]:
    """Add up what the windows say of each pixel: the transpose of `windows`."""
    batch, channels, rows, columns, height, width = spread.shape
    image = spread.new_zeros(batch, channels, shape[0] + 2 * padding, shape[1] + 2 * padding)
    for u in range(height):
        for v in range(width):
            seen = image[:, :, u : u + stride * rows : stride, v : v + stride * columns : stride]
            seen += spread[..., u, v]
    return image[:, :, padding : padding + shape[0], padding : padding + shape[1]]
