"""What several methods share: options, losses, sizes; each in a file of its own."""
