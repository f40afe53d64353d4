"""The commands end to end on twenty pictures: train, kill, resume, evaluate, predict, repeat, compare."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common import files
from common.config import config_to_dict
from common.errors import InputError
from common.train import checkpoint, workdir
from fase_jax import compare, evaluate, predict, sources, train
from fase_jax.config import FaceDataConfig
from fase_jax.detector import load_detector
from fase_jax.results import face_errors


def _leaves(directory, which="last"):
    """Check sums by array of the newest checkpoint."""
    checkpoints = checkpoint.Checkpoints(directory)
    return checkpoints._header(which, checkpoints.latest(which))["leaves"]


def test_evaluate_predict_and_compare(trained, faces, tmp_path, capsys):
    config, speed = trained
    assert speed.compilations_after_first == 0

    results = evaluate.evaluate(evaluate.Evaluate(workdir=config.workdir))
    assert results["test"]["faces"] == 4
    assert results["test"]["normalizer"] == "inter_ocular"
    stored = files.read_json(f"{config.workdir}/results/results.json")["results"]
    assert stored == json.loads(json.dumps(results))
    for name in ("ced", "first_test", "worst_test", "best_test"):
        assert Path(f"{config.workdir}/results/{name}.png").stat().st_size > 1000

    # The prediction command crops the same faces by the given boxes, and finds the same landmarks.
    source = evaluate._sources(evaluate.Evaluate(workdir=config.workdir), config)["test"]
    boxes = ["file,x0,y0,x1,y1"] + [
        ",".join(map(str, [f, *b])) for f, b in zip(source.files, source.boxes, strict=True)
    ]
    (tmp_path / "boxes.csv").write_text("\n".join(boxes))
    options = predict.Predict(
        workdir=config.workdir,
        inputs=(str(faces / "*.png"),),
        boxes=str(tmp_path / "boxes.csv"),
        out=str(tmp_path / "out"),
    )
    entries = predict.predict(options)
    found = np.array([entry["landmarks"] for entry in entries], np.float32)
    detector = load_detector(config.workdir)
    crop = sources.crop(detector.config, training=False)
    shown = dataclasses.replace(detector(source, crop, 8), landmarks=found)
    error = face_errors(shown, source)["inter_ocular"]
    np.testing.assert_allclose(error, results["test"]["errors"], atol=0.05)
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 4
    assert (tmp_path / "out" / "landmarks.csv").read_text().startswith("file,box_x0")

    path = f"{config.workdir}/results/results.json"
    assert compare.compare(path, path)[0]["p"] == "1"
    assert "demo" not in capsys.readouterr().err


def test_a_killed_run_resumes_to_the_same_numbers(config, tmp_path):
    config = dataclasses.replace(config, steps=12, save_every=2, eval_every=4)
    whole = dataclasses.replace(config, workdir=str(tmp_path / "whole"))
    train.train(whole)

    script = tmp_path / "config.py"
    script.write_text(
        "from common.config import config_from_dict\nfrom fase_jax.config import FaseConfig\n"
        f"config = config_from_dict(FaseConfig, {config_to_dict(config)!r})\n"
    )
    command = [sys.executable, "-m", "fase_jax.train", "--config", str(script)]
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "8"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    checkpoints = checkpoint.Checkpoints(config.workdir)
    deadline = time.monotonic() + 240
    while checkpoints.latest() is None and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert checkpoints.latest() is not None
    subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL, timeout=300)

    for which in ("last", "best"):
        assert _leaves(config.workdir, which) == _leaves(whole.workdir, which)
    metrics = [Path(directory, "metrics.jsonl").read_text() for directory in (config.workdir, whole.workdir)]
    assert metrics[0] == metrics[1]


def test_another_run_in_the_same_place_is_refused(trained):
    config, _ = trained
    other = dataclasses.replace(config, batch_size=16)
    with pytest.raises(InputError, match="batch_size 8 -> 16"):
        train.train(other)


def test_nan_stops_and_keeps_the_last_good_state(config):
    wild = dataclasses.replace(config.optimizer, itl_lr=1e30, encoder_lr=1e30, generator_lr=1e30)
    with pytest.raises(InputError, match="step .*lower learning rate"):
        train.train(dataclasses.replace(config, optimizer=wild, save_every=1))


def test_a_checkpoint_of_another_model_is_refused(trained, tmp_path):
    copy = shutil.copytree(trained[0].workdir, tmp_path / "copy")
    path = copy / "config.json"
    stored = files.read_json(path)
    stored["model"]["w_dim"] = 4
    files.write_json(path, stored)
    with pytest.raises(InputError, match="checkpoint of another model"):
        load_detector(str(copy))


def test_a_prior_gives_encoder_and_generator_but_no_itls(trained, tmp_path):
    """A run with 1 ITL starts from the best checkpoint of a run with 2, except for the ITLs."""
    config, _ = trained
    model = dataclasses.replace(config.model, num_itls=1)
    fresh = dataclasses.replace(
        config, workdir=str(tmp_path / "second"), prior=config.workdir, model=model, steps=1, finetune_encoder=False
    )
    train.train(fresh)
    before, after = _leaves(config.workdir, "best"), _leaves(fresh.workdir)
    kept = [name for name in after if name.startswith("params/synthesis")]
    assert kept
    for name in kept:
        assert after[name] == before[name.replace("params/", "ema/")]

    wider = dataclasses.replace(config.model, encoder_widths=(4, 4, 8, 16))
    with pytest.raises(InputError, match="field prior: .*encoder"):
        train.train(dataclasses.replace(fresh, workdir=str(tmp_path / "third"), model=wider))


def test_evaluation_elsewhere():
    """A run on a prepared set is evaluated on it, or on another folder with the same scheme and crop."""
    data = FaceDataConfig(dataset="synthetic", crop_scale=1.5)
    assert sources.elsewhere(data, "", "", ()) == data
    folder = sources.elsewhere(data, "faces", "", ("a",))
    assert (folder.dataset, folder.root, folder.scheme) == ("folder", "faces", "w300")
    assert (folder.crop_scale, folder.test_subsets, folder.annotations) == (1.5, ("a",), data.annotations)


def test_bad_fields(config, faces):
    mse = dataclasses.replace(config, decoder="argmax", loss=dataclasses.replace(config.loss, kind="mse"))
    workdir.claim(mse.workdir, mse)
    with pytest.raises(InputError, match="field decoder"):
        load_detector(mse.workdir, decoder="soft_argmax")
    few = dataclasses.replace(config.data, num_labels=99)
    with pytest.raises(InputError, match="99"):
        train.train(dataclasses.replace(config, data=few))
    with pytest.raises(InputError, match="data.test_subsets"):
        sources.tests(dataclasses.replace(config.data, test_subsets=()))
    with pytest.raises(InputError, match="field inputs"):
        predict.find_images(())
    with pytest.raises(InputError, match="names no image"):
        predict.find_images((str(faces / "*.tiff"),))
    with pytest.raises(InputError, match="batch_size"):
        train.train(dataclasses.replace(config, batch_size=7))
    with pytest.raises(InputError, match="prior"):
        train.train(dataclasses.replace(config, prior=str(faces), workdir=config.workdir + "_p"))


def test_dry_run_writes_nothing(config, capsys):
    train.describe(config)
    printed = capsys.readouterr().out
    assert "optimizer.itl_lr = 0.01" in printed
    assert "heatmaps [8, 16, 16, 5]" in printed
    assert not Path(config.workdir).exists()
