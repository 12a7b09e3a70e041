#!/bin/sh
# Runs the setup steps of a sandbox, in order, and stops at the first that fails.
#
# runner DIRECTORY, where DIRECTORY/runner is this file
#
# DIRECTORY/setup/list has a line for each step: NAME FILE HASH SECONDS. The script
# of a step is DIRECTORY/setup/FILE, its log DIRECTORY/log/FILE. A step that was done
# under the same hash is not run again.
#
# Writes DIRECTORY/steps.jsonl, a JSON line for each step that ended, and at the very
# end DIRECTORY/result.json. While it runs, and when it was killed, there is no
# result.json. DIRECTORY/setup/from says where in steps.jsonl this run begins.
# Ends with 0 ready, 1 failed, 75 another runner is at work.
set -u
umask 022
cd "$1" || exit 1
mkdir -p setup/done log || exit 1

# A number that tells a process from a later one with the same id.
identity() {
  [ -r "/proc/$1/stat" ] || return 0
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  # Dead, and only not yet collected by its parent.
  [ "$1" != Z ] || return 0
  printf '%s %s' "$(cat /proc/sys/kernel/random/boot_id)" "${20}"
}

# runner . step FILE SECONDS: the runner calls itself to start a step, which says
# first who it is, so that a later runner finds it.
if [ "${2-}" = step ]; then
  printf '%s %s\n' "$$" "$(identity "$$")" >setup/step
  exec timeout -k 10 "$4" /bin/sh "setup/$3"
fi

exec 9>>setup/lock || exit 1
# Whoever only looks whether a runner is at work holds the lock for a moment.
flock -w 5 9 || exit 75

# Hundredths of seconds since the machine started.
now() {
  read -r up _ </proc/uptime
  echo $((${up%.*} * 100 + 1${up#*.} - 100))
}

# note NAME HASH RC HUNDREDTHS [MORE]
note() {
  printf '{"step":"%s","rc":%d,"seconds":%d.%02d,"hash":"%s"%s}\n' \
    "$1" "$3" $(($4 / 100)) $(($4 % 100)) "$2" "${5-}" >>steps.jsonl || exit 1
}

conclude() {
  printf '%s\n' "$1" >.result.json && sync .result.json && mv -f .result.json result.json
}

is_done() {
  [ "$(cat "setup/done/$1" 2>/dev/null)" = "$2" ]
}

# A step of a runner that was killed may still be at work.
end_leftover() {
  [ -s setup/step ] || return 0
  read -r pid was <setup/step
  while [ -n "$was" ] && [ "$(identity "$pid")" = "$was" ]; do
    kill -KILL "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null
    sleep 0.1
  done
  rm -f setup/step
}

# run FILE SECONDS: the step in a process group of its own.
run() {
  /bin/sh runner . step "$1" "$2" >"log/$1" 2>&1 </dev/null 3<&- 9>&- &
  wait "$!"
  rc=$?
  rm -f setup/step
  return "$rc"
}

rm -f result.json setup/from
end_leftover
[ -e steps.jsonl ] || : >steps.jsonl
from=$(wc -c <steps.jsonl)
while read -r name file hash seconds; do
  if is_done "$file" "$hash"; then
    note "$name" "$hash" 0 0 ',"skipped":true'
  else
    rm -f "log/$file" "setup/done/$file"
  fi
done <setup/list
echo $((from)) >setup/from || exit 1

while read -r name file hash seconds <&3; do
  is_done "$file" "$hash" && continue
  start=$(now)
  run "$file" "$seconds"
  rc=$?
  took=$(($(now) - start))
  if [ "$rc" -ne 0 ] && [ "$took" -ge $((seconds * 100)) ]; then
    rc=124
    echo "(ended after $seconds s)" >>"log/$file"
  fi
  [ "$rc" -ne 0 ] || printf '%s\n' "$hash" >"setup/done/$file" || exit 1
  note "$name" "$hash" "$rc" "$took"
  if [ "$rc" -ne 0 ]; then
    conclude "{\"result\":\"failed\",\"step\":\"$name\",\"rc\":$rc}"
    exit 1
  fi
done 3<setup/list
conclude '{"result":"ready"}'
