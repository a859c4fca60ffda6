"""What the frameworks compute, and the stand-ins beside them."""
