"""Configuration: `[tool.neurocompile]` of pyproject.toml, or neurocompile.toml with the same keys."""

from neurocompile.config.entries import Config, Ignore, ModelEntry, unused_ignores
from neurocompile.config.load import load_config, parse_config

__all__ = ["Config", "Ignore", "ModelEntry", "load_config", "parse_config", "unused_ignores"]
