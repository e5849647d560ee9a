#!/usr/bin/env bash
# The view's names, and what ls, cp, cat, tail, dd, cmp, find, stat, df and getfattr find there.
. "$(dirname "$0")/../support/environment.sh"
need_fuse
start_manager
head -c 3000001 /dev/urandom >first
head -c 5 /dev/urandom >second
: >empty
pmemckpt-ctl create-region team/waiting >/dev/null
for file in first empty second; do pmemckpt-ctl save team/app $file --create >/dev/null; done
pmemckpt-ctl save team/deep/er first --create >/dev/null
pmemckpt-ctl save solo second --create >/dev/null
mount_ckpt

# Names: newest generations, all generations, nothing for a region that has none but its empty folder.
[ "$(cd ckpt && find . | sort | tr '\n' ' ')" = ". ./.generations ./.generations/solo ./.generations/solo/1 \
./.generations/team ./.generations/team/app ./.generations/team/app/1 ./.generations/team/app/2 \
./.generations/team/app/3 ./.generations/team/deep ./.generations/team/deep/er ./.generations/team/deep/er/1 \
./.generations/team/waiting ./.log ./.log/solo ./.log/team ./.log/team/app ./.log/team/deep ./.log/team/deep/er \
./.log/team/waiting ./.status ./.unread ./solo ./team ./team/app ./team/deep ./team/deep/er " ] ||
    fail "find finds $(cd ckpt && find . | sort)"
[ "$(ls ckpt)" = "$(printf 'solo\nteam')" ] || fail "ls lists $(ls ckpt)"
for name in team/waiting none team/none .generations/team/app/4 .generations/team/app/0 .generations/team/app/01; do
    [ ! -e "ckpt/$name" ] || fail "there is a $name"
done

# Bytes, through every kind of read.
cmp first ckpt/.generations/team/app/1
cmp empty ckpt/.generations/team/app/2
cmp second ckpt/team/app
cp ckpt/team/deep/er copy
cmp first copy
cat ckpt/.generations/team/app/1 | cmp - first
for size in 1 4096 4097 1000000 2999999; do
    tail -c $size ckpt/team/deep/er | cmp - <(tail -c $size first)
done
for skip in 0 1 4095 1048575 1048577 2999990; do
    dd if=ckpt/team/deep/er bs=1 skip=$skip count=20 status=none | cmp - <(dd if=first bs=1 skip=$skip count=20 status=none)
    dd if=ckpt/team/deep/er bs=64K iflag=skip_bytes,direct skip=$((skip / 4096 * 4096)) status=none |
        cmp - <(tail -c +$((skip / 4096 * 4096 + 1)) first)
done
[ -z "$(dd if=ckpt/team/deep/er bs=1 skip=3000001 count=20 status=none | tr -d '\0')" ] || fail "bytes behind the end"
cp -r ckpt/.generations all
cmp first all/team/app/1 && cmp second all/solo/1

# Attributes: what pmemckpt-ctl says of them.
[ "$(stat -c '%a %s %F' ckpt/team/app)" = '444 5 regular file' ] || fail "$(stat ckpt/team/app)"
[ "$(stat -c '%a %F' ckpt/team)" = '555 directory' ] || fail "$(stat ckpt/team)"
# Not with jq: nanoseconds since 1970 have more digits than its numbers.
sealed=$(pmemckpt-ctl list team/app --json | grep -o '"sealed_ns": *[0-9]*' | head -n 1 | grep -o '[0-9]*$')
[ "$(stat -c %.9Y ckpt/.generations/team/app/1)" = "${sealed:0:10}.${sealed:10}" ] ||
    fail "mtime $(stat -c %.9Y ckpt/.generations/team/app/1), sealed $sealed"
[ "$(find ckpt/team -newer first -name app)" = ckpt/team/app ] || fail "find -newer"
[ "$(stat -c %i ckpt/team/app)" = "$(stat -c %i ckpt/.generations/team/app/3)" ] || fail "one generation, two inodes"
[ "$(find ckpt -path ckpt/.log -prune -o -type f ! -name .status -printf '%i\n' | sort -u | wc -l)" = 5 ] || fail "five generations, $(find ckpt -ls)"
ls -lRA ckpt >listed
[ "$(grep -c '^-r--r--r--' listed)" = 13 ] || fail "$(cat listed)"
before=$(stat -c '%i %s %Y' ckpt/.generations/team/app/*)

# Extended attributes.
attributes=$(getfattr --absolute-names -d -m - ckpt/.generations/team/app/1)
contains "$attributes" 'user.pmemckpt.generation="1"'
contains "$attributes" 'user.pmemckpt.writer="tester"'
contains "$attributes" 'user.pmemckpt.durability="page"'
contains "$attributes" 'user.pmemckpt.epoch="1"'
contains "$attributes" 'user.pmemckpt.complete="yes"'
crc=$(getfattr --absolute-names --only-values -n user.pmemckpt.crc32c ckpt/.generations/team/app/1)
contains "$(pmemckpt-ctl list team/app)" "$crc"
expect_status 1 getfattr -n user.other ckpt/team/app
[ -z "$(getfattr --absolute-names -d -m - ckpt/team)" ] || fail "a folder has attributes"

# Nothing is changed.
expect_status 2 sh -c 'echo x >ckpt/new'
contains "$OUTPUT" "Read-only file system"
expect_status 2 sh -c 'echo x >>ckpt/team/app'
contains "$OUTPUT" "Read-only file system"
expect_status 1 rm -f ckpt/team/app
expect_status 1 mkdir ckpt/folder
expect_status 1 mv ckpt/team/app ckpt/team/other
expect_status 1 chmod 777 ckpt/team/app
expect_status 1 setfattr -n user.x -v y ckpt/team/app
cmp second ckpt/team/app

# The status and the space.
[ "$(jq -r '.engine + " " + .principal + " " + .pool.durability + " " + (.session.connected | tostring)' ckpt/.status)" = \
    "$PMEMCKPT_TRANSPORT tester page true" ] || fail "$(cat ckpt/.status)"
[ "$(jq -r .server ckpt/.status)" = "$PMEMCKPT_SERVER" ] || fail "$(cat ckpt/.status)"
[ "$(df --output=size -B1 ckpt | tail -n 1)" -gt $((32 << 20)) ] || fail "$(df ckpt)"

# Numbers and attributes are the same in the next mount.
unmount_ckpt
mount_ckpt
[ "$(stat -c '%i %s %Y' ckpt/.generations/team/app/*)" = "$before" ] || fail "another mount, other inodes"
unmount_ckpt
