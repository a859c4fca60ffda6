"""lava-dl's `.net` files in: checked, to a torch module."""
