#!/bin/bash
# One run on a Cloud TPU slice of any number of hosts. From a machine with gcloud:
#
#   TPU=my-v5e ZONE=us-west4-a experiments/cluster/tpu_vm.sh experiments.librispeech \
#     --workdir=gs-mounted/runs/one --data_dir=...
#
# What it does on every host at the same time: copies this checkout, installs it with JAX's TPU
# libraries, and runs the module. JAX finds the other hosts itself (--coordinator=auto). The workdir
# must be one folder that all hosts see (a mounted bucket or NFS): checkpoints are written together.
#
# A host that is taken away (spot and maintenance) gets SIGTERM first; the run saves its state and
# ends, on all hosts. Run this again when the slice is back: it resumes. In a queued resource's
# --metadata startup-script, the same three steps make it do so by itself.
#
# Not tried from here: this project had no TPU. The same program under the same start-up is tested as
# two processes on one machine, under Slurm too (try_slurm.sh).
set -euo pipefail
: "${TPU:?name of the TPU VM}" "${ZONE:?its zone}"
module=$1
shift

on_all_hosts() { gcloud compute tpus tpu-vm ssh "$TPU" --zone="$ZONE" --worker=all --command="$1"; }

git archive --format=tar.gz -o /tmp/edge_rnnt.tar.gz HEAD
gcloud compute tpus tpu-vm scp /tmp/edge_rnnt.tar.gz "$TPU": --zone="$ZONE" --worker=all
on_all_hosts "mkdir -p edge_rnnt && tar xzf edge_rnnt.tar.gz -C edge_rnnt && cd edge_rnnt &&
  { [ -d .venv ] || python3 -m venv .venv; } &&
  .venv/bin/pip install -q -r requirements.lock -e . 'jax[tpu]'"
on_all_hosts "cd edge_rnnt && .venv/bin/python -m $module --coordinator=auto $(printf '%q ' "$@")"
