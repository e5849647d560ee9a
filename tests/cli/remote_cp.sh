#!/usr/bin/env bash
# time-limit: 120
# not over devices: files of a service go over TCP
# Copies to and from a pmemckpt-filed are byte for byte, and whole or not there: whatever sizes, folders, pipes and modes; a
# service that is killed, rolled back or full in the middle, and a source that changes, leave nothing under the name.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"
command -v jq >/dev/null || skip "jq is not installed"
FIRST=native
umask 022
mkdir -p served/folder back
begin_filed files served
AT=${ADDRESS[files]}

copy() { pmemckpt-ctl remote-cp "$AT" "$@"; }
# refused STATUS SENTENCE PATH...: and nothing is left in between
refused() {
    local status=$1 sentence=$2
    shift 2
    expect_status "$status" pmemckpt-ctl remote-cp "$AT" "$@"
    contains "$OUTPUT" "$sentence"
    nothing_in_between
}
nothing_in_between() {
    local left
    left=$(find . -name '*.part')
    [ -z "$left" ] || fail "this is left: $left"
}
# begin_slow_copy NAME: to the service, of what is written to descriptor 5; its pid is in $COPY.
begin_slow_copy() {
    rm -f pipe
    mkfifo pipe
    env --default-signal=INT pmemckpt-ctl remote-cp "$AT" - ":$1" <pipe >said 2>&1 &
    COPY=$!
    started $COPY
    exec 5>pipe
}
# more_arrives BYTES: whole MiB, which are what it sends at a time; they are in the file that is not whole yet
more_arrives() {
    head -c "$1" /dev/urandom >&5
    ARRIVED=$((${ARRIVED:-0} + $1))
    wait_for '[ "$(cat served/.*.part 2>/dev/null | wc -c)" = $ARRIVED ]'
}
# end_slow_copy STATUS SENTENCE
end_slow_copy() {
    local status=0
    exec 5>&-
    ARRIVED=0
    wait $COPY || status=$?
    [ $status = "$1" ] || fail "the copy ended with $status, not $1: $(cat said)"
    contains "$(cat said)" "$2"
}

# Sizes, there and back, one by one and together.
SIZES="0 1 1048575 1048576 1048577 3000001"
for size in $SIZES; do
    head -c "$size" /dev/urandom >"f$size"
    copy "f$size" ":folder/to-$size" >said
    [ "$(cat said)" = "f$size $size bytes, in :folder/to-$size" ] || fail "it says $(cat said)"
    cmp "f$size" "served/folder/to-$size"
    copy ":folder/to-$size" "back/$size" >/dev/null
    cmp "f$size" "back/$size"
done
# shellcheck disable=SC2046
copy $(printf 'f%s ' $SIZES) :folder/ --json >said
[ "$(jq -c 'map([.from, .to, .bytes])[5]' said)" = '["f3000001",":folder/f3000001",3000001]' ] || fail "JSON: $(cat said)"
rm -r back
mkdir back
# shellcheck disable=SC2046
copy $(printf ':folder/f%s ' $SIZES) back >/dev/null
for size in $SIZES; do cmp "f$size" "back/f$size"; done
copy f1 : >/dev/null
cmp f1 served/f1
copy :f1 back/ --json | jq -e '.[0].to == "back/f1"' >/dev/null || fail "a folder's name is not told"

# What was there is replaced.
copy f3000001 :f1 >/dev/null
cmp f3000001 served/f1
copy :folder/f0 back/f3000001 >/dev/null
[ ! -s back/f3000001 ] || fail "what was there is there still"
nothing_in_between

# Pipes, standard output, devices, links.
copy - :piped <f3000001 >/dev/null
cmp f3000001 served/piped
head -c 2000000 f3000001 | copy /dev/stdin :piped >/dev/null
head -c 2000000 f3000001 | cmp - served/piped
copy :piped - | cmp - served/piped
copy :piped /dev/stdout | cmp - served/piped
{ echo before && copy :f1 /dev/stdout && echo after; } >out
{ echo before && cat f3000001 && echo after; } | cmp - out
mkfifo named
copy :piped named >/dev/null &
started $!
cmp named served/piped
copy :piped /dev/null >/dev/null
ln -s back/f1 link
copy :piped link >/dev/null
[ -L link ] && cmp served/piped back/f1
cp f1 ./:odd
copy ./:odd ::odd >/dev/null
cmp f1 served/:odd

# Modes: of the source, less the umask; of what was there.
chmod 750 f1
copy f1 :moded >/dev/null
chmod 0400 f0
copy f0 :moded0 >/dev/null
[ "$(stat -c %a served/moded served/moded0 | tr '\n' ' ')" = "750 600 " ] || fail "modes $(stat -c %a served/moded*)"
(umask 077 && copy :moded moded >/dev/null)
chmod 640 back/f0
copy :moded back/f0 >/dev/null
[ "$(stat -c %a moded back/f0 | tr '\n' ' ')" = "700 640 " ] || fail "modes $(stat -c %a moded back/f0)"

# On a terminal a long copy shows how far it is; elsewhere it is silent.
truncate -s 100M sparse
script -qec "pmemckpt-ctl remote-cp $AT sparse :sparse" /dev/null </dev/null >terminal
contains "$(tr -d '\000' <terminal)" "copying sparse ["
copy :sparse back/sparse >/dev/null 2>said
[ ! -s said ] || fail "it says $(cat said)"
cmp sparse back/sparse

