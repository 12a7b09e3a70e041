# Python with pip and venv; the packages came with an earlier step.
# PYPI: the package index, or nothing.

set_index=$SANDPLAN/pypi-index
if [ -n "$PYPI" ]; then
  printf '[global]\nindex-url = %s\n' "$PYPI" >/etc/pip.conf
  : >"$set_index"
elif [ -e "$set_index" ]; then
  rm -f /etc/pip.conf "$set_index"
fi
python3 --version
python3 -m pip --version
