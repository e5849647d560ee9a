#include "fuse/connection.hh"

#include <cerrno>

#include "lib/base/log.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::view {

namespace {

client::Options for_this_pool(client::Options options, const wire::Uuid& uuid) {
    options.pool = pool::to_string(uuid);
    return options;
}

}  // namespace

Connection::Connection(client::Options options, std::shared_ptr<client::Client> client)
    : options_(for_this_pool(std::move(options), client->pool_uuid())),
      uuid_(client->pool_uuid()),
      client_(std::move(client)) {}

Result<std::shared_ptr<Connection>> Connection::connect(const client::Options& options) {
    auto full = client::with_defaults(options);
    auto client = TRY(client::Client::connect(full));
    return std::shared_ptr<Connection>(new Connection(std::move(full), std::move(client)));
}

Result<std::shared_ptr<client::Client>> Connection::client() {
    std::shared_ptr<client::Client> old;  // its end may take a while: not under the lock
    std::lock_guard lock(mutex_);
    if (auto state = client_->state(); !state)
        TRY(note_loss(state.error()));
    else
        return client_;
    auto fresh = connect_again();
    if (!fresh) {
        // That nobody answers is known; that somebody refuses is news.
        if (!is_connection_error(fresh.error().code) && fresh.error().message != reason_)
            log::warning("can't connect to {} again: {}", options_.server, fresh.error().message);
        reason_ = fresh.error().message;
        next_attempt_ = Clock::now() + kReconnectPause;
        return fail(ENOTCONN, "{}", reason_);
    }
    old = std::exchange(client_, std::move(*fresh));
    lost_ = false;
    ++reconnects_;
    log::warning("connected to {} again", options_.server);
    return client_;
}

// One line a loss, however many notice it. An error: it is too early to try again.
Status Connection::note_loss(const Error& why) {
    if (!lost_) {
        lost_ = true;
        reason_ = why.message;
        log::warning("{} (the next use of the mount does)", why.message);
    }
    if (Clock::now() < next_attempt_)
        return fail(ENOTCONN, "{}", reason_);
    return {};
}

Result<std::shared_ptr<client::Client>> Connection::connect_again() {
    auto fresh = TRY(client::Client::connect(options_));
    if (fresh->pool_uuid() != uuid_)
        return fail(ESTALE, "{} serves pool {} now, not {}", options_.server,
                    pool::to_string(fresh->pool_uuid()), pool::to_string(uuid_));
    return fresh;
}

std::uint64_t Connection::reconnects() const {
    std::lock_guard lock(mutex_);
    return reconnects_;
}

Status Connection::state() const {
    std::lock_guard lock(mutex_);
    return client_->state();
}

}  // namespace pmemckpt::view
