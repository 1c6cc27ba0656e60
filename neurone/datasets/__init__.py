"""Whatever comes in, checked once: files, folders, arrays."""
