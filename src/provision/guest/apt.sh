# All packages of the distribution, in one transaction.
# PACKAGES: their names. MIRROR: where they come from, or nothing.

if has_systemd; then
  for unit in apt-daily.timer apt-daily-upgrade.timer apt-daily.service \
    apt-daily-upgrade.service unattended-upgrades.service; do
    systemctl stop "$unit" 2>/dev/null || true
  done
fi

save=$SANDPLAN/apt-sources

# Writes the sources of a mirror and puts aside those of the distribution.
use_mirror() {
  keyring=/usr/share/keyrings/$ID-archive-keyring.gpg
  mkdir -p "$save"
  for file in sources.list sources.list.d/ubuntu.sources sources.list.d/debian.sources; do
    [ ! -e "/etc/apt/$file" ] || mv -f "/etc/apt/$file" "$save/$(basename "$file")"
  done
  case $ID in
    ubuntu) components='main restricted universe multiverse' suites="$VERSION_CODENAME $VERSION_CODENAME-updates $VERSION_CODENAME-security" ;;
    *) components=main suites="$VERSION_CODENAME $VERSION_CODENAME-updates" ;;
  esac
  for suite in $suites; do
    echo "deb [signed-by=$keyring] $MIRROR $suite $components"
  done >/etc/apt/sources.list
  # Debian keeps its security updates beside, not inside.
  if [ "$ID" = debian ]; then
    security=$MIRROR-security suite=$VERSION_CODENAME-security
    if /usr/lib/apt/apt-helper download-file "$security/dists/$suite/InRelease" "$SANDPLAN/probe"; then
      echo "deb [signed-by=$keyring] $security $suite $components" >>/etc/apt/sources.list
    else
      echo "$security has no $suite: going on without security updates"
    fi
    rm -f "$SANDPLAN/probe"
  fi
}

use_distribution() {
  [ -d "$save" ] || return 0
  rm -f /etc/apt/sources.list
  for file in "$save"/*; do
    case $file in
      *.sources) mv -f "$file" /etc/apt/sources.list.d/ ;;
      */sources.list) mv -f "$file" /etc/apt/ ;;
    esac
  done
  rmdir "$save"
}

update() {
  retry apt-get -q update -o APT::Update::Error-Mode=any ||
    # One source of many may be down for long and hold nothing that is needed.
    apt-get -q update
}

# A machine that went down in the midst of an installation needs this.
retry dpkg --configure -a
if [ -n "$MIRROR" ]; then use_mirror; else use_distribution; fi
update
# A name that does not exist will not exist at the next try either.
# shellcheck disable=SC2086
apt-get -q -s install -- $PACKAGES >/dev/null
# shellcheck disable=SC2086
retry apt-get -q install -- $PACKAGES
