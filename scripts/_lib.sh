# Functions that the checks share. Each check runs in its own tree and writes only to build/.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CORSFAST_REQUIRE_NATIVE=1 CORSFAST_WERROR=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
mkdir -p build

# new_env NAME: create an empty virtual environment and activate it.
new_env() {
  "${PYTHON:-python3}" -m venv --clear "build/env-$1"
  # shellcheck disable=SC1090
  . "build/env-$1/bin/activate"
}

# install_group NAME [REQUIREMENT...]: install a dependency group and more.
install_group() {
  python -m pip install -q 'pip>=25.1' # the first version that knows --group
  pip install -q --group "$@"
}

# expect_engine NAME: fail if the installed package does not use this engine.
expect_engine() {
  local found
  found=$(cd / && python -c 'import corsfast; print(corsfast.IMPLEMENTATION)')
  if [ "$found" != "$1" ]; then
    echo "expected the $1 engine, got $found" >&2
    exit 1
  fi
}

# build_c DIRECTORY OPTION...: configure and build the C code without Python.
build_c() {
  cmake -S . -B "$@" -G Ninja -DCORSFAST_PYTHON=OFF -DCORSFAST_WERROR=ON
  cmake --build "$1"
}

# find_pythons: add pyenv's newest CPython of each version, or the one in $PATH, to $pythons.
find_pythons() {
  local minor python
  for minor in {11..15}; do
    python=$(compgen -G "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor.*[0-9]/bin/python" |
      sort -V | tail -1) || python=$(command -v "python3.$minor") || continue
    pythons+=("$python")
  done
  [ ${#pythons[@]} != 0 ] || { echo "there is no Python 3.11 or newer" >&2 && exit 1; }
}

# build_nogil NAME OPTION...: build a free-threaded Python from Debian's sources, with these options
# of configure, in ~/.cache/corsfast/NAME. Needs deb-src entries in apt's list.
build_nogil() {
  local sources
  sources=$(mktemp -d)
  (
    cd "$sources"
    apt-get source -q --download-only python3.13
    # Debian's patches break virtual environments of a free-threaded build.
    dpkg-source --skip-patches -x ./*.dsc python
    cd python
    ./configure -q --disable-gil --with-ensurepip=install --prefix="$HOME/.cache/corsfast/$1" "${@:2}"
    # Few modules are compiled to bytecode, because that takes minutes under a sanitizer.
    make -s -j"$(getconf _NPROCESSORS_ONLN)" install COMPILEALL_OPTS=-l
    cp Tools/tsan/suppressions_free_threading.txt "$HOME/.cache/corsfast/$1"
  )
  rm -rf "$sources"
}
