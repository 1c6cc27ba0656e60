"""The compiled loops: arrays and numbers in, arrays out. Begin with `notes.py`, the method as the notes have it.
`jit.py` says how kernels are compiled, `cache.py` where they are kept."""
