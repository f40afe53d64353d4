"""Makes a landmark detector without any download: draws faces, trains, evaluates and predicts.

make demo
"""

import shutil
from pathlib import Path

from common import errors, files
from common.config import load_config
from fase_jax import evaluate, predict, sources, train
from fase_jax.config import FaseConfig

CONFIG = "configs/fase/demo.py"
SAMPLES = 8
"""Number of test faces that are written as image files for the prediction."""


def main() -> None:
    """Runs the demo. Its last line shows the error, the error of the mean shape, and the path of a picture."""
    config = load_config(CONFIG, FaseConfig)
    train.main(["--config", CONFIG])
    results = evaluate.evaluate(evaluate.Evaluate(workdir=config.workdir))
    samples = _write_samples(config)
    predict.predict(predict.Predict(config.workdir, (str(samples),), out=f"{config.workdir}/predictions"))
    result = results["test"]
    nme, baseline = result["metrics"]["inter_ocular"]["nme"], result["baseline"]["inter_ocular"]
    figure = Path(config.workdir) / "results" / "first_test.png"
    print(f"demo: NME_inter_ocular={nme:.2f} baseline={baseline:.2f} figure={figure}")


def _write_samples(config: FaseConfig) -> Path:
    """Writes some test faces as image files, and returns their folder."""
    folder, source = Path(config.workdir) / "samples", sources.tests(config.data)["test"]
    shutil.rmtree(folder, ignore_errors=True)
    for i in range(SAMPLES):
        record = source[i]
        files.write_bytes(folder / record["file"], record["image"])
    return folder


if __name__ == "__main__":
    errors.run(main)
