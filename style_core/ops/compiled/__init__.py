"""The closed-form smoothing's inner loops, compiled for the processor by Numba.

In tensor operations every step of the solver moves its planes through memory some forty times;
compiled, a handful. Each kernel here does what a tensor expression in ops/matting_laplacian.py or
ops/color_affine_grid.py does, and is tested against it; other devices, and machines without a
working Numba, use those.
"""
