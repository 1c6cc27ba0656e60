"""From a network and its samples to the kernels: plans, memory, copies in blocks, threads."""
