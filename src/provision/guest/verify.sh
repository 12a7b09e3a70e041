# Every tool that was asked for prints its version.
# PACKAGES: of the distribution. DOCKER, PYTHON, PLAYWRIGHT: yes or nothing.
# NODE: a major version, `distro` or nothing. AGENTS: COMMAND=VERSION each.

if [ -n "$PACKAGES" ]; then
  # shellcheck disable=SC2086
  missing=$(apt-get -q -s --no-upgrade install -- $PACKAGES | sed -n 's/^Inst \([^ ]*\).*/\1/p')
  [ -z "$missing" ] || fail "not installed: $(echo "$missing" | tr '\n' ' ')"
  # What is only provided by another package has no version of its own.
  # shellcheck disable=SC2086,SC2016,SC2046
  dpkg-query -W -f '${Package} ${Version}\n' $(printf '%s\n' $PACKAGES | sed 's/=.*//') 2>/dev/null || true
fi
if [ -n "$DOCKER" ]; then
  docker --version
  if has_systemd; then
    docker version --format 'Docker daemon {{.Server.Version}}'
  fi
  id -nG agent | tr ' ' '\n' | grep -qx docker || fail "the user agent is not in the group docker"
fi
if [ -n "$NODE" ]; then
  printf 'node %s, npm %s\n' "$(node --version)" "$(npm --version)"
  case $NODE in
    distro) ;;
    *) [ "$(node_major)" = "$NODE" ] || fail "node is $(node --version), not $NODE" ;;
  esac
fi
if [ -n "$PYTHON" ]; then
  python3 --version
  python3 -m pip --version
  place=$(mktemp -d)
  python3 -m venv "$place/venv" && "$place/venv/bin/python" --version
  rm -rf "$place"
fi
if [ -n "$PLAYWRIGHT" ]; then
  as_agent playwright --version
fi
for agent in $AGENTS; do
  said=$(as_agent "${agent%%=*}" --version)
  printf '%s: %s\n' "${agent%%=*}" "$said"
  has_version "$said" "${agent#*=}" || fail "${agent%%=*} is not ${agent#*=}: its --version printed \"$said\""
done
