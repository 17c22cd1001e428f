"""The flags that launchers share, in groups: of a cluster, of a run, of a sweep."""

from absl import flags

WORKDIR = flags.DEFINE_string("workdir", None, "Where everything is written (runs/NAME).")
CACHE_DIR = flags.DEFINE_string(
  "cache_dir", None, "Prepared speech and compiled programs, which runs may share (the workdir)."
)
DATA_DIR = flags.DEFINE_string(
  "data_dir",
  None,
  "Own recordings: a folder of audio + .txt files, a list of them (CSV, TSV, Kaldi, NeMo, lhotse), "
  "or what data.prepare made.",
)
OFFLINE = flags.DEFINE_bool("offline", False, "Never download; take what is at hand.")
SWEEP = flags.DEFINE_bool("sweep", False, "Run all points of the sweep, each in WORKDIR/POINT.")
JOBS = flags.DEFINE_integer("jobs", 1, "Points of the sweep that run at once.", lower_bound=1)
POINTS = flags.DEFINE_string(
  "points", "", "Only the points whose folder matches this pattern, and what they start from."
)
PRINT_COMMANDS = flags.DEFINE_bool(
  "print_commands", False, "Print the points' commands, one a line, for any scheduler; run nothing."
)
SLURM = flags.DEFINE_bool(
  "slurm", False, "Give the sweep's points to Slurm, as job arrays (pip install submitit)."
)
SLURM_OPTIONS = flags.DEFINE_list(
  "slurm_options",
  [],
  "NAME=VALUE of each point's job: timeout_min, cpus_per_task, mem_gb, gpus_per_node, nodes, "
  "tasks_per_node, partition, account, qos, array_parallelism, ... as submitit names them.",
)
FAKE_DATA = flags.DEFINE_bool(
  "fake_data",
  False,
  "Chords instead of speech, 20 updates a stage: does it all run here?",
)
PROFILE = flags.DEFINE_integer(
  "profile", 0, "Trace so many updates into WORKDIR/profile, for TensorBoard.", lower_bound=0
)
DRY_RUN = flags.DEFINE_bool(
  "dry_run",
  False,
  "Only tell what would be run: shapes, parameters, memory and work of an update; of a sweep its "
  "points, updates and, if some were made, the time left.",
)
COORDINATOR = flags.DEFINE_string(
  "coordinator",
  None,
  "Train on several processes, one a machine or GPU: auto under Slurm (srun), on a TPU pod, under "
  "Open MPI or Kubernetes; else HOST:PORT of process 0 ($JAX_COORDINATOR_ADDRESS).",
)
NUM_PROCESSES = flags.DEFINE_integer(
  "num_processes", None, "How many, with HOST:PORT ($JAX_NUM_PROCESSES).", lower_bound=1
)
PROCESS_ID = flags.DEFINE_integer(
  "process_id", None, "Which this is, from 0 on ($JAX_PROCESS_ID).", lower_bound=0
)
OF_A_CLUSTER = (COORDINATOR, NUM_PROCESSES, PROCESS_ID)
OF_A_RUN = (WORKDIR, CACHE_DIR, DATA_DIR, OFFLINE, FAKE_DATA, DRY_RUN, PROFILE, *OF_A_CLUSTER)
WHERE_POINTS_RUN = (JOBS, POINTS, PRINT_COMMANDS, SLURM, SLURM_OPTIONS)
OF_A_SWEEP = (SWEEP, *WHERE_POINTS_RUN)
OF_POINTS_ALONE = (WORKDIR, CACHE_DIR, DATA_DIR, OFFLINE, FAKE_DATA, DRY_RUN, *WHERE_POINTS_RUN)
"""Of a program that is a sweep and has no run of its own."""
PASSED_ON = (DATA_DIR, OFFLINE, FAKE_DATA, COORDINATOR)
"""From a sweep to its points, which get a workdir, a cache and a config each."""
