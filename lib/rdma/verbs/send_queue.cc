#include "lib/rdma/verbs/send_queue.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pmemckpt::rdma::verbs {

namespace {

constexpr std::size_t kMessageBuffers = 32;
constexpr std::uint64_t kSignalEvery = 16;

ibv_wr_opcode opcode_of(Work::Kind kind) {
    switch (kind) {
        case Work::Kind::send: return IBV_WR_SEND;
        case Work::Kind::send_invalidate: return IBV_WR_SEND_WITH_INV;
        case Work::Kind::read: return IBV_WR_RDMA_READ;
        case Work::Kind::bind: return IBV_WR_BIND_MW;
        case Work::Kind::write:
        case Work::Kind::flush:  // not by this call
        case Work::Kind::probe: break;
    }
    return IBV_WR_RDMA_WRITE;
}

bool is_message(const Work& work) {
    return work.kind == Work::Kind::send || work.kind == Work::Kind::send_invalidate;
}

}  // namespace

SendQueue::SendQueue(const std::shared_ptr<Domain>& domain, QueuePair& pair)
    : domain_(domain), pair_(pair), message_memory_(kMessageBuffers * kMaximumMessage) {
    for (std::size_t number = 0; number < kMessageBuffers; ++number)
        free_buffers_.push_back(number);
}

Result<std::unique_ptr<SendQueue>> SendQueue::make(const std::shared_ptr<Domain>& domain, QueuePair& pair) {
    auto queue = std::unique_ptr<SendQueue>(new SendQueue(domain, pair));
    queue->message_buffers_ = TRY(LocalMemory::make(domain, queue->message_memory_));
    return queue;
}

Status SendQueue::post(std::span<Work> works) {
    const std::lock_guard lock(mutex_);
    if (closed_)
        return fail(ENOTCONN, "the connection is closed");
    std::size_t bytes = 0;
    for (const auto& work : works)
        bytes += work.message.size();
    if (waiting_.size() + posted_.size() + works.size() > kMaximumQueued ||
        waiting_bytes_ + bytes > kMaximumQueuedBytes)
        return fail(
            EAGAIN,
            "{} operations wait on this connection, with {} bytes of messages; post again when some have "
            "completed",
            waiting_.size() + posted_.size(), waiting_bytes_);
    waiting_bytes_ += bytes;
    for (auto& work : works)
        wait_in_line(std::move(work));
    pump();
    return {};
}

void SendQueue::wait_in_line(Work work) {
    if (spare_.empty())
        spare_.emplace_back();
    spare_.front().work = std::move(work);
    waiting_.splice(waiting_.end(), spare_, spare_.begin());
}

/// The oldest one that was posted is over.
void SendQueue::retire() {
    posted_.front() = {};
    spare_.splice(spare_.begin(), posted_, posted_.begin());
}

void SendQueue::open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    pump();
}

void SendQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
}

void SendQueue::forget_bind(const ibv_mw* window) {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiting_, [&](const Posted& waiting) { return window && waiting.work.window == window; });
    bound_.notify_all();
}

bool SendQueue::is_binding(const ibv_mw* window) const {
    const auto binds = [&](const Posted& one) { return one.work.window == window; };
    return std::any_of(waiting_.begin(), waiting_.end(), binds) ||
           std::any_of(posted_.begin(), posted_.end(), binds);
}

void SendQueue::wait_bound(const ibv_mw* window, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    bound_.wait_for(lock, limit, [&] { return halted_ || !window || !is_binding(window); });
}

/// Work requests that take room in the device's queue: those from the oldest on that is not done.
std::uint64_t SendQueue::on_device() const {
    return made_ + 1 - (posted_.empty() ? front_first_ : posted_.front().first);
}

bool SendQueue::has_room(const Work& work) const {
    if (on_device() >= pair_.send_depth())
        return false;
    return !is_message(work) || work.message.size() <= pair_.inline_bytes() || !free_buffers_.empty();
}

void SendQueue::fail_with(Error why) {
    if (!failure_)
        failure_ = std::move(why);
    has_failed_ = true;
}

void SendQueue::pump() {
    while (open_ && !failure_ && !waiting_.empty() && has_room(waiting_.front().work)) {
        auto& next = waiting_.front();
        if (!post_piece(next.work))
            continue;
        next.first = front_first_;
        next.last = made_;
        next.buffer = std::exchange(buffer_, std::nullopt);
        waiting_bytes_ -= next.work.message.size();
        posted_.splice(posted_.end(), waiting_, waiting_.begin());
        piece_at_ = 0;
        front_first_ = made_ + 1;
    }
    if (auto given = give_chain(); !given)
        fail_with(std::move(given).error());
}

/// There must be a signal behind everything somebody waits for: the last of what there is, what fills the
/// queue, what holds a buffer, a binding. siw sends what is not signalled from the user's pages, and
/// completes it when the network has not acknowledged it.
bool SendQueue::wants_signal(const Work& work, bool is_last_piece) const {
    const bool is_plain_write = work.kind == Work::Kind::write || work.kind == Work::Kind::probe;
    if (!is_plain_write || domain_->traits().iwarp)
        return true;
    return (is_last_piece && waiting_.size() == 1) || on_device() + 1 >= pair_.send_depth() ||
           (made_ + 1) % kSignalEvery == 0;
}

