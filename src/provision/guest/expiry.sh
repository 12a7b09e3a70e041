# Switches the machine off at a time that a file keeps over boots: an instance, whose time
# it is, and the second of 1970, or `never`. Of another instance it is what a disk was
# saved with.
file=/var/lib/sandplan/expires
id=$(cat /var/lib/cloud/data/instance-id 2>/dev/null) || id=none
end= whose= said=
[ ! -r "$file" ] || read -r whose said <"$file" || :
[ "$whose" != "$id" ] || end=$said

keep() {
  end=$1
  mkdir -p "${file%/*}"
  printf '%s %s\n' "$id" "$end" >"$file.new"
  mv "$file.new" "$file"
}

# Without dependencies of its own: cloud-init runs this before sysinit.target, for which
# timers wait, and systemd-run would wait for the timer. Not `systemctl poweroff`, which
# logind refuses while anything inhibits it.
arm() {
  systemctl stop sandplan-expiry.timer 2>/dev/null || :
  case $end in '' | never) return 0 ;; esac
  left=$((end - $(date +%s)))
  [ "$left" -ge 120 ] || left=120
  systemd-run --quiet --collect --unit=sandplan-expiry --on-active="$left" \
    --timer-property=DefaultDependencies=no --timer-property=AccuracySec=1s \
    --property=DefaultDependencies=no \
    systemctl start --no-block --job-mode=replace-irreversibly poweroff.target
}
