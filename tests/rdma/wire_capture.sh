#!/usr/bin/env bash
# time-limit: 180
# tshark decodes a whole conversation as MPA, DDP and RDMAP: no malformed frame, every CRC good, every opcode known.
. "$(dirname "$0")/../support/environment.sh"
command -v tshark >/dev/null || skip "tshark is not installed (apt-get install tshark)"
command -v dumpcap >/dev/null || skip "dumpcap is not installed (apt-get install wireshark-common)"
dumpcap -i lo -a duration:1 -w probe.pcapng >/dev/null 2>&1 || skip "no permission to capture on lo"

start_manager
PORT=${PMEMCKPT_SERVER##*:}
dumpcap -q -i lo -f "tcp port $PORT" -w wire.pcapng >dumpcap.log 2>&1 &
CAPTURE=$!
started $CAPTURE
wait_for '[ -s wire.pcapng ]'

head -c 5000000 /dev/urandom >state
pmemckpt-ctl save team/app --create --from state >saved
pmemckpt-ctl restore team/app >back
cmp state back
pmemckpt-ctl list team/app >/dev/null
# The capture is behind the conversation: wait until it has the end of the last connection, then end it.
decode() { tshark -n -r wire.pcapng -d "tcp.port==$PORT,data" --disable-protocol rpcordma "$@" 2>/dev/null; }
wait_for '[ "$(tshark -n -r wire.pcapng -Y tcp.flags.fin==1 2>/dev/null | wc -l)" -ge 6 ]' 60
kill -INT $CAPTURE
wait $CAPTURE || true

grep -q "dropped.*: 0\|0 dropped\|dropped on.*: [0-9]*/0" dumpcap.log || skip "the capture lost packets: $(tail -n 1 dumpcap.log)"
shark() { tshark -n -r wire.pcapng --disable-protocol rpcordma "$@" 2>tshark.log; }
malformed=$(shark -Y '_ws.malformed || iwarp_mpa.bad_crc' | wc -l)
[ "$malformed" = 0 ] || fail "$malformed malformed frames: $(shark -Y _ws.malformed | head -n 3)"
[ "$(shark -Y iwarp_mpa.req | wc -l)" -ge 3 ] || fail "tshark saw no MPA request frame per connection"
[ "$(shark -Y iwarp_mpa.rep | wc -l)" -ge 3 ] || fail "tshark saw no MPA reply frame per connection"
opcodes=$(shark -Y iwarp_ddp -T fields -e iwarp_rdma.opcode | tr ',' '\n' | sort -u | tr '\n' ' ')
for opcode in 0x00 0x01 0x02 0x03; do
    contains "$opcodes" "$opcode"
done
# All tagged payload of the save is there, in RDMA Writes.
crc=$(shark -V -Y iwarp_ddp | grep -c 'Good CRC32' || true)
[ "$crc" -gt 100 ] || fail "only $crc FPDUs with a good CRC"