/// Small ones are copied into the work request, others into a buffer that the device reads.
void SendQueue::fill_message(const Work& work, ibv_sge& piece, ibv_send_wr& request) {
    const auto size = work.message.size();
    request.invalidate_rkey = work.key;
    request.num_sge = size == 0 ? 0 : 1;
    piece.length = static_cast<std::uint32_t>(size);
    if (size <= pair_.inline_bytes()) {
        piece.addr = reinterpret_cast<std::uintptr_t>(work.message.data());
        request.send_flags |= IBV_SEND_INLINE;
        return;
    }
    buffer_ = free_buffers_.back();
    free_buffers_.pop_back();
    std::byte* const place = message_memory_.data() + *buffer_ * kMaximumMessage;
    std::memcpy(place, work.message.data(), size);
    piece.addr = reinterpret_cast<std::uintptr_t>(place);
    piece.lkey = message_buffers_->key();
}

void SendQueue::fill_transfer(const Work& work, std::uint64_t size, ibv_sge& piece,
                              ibv_send_wr& request) const {
    piece.addr =
        reinterpret_cast<std::uintptr_t>(work.local->bytes().data() + work.range.at.bytes + piece_at_);
    piece.length = static_cast<std::uint32_t>(size);
    piece.lkey = work.local->key();
    // A read has one piece of memory, be it of no bytes: siw looks there.
    request.num_sge = size == 0 && work.kind != Work::Kind::read ? 0 : 1;
    if (size == 0) {
        piece.addr = reinterpret_cast<std::uintptr_t>(message_memory_.data());
        piece.lkey = message_buffers_->key();
    }
    request.wr.rdma.remote_addr = work.remote + piece_at_;
    request.wr.rdma.rkey = work.key;
}

/// Whether that was the last one of this work.
bool SendQueue::post_piece(Work& work) {
    const auto left = work.range.size.bytes - piece_at_;
    const auto size = std::min(left, domain_->traits().largest_message);
    if (auto given = give(work, size, wants_signal(work, size == left)); !given) {
        fail_with(std::move(given).error());
        return false;
    }
    ++made_;
    piece_at_ += size;
    return size == left;
}

/// The next `size` bytes of it, to the device with what follows.
Status SendQueue::give(Work& work, std::uint64_t size, bool signalled) {
    if (work.kind == Work::Kind::flush) {
        TRY(give_chain());
        return pair_.post_flush({made_ + 1, work.key, work.remote + piece_at_, size, signalled});
    }
    if (chained_ == chain_.size())
        TRY(give_chain());
    auto& [request, piece] = chain_[chained_++];
    request = {};
    piece = {};
    request.wr_id = made_ + 1;
    request.opcode = opcode_of(work.kind);
    request.sg_list = &piece;
    request.send_flags = signalled ? unsigned{IBV_SEND_SIGNALED} : 0U;
    if (is_message(work)) {
        fill_message(work, piece, request);
    } else if (work.is_reported()) {
        fill_transfer(work, size, piece, request);
    } else if (work.kind == Work::Kind::bind) {
        request.bind_mw.mw = work.window;
        request.bind_mw.rkey = work.key;
        request.bind_mw.bind_info = work.binding;
    }
    return {};
}

Status SendQueue::give_chain() {
    const auto count = std::exchange(chained_, 0);
    if (count == 0)
        return {};
    for (std::size_t i = 0; i < count; ++i)
        chain_[i].request.next = i + 1 < count ? &chain_[i + 1].request : nullptr;
    return pair_.post_send(chain_[0].request);
}

void SendQueue::finish(Posted& posted, Status status, std::vector<Done>& into) {
    if (posted.work.kind == Work::Kind::bind)
        bound_.notify_all();
    if (posted.buffer)
        free_buffers_.push_back(*posted.buffer);
    if (posted.work.is_reported())
        into.push_back({posted.work.kind, posted.work.tag, posted.work.range.size.bytes, std::move(status)});
}

bool SendQueue::ends_with(const Posted& posted, const ibv_wc& completion) const {
    const bool is_same_kind =
        (posted.work.kind == Work::Kind::read) == (completion.opcode == IBV_WC_RDMA_READ);
    return posted.last <= completion.wr_id && (is_same_kind || !domain_->traits().iwarp);
}

void SendQueue::complete(const ibv_wc& completion, std::vector<Done>& into) {
    const std::lock_guard lock(mutex_);
    for (auto& posted : posted_) {
        if (posted.first > completion.wr_id)
            break;
        posted.done |= ends_with(posted, completion);
    }
    front_first_ = std::max(front_first_, completion.wr_id + 1);
    while (!posted_.empty() && posted_.front().done) {
        finish(posted_.front(), {}, into);
        retire();
    }
    pump();
}

void SendQueue::halt() {
    const std::lock_guard lock(mutex_);
    closed_ = halted_ = true;
    open_ = false;
    bound_.notify_all();
}

void SendQueue::abandon(const Error& why, std::vector<Done>& into) {
    const std::lock_guard lock(mutex_);
    for (auto& posted : posted_)
        finish(posted, tl::unexpected(why), into);
    for (auto& never_posted : waiting_)
        finish(never_posted, tl::unexpected(why), into);
    posted_.clear();
    waiting_.clear();
    waiting_bytes_ = 0;
}

bool SendQueue::is_idle() const {
    const std::lock_guard lock(mutex_);
    return waiting_.empty() && posted_.empty();
}

std::optional<Error> SendQueue::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

}  // namespace pmemckpt::rdma::verbs
