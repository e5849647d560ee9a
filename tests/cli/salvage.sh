#!/usr/bin/env bash
# salvage: every generation and log that verifies becomes a file, with no manager; what does not is named and left out,
# exit status 7; nothing that is there is replaced; the pool stays as it is. A damaged journal leaves the state before.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager
for i in 1 2 3; do
    { head -c 3000000 /dev/urandom && echo "marker of generation $i" && head -c $((i * 1000)) /dev/urandom; } >state.$i
    pmemckpt-ctl save team/app state.$i --create >/dev/null
done
printf 'record one\nrecord two\nrecord three\n' >records
pmemckpt-ctl append team/app --lines <records >/dev/null
pmemckpt-ctl save other state.1 --create >/dev/null
: | pmemckpt-ctl save team/empty --create >/dev/null
pmemckpt-ctl create-region log-alone >/dev/null
echo alone | pmemckpt-ctl append log-alone >/dev/null
expect_status 4 pmemckpt-ctl salvage pool --to refused
contains "$OUTPUT" "most likely its manager"
[ ! -e refused ] || fail "a folder was made of a pool that is in use"
pmemckpt-ctl read team/app --all --to by-manager >/dev/null
stop_manager
cp --sparse=always pool good
ALL=$(printf '%s\n' ./log-alone/0.log ./other/1 ./team/app/1 ./team/app/2 ./team/app/3 ./team/app/3.log ./team/empty/1)

# salvaged STATUS DIR: what it says is in $OUTPUT, its JSON in ./json
salvaged() {
    local before after got=0
    before=$(sha256sum <pool && stat -c %Y,%Z pool)
    expect_status "$1" pmemckpt-ctl salvage pool --to "$2"
    rm -rf "$2.json"
    pmemckpt-ctl salvage pool --to "$2.json" --json >json 2>/dev/null || got=$?
    [ "$got" = "$1" ] || fail "with --json the exit status is $got"
    diff -r "$2" "$2.json" || fail "the second run brought something else"
    after=$(sha256sum <pool && stat -c %Y,%Z pool)
    [ "$before" = "$after" ] || fail "the pool was changed"
    [ "$(jq -r '.files[].file' json | sort)" = "$(find "$2.json" -type f | sort)" ] || fail "files of the JSON: $(cat json)"
}

# put OFFSET BYTES: into ./pool, which is the good one again before
put() {
    cp --sparse=always good pool
    printf "$2" | dd of=pool bs=1 seek="$1" conv=notrunc status=none
}

offset_of() { grep -abo "$1" good | head -n 1 | cut -d: -f1; }
files_of() { (cd "$1" && find . -type f | LC_ALL=C sort); }

salvaged 0 all
[ "$(files_of all)" = "$ALL" ] || fail "files: $(files_of all)"
diff -r all/team/app by-manager || fail "it is not what the manager gives"
for i in 1 2 3; do cmp all/team/app/$i state.$i || fail "generation $i"; done
cmp all/team/app/3.log records
[ ! -s all/team/empty/1 ] || fail "an empty generation has bytes"
contains "$OUTPUT" "team/app@2 $(stat -c %s state.2) bytes crc32c="
contains "$OUTPUT" "team/app log behind 3 35 bytes in 3 records verified, in all/team/app/3.log"
jq -e '.left_out == [] and .older_state == null and (.files | length == 7) and
    ([.files[] | select(.kind == "log") | .records] == [1, 3]) and (.files | all(.was_there | not))' json >/dev/null ||
    fail "JSON: $(cat json)"

