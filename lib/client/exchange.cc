#include "lib/client/exchange.hh"

#include <cerrno>

namespace pmemckpt::client {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t answer_to(wire::Type type) {
    return static_cast<std::uint16_t>(static_cast<std::uint16_t>(type) | wire::kAnswer);
}

constexpr bool is_long_poll(std::uint16_t answer_type) {
    return answer_type == answer_to(wire::Type::wait_generation) ||
           answer_type == answer_to(wire::Type::wait_log) || answer_type == answer_to(wire::Type::watch);
}

constexpr std::uint32_t kLargestErrno = 4095;  // Linux has none above

Result<Error> decode_error(std::span<const std::byte> body) {
    auto answer = TRY(wire::decode_body<wire::ErrorAnswer>(body));
    if (answer.code == 0 || answer.code > kLargestErrno)
        return fail(EPROTO, "an error answer has the code {}", answer.code);
    return Error{static_cast<int>(answer.code), std::move(answer.message)};
}

}  // namespace

void Exchange::start(std::shared_ptr<rdma::Connection> connection) {
    {
        const std::lock_guard lock(mutex_);
        if (!closed_)
            connection_ = connection;
        if (closed_ || !ended_)
            return;
    }
    connection->close(
        {EPROTO, "the peer did not keep to the protocol"});  // it did so before it was asked anything
}

Status Exchange::state() const {
    const std::lock_guard lock(mutex_);
    if (ended_)
        return tl::unexpected(*ended_);
    return {};
}

Result<std::shared_ptr<rdma::Connection>> Exchange::connection() const {
    const std::lock_guard lock(mutex_);
    if (ended_)
        return tl::unexpected(*ended_);
    require(connection_ != nullptr, "a connection that has not ended is there");
    return connection_;
}

Error Exchange::lost(const Error& why) const {
    return {why.code, fmt::format("the connection to {} was lost: {}; connect again", server_, why.message)};
}

void Exchange::end(Error why) {
    std::shared_ptr<rdma::Connection> connection;
    {
        const std::lock_guard lock(mutex_);
        if (ended_)
            return;
        settle(why);
        connection = connection_;
    }
    if (connection)
        connection->close(std::move(why));
}

/// The connection has ended: whoever waits for an answer has one. Operations end by their completions.
void Exchange::settle(const Error& why) {
    ended_ = why;
    for (auto& [id, waiting] : waiting_) {
        if (!waiting->answer)
            waiting->answer.emplace(tl::unexpected(why));
        waiting->ready.notify_one();
    }
    room_.notify_all();
    slot_.notify_all();
    ended_changed_.notify_all();
}

/// Waits for a free slot: a manager ends a session that has too many requests waiting.
Status Exchange::enter(std::uint64_t id, Waiting& waiting) {
    auto lock = wait(slot_, kChangeAllowance,
                     [&] { return ended_ || waiting_.size() + forgotten_.size() < kMaximumRequests; });
    if (ended_)
        return tl::unexpected(*ended_);
    if (waiting_.size() + forgotten_.size() >= kMaximumRequests)
        return fail(EBUSY, "{} requests to {} are not answered yet; that is the limit of one connection",
                    kMaximumRequests, server_);
    waiting_.emplace(id, &waiting);
    return {};
}

void Exchange::leave(std::uint64_t id) {
    waiting_.erase(id);
    slot_.notify_one();
}

/// Who waits for something to happen holds nobody up.
bool Exchange::waits_behind_another(std::uint64_t id) const {
    for (const auto& [other, waiting] : waiting_)
        if (other < id && !is_long_poll(waiting->answer_type))
            return true;
    return false;
}

Status Exchange::tell(std::uint64_t id, const std::vector<std::byte>& request) {
    {
        const std::lock_guard lock(mutex_);
        if (ended_)
            return tl::unexpected(*ended_);
        if (forgotten_.size() >= kMaximumTold || waiting_.size() + forgotten_.size() >= kMaximumRequests)
            return {};
        forgotten_.insert(id);
    }
    auto sent =
        try_post(kFarewellLimit, [&](rdma::Connection& connection) { return connection.send(request); });
    if (!sent) {
        const std::lock_guard lock(mutex_);
        forgotten_.erase(id);
        slot_.notify_one();
    }
    return sent;
}

