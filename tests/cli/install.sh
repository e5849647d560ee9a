#!/usr/bin/env bash
# time-limit: 180
# not over devices: nobody is connected in it
# make install into an empty root: the tool runs, a program builds with pkg-config alone; uninstall leaves no file.
. "$(dirname "$0")/../support/environment.sh"
ROOT=$TEST_DIRECTORY/root
unset MAKEFLAGS MAKELEVEL MAKEOVERRIDES
make_quietly() {
    make --no-print-directory -C "$PROJECT" BUILD="$BUILD" DESTDIR="$ROOT" PREFIX=/opt/pmemckpt SYSTEM_SBIN=/sbin "$1" \
        >make.out 2>&1 || fail "make $1: $(tail -n 20 make.out)"
}
make_quietly install
PLACE=$ROOT/opt/pmemckpt
for file in bin/pmemckpt-ctl sbin/pmemckptd sbin/mount.pmemckpt lib/libpmemckpt.so lib/pkgconfig/pmemckpt.pc \
    include/pmemckpt/pmemckpt.h include/pmemckpt/pmemckpt.hh share/bash-completion/completions/pmemckpt-ctl \
    lib/systemd/system/pmemckptd.service lib/systemd/system/pmemckpt-filed.service share/doc/pmemckpt/devices.conf \
    share/doc/pmemckpt/user.conf share/doc/pmemckpt/ckpt.mount share/man/man1/pmemckpt-ctl.1 share/man/man8/pmemckptd.8; do
    [ -s "$PLACE/$file" ] || fail "$file was not installed"
done
[ "$(readlink "$ROOT/sbin/mount.pmemckpt")" = /opt/pmemckpt/sbin/mount.pmemckpt ] || fail "no mount helper in /sbin"
grep -q "^ExecStart=/opt/pmemckpt/sbin/pmemckptd" "$PLACE/lib/systemd/system/pmemckptd.service" ||
    fail "the unit starts something else: $(grep ExecStart "$PLACE/lib/systemd/system/pmemckptd.service")"
grep -q "^ExecStart=/opt/pmemckpt/sbin/pmemckpt-filed" "$PLACE/lib/systemd/system/pmemckpt-filed.service" ||
    fail "the unit starts something else: $(grep ExecStart "$PLACE/lib/systemd/system/pmemckpt-filed.service")"
# The units, that of the manager with its drop-ins: for devices, of these and of no sandbox beyond them; for a user.
mkdir -p units/pmemckptd.service.d
for unit in pmemckptd.service pmemckpt-filed.service; do
    sed 's|^ExecStart=.*|ExecStart=/bin/true|; /^Documentation=/d' "$PLACE/lib/systemd/system/$unit" >units/$unit
done
sed '/^Documentation=/d' "$PLACE/share/doc/pmemckpt/ckpt.mount" >units/ckpt.mount
cp "$PLACE/share/doc/pmemckpt/devices.conf" "$PLACE/share/doc/pmemckpt/user.conf" units/pmemckptd.service.d/
grep -q '^PrivateDevices=no$' units/pmemckptd.service.d/devices.conf || fail "the drop-in for devices shows none"
if command -v systemd-analyze >/dev/null; then
    for unit in pmemckptd.service pmemckpt-filed.service ckpt.mount; do
        expect_status 0 systemd-analyze verify "$PWD/units/$unit"
        [ -z "$OUTPUT" ] || fail "systemd-analyze says: $OUTPUT"
    done
    # Its exposure, in tenths, of 100; a bare service has 96. Each line that goes from a unit raises it.
    rm -r units/pmemckptd.service.d
    expect_status 0 systemd-analyze security --offline=true --threshold=20 "$PWD/units/pmemckptd.service"
    expect_status 0 systemd-analyze security --offline=true --threshold=16 "$PWD/units/pmemckpt-filed.service"
else
    echo "SKIP: the units are not verified: systemd-analyze is not installed"
fi
! grep -rq '@PREFIX@\|@VERSION@' "$PLACE/lib/systemd" "$PLACE/lib/pkgconfig" || fail "a place is not filled in"
expect_status 0 "$PLACE/bin/pmemckpt-ctl" --version
VERSION=${OUTPUT#pmemckpt-ctl }

# A program that knows the installed files only.
cat >program.c <<'C'
#include <pmemckpt/pmemckpt.h>
#include <stdio.h>
int main(void) {
    pmemckpt_client *client = NULL;
    pmemckpt_options options = {.server = "127.0.0.1:1", .principal = "nobody"};
    int status = pmemckpt_connect(&options, &client);
    printf("%s %d %s\n", pmemckpt_version(), status < 0, pmemckpt_error());
    return 0;
}
C
export PKG_CONFIG_PATH=$PLACE/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$ROOT
[ "$(pkg-config --modversion pmemckpt)" = "$VERSION" ] || fail "pkg-config: version $(pkg-config --modversion pmemckpt)"
FLAGS=$(pkg-config --cflags --libs pmemckpt) || fail "pkg-config: $FLAGS"
# Word splitting is wanted: these are flags.
# shellcheck disable=SC2086
gcc -std=c99 -Wall -Werror -o program program.c $FLAGS || fail "the program did not build with: $FLAGS"
if grep -q '__[at]san_init' "$PLACE/lib/libpmemckpt.so"; then
    echo "SKIP: the program is not run: it has no sanitizer, but the library has"
else
    LD_LIBRARY_PATH=$PLACE/lib expect_status 0 ./program
    contains "$OUTPUT" "$VERSION 1 "
    contains "$OUTPUT" "nobody.key"
fi

make_quietly uninstall
LEFT=$(find "$ROOT" ! -type d)
[ -z "$LEFT" ] || fail "uninstall left: $LEFT"
