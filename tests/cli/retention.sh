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

# A region's end gives its pages back.
FREE=$(free_pages)
pmemckpt-ctl destroy-region round --force >/dev/null
[ "$(free_pages)" = $((FREE + 10)) ] || fail "free pages after the end of a region of 10: $FREE, then $(free_pages)"
expect_status 3 pmemckpt-ctl restore round
