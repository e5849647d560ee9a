#!/usr/bin/env bash
# time-limit: 120
# /.unread/NAME/REGION: what NAME has not read yet. Its cursor moves when a program has read all of it and closed it, and
# not before: not when it was killed, not when only a part was read, and not because somebody looked around.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
command -v jq >/dev/null || skip "jq is not installed"
start_manager
mount_ckpt
at() { pmemckpt-ctl cursor team/app "$1" --json | jq -c '[.generation, .sequence]'; }
# is_at NAME '[generation,sequence]'
is_at() { [ "$(at "$1")" = "$2" ] || fail "$1 is at $(at "$1"), not $2"; }
UNREAD=ckpt/.unread/spare/team/app

pmemckpt-ctl create-region team/app >/dev/null
[ "$(stat -c '%a %s %F' $UNREAD)" = "444 0 regular empty file" ] || fail "$(stat $UNREAD)"
printf 'one\ntwo\n' | pmemckpt-ctl append team/app --lines >/dev/null
[ "$(stat -c %s $UNREAD)" = 8 ] || fail "$(stat $UNREAD)"
[ "$(getfattr --absolute-names --only-values -n user.pmemckpt.parts $UNREAD)" = "0.log:8" ] || fail "$(getfattr -d $UNREAD)"
is_at spare '[0,0]'

# A journal that is brought up to date, again and again.
cat $UNREAD >>journal
is_at spare '[0,2]'
[ ! -s $UNREAD ] || fail "all was read, and $(cat $UNREAD)"
cat $UNREAD >>journal
echo three | pmemckpt-ctl append team/app >/dev/null
cat $UNREAD >>journal
[ "$(cat journal)" = "$(printf 'one\ntwo\nthree')" ] || fail "the journal: $(cat journal)"
is_at spare '[0,3]'

# Generations, oldest first, then the records behind the newest.
head -c 3000001 /dev/urandom >first
head -c 70000 /dev/urandom >second
pmemckpt-ctl save team/app first >/dev/null
pmemckpt-ctl save team/app second >/dev/null
printf 'four\nfive\n' | pmemckpt-ctl append team/app --lines >/dev/null
[ "$(getfattr --absolute-names --only-values -n user.pmemckpt.parts $UNREAD)" = "1:3000001 2:70000 2.log:10" ] ||
    fail "$(getfattr --absolute-names -d -m - $UNREAD)"
{ cat first second && printf 'four\nfive\n'; } >wanted
[ "$(stat -c %s $UNREAD)" = "$(stat -c %s wanted)" ] || fail "$(stat $UNREAD)"

# A part is not all, and a look is no reading.
head -c 1000 $UNREAD | cmp - <(head -c 1000 wanted)
tail -c 100 $UNREAD | cmp - <(tail -c 100 wanted)
dd if=$UNREAD of=/dev/null bs=64K count=10 status=none
is_at spare '[0,3]'
find ckpt -type f -exec cat {} + >/dev/null
cp -r ckpt everything
grep -rq nothing ckpt || true
ls -lR ckpt ckpt/.unread ckpt/.unread/spare >/dev/null
is_at spare '[0,3]'
[ -z "$(ls -A ckpt/.unread)" ] || fail "names in .unread: $(ls -A ckpt/.unread)"
[ "$(ls ckpt/.unread/spare/team)" = app ] || fail "$(ls -R ckpt/.unread/spare)"

# One that is killed before it wrote down what it got has not read it.
mkfifo stuck
exec 7<>stuck
cat $UNREAD >stuck &
READER=$!
started $READER
wait_for '[ "$(cat /proc/$READER/wchan 2>/dev/null)" != 0 ] && grep -q "^State:.S" /proc/$READER/status'
kill -KILL $READER
wait $READER 2>/dev/null || true
exec 7>&-
is_at spare '[0,3]'
expect_status 1 sh -c "cat $UNREAD >/dev/full"
is_at spare '[0,3]'

# cp reads all of it, and another name has its own place.
cp $UNREAD got
cmp wanted got
is_at spare '[2,2]'
is_at other '[0,0]'
[ "$(stat -c %s ckpt/.unread/other/team/app)" = "$(stat -c %s wanted)" ] || fail "$(stat ckpt/.unread/other/team/app)"

# The cursor is durable, and the same one that pmemckpt-ctl has.
MANAGER_PORT=${PMEMCKPT_SERVER##*:}
stop_manager KILL
start_manager
is_at spare '[2,2]'
wait_for '[ "$(stat -c %s $UNREAD 2>/dev/null)" = 0 ]'
pmemckpt-ctl read team/app --unread other --to folder >/dev/null
[ "$(stat -c %s ckpt/.unread/other/team/app)" = 0 ] || fail "read by pmemckpt-ctl, and unread here"

# What comes while it is read is for the next time; two readers of one name move it once.
echo six | pmemckpt-ctl append team/app >/dev/null
exec 6<$UNREAD
echo seven | pmemckpt-ctl append team/app >/dev/null
[ "$(cat $UNREAD)" = "$(printf 'six\nseven')" ] || fail "$(cat $UNREAD)"
[ "$(cat <&6)" = six ] || fail "an open file grew"
exec 6<&-
is_at spare '[2,4]'

# A damaged generation is no bytes, and is not counted as read. What was destroyed and made anew is unread.
echo "marker of a generation" >marked
pmemckpt-ctl save team/rot marked --create >/dev/null
pmemckpt-ctl save team/anew marked --create >/dev/null
exec 6<ckpt/.unread/spare/team/anew
[ "$(cat <&6)" = "marker of a generation" ] || fail "unread of team/anew"
pmemckpt-ctl destroy-region team/anew --force >/dev/null
echo other | pmemckpt-ctl save team/anew --create >/dev/null
exec 6<&-
[ "$(cat ckpt/.unread/spare/team/anew)" = other ] || fail "a new region counts as read"
stop_manager
OFFSET=$(grep -abo "marker of a generation" pool | head -n 1 | cut -d: -f1)
printf M | dd of=pool bs=1 seek="$OFFSET" conv=notrunc status=none
start_manager
wait_for 'stat ckpt/.status >/dev/null && stat ckpt/.unread/spare/team/rot >/dev/null 2>&1'
expect_status 1 cat ckpt/.unread/spare/team/rot
[ "$(pmemckpt-ctl cursor team/rot spare --json | jq .generation)" = 0 ] || fail "a damaged generation counts as read"

# Cleared: there is nothing unread; what comes then is.
pmemckpt-ctl clear team/app --force >/dev/null
[ "$(stat -c %s $UNREAD)" = 0 ] || fail "$(stat $UNREAD)"
echo new | pmemckpt-ctl append team/app >/dev/null
[ "$(cat $UNREAD)" = new ] || fail "after a clear: $(cat $UNREAD)"
[ ! -s $UNREAD ] || fail "after a clear: again $(cat $UNREAD)"
for name in .hidden/team/app spare/none 'sp are/team/app'; do [ ! -e "ckpt/.unread/$name" ] || fail "there is $name"; done
