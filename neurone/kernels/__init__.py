"""The compiled loops: arrays and numbers in, arrays out. `jit.py` says how they are compiled, `cache.py` where they are
kept; `notes.py` is the method as the notes have it, and the place to begin reading."""
