# Docker, for root and the user agent.
# SOURCE: official or distro. BASE: where Docker's own packages are.

list=/etc/apt/sources.list.d/docker.list
if [ "$SOURCE" = official ]; then
  key=/etc/apt/keyrings/docker.asc
  retry fetch "$BASE/linux/$ID/gpg" "$key"
  echo "deb [arch=$(dpkg --print-architecture) signed-by=$key] $BASE/linux/$ID $VERSION_CODENAME stable" >"$list"
  retry apt_update_only "$list"
  retry apt-get -q install docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin
else
  # The packages came with the step before.
  rm -f "$list"
fi
usermod -aG docker agent
if has_systemd; then
  systemctl enable --now docker
fi
docker --version
