"""Trains a classifier of attributes on labelled faces, for edits in W and for the attribute linearity score.

    python -m hsr_jax.train_attributes --config configs/hsr/attributes_mtfl64_cpu.py --workdir runs/attributes

The same command, given again, continues the run from its last checkpoint to bit-identical numbers.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import jax
from jax.sharding import Mesh

from common import errors, files
from common.config import DryRun, parse_command
from common.data import batches
from common.data.images.pipeline import ImageLoader
from common.data.images.source import ImageSource
from common.ops.pixels import as_float
from common.terminal import print_table
from common.train import inference, sharding
from common.train.fit import Job, fit, print_summary
from common.train.state import TrainState, create_state
from hsr_jax.attributes import build, classifier, data
from hsr_jax.attributes.config import AttributesConfig

# Fields that may change when a run is continued. With any other change it would be another run.
MAY_CHANGE = ("workdir", "log_every", "eval_every", "save_every", "data.data_dir", "data.cache_mib", "data.test_table")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    config, options = parse_command(argv, AttributesConfig(), DryRun())
    sharding.initialize()
    describe(config) if options.dry_run else train(config)


def describe(config: AttributesConfig) -> None:
    """Prints the resolved config, the number of parameters and the shapes, without writing anything."""
    size, count = config.image_size, len(data.names(config.data))
    flow = f"images [{config.batch_size}, {size}, {size}, 3] -> logits [{config.batch_size}, {count}]"
    print_summary(config, {"classifier": build.shapes(config)["params"]}, flow)


def train(config: AttributesConfig) -> dict[str, dict[str, float]]:
    """Starts or continues a training; returns the accuracies of the best state on the validation and test images."""
    mesh = sharding.make_mesh()
    sharding.check_batch_size(config.batch_size, mesh)
    source, validation = data.open_training(config.data, config.seed)
    sets = {"validation": validation, "test": data.open_test(config.data)}
    loader = ImageLoader(source, config.image_size, mirror=True, cache_mib=config.data.cache_mib)
    evaluate = make_evaluate(config, mesh)
    job = Job(
        config=config,
        may_change=MAY_CHANGE,
        new_state=lambda fresh: new_state(config),
        step=build.make_step(config),
        iterator=batches.endless(loader, batch_size=config.batch_size, seed=config.seed),
        keys=("image", "label"),
        mesh=mesh,
        steps=config.steps,
        batch_size=config.batch_size,
        log_every=config.log_every,
        save_every=config.save_every,
        eval_every=config.eval_every,
        evaluate=lambda state: evaluate({"params": state.params, **state.model_state}, validation),
        best_metric="loss",
    )
    outcome = fit(job)
    state = outcome.state
    best, _ = outcome.checkpoints.restore_part({"params": state.params, "model_state": state.model_state}, "best")
    variables = {"params": best["params"], **best["model_state"]}
    results = {name: evaluate(variables, images) for name, images in sets.items() if images is not None}
    return _report(config, results)


def new_state(config: AttributesConfig) -> TrainState:
    """State before the first step."""
    variables = build.initialize(config)
    params = variables.pop("params")
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    return create_state(params, variables, build.optimizer(config), key)


def make_evaluate(config: AttributesConfig, mesh: Mesh) -> Callable[[dict, ImageSource], dict[str, float]]:
    """Function (variables, images) -> losses and accuracies over all images, see `classifier.summarize`."""
    model, names = build.build(config), data.names(config.data)

    def tally(variables, images, labels, mask):
        return classifier.tally(classifier.logits(model, variables, as_float(images), config.image_size), labels, mask)

    program = jax.jit(tally, out_shardings=sharding.replicated_sharding(mesh))

    def evaluate(variables: dict, source: ImageSource) -> dict[str, float]:
        loader, columns = ImageLoader(source, config.image_size), ("image", "label", "mask")
        tallies = inference.over_loader(program, (variables,), loader, columns, mesh, config.batch_size)
        return classifier.summarize(inference.total(tallies), names)

    return evaluate


def _report(config: AttributesConfig, results: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Writes and prints the results; returns them."""
    if jax.process_index() == 0:
        files.write_json(Path(config.workdir) / "results" / "attributes.json", results)
        for name, values in results.items():
            rows = [
                (attribute, *(100 * values[f"{kind}/{attribute}"] for kind in ("accuracy", "balanced_accuracy")))
                for attribute in data.names(config.data)
            ]
            print_table(f"{name}, best state", ("attribute", "accuracy %", "balanced %"), rows)
    return results


if __name__ == "__main__":
    errors.run(main)
