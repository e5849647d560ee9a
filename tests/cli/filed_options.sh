#!/usr/bin/env bash
# not over devices: sync points go over TCP
# What pmemckpt-filed does not serve: a directory that is served already, that holds its own checkpoints or keys, that is none.
. "$(dirname "$0")/../support/environment.sh"

# refuses STATUS TEXT ARGUMENTS: it ends at once, with this status and sentence.
refuses() {
    local status=0
    timeout 20 pmemckpt-filed --listen 127.0.0.1:0 "${@:3}" >said 2>&1 || status=$?
    [ "$status" = "$1" ] || { cat said && fail "pmemckpt-filed ${*:3} ended with $status, and not with $1"; }
    contains "$(cat said)" "$2"
}
mkdir served served/folder
refuses 2 "the checkpoint file, served/folder/c, is in the directory that is served" served --checkpoint-file served/folder/c
refuses 2 "the checkpoint directory, served/folder/../c, is in" served/ --checkpoint-directory served/folder/../c
refuses 2 "the directory with the keys, $PWD/served/keys, is in" served --key-dir "$PWD/served/keys"
(cd served && refuses 2 "the checkpoint file, c, is in" . --checkpoint-file c)
ln -s served link
refuses 2 "the checkpoint file, served/c, is in" link --checkpoint-file served/c
[ ! -e served/.pmemckpt-filed ] || fail "a refused one has left something"
refuses 3 "can't serve missing" missing
refuses 3 "can't serve said" said

pmemckpt-filed served --listen 127.0.0.1:0 --address-file address >first 2>&1 &
started $!
wait_for '[ -s address ]'
refuses 4 "served is served by another pmemckpt-filed: end it" served --checkpoint-file other
[ "$(stat -c %s served/.pmemckpt-filed/reserve)" = $((64 << 20)) ] || fail "no room is kept"
kill %1
