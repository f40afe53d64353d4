"""Trains a classifier of attributes on labelled faces, for boundaries in W and for the attribute linearity score.

    python -m hsr_jax.train_attributes --config configs/hsr/attributes_mtfl64_cpu.py --workdir runs/attributes

A run started again in its work directory goes on where its last checkpoint is, to the same numbers.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np

from common import errors, files
from common.config import config_diff, parse_command
from common.data.images.pipeline import eval_batches, train_iterator
from common.data.images.source import ImageSource
from common.ops.pixels import as_float
from common.terminal import table
from common.train import loop, sharding, workdir
from common.train.checkpoint import Checkpoints
from common.train.logs import Logger
from common.train.state import count_parameters, create_state, local_value
from hsr_jax.attributes import build, classifier
from hsr_jax.attributes import data as attribute_data
from hsr_jax.attributes.config import AttributesConfig

# A continued run may change these; everything else would make it another run.
MAY_CHANGE = ("workdir", "log_every", "eval_every", "save_every", "data.data_dir", "data.cache_mib", "data.test_table")


def main(argv: Sequence[str] | None = None) -> None:
    """The command: config from a file, fields from the command line."""
    config, options = parse_command(argv, default=AttributesConfig())
    sharding.initialize()
    describe(config) if options.dry_run else train(config)


def describe(config: AttributesConfig) -> None:
    """Prints the resolved config, the number of parameters and the shapes, without touching the disk."""
    for name, (value, _) in config_diff(config, {}).items():
        print(f"{name} = {value}")
    names, size = attribute_data.names(config.data), config.image_size
    print(f"{count_parameters(build.shapes(config)['params']):,} parameters")
    print(f"images [{config.batch_size}, {size}, {size}, 3] -> logits [{config.batch_size}, {len(names)}]")


def train(config: AttributesConfig) -> dict[str, dict[str, float]]:
    """Runs or continues a training; returns the accuracies of the best state, by set."""
    mesh = sharding.make_mesh()
    sharding.check_batch_size(config.batch_size, mesh)
    source, validation = attribute_data.training(config.data, config.seed)
    sets = {"validation": validation, "test": attribute_data.testing(config.data)}
    iterator = train_iterator(
        source,
        resolution=config.image_size,
        batch_size=config.batch_size,
        seed=config.seed,
        mirror=True,
        process_index=jax.process_index(),
        process_count=jax.process_count(),
        cache_mib=config.data.cache_mib,
    )
    variables = build.initialize(config)
    params = variables.pop("params")
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    new = sharding.put_replicated(create_state(params, variables, build.optimizer(config), key), mesh)
    # Only now, so that a run with a wrong field claims no directory.
    directory = workdir.claim(config.workdir, config, MAY_CHANGE)
    checkpoints = Checkpoints(directory)
    started = checkpoints.latest() is not None
    run_state, resume = checkpoints.restore(new, iterator) if started else (new, None)
    evaluate = make_evaluate(config, mesh)
    with Logger(directory, config.steps, resume_step=int(run_state.step)) as logger:
        run_state, stats = loop.run(
            build.make_step(config),
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
            evaluate=lambda state: evaluate({"params": state.params, **state.stats}, validation),
            best_metric="loss",
            prepare=lambda batch: {name: batch[name] for name in ("image", "label")},
            resume=resume,
        )
        if np.isfinite(stats.images_per_second):  # a run that was finished already has no speed
            logger.say(
                f"{stats.images_per_second:.1f} images/s, first step after {stats.seconds_to_first_step:.1f} s, "
                f"{stats.compilations_after_first} compilations after step 1"
            )
    best, _ = checkpoints.restore_part({"params": run_state.params, "stats": run_state.stats}, "best")
    checkpoints.close()
    variables = {"params": best["params"], **best["stats"]}
    results = {name: evaluate(variables, images) for name, images in sets.items() if images is not None}
    return _report(config, directory, results)


def make_evaluate(config: AttributesConfig, mesh) -> Callable[[dict, ImageSource], dict[str, float]]:
    """(variables, images) -> `classifier.summarize` of all of them."""
    model, names = build.build(config), attribute_data.names(config.data)

    def tally(variables, batch):
        scores = classifier.logits(model, variables, as_float(batch["image"]), config.image_size)
        return classifier.tally(scores, batch["label"], batch["mask"])

    program = jax.jit(tally, out_shardings=sharding.replicated_sharding(mesh))

    def evaluate(variables: dict, source: ImageSource) -> dict[str, float]:
        tallies = []
        for batch in eval_batches(
            source,
            resolution=config.image_size,
            batch_size=config.batch_size,
            process_index=jax.process_index(),
            process_count=jax.process_count(),
        ):
            rows = {name: batch[name] for name in ("image", "label", "mask")}
            tallies.append(program(variables, sharding.put_batch(rows, mesh)))
        values = jax.tree.map(local_value, tallies)
        return classifier.summarize(jax.tree.map(lambda *x: np.sum(x, axis=0), *values), names)

    return evaluate


def _report(
    config: AttributesConfig, directory: Path, results: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    if jax.process_index() == 0:
        files.write_json(directory / "results" / "attributes.json", results)
        for name, values in results.items():
            rows = [
                (attribute, *(100 * values[f"{kind}/{attribute}"] for kind in ("accuracy", "balanced_accuracy")))
                for attribute in attribute_data.names(config.data)
            ]
            table(f"{name}, best state", ("attribute", "accuracy %", "balanced %"), rows)
    return results


if __name__ == "__main__":
    errors.run(main)
