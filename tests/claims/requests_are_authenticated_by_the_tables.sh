#!/usr/bin/env bash
# Claims 9: the protection and translation tables let through what an authenticated requestor was given, and nothing else; who has
# proved nothing is given nothing, and reaches nothing with keys of others.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
start_manager
head -c 3000000 /dev/urandom >state
pmemckpt-ctl save team/app state --create >/dev/null
let_spare team/app read
before=$(pool_digest)
contains "$(window_probe before spare team/app)" "refused before any proof
given a window of 3000000 bytes after it, which reads 1000"
[ "$(pool_digest)" = "$before" ] || fail "the pool has changed"
pmemckpt-ctl restore team/app --exact --to got >/dev/null
cmp state got

# A right key is not enough: it is whose right that counts.
pmemckpt-ctl create-key stranger >/dev/null
expect_status 1 window_probe before stranger team/app
contains "$OUTPUT" "there is no region team/app that stranger may use"
