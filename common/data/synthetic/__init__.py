"""Drawn faces with exact landmarks, with which everything can be run and tested without a download."""

from common.data.synthetic.render import render_face

__all__ = ["render_face"]
