#!/usr/bin/env bash
# not over devices: files of a service go over TCP
# Files of a pmemckpt-filed to standard output: byte for byte, one after the other; and what is said when that can't be.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"

mkdir -p served/ledger
: >served/empty
printf x >served/one
head -c 3000001 /dev/urandom >served/ledger/large
begin_filed files served
AT=${ADDRESS[files]}

pmemckpt-ctl remote-cat "$AT" ledger/large empty one ledger/large >out
cat served/ledger/large served/one served/ledger/large | cmp - out || fail "what came is not what is there"
pmemckpt-ctl remote-cat "$AT" ledger/large | cmp - served/ledger/large || fail "through a pipe it is another one"
[ -z "$(pmemckpt-ctl remote-cat "$AT" empty)" ] || fail "an empty file has bytes"

# A log that grows while it is read is a log.
head -c 20000000 /dev/zero >served/log
(while :; do echo more >>served/log && sleep 0.01; done) &
started $!
pmemckpt-ctl remote-cat "$AT" log >out
[ "$(wc -c <out)" -ge 20000000 ] || fail "a log that grows came in part"

# What can't be done is said in a sentence.
expect_status 3 pmemckpt-ctl remote-cat "$AT" one none
contains "$OUTPUT" "x"
contains "$OUTPUT" "pmemckpt-ctl: there is no file none at $AT"
expect_status 2 pmemckpt-ctl remote-cat "$AT" ledger
contains "$OUTPUT" "ledger is no plain file"
expect_status 8 pmemckpt-ctl remote-cat "$AT" ../keys/tester.key
contains "$OUTPUT" "has a part . or .."
expect_status 2 pmemckpt-ctl remote-cat "$AT" one --json
contains "$OUTPUT" "standard output takes the files"
expect_status 2 pmemckpt-ctl remote-cat "$AT"
expect_status 2 pmemckpt-ctl remote-cat "127.0.0.1:port" one
expect_status 6 pmemckpt-ctl remote-cat 127.0.0.1:1 one
contains "$OUTPUT" "can't connect to 127.0.0.1:1"
expect_status 5 bash -c "pmemckpt-ctl remote-cat $AT one >/dev/full"
contains "$OUTPUT" "can't write to standard output"
expect_status 1 bash -c "set -o pipefail; pmemckpt-ctl remote-cat $AT log ledger/large | head -c 1 >/dev/null"
contains "$OUTPUT" "standard output was closed by the program that read it"

# Another key of the same name; and none.
mkdir -m 700 other
PMEMCKPT_KEY_DIR=$PWD/other pmemckpt-ctl create-key tester >/dev/null
expect_status 8 pmemckpt-ctl remote-cat "$AT" one --key-dir other
contains "$OUTPUT" "authentication of principal tester failed"
expect_status 3 pmemckpt-ctl remote-cat "$AT" one --principal nobody
contains "$OUTPUT" "there is no key"

# A participant that has no files, and the port that is taken when none is given.
OTHERS=native
begin_participant program checkpoint
expect_status 1 pmemckpt-ctl remote-cat "${ADDRESS[program]}" one
contains "$OUTPUT" "${ADDRESS[program]} takes part in sync points, and serves no files"
finish program
expect_status 6 pmemckpt-ctl remote-cat 127.0.0.77 one
contains "$OUTPUT" "127.0.0.77:7472"
end_filed files
