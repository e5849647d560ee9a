# shellcheck shell=bash
# Sourced, in the project's directory: where the test machine's kernel lies.
: "${PMEMCKPT_VM_CACHE:=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/pmemckpt/vm}"

kernel_directory() { echo "$PMEMCKPT_VM_CACHE/$1"; }

# Named by what goes into it, so that trees with others don't get each other's.
initramfs_file() {
    echo "$1/initramfs-$(cat tests/vm/init tests/vm/prepare | sha256sum | cut -c 1-16)"
}
