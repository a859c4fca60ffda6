"""Names that annotations mention; nothing here draws."""

Axes = object
Figure = object
