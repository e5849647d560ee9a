#!/usr/bin/env bash
# check: a good pool has no finding and exit status 0; each kind of damage has its finding and 7; a manager's pool is
# refused; not a byte of the file changes, whatever is found.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
for i in 1 2 3; do
    { head -c 3000000 /dev/urandom && echo "marker of generation $i" && head -c $((i * 1000)) /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
pmemckpt-ctl save other state.1 --create >/dev/null
printf 'record one\nrecord two\nrecord three\n' | pmemckpt-ctl append team/app --lines >/dev/null
pmemckpt-ctl cursor-advance team/app spare 3 2 >/dev/null

expect_status 4 pmemckpt-ctl check pool
contains "$OUTPUT" "in use by another program, most likely its manager"
stop_manager
cp --sparse=always pool good

# checked STATUS: of ./pool; what it says is in $OUTPUT and the JSON in ./json. The pool stays as it is, in time too.
checked() {
    local before after got=0
    before=$(sha256sum <pool && stat -c %Y,%Z pool)
    expect_status "$1" pmemckpt-ctl check pool
    pmemckpt-ctl check pool --json >json 2>/dev/null || got=$?
    [ "$got" = "$1" ] || fail "with --json the exit status is $got"
    after=$(sha256sum <pool && stat -c %Y,%Z pool)
    [ "$before" = "$after" ] || fail "the pool was changed"
    jq -e '.good == (.findings == [])' json >/dev/null || fail "JSON: $(cat json)"
}

# put OFFSET BYTES: into ./pool, which is the good one again before
put() {
    cp --sparse=always good pool
    printf "$2" | dd of=pool bs=1 seek="$1" conv=notrunc status=none
}

offset_of() { grep -abo "$1" good | head -n 1 | cut -d: -f1; }

checked 0
contains "$OUTPUT" "All of it verifies."
contains "$OUTPUT" "generations  4 of 4 verify"
jq -e '.good and .regions == 2 and .generations == 4 and .good_generations == 4 and .logs == 1 and .log_records == 3
    and .cursors == 1 and .owned_pages + .free_pages == .pages and .older_state == null and .journal.records > 5
    and ([.superblocks[].state] == ["valid", "valid"]) and ([.superblocks[] | select(.counts)] | length == 1)' json \
    >/dev/null || fail "JSON: $(cat json)"
[ "$(jq '[.generation_bytes] == [$ARGS.positional | map(tonumber) | add]' json --args "$(stat -c %s state.1)" \
    "$(stat -c %s state.1)" "$(stat -c %s state.2)" "$(stat -c %s state.3)")" = true ] || fail "bytes: $(cat json)"

# A file that may only be read is checked all the same; two checks at once are no trouble.
chmod 400 pool
pmemckpt-ctl check pool >/dev/null &
started $!
expect_status 0 pmemckpt-ctl check pool
wait $! || fail "a second check was refused"
chmod 600 pool

put "$(offset_of 'marker of generation 2')" M
checked 7
contains "$OUTPUT" "damage: team/app@2: its $(stat -c %s state.2) bytes have CRC-32C"
contains "$OUTPUT" "generations  3 of 4 verify"
contains "$OUTPUT" "pool does not verify: 1 finding"
jq -e '.good_generations == 3 and [.findings[] | .severity, .where] == ["damage", "team/app@2"]' json >/dev/null ||
    fail "JSON: $(cat json)"

put 100 XXXX
checked 7
contains "$OUTPUT" "cut: superblock A: "
jq -e '[.superblocks[].state] == ["damaged", "valid"] and .good_generations == 4' json >/dev/null ||
    fail "JSON: $(cat json)"
put 4096 XXXX
checked 7
contains "$OUTPUT" "cut: superblock B: "
jq -e '.superblocks[1] == {state: "missing", sequence: null, counts: false}' json >/dev/null || fail "JSON: $(cat json)"

# A journal record in the middle: the state before it is looked at, and named.
put 65900 XXXX
checked 7
contains "$OUTPUT" "damage: journal: pool: the journal is damaged at byte 65"
contains "$OUTPUT" "This is the state after record "
jq -e '.older_state | startswith("the state after record")' json >/dev/null || fail "JSON: $(cat json)"

# The last one: it may have been cut.
cp --sparse=always good pool
checked 0
put $((65536 + $(jq .journal.used_bytes json) - 4)) XXXX
checked 7
contains "$OUTPUT" "cut: journal: record "

put "$(offset_of 'record two')" R
checked 7
contains "$OUTPUT" "cut: team/app log: record 2 at byte "
contains "$OUTPUT" "damage: team/app cursor spare: it has read 2 records of the log behind generation 3, and 1 are there"

cp --sparse=always good pool
truncate -s 20M pool
checked 7
contains "$OUTPUT" "is cut short"

put 0 XXXXXXXX
printf XXXXXXXX | dd of=pool bs=1 seek=4096 conv=notrunc status=none
expect_status 7 pmemckpt-ctl check pool
contains "$OUTPUT" "is not a pmemckpt pool"
expect_status 3 pmemckpt-ctl check nothing
expect_status 2 pmemckpt-ctl check .
: >empty
expect_status 3 pmemckpt-ctl check empty
expect_status 2 pmemckpt-ctl check

# On a terminal there is a bar; it is wiped at the end.
cp --sparse=always good pool
if command -v script >/dev/null; then
    script -qec 'pmemckpt-ctl check pool' /dev/null >terminal </dev/null || fail "on a terminal: $(cat terminal)"
    contains "$(cat terminal)" "All of it verifies."
    contains "$(cat terminal)" $'\033[K'
fi

# The manager opens it as ever.
start_manager
pmemckpt-ctl restore team/app --to back >/dev/null
cmp back state.3 || fail "the newest generation"
