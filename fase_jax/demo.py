"""Makes a landmark detector from nothing: draws faces, trains, evaluates and predicts.

make demo
"""

import shutil
from pathlib import Path

from common import errors, files
from common.config import load_config
from common.data.tfds import records
from fase_jax import evaluate, predict, train

CONFIG = "configs/fase/demo.py"
SAMPLES = 8
"""Number of test faces that are written as image files for the prediction."""


def main() -> None:
    """Runs the demo and ends with one line: the error, the baseline's, and the picture."""
    config = load_config(CONFIG)
    train.main(["--config", CONFIG])
    results = evaluate.evaluate(evaluate.Evaluate(workdir=config.workdir))
    samples = _samples(config, Path(config.workdir) / "samples")
    predict.predict(
        predict.Predict(workdir=config.workdir, inputs=(str(samples),), out=f"{config.workdir}/predictions")
    )
    result = results["test"]
    nme, baseline = result["metrics"]["inter_ocular"]["nme"], result["baseline"]["inter_ocular"]
    figure = Path(config.workdir) / "results" / "first_test.png"
    print(f"demo: NME_inter_ocular={nme:.2f} baseline={baseline:.2f} figure={figure}")


def _samples(config, folder: Path) -> Path:
    """Writes some test faces as image files, as a user has them."""
    source = records.open_dataset(
        "synthetic",
        config.data.data_dir,
        "test",
        num_train=config.data.synthetic_train,
        num_test=config.data.synthetic_test,
        size=config.data.synthetic_size,
    )
    shutil.rmtree(folder, ignore_errors=True)
    for i in range(SAMPLES):
        record = source[i]
        files.write_bytes(folder / record["file"], record["image"])
    return folder


if __name__ == "__main__":
    errors.run(main)
