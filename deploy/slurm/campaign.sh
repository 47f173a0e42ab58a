#!/bin/sh
# A campaign of simulations as an array: task i runs shard i of as many as the array has.
#
#   sbatch --array=0-99 deploy/slurm/campaign.sh
#   purlin merge results --out merged
#
# Which shard a task is, and of how many, SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT tell. A task that is preempted,
# or the same array submitted again, goes on where it was.
#
# PURLIN_SEEDS    from A up to, and not including, B; 0..1000000 unless set
# PURLIN_TIER     swarm, unless set, or turmoil
# PURLIN_RESULTS  a directory that all nodes share; `results` unless set
#SBATCH --job-name=purlin-chaos
#SBATCH --array=0-99
#SBATCH --cpus-per-task=2
#SBATCH --mem=512M
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=purlin-chaos-%A-%a.log

set -eu

exec purlin chaos \
    --tier "${PURLIN_TIER:-swarm}" \
    --seeds "${PURLIN_SEEDS:-0..1000000}" \
    --out "${PURLIN_RESULTS:-results}/$SLURM_ARRAY_TASK_ID"
