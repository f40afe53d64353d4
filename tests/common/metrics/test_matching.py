"""Tests of `common.metrics.matching`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from common.metrics.matching import dense_match, dve_pixel_error, match, query_cells

RNG = np.random.default_rng(0)
MAPS = jnp.asarray(RNG.normal(size=(3, 12, 10, 32)), jnp.float32)
LANDMARKS = jnp.asarray(RNG.uniform(8, 24, (3, 5, 2)), jnp.float32)  # cells 2 to 6 at stride 4


@pytest.mark.parametrize("inner_product", [False, True])
def test_a_moved_map_is_matched_where_it_went(inner_product):
    moved = jnp.roll(MAPS, (3, 2), axis=(1, 2))
    found = match(MAPS, moved, LANDMARKS, 4.0, dve_inner_product=inner_product)
    expected = 4 * query_cells(LANDMARKS, 4.0, (12, 10)) + jnp.array([8, 12])[None, None]
    np.testing.assert_array_equal(found, expected)
    assert dve_pixel_error(found, expected, 136, 20).max() == 0


def test_cosine_does_not_see_lengths_but_the_inner_product_does():
    lengths = jnp.asarray(RNG.uniform(0.1, 10, (3, 12, 10, 1)), jnp.float32)
    stretched = MAPS * lengths
    expected = match(MAPS, MAPS, LANDMARKS, 4.0)
    np.testing.assert_array_equal(match(stretched, stretched, LANDMARKS, 4.0), expected)
    # One cell far longer than the others draws every landmark with a positive product.
    long = MAPS.at[:, 0, 0].multiply(1e4)
    found = match(MAPS, long, LANDMARKS, 4.0, dve_inner_product=True)
    cells = query_cells(LANDMARKS, 4.0, (12, 10))
    queries = jnp.stack([m[c[:, 1], c[:, 0]] for m, c in zip(MAPS, cells, strict=True)])
    positive = jnp.einsum("bkc,bc->bk", queries, MAPS[:, 0, 0]) > 0
    assert positive.any() and not positive.all()
    np.testing.assert_array_equal((found == 0).all(-1), positive)
    np.testing.assert_array_equal(match(MAPS, long, LANDMARKS, 4.0), expected)


def test_queries_round_half_to_even_and_stay_on_the_map():
    points = jnp.array([[[2.0, 6.0], [10.0, 14.0], [-99.0, 3.0], [37.0, 999.0]]])
    np.testing.assert_array_equal(query_cells(points, 4.0, (12, 10)), [[[0, 2], [2, 4], [0, 1], [9, 11]]])


def test_dense_matching_inverts_a_mirror():
    cells = dense_match(MAPS, MAPS[:, :, ::-1], upscale=1)
    rows, columns = jnp.meshgrid(jnp.arange(12.0), jnp.arange(10.0), indexing="ij")
    expected = jnp.stack([9 - columns, rows], axis=-1)
    np.testing.assert_array_equal(cells, jnp.broadcast_to(expected, (3, 12, 10, 2)))


def test_dense_matching_of_enlarged_maps_finds_itself():
    """The mixture of two cells, halfway between them, is most similar to itself."""
    cells = dense_match(MAPS, MAPS, upscale=2)
    rows, columns = jnp.meshgrid(jnp.arange(24.0), jnp.arange(20.0), indexing="ij")
    np.testing.assert_array_equal(cells, jnp.broadcast_to(jnp.stack([columns, rows], -1), (3, 24, 20, 2)))


def test_matching_under_jit_and_with_wrong_shapes():
    run = jax.jit(match, static_argnames="stride")
    np.testing.assert_array_equal(run(MAPS, MAPS, LANDMARKS, stride=4.0), match(MAPS, MAPS, LANDMARKS, 4.0))
    with pytest.raises(AssertionError):
        match(MAPS[0], MAPS[0], LANDMARKS[0], 4.0)
    with pytest.raises(AssertionError):
        dve_pixel_error(LANDMARKS, LANDMARKS[:, :2], 136, 20)
