"""The open formats: the published tables once more, as GIS programs and catalogues read them."""
