#include "lib/rdma/iwarp/transmit.hh"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace pmemckpt::rdma::iwarp {

namespace {

constexpr std::size_t kBytesPerTurn = kMiB;  // of one connection, before others on its reactor

std::size_t tagged_room(std::size_t maximum_ulpdu) {
    return (maximum_ulpdu - kTaggedBytes) / 8 * 8;
}

iovec piece_of(std::span<const std::byte> bytes) {
    return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

Segment tagged(Opcode opcode, bool last, Key stag, std::uint64_t offset) {
    Segment segment;
    segment.tagged = true;
    segment.last = last;
    segment.opcode = opcode;
    segment.stag = stag;
    segment.offset = offset;
    return segment;
}

Segment untagged(Opcode opcode, bool last, Queue queue, std::uint32_t number, std::uint64_t offset) {
    Segment segment;
    segment.last = last;
    segment.opcode = opcode;
    segment.queue = queue;
    segment.number = number;
    segment.offset = offset;
    return segment;
}

}  // namespace

void Transmitter::start(std::size_t maximum_ulpdu, bool empty_write) {
    maximum_ulpdu_ = maximum_ulpdu;
    empty_write_ = empty_write;
}

bool Transmitter::idle() const {
    return batch_.empty() && !terminate_ &&
           (dropping_ || (posts_.empty() && responses_.empty() && !empty_write_));
}

Transmitter::Posts Transmitter::take_sends_done() {
    return std::exchange(sends_done_, {});
}

void Transmitter::drop_reads() {
    const auto waiting = posts_.begin() + static_cast<std::ptrdiff_t>(built_);
    posts_.erase(
        std::remove_if(waiting, posts_.end(),
                       [](const Operation& operation) { return operation.kind == Operation::Kind::read; }),
        posts_.end());
}

void Transmitter::drop_all_for(const Terminate& terminate) {
    dropping_ = true;
    terminate_ = terminate;
    // Posts stay till the batch is gone: it points into their memory.
    batch_.cut_at_border();
    if (batch_.empty())
        batch_window_.reset();  // nothing is sent through it any more, so it may die without a word
}

void Transmitter::release() {
    batch_.clear();
    batch_window_.reset();
    posts_.clear();
    outstanding_.clear();
}

bool Transmitter::post_waits() const {
    if (posts_.empty())
        return false;
    return posts_.front().kind != Operation::Kind::read || outstanding_.size() < link_.agreed.outbound_reads;
}

Transmitter::Turn Transmitter::choose() {
    if (dropping_)
        return terminate_ ? Turn::terminate : Turn::none;
    if (!link_.may_send)
        return Turn::none;
    if (empty_write_ || progress_ != 0)
        return Turn::post;
    const InboundRead* const read = responses_.ready();
    if (read && read->sent != 0)
        return Turn::response;
    const bool post = post_waits();
    if (read && (!post || !last_was_response_))
        return Turn::response;
    return post ? Turn::post : Turn::none;
}

Transmitter::Progress Transmitter::run() {
    sent_this_turn_ = 0;
    while (true) {
        std::unique_lock<std::mutex> guard;
        if (batch_.empty()) {
            const Turn turn = choose();
            if (turn == Turn::none)
                return {State::idle, {}};
            if (sent_this_turn_ >= kBytesPerTurn)
                return {State::more, {}};
            if (turn == Turn::response)
                batch_window_ = responses_.ready()->window;
            if (auto stop = lock_window(guard))
                return {State::ended, std::move(stop)};
            build(turn);
        } else if (auto stop = lock_window(guard)) {
            return {State::ended, std::move(stop)};
        }
        if (auto progress = send_some())
            return std::move(*progress);
    }
}

/// From here till the lock goes the window's bytes may be read, if it has any in the batch.
std::optional<Stop> Transmitter::lock_window(std::unique_lock<std::mutex>& guard) {
    if (!batch_window_)
        return std::nullopt;
    guard = std::unique_lock<std::mutex>(batch_window_->mutex());
    if (batch_window_->alive())
        return std::nullopt;
    guard.unlock();
    ++link_.counters.refused;
    Stop stop{{EACCES, fmt::format("a window, {:#010x}, was revoked while the peer was reading through it",
                                   batch_window_->key())},
              {}};
    // In mid-FPDU nothing can be said any more: its payload may not be read.
    if (batch_.at_border()) {
        batch_.clear();
        batch_window_.reset();
        stop.answer.emplace().rule = rule::kSourceStag;
    }
    return stop;
}

std::optional<Transmitter::Progress> Transmitter::send_some() {
    msghdr message{};
    const auto pieces = batch_.unsent();
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = ::sendmsg(link_.socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR)
        return std::nullopt;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return Progress{State::blocked, {}};
    if (sent < 0 && errno == EFAULT)
        return Progress{
            State::ended,
            Stop{{EFAULT, "memory that was to be sent can't be read: a bad block, or a file cut short"}, {}}};
    if (sent < 0) {
        const int code = errno == EPIPE ? ECONNRESET : errno;
        return Progress{State::ended, Stop{system_error(code, "the connection was lost while sending"), {}}};
    }
    batch_.advance(static_cast<std::size_t>(sent));
    sent_this_turn_ += static_cast<std::size_t>(sent);
    if (!batch_.done())
        return Progress{State::blocked, {}};
    finish_batch();
    return std::nullopt;
}

void Transmitter::finish_batch() {
    batch_.clear();
    batch_window_.reset();
    for (; built_ != 0 && !dropping_; --built_) {
        const Operation& operation = posts_.front();
        if (operation.kind == Operation::Kind::write)
            completions_.complete(operation.ticket);
        else if (operation.kind != Operation::Kind::read)
            sends_done_ = {sends_done_.count + 1, sends_done_.bytes + operation.message.size()};
        posts_.pop_front();
    }
}

void Transmitter::build(Turn turn) {
    last_was_response_ = turn == Turn::response;
    switch (turn) {
        case Turn::none: break;
        case Turn::post: build_posts(); break;
        case Turn::response: build_responses(); break;
        case Turn::terminate: build_terminate(); break;
    }
}

void Transmitter::build_posts() {
    if (std::exchange(empty_write_, false))
        build_empty_write();
    while (built_ < posts_.size() && batch_.has_room()) {
        Operation& operation = posts_[built_];
        if (operation.kind == Operation::Kind::read && outstanding_.size() >= link_.agreed.outbound_reads)
            return;
        if (build_post(operation)) {
            ++built_;
            progress_ = 0;
        }
    }
}

/// One FPDU; true when it is the operation's last.
bool Transmitter::build_post(Operation& operation) {
    switch (operation.kind) {
        case Operation::Kind::write: return build_write(operation);
        case Operation::Kind::read: build_read(operation); return true;
        case Operation::Kind::send:
        case Operation::Kind::send_invalidate: return build_send(operation);
    }
    return true;
}

bool Transmitter::build_send(Operation& operation) {
    const std::size_t left = operation.message.size() - progress_;
    const std::size_t size = std::min(left, maximum_ulpdu_ - kUntaggedBytes);
    const bool invalidates = operation.kind == Operation::Kind::send_invalidate;
    if (progress_ == 0)
        ++send_number_;
    Segment segment = untagged(invalidates ? Opcode::send_invalidate : Opcode::send, size == left, kSendQueue,
                               send_number_, progress_);
    segment.stag = invalidates ? operation.key : 0;
    batch_.begin(false);
    if (size != 0)
        batch_.pieces().push_back(piece_of(std::span(operation.message).subspan(progress_, size)));
    batch_.end(segment, link_.agreed.crc);
    progress_ += size;
    return size == left;
}

bool Transmitter::build_write(Operation& operation) {
    const std::size_t left = operation.local.size() - progress_;
    const std::size_t size = std::min(left, tagged_room(maximum_ulpdu_));
    batch_.begin(true);
    if (size != 0)
        batch_.pieces().push_back(piece_of(operation.local.subspan(progress_, size)));
    batch_.end(tagged(Opcode::write, size == left, operation.key, operation.remote_offset + progress_),
               link_.agreed.crc);
    progress_ += size;
    link_.counters.bytes_sent += size;
    return size == left;
}

void Transmitter::build_read(Operation& operation) {
    const Key sink = sinks_.next();
    std::array<std::byte, kReadRequestBytes> body;
    encode(ReadRequest{sink, 0, static_cast<std::uint32_t>(operation.local.size()), operation.key,
                       operation.remote_offset},
           body.data());
    batch_.begin(false);
    batch_.copy(body);
    batch_.end(untagged(Opcode::read_request, true, kReadQueue, ++read_number_, 0), link_.agreed.crc);
    outstanding_.push_back({sink, operation.local, 0, operation.ticket, std::move(operation.owner)});
}

void Transmitter::build_empty_write() {
    batch_.begin(true);
    batch_.end(tagged(Opcode::write, true, 0, 0), link_.agreed.crc);
}

/// As many as belong to the window that is locked.
void Transmitter::build_responses() {
    while (batch_.has_room()) {
        InboundRead* const read = responses_.ready();
        if (!read || read->window != batch_window_)
            return;
        if (build_response(*read))
            responses_.pop();
    }
}

bool Transmitter::build_response(InboundRead& read) {
    const ReadRequest& request = read.request;
    const std::uint64_t left = request.size - read.sent;
    const std::uint64_t size = std::min<std::uint64_t>(left, tagged_room(maximum_ulpdu_));
    const std::size_t room = batch_.room_pieces();
    batch_.begin(true);
    std::size_t taken = 0;
    if (size != 0)
        taken = read.window->pieces({{request.source_offset + read.sent}, {size}}, batch_.pieces(), room);
    batch_.end(tagged(Opcode::read_response, taken == left, request.sink, request.sink_offset + read.sent),
               link_.agreed.crc);
    read.sent += taken;
    link_.counters.bytes_sent += taken;
    return taken == left;
}

void Transmitter::build_terminate() {
    std::array<std::byte, kMaximumTerminate> body;
    const std::size_t size = encode(*terminate_, body.data());
    batch_.begin(false);
    batch_.copy(std::span(body).first(size));
    batch_.end(untagged(Opcode::terminate, true, kTerminateQueue, 1, 0), link_.agreed.crc);
    terminate_.reset();
}

}  // namespace pmemckpt::rdma::iwarp
