"""Tables → typed rows, each with its place and its unit."""
