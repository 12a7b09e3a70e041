# Says how the step runner is getting on: poll.sh DIRECTORY STEPS_AT LOG LOG_AT TRIES
#
# Prints STATE, where in steps.jsonl the run begins (`-` when nobody knows), and how
# many bytes of steps.jsonl and of the log follow; then those. STEPS_AT may be `-`:
# where the run begins. Looks up to TRIES more times while there is no news.
cd "$1" 2>/dev/null || cd /
cloud=/run/cloud-init
most=65536

# The state comes first, so that all that led to it is in what is read afterwards.
state() {
  if [ -e setup/lock ] && ! flock -s -n setup/lock true; then
    echo running
  elif [ -e result.json ]; then
    echo ended
  elif [ -e setup/from ]; then
    echo dead
  elif [ -e "$cloud/enabled" ] && [ ! -e "$cloud/result.json" ]; then
    echo waiting
  else
    echo unstarted
  fi
}

# How much there is of a file after a place, but not too much: beyond FILE PLACE.
beyond() {
  size=$(wc -c 2>/dev/null <"$1") || size=0
  size=$((size - $2))
  [ "$size" -gt 0 ] || size=0
  [ "$size" -lt "$most" ] || size=$most
  echo "$size"
}

tries=$5
while :; do
  state=$(state)
  from=-
  steps=0
  log=0
  if [ -s setup/from ]; then
    from=$(cat setup/from)
    steps_at=$2
    [ "$steps_at" != - ] || steps_at=$from
    steps=$(beyond steps.jsonl "$steps_at")
    log=$(beyond "log/$3" "$4")
  fi
  case $state in running | waiting) ;; *) break ;; esac
  if [ "$steps$log" != 00 ] || [ "$tries" -le 0 ]; then break; fi
  tries=$((tries - 1))
  sleep 0.2
done
echo "$state $from $steps $log"
[ "$steps" = 0 ] || tail -c "+$((steps_at + 1))" steps.jsonl | head -c "$steps"
[ "$log" = 0 ] || tail -c "+$(($4 + 1))" "log/$3" | head -c "$log"
