#include "driver/sessions.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/log.hh"

namespace pmemckpt::driver {

Error Sessions::stopping() {
    return {ESHUTDOWN, "the manager is stopping"};
}

std::shared_ptr<Session> Sessions::accept(std::shared_ptr<rdma::Connection> connection) {
    const auto peer = connection->peer().address;
    std::unique_lock lock(mutex_);
    if (const auto room = check_room(); !room) {
        lock.unlock();
        log::warning("a connection from {} is refused: {}", peer, room.error().message);
        return nullptr;
    }
    const auto silent = oldest_unproved();
    const auto id = ++last_id_;
    const auto session = std::make_shared<Session>(services_, *this, id, std::move(connection));
    sessions_.emplace(id, session);
    ++unproved_;
    lock.unlock();
    if (silent)
        silent->close({ETIMEDOUT,
                       fmt::format("{} sessions have not proved yet who they are, the limit: the oldest ends",
                                   services_.limits.handshakes)});
    session->start();
    return session;
}

// Under the lock. Who is silent keeps nobody out: one more than the limit ends the oldest of them.
std::shared_ptr<Session> Sessions::oldest_unproved() const {
    if (unproved_ < services_.limits.handshakes)
        return nullptr;
    for (const auto& [id, session] : sessions_)
        if (!session->is_authenticated() && !session->is_closing())
            return session;
    return nullptr;
}

// Under the lock.
Status Sessions::check_room() const {
    const auto& limits = services_.limits;
    if (draining_)
        return tl::unexpected<Error>(stopping());
    if (sessions_.size() >= limits.sessions)
        return fail(EMFILE, "there are {} sessions, the limit", sessions_.size());
    return {};
}

Status Sessions::check_share(const std::string& principal) const {
    const auto sessions = all();
    const auto count =
        static_cast<std::size_t>(std::count_if(sessions.begin(), sessions.end(), [&](const auto& session) {
            return !session->is_closing() && session->principal() == principal;
        }));
    if (count > services_.limits.sessions_per_principal)
        return fail(EMFILE, "{} has {} sessions already, the limit (limits.sessions_per_principal): end one",
                    principal, count - 1);
    return {};
}

void Sessions::proved() {
    const std::lock_guard lock(mutex_);
    --unproved_;
}

void Sessions::remove(std::uint64_t id, bool authenticated) {
    std::shared_ptr<Session> last;  // goes without the lock
    const std::lock_guard lock(mutex_);
    if (auto found = sessions_.extract(id))
        last = std::move(found.mapped());
    if (!authenticated)
        --unproved_;
    ++changes_;
    changed_.notify_all();
}

// A session is closed first: what it is granted from then on dies with its connection.
Sessions::Ended Sessions::end_principal(const std::string& principal, const Error& why) {
    Ended ended;
    for (const auto& session : all()) {
        const auto info = session->info();
        if (info.principal != principal)
            continue;
        // Closed first, so that it is granted no more; its end may kill them before they are killed here.
        const auto windows = services_.tables.count(info.id);
        session->close(why);
        ended.windows += std::max(windows, services_.tables.revoke_session(info.id));
        ++ended.sessions;
    }
    return ended;
}

void Sessions::went_idle() {
    const std::lock_guard lock(mutex_);
    ++changes_;
    changed_.notify_all();
}

void Sessions::drain() {
    {
        const std::lock_guard lock(mutex_);
        draining_ = true;
    }
    for (const auto& session : all())
        session->drain();
}

bool Sessions::wait(std::chrono::milliseconds limit, const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        std::unique_lock lock(mutex_);
        const auto seen = changes_;
        lock.unlock();
        if (holds())
            return true;
        lock.lock();
        if (!changed_.wait_until(lock, end, [&] { return changes_ != seen; }))
            return false;
    }
}

bool Sessions::wait_idle(std::chrono::milliseconds limit) {
    return wait(limit, [this] {
        const auto sessions = all();
        return std::all_of(sessions.begin(), sessions.end(),
                           [](const auto& session) { return session->is_idle(); });
    });
}

void Sessions::close_all(const Error& why) {
    for (const auto& session : all())
        session->close(why);
}

bool Sessions::wait_empty(std::chrono::milliseconds limit) {
    return wait(limit, [this] { return count() == 0; });
}

std::size_t Sessions::count() const {
    const std::lock_guard lock(mutex_);
    return sessions_.size();
}

std::vector<std::shared_ptr<Session>> Sessions::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Session>> sessions;
    sessions.reserve(sessions_.size());
    for (const auto& [id, session] : sessions_)
        sessions.push_back(session);
    return sessions;
}

}  // namespace pmemckpt::driver
