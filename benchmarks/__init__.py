"""Speed, memory and picture quality, measured and printed as tables; nothing here asserts anything."""
