# Node and npm.
# MAJOR: the version of NodeSource, or nothing for the distribution's.
# BASE: where NodeSource's packages are. NPM: the registry, or nothing.

list=/etc/apt/sources.list.d/nodesource.list
pin=/etc/apt/preferences.d/nodesource
if [ -n "$MAJOR" ]; then
  key=/etc/apt/keyrings/nodesource.asc
  retry fetch "$BASE/gpgkey/nodesource-repo.gpg.key" "$key"
  echo "deb [signed-by=$key] $BASE/node_$MAJOR.x nodistro main" >"$list"
  # Before what the distribution has, also where that is newer.
  host=${BASE#*://} host=${host%%[/:]*}
  printf 'Package: nodejs\nPin: origin "%s"\nPin-Priority: 1001\n' "$host" >"$pin"
  retry apt_update_only "$list"
  retry apt-get -q install --allow-downgrades nodejs
  [ "$(node_major)" = "$MAJOR" ] || fail "node is $(node --version), not $MAJOR"
else
  # The packages came with the step before.
  rm -f "$list" "$pin"
fi

set_registry=$SANDPLAN/npm-registry
if [ -n "$NPM" ]; then
  npm config set --global registry "$NPM"
  : >"$set_registry"
elif [ -e "$set_registry" ]; then
  npm config delete --global registry
  rm -f "$set_registry"
fi
node --version
npm --version
