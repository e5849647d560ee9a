#!/usr/bin/env bash
# time-limit: 240
# 1 GiB there and back, the same byte for byte; the progress is shown on a terminal, and only there.
. "$(dirname "$0")/../support/environment.sh"
NEEDED_KIB=$((4 * 1024 * 1024))
FREE_KIB=$(df -Pk . | awk 'NR == 2 { print $4 }')
[ "$FREE_KIB" -ge $NEEDED_KIB ] || skip "less than 4 GiB of disk space are free: $FREE_KIB KiB"
make_pool 1280M
start_manager
pmemckpt-ctl create-region large --keep 1 >/dev/null
head -c 1G /dev/urandom >state
SUM=$(sha256sum <state)

contains "$(pmemckpt-ctl save large state 2>shown)" "large@1 1073741824 bytes"
[ ! -s shown ] || fail "progress, although stderr is no terminal: $(head -c 200 shown)"
[ "$(pmemckpt-ctl restore large 2>shown | sha256sum)" = "$SUM" ] || fail "another SHA-256 came back"
[ ! -s shown ] || fail "progress, although stderr is no terminal: $(head -c 200 shown)"

script -qec 'pmemckpt-ctl restore large --to back' terminal >/dev/null || fail "restore: $(tail -c 300 terminal)"
contains "$(tr -d '\0' <terminal)" "% "
contains "$(tr -d '\0' <terminal)" "of 1.0 GiB"
cmp state back || fail "--to made another file"
