"""Which landmarks of one scheme are those of another."""

# WFLW marks the jaw twice as densely, the brows as closed outlines, and adds two pupils; these of its 98 points are the
# 68 of 300-W, in 300-W's order. Left and right are sides of the picture.
WFLW_TO_W300: tuple[int, ...] = (
    *range(0, 33, 2),  # jaw
    *range(33, 38),  # upper edge of the left brow
    *range(42, 47),  # upper edge of the right brow
    *range(51, 60),  # nose
    *(60, 61, 63, 64, 65, 67),  # left eye
    *(68, 69, 71, 72, 73, 75),  # right eye
    *range(76, 96),  # mouth
)
