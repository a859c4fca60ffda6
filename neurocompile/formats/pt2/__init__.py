"""`.pt2` files: rewritten from checked parts before torch sees them."""
