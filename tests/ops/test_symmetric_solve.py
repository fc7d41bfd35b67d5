"""Symmetric 3 x 3 systems at every pixel against LAPACK's solution in float64."""

import pytest
import torch

from style_core.ops.symmetric_solve import PAIRS, solve_symmetric


@pytest.mark.parametrize(("dtype", "ridge", "tolerance"), [
    (torch.float64, 1e-6, 1e-9), (torch.float64, 1e-2, 1e-12), (torch.float32, 1e-2, 2e-5),
])  # fmt: skip
@pytest.mark.parametrize("columns", [1, 3])
def test_every_system_is_solved_as_lapack_does(dtype, ridge, tolerance, columns):
    generator = torch.Generator().manual_seed(5)
    factors = torch.randn(7, 9, 3, 3, generator=generator, dtype=torch.float64)
    matrices = factors @ factors.mT + ridge * torch.eye(3, dtype=torch.float64)
    right = torch.randn(7, 9, 3, columns, generator=generator, dtype=torch.float64)
    wanted = torch.linalg.solve(matrices, right)
    entries = {(i, j): matrices[..., i, j].to(dtype) for i, j in PAIRS}
    rows = [right[..., i, :].permute(2, 0, 1).to(dtype) for i in range(3)]
    before = [row.clone() for row in rows]
    found = torch.stack(solve_symmetric(entries, rows), -1).permute(1, 2, 3, 0)
    error = (found.double() - wanted).abs().amax((-1, -2)) / wanted.abs().amax((-1, -2))
    assert found.dtype == dtype
    assert (error / torch.linalg.cond(matrices)).max() < tolerance
    assert all(torch.equal(row, kept) for row, kept in zip(rows, before, strict=True))
