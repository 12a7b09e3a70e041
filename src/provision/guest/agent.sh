# A coding agent from npm, at exactly the version that was asked for.
# PACKAGE: npm's name. COMMAND: what it brings. VERSION. NODE: the oldest major version.

# npm installs an old release on a Node that is too old, and calls it a success.
[ "$(node_major)" -ge "$NODE" ] ||
  fail "$PACKAGE needs Node $NODE or newer, and this is $(node --version). Set toolchain.node to a newer major version."
npm install --global --no-audit --no-fund --fetch-retries=5 "$PACKAGE@$VERSION"
said=$(as_agent "$COMMAND" --version)
printf '%s\n' "$said"
has_version "$said" "$VERSION" || fail "$COMMAND is not $VERSION: its --version printed \"$said\""
