"""Drawn faces with exact landmarks, so that everything can be run and tested without a download."""

from common.data.synthetic.render import render_face

__all__ = ["render_face"]
