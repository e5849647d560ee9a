#!/usr/bin/env bash
# time-limit: 180
# not over devices: sync points go over TCP
# The example of sync points: what it writes, how it goes on by itself and when it is started anew, and what keeps it from that.
. "$(dirname "$0")/../support/environment.sh"
. "$PROJECT/tests/support/sync.sh"
export PMEMCKPT_PRINCIPAL=tester

# batch [options]: of the services transactions, master and report.
batch() {
    ledger_batch --transactions "${ADDRESS[transactions]}/today" --master "${ADDRESS[master]}/accounts" \
        --report "${ADDRESS[report]}/today" --every 3 --patience-s $WAIT_LIMIT_S "$@"
}
# begin_all FOLDER: services with nothing but the transactions that are read from standard input.
begin_all() {
    mkdir -p "$1"/{transactions,master,report}
    cat >"$1/transactions/today"
    for name in transactions master report; do begin_filed $name "$1/$name"; done
}
end_all() {
    for name in transactions master report; do end_filed $name; done
    ADDRESS=()
}
# begin_batch NAME NUMBER: it works slowly, and tells what in NAME.log; returns when it has taken this sync point.
begin_batch() {
    batch --pause-us 5000 2>"$1.log" &
    BATCH=$!
    started $BATCH
    wait_for "grep -qs 'sync point $2:' $1.log"
}
# batch_ends NAME STATUS
batch_ends() {
    local status=0
    wait $BATCH || status=$?
    [ $status = "$2" ] || fail "exit status $status: $(tail -n 3 "$1.log")"
}
transactions() { awk -v count="$1" 'BEGIN { for (i = 1; i <= count; i++) print "account-" i % 7, i }'; }

# What it writes. Started again it knows that all is done.
printf '%s\n' 'ann 100' 'bob -5' 'ann 20' 'ann -70' >given
begin_all small <given
expect_status 0 batch
contains "$OUTPUT" "sync point 2: 3 transactions"
contains "$OUTPUT" "done: 4 transactions, 2 accounts"
cat >expected.master <<END
ann                                50         3
bob                                -5         1
END
cat >expected.report <<END
        1 ann                               100                  100
        2 bob                                -5                   -5
        3 ann                                20                  120
        4 ann                               -70                   50
4 transactions, 2 accounts, credits 120, debits -75
END
diff small/master/accounts expected.master
diff small/report/today expected.report
expect_status 0 batch
contains "$OUTPUT" "back at sync point 3: 4 transactions"
diff small/report/today expected.report
expect_status 4 batch --job another
contains "$OUTPUT" "is of job ledger, and not of another"
end_all

# All files at one service; no transactions at all.
mkdir one
: >one/today
begin_filed one one
expect_status 0 ledger_batch --transactions "${ADDRESS[one]}/today" --master "${ADDRESS[one]}/accounts" --report "${ADDRESS[one]}/report"
contains "$OUTPUT" "done: 0 transactions, 0 accounts"
end_filed one

# A service is away: the batch waits for it, and goes on; when nobody comes, it says so, and starts again from there.
begin_all away < <(transactions 150)
begin_batch away 9
end_filed master KILL
wait_for 'grep -qs "trying again in" away.log'
begin_filed master away/master
wait_for 'grep -qs "back at sync point" away.log'
end_filed report KILL
batch_ends away 6
contains "$(tail -n 1 away.log)" "${ADDRESS[report]}"
begin_filed report away/report
expect_status 0 batch
contains "$OUTPUT" "back at sync point"
contains "$(tail -n 1 away/report/today)" "150 transactions, 7 accounts, credits 11325, debits 0"
end_all

# A second one takes the job over; the first one ends, and does not take it back.
begin_all twice < <(transactions 2000)
begin_batch first 3
expect_status 0 batch --every 500
batch_ends first 8
contains "$(tail -n 1 twice/report/today)" "2000 transactions, 7 accounts, credits 2001000, debits 0"
end_all

# What people must mend.
begin_all wrong < <(printf '%s\n' 'ann 1' 'ann')
expect_status 2 batch
contains "$OUTPUT" 'today, line 2: "ann" is no transaction'
end_all
begin_all cut < <(printf 'ann 1\nann 2')
expect_status 2 batch
contains "$OUTPUT" "today: after 1 lines comes one that has no end"
end_all
begin_all there < <(transactions 5)
touch there/report/today
expect_status 4 batch
contains "$OUTPUT" "today is there already"
end_all
begin_all large < <(printf 'ann 9223372036854775807\nann 1\n')
expect_status 1 batch
contains "$OUTPUT" "are more than can be counted"
end_all
begin_all changed < <(transactions 200)
begin_batch changed 5
printf '%-48s' nonsense | dd of=changed/master/accounts conv=notrunc status=none
batch_ends changed 7
contains "$(tail -n 1 changed.log)" "is no record of a master file"
end_all
begin_all missing < <(transactions 5)
rm missing/transactions/today
expect_status 3 batch
contains "$OUTPUT" "today"
expect_status 3 env PMEMCKPT_PRINCIPAL=nobody ledger_batch --transactions "${ADDRESS[master]}/a" --master "${ADDRESS[master]}/b" \
    --report "${ADDRESS[master]}/c"
contains "$OUTPUT" "there is no key"
end_all

for wrong in "" "--nonsense" "--transactions here" "--transactions /a" "--master host:1/" "--every 0" "--every x" "--pause-us -1" "more" \
    "--transactions h/a --master h/b"; do
    # shellcheck disable=SC2086
    expect_status 2 ledger_batch $wrong
done
expect_status 0 ledger_batch --help
contains "$OUTPUT" "--patience-s"
