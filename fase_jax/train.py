"""Trains FASE on annotated faces.

    python -m fase_jax.train --config configs/fase/demo.py --workdir runs/demo

The same command started again continues the run from its last checkpoint, to the same numbers.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import numpy as np
import optax
from jax.sharding import Mesh

from common import errors, files
from common.config import DryRun, parse_command
from common.data import batches
from common.data.faces.pipeline import CropLoader, mean_shape
from common.data.faces.scheme import LandmarkScheme
from common.data.faces.source import Source
from common.train import sharding
from common.train.clock import Speed
from common.train.fit import Job, fit, print_summary
from common.train.optimizer import label_tree
from common.train.state import TrainState, create_state
from fase_jax import sources, step
from fase_jax.config import FaseConfig, check
from fase_jax.detector import Detector
from fase_jax.model import FASE
from fase_jax.prior import load_prior
from fase_jax.results import face_errors

# Fields that may differ when a run continues. If another field differs, the work directory is refused.
MAY_CHANGE = ("workdir", "log_every", "eval_every", "save_every", "data.root", "data.data_dir", "data.cache_mib")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    config, options = parse_command(argv, FaseConfig(), DryRun())
    sharding.initialize()
    describe(config) if options.dry_run else train(config)


def describe(config: FaseConfig) -> None:
    """Prints the resolved config, the number of parameters per part and the shapes, and writes nothing."""
    check(config)
    model = step.build_model(config, sources.scheme(config.data))
    params = step.shapes(model, config)["params"]
    parts: dict[str, list] = {}
    for name, leaf in zip(jax.tree.leaves(label_tree(step.part, params)), jax.tree.leaves(params), strict=True):
        parts.setdefault(name, []).append(leaf)
    batch, size, heatmap = config.batch_size, config.model.image_size, config.model.heatmap_size
    flow = f"images [{batch}, {size}, {size}, 3] -> heatmaps [{batch}, {heatmap}, {heatmap}, {model.num_landmarks}]"
    print_summary(config, parts, flow, frozen=parts.keys() - step.trained_parts(config))


def train(config: FaseConfig) -> Speed:
    """Runs or continues a training, and returns its speed."""
    check(config)
    mesh = sharding.make_mesh()
    sharding.check_batch_size(config.batch_size, mesh, config.accumulate)
    scheme = sources.scheme(config.data)
    faces, validation = sources.training(config)
    loader = CropLoader(faces, sources.crop(config, training=True), config.data.cache_mib)
    model = step.build_model(config, scheme)
    optimizer = step.build_optimizer(config, steps_per_epoch=-(-len(faces) // config.batch_size))
    job = Job(
        config=config,
        may_change=MAY_CHANGE,
        new_state=functools.partial(new_state, config, model, optimizer),
        after_claim=functools.partial(save_mean_shape, config, faces),
        step=step.make_train_step(model, optimizer, config, scheme),
        iterator=batches.endless(loader, batch_size=config.batch_size, seed=config.seed),
        keys=("image", "landmarks", "visible"),
        mesh=mesh,
        steps=config.steps,
        batch_size=config.batch_size,
        log_every=config.log_every,
        save_every=config.save_every,
        eval_every=config.eval_every,
        evaluate=None if validation is None else make_evaluate(config, model, scheme, validation, mesh),
        best_metric=None if validation is None else "nme",
    )
    return fit(job).speed


def new_state(config: FaseConfig, model: FASE, optimizer: optax.GradientTransformation, fresh: bool) -> TrainState:
    """State before the first step. A fresh run takes generator and encoder from its prior, if it has one."""
    variables = step.initialize(model, config)
    if config.prior != "none" and fresh:
        variables = load_prior(config.prior, variables, config)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    params = variables.pop("params")
    return create_state(params, variables, optimizer, key, keep_ema=config.ema_decay > 0)


def make_evaluate(
    config: FaseConfig, model: FASE, scheme: LandmarkScheme, validation: Source, mesh: Mesh
) -> Callable[[TrainState], dict[str, float]]:
    """Makes the function state -> {"nme": mean NME of the validation faces in percent}."""
    predict = step.make_predict(model, config, scheme)
    crop = sources.crop(config, training=False)

    def evaluate(state: TrainState) -> dict[str, float]:
        params = state.params if state.ema is None else state.ema
        variables = {"params": params, **state.model_state}
        detector = Detector(config, scheme, predict, variables, int(state.step), mesh)
        predicted = detector(validation, crop, max(config.batch_size, 16))
        return {"nme": float(np.nanmean(face_errors(predicted, validation)[validation.scheme.normalizer]))}

    return evaluate


def save_mean_shape(config: FaseConfig, faces: Source) -> None:
    """Writes the mean shape of the training faces into the work directory; `evaluate` takes it as a baseline."""
    crop = sources.crop(config, training=False)
    if jax.process_index() == 0:
        shape = mean_shape(faces, crop)
        files.write_json(f"{config.workdir}/mean_shape.json", np.asarray(shape, np.float64).round(3).tolist())


if __name__ == "__main__":
    errors.run(main)
