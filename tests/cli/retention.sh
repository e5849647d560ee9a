#!/usr/bin/env bash
# keep N: each seal drops the oldest beyond N, and its pages are used again.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
start_manager

numbers() { pmemckpt-ctl list "$1" --json | jq -c '[.[].number]'; }
free_pages() { pmemckpt-ctl list --pools --json | jq '.[0].free_pages'; }

pmemckpt-ctl create-region kept --keep 3 >/dev/null
for i in 1 2 3 4 5; do
    head -c $((i * 1000)) /dev/urandom >state.$i
    pmemckpt-ctl save kept state.$i >/dev/null
done
[ "$(numbers kept)" = '[3,4,5]' ] || fail "keep 3 left $(numbers kept)"
for i in 3 4 5; do pmemckpt-ctl restore kept@$i | cmp - state.$i || fail "generation $i"; done
expect_status 3 pmemckpt-ctl restore kept@2
contains "$OUTPUT" "2"

# One that is kept: overwritten, and the number goes on.
pmemckpt-ctl create-region last --keep 1 >/dev/null
for i in 1 2 3; do pmemckpt-ctl save last state.$i >/dev/null; done
[ "$(numbers last)" = '[3]' ] || fail "keep 1 left $(numbers last)"
pmemckpt-ctl restore last | cmp - state.3

# Twenty times 10 MB go through a pool of 64 MiB, when two are kept.
head -c 10000000 /dev/urandom >large
pmemckpt-ctl create-region round --keep 2 >/dev/null
for _ in 1 2; do pmemckpt-ctl save round large >/dev/null; done
FREE=$(free_pages)
for _ in $(seq 18); do pmemckpt-ctl save round large >/dev/null; done
[ "$(free_pages)" = "$FREE" ] || fail "there were $FREE free pages, now $(free_pages)"
[ "$(numbers round)" = '[19,20]' ] || fail "keep 2 left $(numbers round)"

# 8 unless told; --create takes the settings, and leaves those of a region that is there.
pmemckpt-ctl save standard state.1 --create >/dev/null
pmemckpt-ctl save other state.1 --create --keep 2 --max-size 4K >/dev/null
pmemckpt-ctl save other state.1 --create --keep 5 >/dev/null
[ "$(pmemckpt-ctl list --json | jq -c '[.[] | select(.name == "standard" or .name == "other") | [.keep, .max_size]]')" = \
    '[[2,4096],[8,0]]' ] || fail "settings: $(pmemckpt-ctl list --json)"

# A pinned one stays, whatever is sealed after it; unpinned, it goes at once when nothing else keeps it.
pmemckpt-ctl create-region pinned --keep 2 >/dev/null
for i in 1 2 3; do
    pmemckpt-ctl save pinned state.$i >/dev/null
    [ $i != 2 ] || pmemckpt-ctl pin pinned@1 >/dev/null
done
[ "$(numbers pinned)" = '[1,2,3]' ] || fail "a pin left $(numbers pinned)"
contains "$(pmemckpt-ctl list pinned | awk '$1 == 1')" "yes"
pmemckpt-ctl restore pinned@1 | cmp - state.1
expect_status 3 pmemckpt-ctl pin pinned@9
expect_status 2 pmemckpt-ctl pin pinned
contains "$OUTPUT" "REGION@N"
pmemckpt-ctl unpin pinned@1 >/dev/null
pmemckpt-ctl save pinned state.4 >/dev/null
[ "$(numbers pinned)" = '[3,4]' ] || fail "after its unpin: $(numbers pinned)"

# Age keeps more than the number does; less of it drops at once.
pmemckpt-ctl create-region aged --keep 1 --keep-age 7d >/dev/null
for i in 1 2 3; do pmemckpt-ctl save aged state.$i >/dev/null; done
[ "$(numbers aged)" = '[1,2,3]' ] || fail "age kept $(numbers aged)"
contains "$(pmemckpt-ctl list | grep '^aged ')" " 7d "
contains "$(pmemckpt-ctl set-retention aged --keep 2)" "keeps 2 generations and all that are younger than 7d"
[ "$(numbers aged)" = '[1,2,3]' ] || fail "the age was forgotten: $(numbers aged)"
contains "$(pmemckpt-ctl set-retention aged --keep-age 0)" "1 generation dropped"
[ "$(numbers aged)" = '[2,3]' ] || fail "keep 2 without an age left $(numbers aged)"
pmemckpt-ctl set-retention aged --keep-age 1s >/dev/null
pmemckpt-ctl set-retention aged --keep 1 >/dev/null
wait_for '[ "$(numbers aged)" = "[3]" ]' $((6 * WAIT_LIMIT_S))
expect_status 2 pmemckpt-ctl set-retention aged
contains "$OUTPUT" "--keep-age"
for wrong in 7 d 1w -1s 1.5h 9999999999d; do
    expect_status 2 pmemckpt-ctl set-retention aged --keep-age="$wrong"
    contains "$OUTPUT" "$wrong"
done

# Cleared, a region has nothing, and goes on with the next number.
pmemckpt-ctl pin pinned@4 >/dev/null
echo record | pmemckpt-ctl append pinned >/dev/null
expect_status 2 pmemckpt-ctl clear pinned
contains "$OUTPUT" "2 generations of"
contains "$OUTPUT" "a log of 1 record"
[ "$(numbers pinned)" = '[3,4]' ] || fail "a clear without --force left $(numbers pinned)"
pmemckpt-ctl clear pinned --force >/dev/null
[ "$(numbers pinned)" = '[]' ] || fail "cleared, it has $(numbers pinned)"
[ -z "$(pmemckpt-ctl read-log pinned)" ] || fail "a log is left: $(pmemckpt-ctl read-log pinned)"
expect_status 3 pmemckpt-ctl restore pinned --to back
contains "$(pmemckpt-ctl save pinned state.1)" "pinned@5 "

# A region's end gives its pages back.
FREE=$(free_pages)
pmemckpt-ctl destroy-region round --force >/dev/null
[ "$(free_pages)" = $((FREE + 10)) ] || fail "free pages after the end of a region of 10: $FREE, then $(free_pages)"
expect_status 3 pmemckpt-ctl restore round
