"""Tests `benchmarks.hlo` on programs in the form that XLA prints."""

from benchmarks import hlo
from benchmarks.hlo import Estimate

PROGRAM = """HloModule step, is_scheduled=true

%body (p: (s32[], f32[8])) -> (s32[], f32[8]) {
  %p = (s32[]{:T(128)}, f32[8]{0}) parameter(0)
  %a = f32[8]{0} fusion(%p), calls=%f, backend_config={"x":["1"],"estimated_cycles":"7"}
  ROOT %t = (s32[], f32[8]) tuple(%p, %a)
}

%condition (q: (s32[], f32[8])) -> pred[] {
  %limit = s32[]{:T(128)} constant(50)
  ROOT %less = pred[] compare(%q, %limit), direction=LT
}

%until (q: (s32[], f32[8])) -> pred[] {
  ROOT %less = pred[] compare(%q, %q.1), direction=LT
}

%slow (r: f32[8]) -> f32[8] {
  ROOT %w = (s32[], f32[8]) while(%r), condition=%condition, body=%body
}

%fast (r: f32[8]) -> f32[8] {
  ROOT %b = f32[8]{0} copy(%r), backend_config={"estimated_cycles":"100"}
}

ENTRY %main (x: f32[8]) -> f32[8] {
  %c = f32[8]{0} conditional(%i, %x, %x), branch_computations={%fast, %slow}
  %u = (s32[], f32[8]) while(%c), condition=%until, body=%body
  %s = (f32[8]{0}, f32[3,3]{1,0}) all-reduce(%u, %u.1), to_apply=%add, backend_config={"estimated_cycles":"1000"}
  %g = f32[16]{0} all-gather-start(%s), dimensions={0}
  %h = f32[16]{0} all-gather-done(%g)
  %k = f32[4]{0} all-reduce(%h), to_apply=%add
  ROOT %z = f32[8]{0} call(%k), to_apply=%fast
}
"""


def test_exchanges_are_counted_by_kind():
    assert hlo.collectives(PROGRAM) == {"all-gather": 1, "all-reduce": 2}


def test_loops_count_as_often_as_they_turn():
    """50 turns of 7 in the slower branch, a loop to an unknown end once, an instruction of 1000, a call of 100."""
    assert hlo.estimate(PROGRAM) == Estimate(50 * 7 + 7 + 1000 + 100, 50 + 1)


def test_programs_without_estimates():
    program = "HloModule m\n\nENTRY %main (x: f32[8]) -> f32[8] {\n  ROOT %y = f32[8]{0} copy(%x)\n}\n"
    assert hlo.estimate(program) == Estimate(0, 0)
