#!/usr/bin/env bash
# not over devices: nobody is connected in it
# The table in README.md names for each claim a test that is there; each test here is in it, and its head names the same
# claims.
. "$(dirname "$0")/../support/environment.sh"
FOLDER=$PROJECT/tests/claims
PROMISED="5 6 7 12 13 14 15 16 28 29 30 31 33 34 35 36 37"

# Lines "TEST CLAIM": of the table's rows | 13, 29 | `name.sh` | what |, and of the tests' heads "# Claims 13, 29: what"
sed -n 's/^| *\([0-9, ]*\) *| *`\([a-z_]*\.sh\)` *| *[^ |].*|$/\2 \1/p' "$FOLDER/README.md" |
    awk '{ for (i = 2; i <= NF; i++) { gsub(",", "", $i); print $1, $i } }' | sort >of_table
for file in "$FOLDER"/*.sh; do
    sed -n '1,6s/^# Claims \([0-9, ]*\): .*/\1/p' "$file" | tr -d , | tr ' ' '\n' | sed "s/^/${file##*/} /"
done | sort >of_tests
diff of_table of_tests >difference || fail "README.md (<) and the heads of the tests (>) differ: $(cat difference)"
[ -z "$(uniq -d of_table)" ] || fail "twice in the table: $(uniq -d of_table)"

for claim in $PROMISED; do
    grep -q " $claim\$" of_table || fail "claim $claim has no test"
done
for file in "$FOLDER"/*.sh; do
    [ "${file##*/}" = every_claim_has_its_test.sh ] || grep -q "^${file##*/} " of_tests ||
        fail "${file##*/} does not say in its head which claim it proves"
done
while read -r test claim; do
    [ -f "$FOLDER/$test" ] || fail "claim $claim names $test, which is not there"
done <of_table

# The runner runs them.
grep -q '^FOLDERS=(.*\<claims\>.*)' "$PROJECT/tests/run" || fail "tests/run does not list tests/claims"