# What can't be.
refused 2 "must be at the service, and not both" f1 f0
refused 2 "must be at the service, and not both" :f1 :f0
refused 2 "must be at the service, and not both" f1 :f1 :f0
refused 2 "two of the files would be :folder/f1" f1 back/f1 :folder/
refused 2 "end :new with a slash" f1 f0 :new
refused 3 "several files need a folder, and moded is none" :f1 :piped moded
refused 3 "there is no folder new" :f1 :piped new
refused 3 "there is no folder new/" :f1 new/
refused 3 "can't make new/f1: there is no folder" :f1 new/f1
refused 3 "there is no folder new at $AT" f1 :new/
refused 2 "folder at $AT is a folder, or no plain file: end it with a slash" f1 :folder
mkdir back/piped
refused 2 "back/piped is a folder" :piped back
refused 2 "back is a folder: only files are copied" back :folder/
refused 2 "folder is no plain file" :folder back
refused 3 "there is no file none at $AT" :none back
[ ! -e back/none ] || fail "a file that is not there was copied"
refused 3 "can't read none" none :none
refused 8 "has a part . or .." f1 :../outside
refused 8 "the service's own" f1 :.pmemckpt-filed/checkpoint
refused 2 "standard input has no name" - :folder/
refused 2 "standard output takes its bytes" :f1 - --json
refused 2 "At least 2 required" :f1
expect_status 6 pmemckpt-ctl remote-cp 127.0.0.1:1 f1 :f1
contains "$OUTPUT" "can't connect to 127.0.0.1:1"

# A source that changes while it is copied.
(until ls served/.growing.*.part >/dev/null 2>&1; do sleep 0.01; done && echo more >>growing) &
started $!
truncate -s 100M growing
refused 4 "growing went from 104857600 to 104857605 bytes" growing :growing
(until ls served/.growing.*.part >/dev/null 2>&1; do sleep 0.01; done && truncate -s 5 growing) &
started $!
truncate -s 100M growing
refused 4 "growing went from 104857600 to 5 bytes" growing :growing
[ ! -e served/growing ] || fail "a file that changed was copied"
# changed_there COMMAND SENTENCE: the reader waits in the middle
changed_there() {
    local status=0
    head -c 8000000 /dev/zero >served/changing
    (copy :changing named >said 2>&1) &
    COPY=$!
    started $COPY
    exec 6<named
    head -c 1 <&6 >/dev/null
    eval "$1"
    cat <&6 >/dev/null
    exec 6<&-
    wait $COPY || status=$?
    [ $status = 4 ] || fail "after \"$1\" it ended with $status: $(cat said)"
    contains "$(cat said)" "$2"
}
changed_there "echo more >>served/changing" "changing at $AT went from 8000000 to 8000005 bytes"
changed_there "truncate -s 1 served/changing" "changing at $AT went from 8000000 to 1 bytes"
changed_there "echo x | dd of=served/changing conv=notrunc status=none" "changing at $AT was written to"

# Ended in the middle, by a signal: the service has nothing of it.
for signal in INT:130 TERM:143; do
    begin_slow_copy slow
    more_arrives 3145728
    kill -"${signal%:*}" $COPY
    sleep 0.1
    end_slow_copy "${signal#*:}" ""
    nothing_in_between
    [ ! -e served/slow ] || fail "half of a file has its name"
done

# A rollback in the middle, to a sync point with half of the file: of either kind of copy it makes none.
begin_first files
begin_slow_copy slow
more_arrives 3145728
tell first sync
more_arrives 3145728
tell first rollback
end_slow_copy 4 "$AT was rolled back while slow was copied: copy it again"
nothing_in_between
[ ! -e served/slow ] || fail "half of a file has its name"
changed_there "tell first sync && head -c 5000000 <&6 >/dev/null && tell first rollback" "rolled back while changing was copied"
# A copy is rolled back with the rest.
cp served/piped before
tell first sync
copy f3000001 :piped >/dev/null
copy f3000001 :later >/dev/null
tell first rollback
cmp before served/piped
[ ! -e served/later ] || fail "a copy that was made since is there still"
# One that somebody has open is not replaced.
tell first session 1 "$AT"
tell first open 1 piped r
refused 4 "piped is open" f1 :piped
finish first

# The service is killed in the middle of a copy to it, and from it.
cp served/piped before
for name in piped new; do
    begin_slow_copy $name
    more_arrives 3145728
    end_filed files KILL
    head -c 3000000 /dev/zero >&5 || true
    end_slow_copy 6 "may be left at $AT"
    contains "$(cat said)" "connection to $AT was lost"
    rm served/.$name.*.part
    begin_filed files served
done
[ ! -e served/new ] || fail "half of a file has its name"
cmp before served/piped || fail "the file that was to be replaced is another one"
cp f1 back/sparse
(copy :sparse back/sparse >said 2>&1) &
COPY=$!
wait_for '[ "$(ls -l "/proc/$(pgrep -P $COPY || echo $COPY)/fd" 2>/dev/null | grep -c deleted)" -gt 0 ]'
end_filed files KILL
STATUS=0
wait $COPY || STATUS=$?
[ $STATUS = 6 ] || fail "the copy ended with $STATUS: $(cat said)"
cmp f1 back/sparse || fail "the file that was to be replaced is another one"
nothing_in_between
begin_filed files served

# A full disk, on either side.
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=4M tmpfs small 2>/dev/null; then
    refused 5 "there is no room for 104857600 bytes at small/sparse" :sparse small/
    [ ! -e small/sparse ] || fail "half of a file has its name"
    end_filed files
    ADDRESS=()
    begin_filed files small
    AT=${ADDRESS[files]}
    refused 5 "No space left on device" sparse :sparse
    [ ! -e small/sparse ] || fail "half of a file has its name"
    copy f1 :f1 >/dev/null
else
    echo "SKIP: a full disk: only root can mount a small one"
fi
end_filed files
