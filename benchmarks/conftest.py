"""Before NumPy is imported: `OMP_NUM_THREADS=2 pytest benchmarks/` uses two threads and two cores; without it, one."""

import processes

processes.pin()
