# Switches the machine off at the second of 1970 that the file says, after every boot.
at=$(cat "$file")
systemctl stop sandplan-expiry.timer 2>/dev/null || :
left=$((at - $(date +%s)))
[ "$left" -ge 60 ] || left=60
systemd-run --quiet --collect --unit=sandplan-expiry --on-active="$left" systemctl poweroff
