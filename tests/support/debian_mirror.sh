# shellcheck shell=bash
# Sourced: where the host has its own packages from, so that suites that it should not know of come from there too.
debian_mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{sources,list} 2>/dev/null || true; } |
        sed -n 's/^URIs: *//p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\)  *bookworm .*/\2/p' | head -n 1
}
