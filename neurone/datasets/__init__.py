"""All input, checked once: files, folders, arrays."""
