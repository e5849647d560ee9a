#!/usr/bin/env bash
# What pmemckpt-ctl says and does about rights: grant, revoke, rights, set-owner; and that a view shows what may be read.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
pmemckpt-ctl save team/other state --create >/dev/null
spare() { pmemckpt-ctl --principal spare "$@"; }

[ "$(spare list | wc -l)" = 1 ] || fail "the spare sees regions: $(spare list)"
expect_status 3 spare restore team/app --to got
contains "$OUTPUT" "there is no region team/app that spare may use"
[ "$(pmemckpt-ctl grant team/app spare read)" = "spare has rights to team/app: read" ] || fail "grant said something else"
spare restore team/app --to got >/dev/null
cmp state got
[ "$(spare list --json | jq -c '[.[] | [.name, .rights, .owner]]')" = '[["team/app",["read"],"tester"]]' ] ||
    fail "$(spare list --json)"
expect_status 8 spare save team/app state
contains "$OUTPUT" "spare has no right to write in region team/app, but to read: who administers it can give it, with pmemckpt-ctl grant team/app spare write"
expect_status 8 spare grant team/app spare write
expect_status 8 spare set-owner team/app spare

pmemckpt-ctl grant team/app spare write append >/dev/null
pmemckpt-ctl grant team/app %ops all >/dev/null
[ "$(pmemckpt-ctl rights team/app | tr -s ' ')" = "WHO RIGHTS
tester owner
%ops all
spare read,append,write" ] || fail "$(pmemckpt-ctl rights team/app)"
[ "$(pmemckpt-ctl rights team/app --json | jq -c '[.region, .owner, (.grants | map([.who, .rights]))]')" = \
    '["team/app","tester",[["%ops",["read","append","write","take-over","administer"]],["spare",["read","append","write"]]]]' ] ||
    fail "$(pmemckpt-ctl rights team/app --json)"
[ "$(spare rights team/app | wc -l)" = 3 ] || fail "the spare sees others' rights: $(spare rights team/app)"

# A reader that stops in mid-read is not asked.
spare watch team/app >events 2>watch.said &
WATCH=$!
started $WATCH
wait_for '[ "$(of_sessions spare id)" -gt 0 ]'
[ "$(pmemckpt-ctl revoke team/app spare write append)" = "spare has rights to team/app: read" ] || fail "revoke said something else"
expect_status 8 spare save team/app state
[ "$(pmemckpt-ctl revoke team/app spare)" = "spare has no right of its own to team/app any more" ] || fail "revoke said something else"
pmemckpt-ctl save team/app state >/dev/null
ended $WATCH
[ "$STATUS" = 3 ] || [ "$STATUS" = 8 ] || fail "watch ended with $STATUS: $(cat watch.said)"
[ ! -s events ] || fail "it was told: $(cat events)"

for wrong in "team/app spare fly" "team/app %% read" "team/app ../x read" "team//app spare read"; do
    expect_status 2 pmemckpt-ctl grant $wrong
done
expect_status 2 pmemckpt-ctl grant team/app spare
for empty in "" "read," ",read"; do # of a script whose variable is not set
    expect_status 2 pmemckpt-ctl grant team/app spare "$empty"
    contains "$OUTPUT" '"" is no right'
    expect_status 2 pmemckpt-ctl revoke team/app spare "$empty"
done
expect_status 3 pmemckpt-ctl grant team/none spare read
expect_status 3 pmemckpt-ctl set-owner team/app nobody
contains "$OUTPUT" "nobody has no key at this manager, and could never use region team/app"
[ "$(pmemckpt-ctl set-owner team/app spare)" = "team/app is spare's" ] || fail "set-owner said something else"
expect_status 3 pmemckpt-ctl restore team/app --to got
spare restore team/app --to got >/dev/null

# What the pool keeps is there after a crash.
spare grant team/app tester read >/dev/null
stop_manager KILL
start_manager
pmemckpt-ctl restore team/app --to got >/dev/null
expect_status 8 pmemckpt-ctl save team/app state
