#!/bin/bash
# One run on one or more machines of a Slurm cluster, a process a GPU:
#
#   sbatch experiments/cluster/slurm.sh experiments.baseline --workdir=/shared/runs/one
#   sbatch --nodes=4 --gpus-per-node=8 --ntasks-per-node=8 --time=24:00:00 \
#     experiments/cluster/slurm.sh experiments.librispeech --workdir=... --config.batch_size=...
#
# Submit it from the repository's folder, which all machines must see at the same path, as they must
# the workdir. What stands below is a default; options of sbatch itself win. The batch size is that
# of all processes together. A first try on a new cluster: add --fake_data.
#
#SBATCH --job-name=edge_rnnt
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --requeue
# Two minutes before the time is up, every process is told: training saves its state and ends.
#SBATCH --signal=TERM@120
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log

module=$1
shift
# bash waits for srun whatever it is sent; the processes themselves heed SIGTERM.
trap : TERM
# A process that died takes the others with it: they would wait for it for minutes.
srun --kill-on-bad-exit=1 --label "${PYTHON:-.venv/bin/python}" -m "$module" --coordinator=auto "$@"
code=$?

# 143 = 128 + SIGTERM: stopped with its state saved, by preemption or because the time is nearly up.
# Slurm requeues by itself only what did not end before it was killed. RUNNING: nobody cancelled it.
if [ "$code" = 143 ] && [ "$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T)" = RUNNING ]; then
  echo "stopped; job $SLURM_JOB_ID goes back to the queue and resumes where it was"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