Result<std::vector<std::byte>> Exchange::ask(std::uint64_t id, wire::Type type,
                                             const std::vector<std::byte>& request, Milliseconds limit,
                                             WhenLate late) {
    Waiting waiting;
    waiting.answer_type = answer_to(type);
    TRY(enter(id, waiting));
    // One that waits for long would keep the connection from those that wait for their bytes.
    const auto attending = is_long_poll(waiting.answer_type) ? nullptr : attend();
    auto sent = try_post(limit, [&](rdma::Connection& connection) { return connection.send(request); });
    if (!sent) {
        const std::lock_guard lock(mutex_);
        leave(id);
        return tl::unexpected(std::move(sent).error());
    }
    return wait_for_answer(id, waiting, limit, late);
}

Result<std::vector<std::byte>> Exchange::wait_for_answer(std::uint64_t id, Waiting& waiting,
                                                         Milliseconds limit, WhenLate late) {
    const auto answered = [&] { return waiting.answer.has_value(); };
    const auto serves = is_long_poll(waiting.answer_type) ? Milliseconds(0) : kServes;
    auto lock = wait(waiting.ready, limit, answered, serves);
    while (!answered() && late != WhenLate::forget && waits_behind_another(id))
        waiting.ready.wait_for(lock, limit, answered);
    leave(id);
    if (waiting.answer)
        return std::move(*waiting.answer);
    Error error{ETIMEDOUT, fmt::format("{} did not answer a request within {} ms", server_, limit.count())};
    if (late == WhenLate::forget)
        forgotten_.insert(id);
    lock.unlock();
    if (late != WhenLate::forget)
        end({ETIMEDOUT, fmt::format("the connection was given up: {}; connect again", error.message)});
    return tl::unexpected(std::move(error));
}

void Exchange::on_message(std::span<const std::byte> bytes) {
    const auto message = wire::parse_message(bytes);
    const auto status = message ? accept(*message, bytes) : Status(tl::unexpected(message.error()));
    if (!status)
        end({status.error().code,
             fmt::format("{} does not keep to the protocol: {}; the connection was closed", server_,
                         status.error().message)});
}

/// EPROTO when it answers nothing that was asked.
Status Exchange::accept(const wire::Message& message, std::span<const std::byte> whole) {
    const auto& header = message.header;
    const std::lock_guard lock(mutex_);
    if (ended_)
        return {};
    if (forgotten_.erase(header.request_id) > 0) {
        slot_.notify_one();
        return {};
    }
    const auto found = waiting_.find(header.request_id);
    if (found == waiting_.end() || found->second->answer)
        return fail(EPROTO, "an answer of type {:#06x} came to request {}, which was not asked", header.type,
                    header.request_id);
    auto& waiting = *found->second;
    if (header.type == answer_to(wire::Type::error))
        waiting.answer.emplace(tl::unexpected(TRY(decode_error(message.body))));
    else if (header.type == waiting.answer_type)
        waiting.answer.emplace(std::vector<std::byte>(whole.begin(), whole.end()));
    else
        return fail(EPROTO, "request {} was answered with type {:#06x}, not {:#06x}", header.request_id,
                    header.type, waiting.answer_type);
    waiting.ready.notify_one();
    return {};
}

void Exchange::on_close(const Error& why) {
    std::shared_ptr<rdma::Connection> let_go;
    const std::lock_guard lock(mutex_);
    if (!ended_)
        settle(lost(why));
    closed_ = true;
    let_go = std::move(connection_);
    forgotten_.clear();
    // What is in operations_ now is about to be posted, and will be refused: all that was posted has been
    // completed.
}

