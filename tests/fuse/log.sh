#!/usr/bin/env bash
# time-limit: 120
# /.log/REGION: the records behind the newest generation as a file that grows. tail -f goes on with what is appended,
# tail -F also behind the next generation; who has it open reads it to its end.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
start_manager
mount_ckpt
pmemckpt-ctl create-region team/app >/dev/null
[ "$(cd ckpt && find .log | sort | tr '\n' ' ')" = ".log .log/team .log/team/app " ] || fail "$(find ckpt/.log)"
[ "$(stat -c '%a %s %F' ckpt/.log/team/app)" = "444 0 regular empty file" ] || fail "$(stat ckpt/.log/team/app)"
[ -z "$(cat ckpt/.log/team/app)" ] || fail "no record, but $(cat ckpt/.log/team/app)"
for name in none team/none team/app/1; do [ ! -e ckpt/.log/$name ] || fail "there is a .log/$name"; done

# Before there is a log: tail waits for it. An appender that stays: each line is there at once.
tail -f -s 0.1 ckpt/.log/team/app >followed &
started $!
FOLLOWING=$!
tail -F -s 0.1 ckpt/.log/team/app >all 2>tail.errors &
started $!
mkfifo lines
pmemckpt-ctl append team/app --lines <lines >/dev/null &
started $!
APPENDING=$!
exec 5>lines
for i in 1 2 3; do
    echo "line $i" >&5
    wait_for '[ "$(tail -n 1 followed)" = "line $i" ] && [ "$(tail -n 1 all)" = "line $i" ]'
done
[ "$(cat ckpt/.log/team/app)" = "$(pmemckpt-ctl read-log team/app)" ] || fail "$(cat ckpt/.log/team/app)"
[ "$(stat -c %s ckpt/.log/team/app)" = 21 ] || fail "$(stat ckpt/.log/team/app)"
[ "$(getfattr --absolute-names --only-values -n user.pmemckpt.records ckpt/.log/team/app)" = 3 ] || fail "records"
[ "$(getfattr --absolute-names --only-values -n user.pmemckpt.generation ckpt/.log/team/app)" = 0 ] || fail "generation"

# What is open is read to its end, also when a generation has ended it; the name has the next log then.
exec 6<ckpt/.log/team/app
before=$(stat -c %i ckpt/.log/team/app)
echo "the last line" >&5
exec 5>&-
wait $APPENDING || fail "append: exit status $?"
echo state | pmemckpt-ctl save team/app >/dev/null
[ "$(cat <&6)" = "$(printf 'line 1\nline 2\nline 3\nthe last line')" ] || fail "the ended log was not read whole"
exec 6<&-
wait_for '[ "$(tail -n 1 followed)" = "the last line" ]'
[ "$(stat -c '%s' ckpt/.log/team/app)" = 0 ] || fail "a new log has $(stat -c %s ckpt/.log/team/app) bytes"
[ "$(stat -c %i ckpt/.log/team/app)" != "$before" ] || fail "another log, the same inode"
echo "behind generation 1" | pmemckpt-ctl append team/app >/dev/null
wait_for '[ "$(tail -n 1 all)" = "behind generation 1" ]'
contains "$(cat all)" "the last line"
[ "$(getfattr --absolute-names --only-values -n user.pmemckpt.generation ckpt/.log/team/app)" = 1 ] || fail "generation"
kill $FOLLOWING

# Open, and not read yet, when a generation ends it: it is there all the same.
echo "not read yet" | pmemckpt-ctl append team/app >/dev/null
exec 6<ckpt/.log/team/app
echo more | pmemckpt-ctl append team/app >/dev/null
echo state | pmemckpt-ctl save team/app >/dev/null
[ "$(cat <&6)" = "$(printf 'behind generation 1\nnot read yet\nmore')" ] || fail "an open log was lost with its seal"
exec 6<&-

# Cleared before its first generation, a region has another log: who has the first one open reads that one.
pmemckpt-ctl create-region team/fresh >/dev/null
seq 3 | pmemckpt-ctl append team/fresh --lines >/dev/null
tail -F -s 0.1 ckpt/.log/team/fresh >fresh 2>/dev/null &
started $!
exec 6<ckpt/.log/team/fresh
wait_for '[ "$(tail -n 1 fresh)" = 3 ]'
pmemckpt-ctl clear team/fresh --force >/dev/null
seq 11 16 | pmemckpt-ctl append team/fresh --lines >/dev/null
wait_for '[ "$(tail -n 1 fresh)" = 16 ]'
{ seq 3 && seq 11 16; } | cmp - fresh || fail "tail -F over a clear: $(cat fresh)"
[ "$(cat <&6)" = "$(seq 3)" ] || fail "who had the cleared log open"
exec 6<&-
# Through the page cache, too: not the bytes of another log, and not those before it grew.
send() { "$BUILD/tests/tools/send_file" ckpt/.log/team/fresh; }
[ "$(send)" = "$(seq 11 16)" ] || fail "sendfile: $(send)"
seq 17 19 | pmemckpt-ctl append team/fresh --lines >/dev/null
[ "$(send)" = "$(seq 11 19)" ] || fail "sendfile of a log that grew: $(send)"
pmemckpt-ctl clear team/fresh --force >/dev/null
seq 21 26 | pmemckpt-ctl append team/fresh --lines >/dev/null
[ "$(send)" = "$(seq 21 26)" ] || fail "sendfile of another log: $(send)"

# Large, and read in every way: records of 1 byte to some MiB, then a part of it, from its end, and copied.
for size in 1 100 65536 65537 3000000; do
    head -c $size /dev/urandom >record
    cat record >>wanted
    pmemckpt-ctl append team/web <record >/dev/null 2>&1 || {
        pmemckpt-ctl create-region team/web >/dev/null
        pmemckpt-ctl append team/web <record >/dev/null
    }
done
cmp wanted ckpt/.log/team/web
cp ckpt/.log/team/web copied
cmp wanted copied
for size in 1 4096 3000001 3131173; do tail -c $size ckpt/.log/team/web | cmp - <(tail -c $size wanted); done
for skip in 0 1 100 65637 3131173; do
    dd if=ckpt/.log/team/web bs=1 skip=$skip count=50 status=none | cmp - <(dd if=wanted bs=1 skip=$skip count=50 status=none)
done
expect_status 2 sh -c 'echo x >>ckpt/.log/team/web'
contains "$OUTPUT" "Read-only file system"
expect_status 1 rm -f ckpt/.log/team/web

# The manager is away, and comes back: what is open is read on.
exec 6<ckpt/.log/team/web
[ "$(head -c 50 <&6 | cksum)" = "$(head -c 50 wanted | cksum)" ] || fail "the first bytes"
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
stop_manager KILL
expect_status 1 cat ckpt/.log/team/web
start_manager
wait_for 'cmp -s wanted ckpt/.log/team/web'
cat <&6 >rest || fail "an open log was not read on"
[ -s rest ] && tail -c "$(stat -c %s rest)" wanted | cmp - rest
exec 6<&-

# A region that is cleared has an empty log; one that is destroyed has none.
pmemckpt-ctl clear team/web --force >/dev/null
[ "$(stat -c %s ckpt/.log/team/web)" = 0 ] || fail "cleared, and $(stat ckpt/.log/team/web)"
pmemckpt-ctl destroy-region team/web --force >/dev/null
wait_for '[ ! -e ckpt/.log/team/web ]'
exit 0
