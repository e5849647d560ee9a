#!/usr/bin/env bash
# Claims 17: what is needed to reach the set, where its pages lie and who may, is kept with the region in persistent memory when the
# primary opens it: later requestors are given it by a manager that has nothing but the pool.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/pair.sh"
make_spare
pmemckpt-ctl create-key stranger >/dev/null
start_manager
# Sets in pages that lie scattered: those of others are dropped between them.
for n in 1 2 3 4; do
    head -c 5000000 /dev/urandom >"state.$n"
    pmemckpt-ctl save team/app "state.$n" --create --keep 4 >/dev/null
    pmemckpt-ctl save "team/filler$n" "state.$n" --create >/dev/null
done
for n in 1 3; do pmemckpt-ctl destroy-region "team/filler$n" --force >/dev/null; done
head -c 9000000 /dev/urandom >state.5
pmemckpt-ctl save team/app state.5 >/dev/null
let_spare team/app read

# Neither the primary nor its manager, nor what they knew in memory: the pool alone, elsewhere.
stop_manager KILL
mv pool elsewhere
start_manager --pool elsewhere
pmemckpt-ctl --principal spare restore team/app --exact --to got >/dev/null
cmp state.5 got
for n in 2 3 4; do
    pmemckpt-ctl --principal spare restore "team/app@$n" --to got >/dev/null
    cmp "state.$n" got
done
expect_status 3 pmemckpt-ctl --principal stranger restore team/app --to got
expect_status 8 pmemckpt-ctl --principal spare save team/app state.1
