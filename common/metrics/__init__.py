"""Metrics as pure functions, one file per metric, exported here for notebooks.

Some files are named like their function: `from common.metrics import nme` imports the function, and
`from common.metrics.nme import landmark_errors` something that is not exported here.
"""

from common.metrics.attribute_linearity import attribute_linearity, hsr_attribute_linearity
from common.metrics.auc import auc, auc_sampled, failure_rate
from common.metrics.frechet import fid
from common.metrics.inception_score import inception_score
from common.metrics.kernel import draw_subsets, kid
from common.metrics.mahalanobis import mahalanobis
from common.metrics.matching import dense_match, dve_pixel_error, match
from common.metrics.moments import batch_moments, feature_moments, merge
from common.metrics.nme import box_diagonal, box_size, image_diagonal, inter_ocular, inter_pupil, iod, nme
from common.metrics.path_length import path_lengths, trimmed_mean
from common.metrics.pck import pck
from common.metrics.precision_recall import precision_recall
from common.metrics.significance import wilcoxon

__all__ = [
    "attribute_linearity",
    "auc",
    "auc_sampled",
    "batch_moments",
    "box_diagonal",
    "box_size",
    "dense_match",
    "draw_subsets",
    "dve_pixel_error",
    "failure_rate",
    "feature_moments",
    "fid",
    "hsr_attribute_linearity",
    "image_diagonal",
    "inception_score",
    "inter_ocular",
    "inter_pupil",
    "iod",
    "kid",
    "mahalanobis",
    "match",
    "merge",
    "nme",
    "path_lengths",
    "pck",
    "precision_recall",
    "trimmed_mean",
    "wilcoxon",
]
