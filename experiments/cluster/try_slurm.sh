#!/bin/bash
# A Slurm cluster of one machine, bound to loopback, to try what is said of clusters: slurm.sh with
# two processes, preemption, requeue, resume; and a sweep as job arrays. As root, on Debian:
#
#   apt-get install slurmctld slurmd slurm-client munge
#   experiments/cluster/try_slurm.sh FOLDER
#
# FOLDER gets the daemons' state, the runs and their logs. Takes five to ten minutes on two cores,
# leaves no daemon behind, touches nothing in /etc. Ends with "all well", or with the step that failed.
set -euo pipefail
folder=$(mkdir -p "${1:?usage: try_slurm.sh FOLDER}" && cd "$1" && pwd)
cd "$(dirname "$0")/../.."
node=$(hostname -s) cpus=$(nproc)
export SLURM_CONF=$folder/slurm.conf PYTHONPATH=$PWD JAX_PLATFORMS=cpu
export PYTHON=${PYTHON:-.venv/bin/python}
say() { echo "$(date +%T) $*"; }

# --- the cluster ---------------------------------------------------------------------------------
mkdir -p "$folder"/{state,spool,runs}
# Two partitions: what is submitted to `high` sends what runs in `low` back to the queue.
cat > "$SLURM_CONF" <<CONF
ClusterName=tryout
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=60
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=low Nodes=$node Default=YES PriorityTier=1 GraceTime=120 MaxTime=INFINITE
PartitionName=high Nodes=$node PriorityTier=10 MaxTime=INFINITE
CONF
dd if=/dev/urandom of="$folder/munge.key" bs=1024 count=1 status=none
chmod 600 "$folder/munge.key"
daemons=()
leave() {
  scancel --quiet -u root 2>/dev/null || true  # the controller may be gone
  sleep 1
  kill "${daemons[@]}" 2>/dev/null || true
  wait
}
trap leave EXIT
munged --foreground --force --socket="$folder/munge.socket" --key-file="$folder/munge.key" \
  --pid-file="$folder/munged.pid" --seed-file="$folder/munged.seed" > "$folder/munged.log" 2>&1 &
daemons+=($!)
sleep 1
slurmctld -D -c > "$folder/slurmctld.log" 2>&1 & daemons+=($!)
slurmd -D > "$folder/slurmd.log" 2>&1 & daemons+=($!)
for _ in $(seq 60); do
  sinfo --noheader --format=%t 2>/dev/null | grep -q idle && break
  sleep 1
done
sinfo --noheader --format=%t | grep -q idle || { say "FAILED: no machine"; tail "$folder"/*.log; exit 1; }
# Nothing of it listens to the outside.
if ss -ltnpH | grep -E 'slurm' | awk '{print $4}' | grep -v '^127\.0\.0\.1:'; then
  say "FAILED: listens beyond loopback"; exit 1
fi

# --- one run, two processes, preempted and resumed -----------------------------------------------
steps() { tail -n 1 "$1/metrics.jsonl" 2>/dev/null | sed -n 's/.*"step": \([0-9]*\).*/\1/p'; }
state_of() { squeue --noheader --jobs="$1" --format=%T 2>/dev/null || true; }
submit() { sbatch --parsable --gpus-per-node=0 --cpus-per-task=1 --output="$folder/%x.log" "$@"; }

workdir=$folder/runs/preempted
job=$(submit --job-name=preempted --partition=low --ntasks=2 --ntasks-per-node=2 \
  experiments/cluster/slurm.sh experiments.baseline --fake_data --workdir="$workdir")
say "job $job: two processes of one run"
until [ "$(steps "$workdir" || true)" ] && [ "$(steps "$workdir")" -ge 20 ]; do
  [ "$(state_of "$job")" ] || { say "FAILED: ended before step 20"; tail "$folder/preempted.log"; exit 1; }
  sleep 1
done
say "at step $(steps "$workdir"): a job of the partition high wants the machine"
high=$(submit --job-name=high --partition=high --ntasks=2 --ntasks-per-node=2 --wrap="sleep 5")
until [ "$(state_of "$high")" = RUNNING ]; do sleep 1; done
say "job $high runs; job $job is $(state_of "$job")"
until [ -z "$(state_of "$job")" ]; do sleep 2; done
grep -E "Stopped at step|goes back to the queue|Resuming at step" "$folder/preempted.log"
grep -q "Stopped at step" "$folder/preempted.log" || { say "FAILED: nothing was saved"; exit 1; }
grep -q "Resuming at step" "$folder/preempted.log" || { say "FAILED: it did not resume"; exit 1; }
[ -s "$workdir/results.json" ] || { say "FAILED: no results"; tail "$folder/preempted.log"; exit 1; }
say "preempted, requeued, resumed and finished: $workdir/results.json"

# Two tasks that know nothing of each other: refused, before anything is written.
lone=$folder/runs/lone
if srun --ntasks=2 "$PYTHON" -m experiments.baseline --fake_data --workdir="$lone" 2> "$folder/lone.log"
then say "FAILED: two tasks in one workdir"; exit 1; fi
grep -q -- "--coordinator=auto" "$folder/lone.log" || { say "FAILED"; tail "$folder/lone.log"; exit 1; }
[ ! -e "$lone" ] || { say "FAILED: it wrote"; exit 1; }
say "two tasks without --coordinator: refused"

# --- a sweep as job arrays -----------------------------------------------------------------------
workdir=$folder/runs/sweep
sweep() {
  "$PYTHON" -m experiments.recovery --fake_data --slurm --points='none-0' --workdir="$workdir" \
    --slurm_options=partition=low,timeout_min=60,cpus_per_task=1
}
sweep
squeue --format="%i %T %E"
until [ -z "$(squeue --noheader)" ]; do sleep 2; done
for point in dense-0 none-0; do
  [ -s "$workdir/$point/results.json" ] || { say "FAILED: $point has no results"; exit 1; }
done
again=$(sweep)
[ "$(grep -c "finished before" <<< "$again")" = 2 ] || { say "FAILED: submitted again: $again"; exit 1; }
"$PYTHON" -m experiments.collect "$workdir" > "$folder/collected.log"  # not | head: that breaks it off
head -n 12 "$folder/collected.log"
say "all well"
