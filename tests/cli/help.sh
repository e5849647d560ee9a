#!/usr/bin/env bash
# not over devices: nobody is connected in it
# --help, the man page and the completion name the same commands and options, both ways; so do the other programs' pages.
. "$(dirname "$0")/../support/environment.sh"
command -v mandoc >/dev/null || skip "mandoc is not installed"
PAGE=$PROJECT/man/pmemckpt-ctl.1

same() { # WHAT LIST LIST: words in any order
    local what=$1 one two
    one=$(tr -s ' ' '\n' <<<"$2" | grep . | sort -u)
    two=$(tr -s ' ' '\n' <<<"$3" | grep . | sort -u)
    [ "$one" = "$two" ] || fail "$what differ (< in one alone, > in the other): $(diff <(echo "$one") <(echo "$two") |
        grep '^[<>]' | tr '\n' ' ')"
}

options_of_help() { "$@" --help | sed -n 's/^  *\(-[a-zA-Z], \)\{0,1\}\(--[a-z-]*\).*/\2/p'; }

# options_of_section COMMAND: in the command's part of the page
options_of_section() {
    awk -v section="$1" '/^\.S[sh] /{inside = ($2 == section)} inside' "$PAGE" |
        grep '^\.' | grep -o 'Fl -[a-z-]*' | sed 's/Fl /-/'
}

# tagged_options PAGE: those that stand at the start of a line, as the tags of lists do
tagged_options() {
    mandoc -T ascii "$1" | sed 's/.\x08//g; s/^ *//; s/  .*//' | grep '^-' |
        tr ', ' '\n' | grep -x -e '--[a-z][a-z-]*' || true
}

# completed WORD...: what bash offers for the last word
completed() {
    bash -c '. "$PROJECT/utils/completion/pmemckpt-ctl"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _pmemckpt_ctl && echo "${COMPREPLY[@]}"' completion "$@"
}

COMMANDS=$(pmemckpt-ctl --help | sed -n '/^Subcommands:/,$s/^  \([a-z][a-z-]*\) .*/\1/p')
[ "$(wc -w <<<"$COMMANDS")" -ge 8 ] || fail "--help lists too few commands: $COMMANDS"
same "commands of --help and of the page" "$COMMANDS" "$(sed -n 's/^\.Ss //p' "$PAGE")"
same "commands of --help and of the completion" "$COMMANDS" "$(completed pmemckpt-ctl '')"

COMMON=$(options_of_help pmemckpt-ctl)
contains "$COMMON" "--admin-socket"
same "common options of --help and of the page" "$COMMON" \
    "$(awk '/^\.Ss /{exit} /^\.It /' "$PAGE" | grep -o 'Fl -[a-z-]*' | sed 's/Fl /-/' | grep -vx -e --pools -e --sessions)"
for command in $COMMANDS; do
    own=$(options_of_help pmemckpt-ctl "$command" | grep -vx -e --help || true)
    same "options of $command --help and of its section" "$own" "$(options_of_section "$command")"
    same "options of $command --help and of the completion" "$own $COMMON" "$(completed pmemckpt-ctl "$command" -)"
    contains "$(pmemckpt-ctl "$command" --help)" "$command"
done
contains "$(completed pmemckpt-ctl --transport '')" "iwarp"
[ -z "$(completed pmemckpt-ctl save --keep '')" ] || fail "it completes a number"

# Tables are read on terminals of 80 columns.
WIDE=$(mandoc -T ascii -O width=78 "$PROJECT/man/pmemckpt-durability.7" | sed 's/.\x08//g' | awk 'length > 78')
[ -z "$WIDE" ] || fail "lines of pmemckpt-durability(7) are too long: $WIDE"

# Each exit status of the page is one of lib/base/exit_status.hh, and the other way round (130: a signal).
same "exit statuses" "$(sed -n 's/^ *kExit[A-Za-z]* = \([0-9]*\),.*/\1/p' "$PROJECT/lib/base/exit_status.hh") 130" \
    "$(awk '/^\.Sh /{inside = ($2 == "EXIT")} inside' "$PAGE" | sed -n 's/^\.It \([0-9]*\)$/\1/p')"

for program in pmemckptd mount.pmemckpt pmemckpt-filed; do
    same "options of $program --help and of its page" "$(options_of_help "$program")" \
        "$(tagged_options "$PROJECT/man/$program.8")"
done
for word in $(mount.pmemckpt --help | sed -n '/^Options after -o:/,/^$/s/^  \([a-z_-]*\).*/\1/p'); do
    mandoc -T ascii "$PROJECT/man/mount.pmemckpt.8" | sed 's/.\x08//g' | grep -q "^ *$word\b" ||
        fail "the page of mount.pmemckpt has no -o $word"
done
for program in pmemckpt-ctl pmemckptd mount.pmemckpt pmemckpt-filed; do
    expect_status 0 "$program" --version
    [ "$(wc -l <<<"$OUTPUT")" = 1 ] || fail "$program --version has several lines: $OUTPUT"
done

# Names come from the manager, with the connection options of the line.
unset PMEMCKPT_TRANSPORT
start_manager
pmemckpt-ctl create-region team/app >/dev/null
pmemckpt-ctl create-region team/other >/dev/null
same "completed regions" "team/app team/other" "$(completed pmemckpt-ctl restore te)"
SERVER=$PMEMCKPT_SERVER PMEMCKPT_SERVER=127.0.0.1:1
same "completed regions of another server" "team/app" \
    "$(completed pmemckpt-ctl --server "${SERVER%:*}" : "${SERVER#*:}" destroy-region team/a)"
[ -z "$(completed pmemckpt-ctl restore te)" ] || fail "it completes names of no manager"
