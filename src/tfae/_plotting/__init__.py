"""Pictures, each drawn on one ``Axes``; :mod:`tfae.plotting` is their public face."""
