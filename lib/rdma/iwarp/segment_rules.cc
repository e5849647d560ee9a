// The rules of DDP and RDMAP: what a segment must be before a byte of its payload moves, and what follows
// from it.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/rdma/iwarp/big_endian.hh"
#include "lib/rdma/iwarp/receive.hh"

namespace pmemckpt::rdma::iwarp {

namespace {

std::optional<Queue> queue_of(Opcode opcode) {
    switch (opcode) {
        case Opcode::send:
        case Opcode::send_invalidate:
        case Opcode::send_solicited:
        case Opcode::send_solicited_invalidate: return kSendQueue;
        case Opcode::read_request: return kReadQueue;
        case Opcode::terminate: return kTerminateQueue;
        default: return std::nullopt;
    }
}

bool invalidates(Opcode opcode) {
    return opcode == Opcode::send_invalidate || opcode == Opcode::send_solicited_invalidate;
}

/// A Write's miss is found by DDP, a Read's by RDMAP; rights are RDMAP's in both.
std::optional<Rule> rule_of(Miss miss, bool tagged) {
    switch (miss) {
        case Miss::none: return std::nullopt;
        case Miss::stag: return tagged ? rule::kStag : rule::kSourceStag;
        case Miss::access: return rule::kAccess;
        case Miss::wrap: return tagged ? rule::kWrap : rule::kSourceWrap;
        case Miss::bounds: return tagged ? rule::kBounds : rule::kSourceBounds;
    }
    return std::nullopt;
}

}  // namespace

Stop Receiver::violation(Rule rule) const {
    if (is_protection(rule))
        ++link_.counters.refused;
    Stop stop{{error_code(rule), "the peer broke a rule and was told so: " + describe(rule)}, Terminate{}};
    Terminate& answer = *stop.answer;
    answer.rule = rule;
    // Of what MPA finds wrong no header can be trusted (RFC 5040, section 4.8).
    if (rule.layer == rule::kCrc.layer || header_have_ < header_wanted())
        return stop;
    answer.segment_bytes = load_big<std::uint16_t>(header_.data());
    std::memcpy(answer.header.data(), header_.data() + kLengthBytes, header_wanted() - kLengthBytes);
    if (segment_.opcode == Opcode::read_request && is_protection(rule))
        std::memcpy(answer.request.emplace().data(), body_.data(), kReadRequestBytes);
    return stop;
}

/// Before any rule of the payload: from here on `segment_` and `ulpdu_` are those of this segment.
Receiver::Verdict Receiver::begin_segment() {
    ulpdu_ = load_big<std::uint16_t>(header_.data());
    if (const auto broken = check_segment())
        return broken;
    destination_ = {};
    switch (segment_.opcode) {
        case Opcode::write: return begin_write();
        case Opcode::read_response: return begin_read_response();
        case Opcode::read_request: return begin_body(kReadRequestBytes, kReadRequestBytes);
        case Opcode::terminate: return begin_body(kTerminateControlBytes, kMaximumTerminate);
        default: return begin_send();
    }
}

Receiver::Verdict Receiver::check_segment() const {
    if (segment_.ddp_version != kDdpVersion)
        return segment_.tagged ? rule::kTaggedVersion : rule::kUntaggedVersion;
    if (!segment_.tagged && segment_.queue >= kQueues)
        return rule::kQueue;
    if (segment_.rdmap_version != kRdmapVersion)
        return rule::kRdmapVersion;
    if (!segment_.tagged)
        return check_untagged();
    const bool known = segment_.opcode == Opcode::write || segment_.opcode == Opcode::read_response;
    return known ? Verdict() : Verdict(rule::kOpcode);
}

Receiver::Verdict Receiver::check_untagged() const {
    if (queue_of(segment_.opcode) != segment_.queue)
        return rule::kOpcode;
    const QueueState& queue = queues_[segment_.queue];
    if (segment_.number != queue.number)
        return rule::kMessageNumber;
    if (segment_.offset != queue.received)
        return rule::kMessageOffset;
    return std::nullopt;
}

/// The empty first message of an initiator that asked for peer to peer: its STag means nothing (RFC 6581).
bool Receiver::begins_peer_to_peer() const {
    return first_ && link_.agreed.peer_to_peer;
}

Receiver::Verdict Receiver::begin_write() {
    if (begins_peer_to_peer() && payload_bytes() == 0)
        return std::nullopt;
    auto window = link_.windows.find(segment_.stag);
    const Miss miss =
        window ? window->check({{segment_.offset}, {payload_bytes()}}, Access::write) : Miss::stag;
    if (miss == Miss::none)
        destination_ = {std::move(window), segment_.offset, nullptr};
    return rule_of(miss, true);
}

Receiver::Verdict Receiver::begin_read_response() {
    if (outstanding_.empty() || outstanding_.front().sink != segment_.stag)
        return rule::kStag;
    const OutstandingRead& read = outstanding_.front();
    if (segment_.offset != read.received || payload_bytes() > read.local.size() - read.received)
        return rule::kBounds;
    destination_.memory = read.local.data() + read.received;
    return std::nullopt;
}

Receiver::Verdict Receiver::begin_send() {
    QueueState& queue = queues_[kSendQueue];
    if (queue.received == 0)
        message_opcode_ = segment_.opcode;
    if (segment_.opcode != message_opcode_)
        return rule::kOpcode;
    if (payload_bytes() > kMaximumMessage - queue.received)
        return rule::kMessageTooLong;
    message_.resize(queue.received + payload_bytes());
    destination_.memory = message_.data() + queue.received;
    return std::nullopt;
}

/// Messages of one short segment.
Receiver::Verdict Receiver::begin_body(std::size_t at_least, std::size_t at_most) {
    if (payload_bytes() > at_most)
        return rule::kMessageTooLong;
    if (payload_bytes() < at_least || !segment_.last)
        return rule::kOperation;
    if (segment_.opcode == Opcode::read_request && responses_.size() >= link_.agreed.inbound_reads)
        return rule::kNoBuffer;
    destination_.memory = body_.data();
    return std::nullopt;
}

Receiver::Verdict Receiver::finish_send() {
    QueueState& queue = queues_[kSendQueue];
    queue.received = message_.size();
    if (!segment_.last)
        return std::nullopt;
    ++queue.number;
    queue.received = 0;
    // One that was revoked a moment ago, while the message was on its way, is as dead as the peer wants it.
    if (invalidates(segment_.opcode) && !link_.windows.revoke(segment_.stag) &&
        !link_.windows.was_granted(segment_.stag))
        return rule::kInvalidation;
    inbound_.on_message(message_);
    message_.clear();
    return std::nullopt;
}

Receiver::Verdict Receiver::finish_read_request() {
    ++queues_[kReadQueue].number;
    InboundRead read;
    read.request = decode_read_request(std::span(body_).first<kReadRequestBytes>());
    if (!(begins_peer_to_peer() && read.request.size == 0)) {
        read.window = link_.windows.find(read.request.source);
        const Extent range{{read.request.source_offset}, {read.request.size}};
        const Miss miss = read.window ? read.window->check(range, Access::read) : Miss::stag;
        if (miss != Miss::none)
            return rule_of(miss, false);
    }
    collect_dirty(read);
    inbound_.on_read_request(std::move(read));
    return std::nullopt;
}

void Receiver::collect_dirty(InboundRead& read) {
    for (auto& window : written_)
        if (window->alive())
            read.before.push_back({window, window->dirty().take()});
    written_.clear();
}

Receiver::Verdict Receiver::finish_read_response() {
    OutstandingRead& read = outstanding_.front();
    read.received += payload_bytes();
    const bool complete = read.received == read.local.size();
    if (segment_.last != complete)
        return rule::kStreamCatastrophic;
    if (complete)
        inbound_.on_read_complete();
    return std::nullopt;
}

Stop Receiver::received_terminate() const {
    const auto named = decode_terminate(std::span(body_).first(payload_bytes()));
    if (!named)
        return {{EPROTO, "the peer ended the connection and did not say why"}, {}};
    return {{error_code(*named), "the peer ended the connection: " + describe(*named)}, {}};
}

}  // namespace pmemckpt::rdma::iwarp
