"""The closed-form smoothing's inner loops, compiled for the processor by Numba.

In tensor operations every step of the solver moves its planes through memory some forty times;
compiled, a handful. Each kernel here does what a tensor expression in matting_laplacian.py or
color_affine_grid.py does, and is tested against it; other devices, and machines without a working
Numba, use those. Nothing here imports the rest of the room: what a kernel depends on, its constants
included, stands in this folder, whose files tell whether kept machine code is still good.
"""
