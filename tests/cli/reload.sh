#!/usr/bin/env bash
# SIGHUP: the manager opens a pool that is newly listed, while sessions go on; a configuration that is wrong changes
# nothing.
. "$(dirname "$0")/../support/environment.sh"
command -v jq >/dev/null || skip "jq is not installed"
for pool in one two; do pmemckpt-ctl create-pool $pool --size 64M >/dev/null; done
configure() { # NAME...: as pools
    local name
    for name in "$@"; do printf '[[pool]]\nname = "%s"\npath = "%s"\n' "$name" "$PWD/$name"; done >new.toml
    mv new.toml manager.toml
}
pools() { pmemckpt-ctl list --pools --json --admin-socket "$ADMIN_SOCKET" | jq -r '[.[].name] | join(" ")'; }
# What the manager has logged since it was read last contains this.
logged() { wait_for "tail -n +$((LINES_READ + 1)) manager.log | grep -q '$1'" && LINES_READ=$(wc -l <manager.log); }

configure one
# --config in place of the pool that start_manager names unless it is told one.
pmemckpt-ctl create-key tester >/dev/null
pmemckptd --config manager.toml --listen "$TEST_HOST:0" --transport "$PMEMCKPT_TRANSPORT" --admin-socket "$ADMIN_SOCKET" --address-file addresses \
    2>manager.log &
MANAGER_PID=$!
started $MANAGER_PID
wait_for '[ -s addresses ]'
PMEMCKPT_SERVER=$(cat addresses)
export PMEMCKPT_SERVER PMEMCKPT_PRINCIPAL=tester
LINES_READ=$(wc -l <manager.log)
expect_status 3 pmemckpt-ctl list --pool two

# A session that is saving meanwhile.
mkfifo pipe
echo "before and after" >state
pmemckpt-ctl save team/app --create --size 4K pipe >saved &
SAVER=$!
started $SAVER
exec 5>pipe
wait_for '[ "$(pmemckpt-ctl status --json --admin-socket "$ADMIN_SOCKET" | jq .pools[0].drafts)" = 1 ]'

configure one two
kill -HUP $MANAGER_PID
logged "read again"
[ "$(pools)" = "one two" ] || fail "pools: $(pools)"
pmemckpt-ctl save in/two state --create --pool two >/dev/null
pmemckpt-ctl restore in/two --pool two | cmp - state
cat state >&5
exec 5>&-
wait $SAVER || fail "the save that went on while the manager read its configuration"
pmemckpt-ctl restore team/app | cmp - state

# A pool that can't be opened, and a file that is no configuration: said, and everything stays.
configure one two three
kill -HUP $MANAGER_PID
logged "stays as it was: .*three"
echo "pool = nonsense [" >manager.toml
kill -HUP $MANAGER_PID
logged "stays as it was: .*manager.toml"
[ "$(pools)" = "one two" ] || fail "pools: $(pools)"
pmemckpt-ctl restore team/app | cmp - state
stop_manager
[ "$MANAGER_STATUS" = 0 ] || fail "exit status $MANAGER_STATUS"