# Once more: what is there is compared, and stays. Other bytes stay too, and are named.
touch -d @1000 all/team/app/1
expect_status 0 pmemckpt-ctl salvage pool --to all
contains "$OUTPUT" "verified, was there as all/team/app/2"
[ "$(stat -c %Y all/team/app/1)" = 1000 ] || fail "a file that was there was written again"
echo mine >all/team/app/2
printf x >>all/team/app/3
rm all/team/app/1 && ln -s nowhere all/team/app/1
rm -r all/other && echo mine >all/other
expect_status 7 pmemckpt-ctl salvage pool --to all
contains "$OUTPUT" "team/app@2 left out: all/team/app/2 is there with other bytes, and stays as it is"
contains "$OUTPUT" "team/app@3 left out: all/team/app/3 is there with other bytes"
contains "$OUTPUT" "team/app@1 left out: all/team/app/1 is there, and is no file"
contains "$OUTPUT" "other@1 left out: all/other is there, and is no folder"
contains "$OUTPUT" "3 files brought to all, 4 left out"
[ "$(cat all/team/app/2)" = mine ] && [ "$(readlink all/team/app/1)" = nowhere ] || fail "something was replaced"
[ ! -e all/team/app/nowhere ] || fail "a symbolic link was followed"

# A damaged generation is left out, and no part of it is there; the rest comes.
put "$(offset_of 'marker of generation 2')" M
salvaged 7 without-2
[ "$(files_of without-2)" = "$(grep -v app/2 <<<"$ALL")" ] || fail "files: $(files_of without-2)"
for i in 1 3; do cmp without-2/team/app/$i state.$i || fail "generation $i"; done
contains "$OUTPUT" "team/app@2 left out: its $(stat -c %s state.2) bytes have CRC-32C"
jq -e '[.left_out[] | .region, .generation, .kind] == ["team/app", 2, "generation"] and .left_out[0].why != ""' json \
    >/dev/null || fail "JSON: $(cat json)"
[ -z "$(find . -name '*.part')" ] || fail "a part is left"

# The log up to the damaged record.
put "$(offset_of 'record two')" R
salvaged 7 short-log
[ "$(cat short-log/team/app/3.log)" = "record one" ] || fail "log: $(cat short-log/team/app/3.log)"
contains "$OUTPUT" "team/app log behind 3 left out: record 2 does not verify, and record 3 does"

# A superblock copy is enough.
put 100 XXXX
salvaged 0 superblock-b
[ "$(files_of superblock-b)" = "$ALL" ] || fail "files: $(files_of superblock-b)"

# The journal's first 3 records make team/app and its generations 1 and 2; the fourth is damaged. The generations that
# came after are not known any more, and it says so.
LENGTHS=0
for _ in 1 2 3; do
    LENGTHS=$((LENGTHS + $(od -A n -t u4 -j $((65536 + LENGTHS + 16)) -N 4 good)))
done
put $((65536 + LENGTHS + 30)) XXXX
salvaged 7 older
[ "$(files_of older)" = "$(printf '%s\n' ./team/app/1 ./team/app/2)" ] || fail "files: $(files_of older)"
for i in 1 2; do cmp older/team/app/$i state.$i || fail "generation $i"; done
contains "$OUTPUT" "the journal is damaged at byte $((65536 + LENGTHS)): record 4 is not whole"
contains "$OUTPUT" "salvaging the state after record 3"
contains "$OUTPUT" "of an older state of the pool"
jq -e '.older_state | startswith("the state after record 3")' json >/dev/null || fail "JSON: $(cat json)"

# Cut short: what lies before the end.
put 0 P
truncate -s $(($(offset_of 'marker of generation 2') + 100000)) pool
salvaged 7 cut-short
cmp cut-short/team/app/1 state.1
contains "$OUTPUT" "lie beyond the end of the pool's"

put 0 XXXXXXXX
printf XXXXXXXX | dd of=pool bs=1 seek=4096 conv=notrunc status=none
expect_status 7 pmemckpt-ctl salvage pool --to nothing
[ ! -e nothing ] || fail "a folder was made of nothing"
expect_status 3 pmemckpt-ctl salvage nothing --to there
expect_status 3 pmemckpt-ctl salvage good --to records
expect_status 2 pmemckpt-ctl salvage good

# A full disk ends it, and says what is there; no part is left.
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=4M tmpfs small 2>/dev/null; then
    expect_status 5 pmemckpt-ctl salvage good --to small/all
    contains "$OUTPUT" "of the pool are in small/all)"
    [ -z "$(find small -name '*.part')" ] || fail "a part is left"
    umount small
fi
