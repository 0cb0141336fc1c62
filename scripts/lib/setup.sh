# Sourced by the scripts beside it: set-up that a fresh Debian or Ubuntu machine needs.
# shellcheck shell=bash disable=SC2034

die() {
    echo "error: $*" >&2
    exit 1
}

# is_present PACKAGE, or COMMAND:PACKAGE for a program that may also have come another way
is_present() {
    if [[ $1 == *:* ]]; then
        command -v "${1%%:*}" >/dev/null
    elif command -v dpkg-query >/dev/null; then
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed* ]]
    fi # else another distribution: CMake will name what it does not find
}

# install_packages NAME...: installs what is_present denies of these, or says how to.
install_packages() {
    local missing=() name sudo=()
    for name in "$@"; do
        is_present "$name" || missing+=("${name#*:}")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || die "missing (Debian's names): ${missing[*]}"
    if ((EUID != 0)); then
        sudo=(sudo -n)
        sudo -n true 2>/dev/null || die "missing packages; install them with
    sudo apt-get install ${missing[*]}"
    fi
    echo "installing ${missing[*]}" >&2
    "${sudo[@]}" apt-get update -qq >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
        die "could not install ${missing[*]}"
}

# What every build needs.
BUILD_PACKAGES=(g++:g++ cmake:cmake ninja:ninja-build libopenblas-dev)
# What the tests need besides, what the benchmark needs, and the libraries that it is compared with.
TEST_PACKAGES=(git:git pkg-config:pkg-config python3:python3 libgtest-dev nlohmann-json3-dev libcli11-dev
    zlib1g-dev libopenmpi-dev openmpi-bin libsuitesparse-dev libcolpack-dev)
BENCH_PACKAGES=(git:git libcli11-dev nlohmann-json3-dev libfmt-dev zlib1g-dev libsuitesparse-dev
    libcolpack-dev)
PEER_PACKAGES=(pkg-config:pkg-config libceres-dev libeigen3-dev libcminpack-dev liblbfgs-dev
    libgsl-dev libdlib-dev libpetsc-real-dev libarpack2-dev coinor-libipopt-dev)

# install_for_build [NAME...]: the tools, and these packages.
install_for_build() {
    install_packages "${BUILD_PACKAGES[@]}" "$@"
    local version
    version=$(cmake --version | sed -n '1s/cmake version //p')
    [[ $(printf '%s\n' 3.25 "$version" | sort -V | head -n 1) == 3.25 ]] ||
        die "CMake $version is too old (3.25 is needed): install a newer one, from
    https://cmake.org/download or with: pipx install cmake"
}

# What tests and benchmark need.
install_prerequisites() { install_for_build "${TEST_PACKAGES[@]}" "${BENCH_PACKAGES[@]}"; }

has_nvcc() { [[ -n ${CUDACXX:-} ]] || command -v nvcc >/dev/null; }

has_device() { command -v nvidia-smi >/dev/null && nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }

# find_clang_tool NAME: the command of version 14, what Debian 12 has; fails, and says so, if there is none.
find_clang_tool() {
    local command
    for command in "$1-14" "$1"; do
        if "$command" --version 2>/dev/null | grep -q 'version 14\.'; then
            echo "$command"
            return
        fi
    done
    echo "no $1 14: nothing was checked or changed" >&2
    return 1
}

# choose_architectures DEFAULT: what CUDA code is compiled for, unless the user has said so.
# The device at hand is enough to run on, and far quicker to compile for than every architecture.
choose_architectures() {
    [[ -n ${CUDAARCHS:-} ]] && return
    if has_device; then CUDAARCHS=native; else CUDAARCHS=$1; fi
    export CUDAARCHS
}

# Sets `cuda` to ON, for the device at hand, where there are that and nvcc, and else to OFF.
choose_cuda() {
    cuda=OFF
    if has_nvcc && has_device; then
        cuda=ON
        choose_architectures native
    else
        echo "no nvcc or no device: the CPU backend alone is built" >&2
    fi
}

# Compilations are remembered where ccache is installed, unless the user has said otherwise.
use_ccache() {
    command -v ccache >/dev/null || return 0
    : "${CMAKE_CXX_COMPILER_LAUNCHER=ccache}" "${CMAKE_CUDA_COMPILER_LAUNCHER=ccache}"
    export CMAKE_CXX_COMPILER_LAUNCHER CMAKE_CUDA_COMPILER_LAUNCHER
}
use_ccache

# build PRESET [CMAKE_ARGUMENT...]
build() {
    cmake --preset "$@" >&2
    cmake --build --preset "$1" >&2
}

# build_target PRESET TARGET [CMAKE_ARGUMENT...]: that target alone.
build_target() {
    cmake --preset "$1" "${@:3}" >&2
    cmake --build --preset "$1" --target "$2" >&2
}
