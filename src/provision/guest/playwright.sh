# Playwright: its libraries as root, its browsers as the user agent.
# VIA: npm or pip. VERSION: exact, or nothing for the newest. BROWSERS: names.
# HOST: where the browsers come from, or nothing.

if [ "$VIA" = npm ]; then
  npm install --global --no-audit --no-fund --fetch-retries=5 "playwright@${VERSION:-latest}"
else
  place=/opt/playwright
  [ -x "$place/bin/pip" ] || python3 -m venv "$place"
  "$place/bin/pip" install --quiet --upgrade "playwright${VERSION:+==$VERSION}"
  ln -sfn "$place/bin/playwright" /usr/local/bin/playwright
fi
# shellcheck disable=SC2086
retry playwright install-deps $BROWSERS
# shellcheck disable=SC2086
retry as_agent ${HOST:+"PLAYWRIGHT_DOWNLOAD_HOST=$HOST"} playwright install $BROWSERS
playwright --version
