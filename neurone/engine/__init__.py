"""What stands between a network, its samples, and the kernels: plans, memory, copies in blocks, threads."""
