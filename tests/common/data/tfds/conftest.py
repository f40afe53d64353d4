"""Tiny trees in the layouts of the official downloads."""

import sqlite3

import numpy as np
import pytest
import scipy.io
from PIL import Image


def _image(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def w300_tree(tmp_path):
    """Two faces per folder, one in iBUG; .pts coordinates of face i are i + 1, i + 2, ... (1-based)."""
    root = tmp_path / "300w"
    # iBUG really has a file name with a space.
    names = {
        "afw": ["2.jpg", "1.jpg"],
        "helen/trainset": ["a.jpg", "b.jpg"],
        "helen/testset": ["a.jpg", "c.jpg"],
        "lfpw/trainset": ["image_0001.png", "image_0002.png"],
        "lfpw/testset": ["image_0001.png", "image_0002.png"],
        "ibug": ["image_092 _01.jpg"],
    }
    for i, name in enumerate(f"{folder}/{name}" for folder, files in names.items() for name in files):
        _image(root / name, i)
        points = "\n".join(f"{i + k + 1}.5 {i + 2 * k + 1}" for k in range(68))
        (root / name).with_suffix(".pts").write_text(f"version: 1\nn_points: 68\n{{\n{points}\n}}\n")
    return root


@pytest.fixture
def wflw_tree(tmp_path):
    """Three training and four test faces, two of them in one image; row i has coordinates i, i + 0.5, ..."""
    root = tmp_path / "wflw"
    lists = root / "WFLW_annotations/list_98pt_rect_attr_train_test"
    lists.mkdir(parents=True)
    rows = {
        "train": [
            ("0--P/b.jpg", "1 0 0 0 0 0"),
            ("0--P/a.jpg", "0 0 0 0 0 0"),
            ("9--X/c.jpg", "0 0 0 0 0 0"),
        ],
        "test": [
            ("1--Hand/t.jpg", "1 0 0 0 1 0"),
            ("1--Hand/t.jpg", "0 0 0 0 0 0"),
            ("1--Hand/s.jpg", "0 1 1 1 1 0"),
            ("1--Hand/r.jpg", "0 0 0 0 0 1"),
        ],
    }
    for split, faces in rows.items():
        lines = []
        for i, (name, flags) in enumerate(faces):
            _image(root / "WFLW_images" / name, i)
            coordinates = " ".join(f"{i + 0.5 * j:.6f}" for j in range(196))
            lines.append(f"{coordinates} {i} {i + 1} {i + 20} {i + 21} {flags} {name}")
        (lists / f"list_98pt_rect_attr_{split}.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def aflw_tree(tmp_path, monkeypatch):
    """Six faces of the list, of which the first four of the permutation 3 1 6 2 5 4 train; and the database."""
    monkeypatch.setattr("common.data.tfds.aflw.TRAINING", 4)
    root = tmp_path / "aflw_download"
    files = ["0/image00002.jpg", "0/image00002.jpg", "2/image3.jpg", "2/image4.jpg", "3/image5.jpg", "3/image6.jpg"]
    for i, name in enumerate(files):
        _image(root / "aflw/data/flickr" / name, i)
    visible = np.ones((6, 19))
    visible[3, 7] = 0
    scipy.io.savemat(
        root / "AFLWinfo_release.mat",
        {
            "nameList": np.array(files, object)[:, None],
            "data": np.arange(6)[:, None] * 100.0 + np.arange(38)[None, :],
            "mask_new": visible,
            "bbox": np.array([[10, 60, 20, 90]]) + 30.0 * np.arange(6)[:, None],  # left, right, top, bottom
            "ra": np.array([[3, 1, 6, 2, 5, 4]]),
        },
    )
    database = sqlite3.connect(root / "aflw/data/aflw.sqlite")
    database.executescript(
        """CREATE TABLE Faces (face_id INTEGER, file_id TEXT, db_id TEXT);
        CREATE TABLE FaceImages (image_id INTEGER, db_id TEXT, file_id TEXT, filepath TEXT, width INT, height INT);
        CREATE TABLE FaceRect (face_id INTEGER, x INTEGER, y INTEGER, w INTEGER, h INTEGER, annot_type_id INTEGER);"""
    )
    for i, name in enumerate(dict.fromkeys(files)):
        database.execute("INSERT INTO FaceImages VALUES (?, 'flickr', ?, ?, 32, 24)", (i, f"file{i}", name))
    # Faces 0 and 1 share an image and come in the opposite order; the image of face 5 has no rectangle.
    for face_id, image, corner in ((1, 0, 41), (2, 0, 11), (3, 1, 71), (4, 2, 101), (5, 3, 131)):
        database.execute("INSERT INTO Faces VALUES (?, ?, 'flickr')", (face_id, f"file{image}"))
        database.execute("INSERT INTO FaceRect VALUES (?, ?, ?, 50, 70, 1)", (face_id, corner, corner + 10))
    database.commit()
    database.close()
    return root
