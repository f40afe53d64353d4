"""Error of landmark regression in percent of the inter-ocular distance (Sec. 3.3, thesis)."""

from jax import Array

from common.metrics.nme import Groups, inter_ocular, nme


def iod(predicted: Array, target: Array, eyes: Groups) -> Array:
    """Mean error of a face's landmarks in percent of the distance between its eyes; the mean over faces is reported.

    Args:
      predicted: [B, K, 2], pixels or any unit that is the same along x and y.
      target: [B, K, 2], the same unit.
      eyes: two groups of landmark indices whose means are the eyes: the eye centres where the scheme has them (MAFL,
        AFLW), else the outer corners (300-W), as ContrastLandmark and DVE measure.

    Returns:
      [B], percent.

    >>> import jax.numpy as jnp
    >>> target = jnp.array([[[0.0, 0.0], [50.0, 0.0]]])
    >>> iod(target + jnp.array([3.0, 4.0])[None, None], target, ((0,), (1,))).tolist()
    [10.0]
    """
    return nme(predicted, target, inter_ocular(target, eyes))
