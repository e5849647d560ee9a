#!/usr/bin/env bash
# not over devices: nobody is connected in it
# The tables in README.md, here and of sync points, name for each claim a test that is there; each test there is in its table,
# and its head names the same claims.
. "$(dirname "$0")/../support/environment.sh"

# check FOLDER "CLAIMS" "OTHER TESTS": these claims have tests in this folder; others there prove no claim.
check() {
    local folder=$PROJECT/tests/$1 promised=$2 others=" $3 " file claim test
    # Lines "TEST CLAIM": of the table's rows | 13, 29 | `name.sh` | what |, and of the tests' heads "# Claims 13, 29: what"
    sed -n 's/^| *\([0-9, ]*\) *| *`\([a-z_]*\.sh\)` *| *[^ |].*|$/\2 \1/p' "$folder/README.md" |
        awk '{ for (i = 2; i <= NF; i++) { gsub(",", "", $i); print $1, $i } }' | sort >of_table
    for file in "$folder"/*.sh; do
        sed -n '1,6s/^# Claims \([0-9, ]*\): .*/\1/p' "$file" | tr -d , | tr ' ' '\n' | sed "s/^/${file##*/} /"
    done | sort >of_tests
    diff of_table of_tests >difference || fail "$1/README.md (<) and the heads of the tests (>) differ: $(cat difference)"
    [ -z "$(uniq -d of_table)" ] || fail "twice in the table: $(uniq -d of_table)"

    for claim in $promised; do
        grep -q " $claim\$" of_table || fail "claim $claim of $1 has no test"
    done
    for file in "$folder"/*.sh; do
        case $others in *" ${file##*/} "*) continue ;; esac
        grep -q "^${file##*/} " of_tests || fail "${file##*/} does not say in its head which claim it proves"
    done
    while read -r test claim; do
        [ -f "$folder/$test" ] || fail "claim $claim names $test, which is not there"
    done <of_table
    # The runner runs them.
    grep -q "^FOLDERS=(.*\\<$1\\>.*)" "$PROJECT/tests/run" || fail "tests/run does not list tests/$1"
}
check claims "2 5 6 7 9 11 12 13 14 15 16 17 18 19 20 22 27 28 29 30 31 33 34 35 36 37" every_claim_has_its_test.sh
check sync "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 18 19 20" \
    "every_step_is_cut.sh checkpoints_in_a_region.sh kills_lose_no_checkpoint_in_a_region.sh"
