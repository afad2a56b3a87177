"""Pictures measured, frames prepared and encoded: no network, no lake, no Dagster.

Everything here needs the extra ``media`` (PyAV, OpenCV, Pillow); a base installation runs everything but pictures.
"""
