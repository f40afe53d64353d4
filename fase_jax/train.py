"""Trains FASE on annotated faces.

    python -m fase_jax.train --config configs/fase/demo.py --workdir runs/demo

A run started again in its work directory goes on where its last checkpoint is, to the same numbers.
"""

from collections.abc import Sequence

import jax
import numpy as np

from common import errors, files
from common.config import DryRun, config_diff, parse_command
from common.data.faces.pipeline import mean_shape, train_iterator
from common.data.faces.source import Source
from common.terminal import table
from common.train import loop, sharding, workdir
from common.train.checkpoint import Checkpoints
from common.train.logs import Logger
from common.train.optimizer import label_tree
from common.train.state import TrainState, create_state
from fase_jax import sources, step
from fase_jax.config import FaseConfig, check
from fase_jax.detector import predict_source
from fase_jax.prior import load_prior
from fase_jax.results import face_errors

# A continued run may change these; everything else would make it another run.
MAY_CHANGE = ("workdir", "log_every", "eval_every", "save_every", "data.root", "data.data_dir", "data.cache_mib")


def main(argv: Sequence[str] | None = None) -> None:
    """The command: config from a file, fields from the command line."""
    config, options = parse_command(argv, FaseConfig(), DryRun())
    sharding.initialize()
    describe(config) if options.dry_run else train(config)


def describe(config: FaseConfig) -> None:
    """Prints the resolved config, the number of parameters by part, and the shapes, without touching the disk."""
    check(config)
    model = step.build_model(config, sources.scheme(config.data))
    variables = step.shapes(model, config)
    for name, (value, _) in config_diff(config, {}).items():
        print(f"{name} = {value}")
    trained, counts = step.trained_parts(config), {}
    labels = jax.tree.leaves(label_tree(step.part, variables["params"]))
    for label, leaf in zip(labels, jax.tree.leaves(variables["params"]), strict=True):
        counts[label] = counts.get(label, 0) + leaf.size
    rows = [(name, f"{count:,}", "trained" if name in trained else "frozen") for name, count in counts.items()]
    table("parameters", ("part", "values", ""), rows)
    size, heatmap, k = config.model.image_size, config.model.heatmap_size, model.num_landmarks
    print(
        f"images [{config.batch_size}, {size}, {size}, 3] -> heatmaps [{config.batch_size}, {heatmap}, {heatmap}, {k}]"
    )


def train(config: FaseConfig) -> loop.LoopStats:
    """Runs or continues a training; returns how fast it was."""
    check(config)
    mesh = sharding.make_mesh()
    sharding.check_batch_size(config.batch_size, mesh, config.accumulate)
    scheme = sources.scheme(config.data)
    train_source, validation = sources.training(config)
    crop = sources.crop(config, training=True)
    iterator = train_iterator(
        train_source,
        crop=crop,
        batch_size=config.batch_size,
        seed=config.seed,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        cache_mib=config.data.cache_mib,
    )
    model = step.build_model(config, scheme)
    steps_per_epoch = -(-len(train_source) // config.batch_size)
    optimizer_ = step.build_optimizer(config, steps_per_epoch)
    # Only now, so that a run with a wrong field claims no directory.
    directory = workdir.claim(config.workdir, config, MAY_CHANGE)
    save_mean_shape(config, train_source)
    checkpoints = Checkpoints(directory)
    run_state, resume = initial_state(config, model, optimizer_, mesh, checkpoints, iterator)

    with Logger(directory, config.steps, resume_step=int(run_state.step)) as logger:
        run_state, stats = loop.run(
            step.make_train_step(model, optimizer_, config, scheme),
            run_state,
            iterator,
            steps=config.steps,
            mesh=mesh,
            batch_size=config.batch_size,
            logger=logger,
            checkpoints=checkpoints,
            log_every=config.log_every,
            save_every=config.save_every,
            eval_every=config.eval_every,
            evaluate=make_evaluate(config, model, scheme, validation, mesh),
            best_metric="nme" if validation is not None else None,
            prepare=lambda batch: {name: batch[name] for name in ("image", "landmarks", "visible")},
            resume=resume,
        )
        if np.isfinite(stats.images_per_second):  # a run that was finished already has no speed
            logger.say(
                f"{stats.images_per_second:.1f} images/s, first step after {stats.seconds_to_first_step:.1f} s, "
                f"{100 * stats.input_wait_share:.1f} % of the time waiting for input, "
                f"{stats.compilations_after_first} compilations after step 1"
            )
    checkpoints.close()
    return stats


def initial_state(config, model, optimizer_, mesh, checkpoints, iterator) -> tuple[TrainState, object]:
    """A new state, from the prior if there is one, or that of the last checkpoint with what the loop stored there."""
    variables = step.initialize(model, config)
    if config.prior != "none" and checkpoints.latest() is None:
        variables = load_prior(config.prior, variables, config)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    params = variables.pop("params")
    new = create_state(params, variables, optimizer_, key, keep_ema=config.ema_decay > 0)
    new = sharding.put_replicated(new, mesh)
    return (new, None) if checkpoints.latest() is None else checkpoints.restore(new, iterator)


def make_evaluate(config, model, scheme, validation: Source | None, mesh):
    """state -> {"nme": mean error of the validation faces in percent}; None without validation faces."""
    if validation is None:
        return None
    predict = step.make_predict(model, config, scheme)
    crop = sources.crop(config, training=False)

    def evaluate(run_state: TrainState) -> dict[str, float]:
        params = run_state.params if run_state.ema is None else run_state.ema
        variables = {"params": params, **run_state.stats}
        predicted = predict_source(predict, variables, validation, crop, mesh, max(config.batch_size, 16))
        return {"nme": float(np.nanmean(face_errors(predicted, validation)[validation.scheme.normalizer]))}

    return evaluate


def save_mean_shape(config: FaseConfig, train_source: Source) -> None:
    """Keeps the mean training shape in the work directory: the baseline that places it by the box."""
    crop = sources.crop(config, training=False)
    if jax.process_index() == 0:
        shape = mean_shape(train_source, crop)
        files.write_json(f"{config.workdir}/mean_shape.json", np.asarray(shape, np.float64).round(3).tolist())


if __name__ == "__main__":
    errors.run(main)
