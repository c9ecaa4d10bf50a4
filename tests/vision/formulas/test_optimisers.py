import torch
from hypothesis import given
from hypothesis import strategies as st

from vision.formulas.optimisers import COEFFICIENTS, orthogonalised


def random_matrix(rows, columns, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def test_one_step_of_a_literal_number():
    """A 1 × 1 matrix is its sign after normalisation, and the quintic takes 1 to a + b + c."""
    for value in (3.0, -0.2):
        result = orthogonalised(torch.tensor([[value]]), steps=1)
        torch.testing.assert_close(result, torch.tensor([[sum(COEFFICIENTS)]]) * (1 if value > 0 else -1))


@given(rows=st.integers(1, 20), columns=st.integers(1, 20), seed=st.integers(0, 100))
def test_the_directions_stay_and_their_strengths_become_alike(rows, columns, seed):
    matrix = random_matrix(rows, columns, seed)
    u, s, vt = torch.linalg.svd(matrix, full_matrices=False)
    if s.min() < 0.02 * s.norm():  # too weak a direction to be raised in five steps
        return
    turned = u.T @ orthogonalised(matrix) @ vt.T
    strengths = turned.diagonal()
    assert 0.6 < strengths.min() <= strengths.max() < 1.3
    assert (turned - strengths.diag()).abs().max() < 1e-3


def test_following_the_gram_matrix_is_the_printed_iteration():
    a, b, c = COEFFICIENTS
    matrix = random_matrix(6, 40)
    x = matrix / matrix.norm()
    for _ in range(5):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    torch.testing.assert_close(orthogonalised(matrix), x, rtol=1e-4, atol=1e-4)


def test_the_scale_of_the_gradient_does_not_matter():
    matrix = random_matrix(4, 9)
    torch.testing.assert_close(orthogonalised(1000 * matrix), orthogonalised(matrix))


def test_no_gradient_gives_no_direction():
    assert not orthogonalised(torch.zeros(3, 5)).any()
