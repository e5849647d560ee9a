#include "driver/session.hh"

#include <cerrno>

#include "driver/sessions.hh"
#include "lib/base/log.hh"

namespace pmemckpt::driver {

namespace {

constexpr std::size_t kHandshakeMessages = 2;  // HELLO and PROOF: more can't be waiting before WELCOME

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

Session::Session(Services& services, Sessions& sessions, std::uint64_t id,
                 std::shared_ptr<rdma::Connection> connection)
    : services_(services),
      sessions_(sessions),
      id_(id),
      since_ns_(now_ns()),
      channel_(std::make_shared<Channel>(std::move(connection))),
      handshake_(services.pools, services.key_dir, id) {}

void Session::start() {
    const auto limit_ms = services_.limits.handshake_ms;
    const auto when = Deadlines::Clock::now() + std::chrono::milliseconds(limit_ms);
    const std::lock_guard lock(mutex_);
    handshake_deadline_ = services_.deadlines.at(when, [weak = weak_from_this(), limit_ms] {
        const auto session = weak.lock();
        if (session && !session->is_authenticated())
            session->close({ETIMEDOUT, fmt::format("the handshake was not over within {} ms", limit_ms)});
    });
}

std::size_t Session::inbox_limit() const {
    return principal_.empty() ? kHandshakeMessages : services_.limits.requests_per_session;
}

void Session::on_message(std::span<const std::byte> message) {
    std::unique_lock lock(mutex_);
    if (failed_ || closed_)
        return;
    if (draining_) {
        lock.unlock();
        refuse_while_draining(message);
        return;
    }
    const auto limit = inbox_limit();
    if (inbox_.size() >= limit) {
        failed_ = true;
        lock.unlock();
        const Error why{EPROTO, fmt::format("more than {} requests wait for their answers", limit)};
        log::warning("{}: {}; it is closed", name(), why.message);
        channel_->close(why);
        return;
    }
    inbox_.emplace_back(message.begin(), message.end());
    if (closing_)
        forget_inbox();
    const bool runs = std::exchange(running_, true);
    lock.unlock();
    if (!runs)
        post();
}

void Session::refuse_while_draining(std::span<const std::byte> message) {
    if (const auto parsed = wire::parse_message(message))
        channel_->send(error_answer(parsed->header.request_id, Sessions::stopping()));
}

// Not under the lock: workers that have stopped run it here. Whoever set running_ posts.
void Session::post() {
    services_.workers.post(owner(), [self = shared_from_this()] { self->run_next(); });
}

// Under the lock. What it asked for is for nobody any more; that it said goodbye still tells its end from a
// loss.
void Session::forget_inbox() {
    const auto is_goodbye = [](const Bytes& message) {
        const auto parsed = wire::parse_message(message);
        return parsed && parsed->header.type == static_cast<std::uint16_t>(wire::Type::goodbye);
    };
    const bool keeps = !principal_.empty() && !failed_;
    std::erase_if(inbox_, [&](const Bytes& message) { return !keeps || !is_goodbye(message); });
}

void Session::on_close(const Error& why) {
    log::info("{} ended: {}", name(), why.message);
    channel_->release();
    if (const auto peer = channel_->peer(); peer.refused > 0)
        record(AuditEvent::access_refused, why);
    std::unique_lock lock(mutex_);
    closed_ = true;
    why_closed_ = why;
    forget_inbox();
    const auto deadline = std::exchange(handshake_deadline_, std::nullopt);
    const bool runs = std::exchange(running_, true);
    lock.unlock();
    if (deadline)
        services_.deadlines.cancel(*deadline);
    if (!runs)
        post();
}

std::optional<Session::Bytes> Session::next_message() {
    const std::lock_guard lock(mutex_);
    if (inbox_.empty())
        return {};
    auto message = std::move(inbox_.front());
    inbox_.pop_front();
    return message;
}

Session::Next Session::next_step() {
    const std::lock_guard lock(mutex_);
    if (!inbox_.empty())
        return Next::message;
    running_ = false;
    if (!closed_ || ended_)
        return Next::nothing;
    ended_ = true;
    return Next::end;
}

void Session::run_next() {
    if (const auto message = next_message())
        run(*message);
    switch (next_step()) {
        case Next::message: return post();
        case Next::end: return end();
        case Next::nothing: return sessions_.went_idle();
    }
}

void Session::run(const Bytes& message) {
    auto parsed = wire::parse_message(message);
    if (!parsed)
        return violated(0, parsed.error());
    if (!requests_)
        return run_handshake(*parsed, message);
    const auto reply = requests_->run(*parsed);
    if (reply.violation)
        return violated(parsed->header.request_id, *reply.violation);
    if (!reply.bytes.empty())
        channel_->send(reply.bytes);
}

void Session::run_handshake(const wire::Message& message, const Bytes& whole) {
    const auto answer = handshake_.take(message, whole);
    if (!answer)
        return violated(message.header.request_id, answer.error());
    if (handshake_.done())
        if (const auto admitted = admit(); !admitted)
            return violated(message.header.request_id, admitted.error());
    channel_->send(*answer);
}

// Before WELCOME is sent: what the client does next must find an open session.
Status Session::admit() {
    requests_ =
        std::make_unique<Requests>(services_, channel_, Who{id_, handshake_.principal()}, handshake_.pool());
    std::optional<Deadlines::Id> deadline;
    {
        const std::lock_guard lock(mutex_);
        principal_ = handshake_.principal();
        pool_name_ = handshake_.pool()->name;
        deadline = std::exchange(handshake_deadline_, std::nullopt);
    }
    if (deadline)
        services_.deadlines.cancel(*deadline);
    sessions_.proved();
    log::info("{} from {}, pool {}", name(), channel_->peer().address, handshake_.pool()->name);
    // Both are asked now that it counts, and can be found by who withdraws its key.
    TRY(sessions_.check_share(handshake_.principal()));
    return handshake_.recheck();
}

void Session::violated(std::uint64_t request_id, const Error& why) {
    {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        inbox_.clear();
    }
    if (why.code == EKEYREJECTED)
        record(AuditEvent::authentication_failed, why);
    else
        log::warning("{} from {} is closed: {}", name(), channel_->peer().address, why.message);
    channel_->send(error_answer(request_id, why));
    channel_->close(why);
}

void Session::record(AuditEvent event, const Error& why) {
    const auto now = info();
    services_.audit.record(event,
                           {now.principal,
                            now.peer.address,
                            now.pool,
                            {},
                            fmt::format("{} from {} is closed: {}", name(), now.peer.address, why.message)});
}

void Session::end() {
    if (requests_)
        requests_->connection_ended(why_closed_);  // nobody writes it any more
    requests_.reset();
    sessions_.remove(id_, is_authenticated());
}

void Session::drain() {
    const std::lock_guard lock(mutex_);
    draining_ = true;
}

bool Session::is_idle() const {
    const std::lock_guard lock(mutex_);
    return !running_ && inbox_.empty();
}

// What waits is not run any more: the key it was asked with may be withdrawn.
void Session::close(Error why) {
    closing_ = true;
    {
        const std::lock_guard lock(mutex_);
        forget_inbox();
    }
    channel_->close(std::move(why));
}

std::string Session::principal() const {
    const std::lock_guard lock(mutex_);
    return principal_;
}

bool Session::is_authenticated() const {
    const std::lock_guard lock(mutex_);
    return !principal_.empty();
}

/// Whose share of the workers it takes: its principal's; who has not proved any is one with all others of
/// that kind.
std::string Session::owner() const {
    const std::lock_guard lock(mutex_);
    return principal_.empty() ? ":handshake" : principal_;
}

std::string Session::name() const {
    const std::lock_guard lock(mutex_);
    return principal_.empty() ? fmt::format("session {}", id_)
                              : fmt::format("session {} ({})", id_, principal_);
}

SessionInfo Session::info() const {
    auto peer = channel_->peer();
    const std::lock_guard lock(mutex_);
    return {id_, principal_, pool_name_, since_ns_, std::move(peer)};
}

}  // namespace pmemckpt::driver