template <class Post>
Status Exchange::try_post(Milliseconds limit, Post&& attempt) {
    const auto end = Clock::now() + limit;
    for (;;) {
        const auto connection = TRY(this->connection());
        auto status = attempt(*connection);
        if (status || (status.error().code != EAGAIN && status.error().code != ENOTCONN))
            return status;
        if (status.error().code == ENOTCONN)
            return tl::unexpected(reason(status.error()));
        if (!wait_for_room(end))
            return fail(ETIMEDOUT, "{} took nothing for {} ms: {}", server_, limit.count(),
                        status.error().message);
    }
}

/// The engine's queue is full. A send has no completion that would tell when it is not: so look again soon.
bool Exchange::wait_for_room(Clock::time_point end) {
    wait(room_, kPostAgain, [] { return false; });
    return Clock::now() < end;
}

Status Exchange::post(std::vector<Operation> operations) {
    std::vector<rdma::OneSided> posts;
    for (auto& operation : operations) {
        operation.one.tag = next_id();
        posts.push_back(operation.one);
        operation.transfer->begin();
        if (operation.buffer)
            operation.buffer->begin();
        const std::lock_guard lock(mutex_);
        operations_.emplace(operation.one.tag, std::move(operation));  // before the post: it may end at once
    }
    auto posted = try_post(kStallLimit, [&](rdma::Connection& connection) { return connection.post(posts); });
    for (const auto& post : posts)
        if (!posted)
            on_completion(post.tag, posted);
    return posted;
}

bool Exchange::wait_below(const InFlight& in_flight, std::size_t limit, Milliseconds stall) {
    serve([&] { return in_flight.count() < limit; }, std::min(stall, kServes));
    return in_flight.wait_below(limit, stall);
}

std::unique_ptr<rdma::Attending> Exchange::attend() const {
    return std::make_unique<rdma::Attending>(standing());
}

/// Waits till `holds`, for `limit` at most: first, for `serves`, by handling what comes.
template <class Holds>
std::unique_lock<std::mutex> Exchange::wait(std::condition_variable& changed, Milliseconds limit,
                                            Holds&& holds, Milliseconds serves) {
    const auto end = Clock::now() + limit;
    const auto look = [&] {
        const std::lock_guard lock(mutex_);
        return holds();
    };
    if (serves.count() != 0)
        serve(look, std::min(limit, serves));
    std::unique_lock lock(mutex_);
    changed.wait_until(lock, end, holds);
    return lock;
}

/// Also of a connection that has ended here, and not in its engine.
void Exchange::serve(const std::function<bool()>& done, Milliseconds limit) {
    if (const auto connection = standing())
        connection->serve(done, Clock::now() + limit);
}

std::shared_ptr<rdma::Connection> Exchange::standing() const {
    const std::lock_guard lock(mutex_);
    return connection_;
}

Result<std::shared_ptr<rdma::Registration>> Exchange::register_memory(std::span<std::byte> bytes) {
    const auto connection = TRY(this->connection());
    auto registration = connection->register_memory(bytes);
    if (!registration && registration.error().code == ENOTCONN)
        return tl::unexpected(reason(registration.error()));
    return registration;
}

bool Exchange::can_flush() const {
    const auto connection = standing();
    return connection && connection->flushes();
}

std::optional<Operation> Exchange::take(std::uint64_t tag) {
    const std::lock_guard lock(mutex_);
    auto node = operations_.extract(tag);
    room_.notify_all();
    if (node.empty())
        return std::nullopt;
    return std::move(node.mapped());
}

void Exchange::on_completion(std::uint64_t tag, const Status& status) {
    const auto operation = take(tag);
    if (!operation)
        return;
    operation->transfer->finish(status);
    if (operation->buffer)
        operation->buffer->finish(status);
}

Error Exchange::reason(const Error& failure) {
    const auto lock = wait(ended_changed_, kReasonLimit, [&] { return ended_.has_value(); });
    return ended_ ? *ended_ : lost(failure);
}

}  // namespace pmemckpt::client
