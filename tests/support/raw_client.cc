#include "tests/support/raw_client.hh"

#include <cerrno>
#include <chrono>

#include "tests/support/transport.hh"

namespace pmemckpt::test {

namespace {

constexpr std::chrono::seconds kLimit{30};
constexpr unsigned kConnectMs = 30'000;
constexpr std::byte kPoison{0xee};

}  // namespace

std::shared_ptr<RawClient> RawClient::connect(rdma::Engine& engine, const Address& address) {
    auto client = std::make_shared<RawClient>();
    auto connection = ok(engine.connect(address, client, kConnectMs));
    const std::lock_guard lock(client->mutex_);
    if (!client->ended_)
        client->connection_ = std::move(connection);
    return client;
}

std::shared_ptr<RawClient> RawClient::open(rdma::Engine& engine, const Address& address,
                                           const std::string& principal, const Key& key,
                                           const std::string& pool) {
    auto client = connect(engine, address);
    ok(client->authenticate(principal, key, pool));
    return client;
}

std::shared_ptr<rdma::Connection> RawClient::connection() {
    const std::lock_guard lock(mutex_);
    return connection_;
}

template <class Holds>
void RawClient::wait(std::unique_lock<std::mutex>& lock, const char* what, const Holds& holds) {
    if (!changed_.wait_for(lock, kLimit, holds))
        fail_at(Place::current(), fmt::format("{} did not come within {} s", what, kLimit.count()));
}

void RawClient::send(std::span<const std::byte> message) {
    // When the manager has closed already, what the test waits for next says so.
    if (const auto to = connection()) [[maybe_unused]]
        const auto sent = to->send(message);
}

Bytes RawClient::receive() {
    std::unique_lock lock(mutex_);
    wait(lock, "a message", [this] { return !messages_.empty() || ended_; });
    if (messages_.empty())
        fail_at(Place::current(), fmt::format("no message came, the connection ended: {}", ended_->message));
    auto message = std::move(messages_.front());
    messages_.pop_front();
    return message;
}

Status RawClient::completed(std::uint64_t tag) {
    std::unique_lock lock(mutex_);
    wait(lock, "a completion", [&] { return completions_.contains(tag); });
    return completions_.extract(tag).mapped();
}

Status RawClient::write(const wire::Window& window, std::uint64_t offset, std::span<std::byte> bytes) {
    const auto tag = ++last_tag_;
    const auto to = connection();
    if (!to)
        return tl::unexpected<Error>(ended());
    auto memory = TRY(to->register_memory(bytes));
    TRY(to->write(std::move(memory), {{0}, {bytes.size()}}, {window.key, window.base}, {offset}, tag));
    return completed(tag);
}

Result<std::uint64_t> RawClient::post_read(const wire::Window& window, std::uint64_t offset,
                                           std::span<std::byte> into) {
    const auto tag = ++last_tag_;
    const auto from = connection();
    if (!from)
        return tl::unexpected<Error>(ended());
    auto memory = TRY(from->register_memory(into));
    TRY(from->read(std::move(memory), {{0}, {into.size()}}, {window.key, window.base}, {offset}, tag));
    return tag;
}

Result<Bytes> RawClient::read(const wire::Window& window, std::uint64_t offset, std::size_t size) {
    Bytes bytes(size);
    const auto tag = TRY(post_read(window, offset, bytes));
    TRY(completed(tag));
    return bytes;
}

// The Write itself may well complete: it says nothing of the other side, which ends the connection.
void RawClient::write_refused(const wire::Window& window, std::uint64_t offset, std::size_t size,
                              const Place& place) {
    Bytes poison(size, kPoison);
    (void)write(window, offset, poison);
    ended_as_refused(place);
}

void RawClient::read_refused(const wire::Window& window, std::uint64_t offset, std::size_t size,
                             const Place& place) {
    Bytes into(size, kPoison);
    const auto tag = post_read(window, offset, into);
    ended_as_refused(place);
    if (tag && completed(*tag))
        fail_at(place, "a read that should be refused is said to be done");
    if (into != Bytes(size, kPoison))
        fail_at(place, "something was read");
}

void RawClient::ended_as_refused(const Place& place) {
    std::unique_lock lock(mutex_);
    const auto is_over = [this] { return ended_.has_value(); };
    if (!over_siw()) {
        wait(lock, "the end of who was refused", is_over);
        return test::equal(ended_->code, EACCES, place);
    }
    if (changed_.wait_for(lock, kSiwTime, is_over))
        return;
    lock.unlock();
    close();
}

void RawClient::close() {
    if (const auto to = connection())
        to->close({ESHUTDOWN, "the test is done"});
    ended();
}

Error RawClient::ended() {
    std::unique_lock lock(mutex_);
    wait(lock, "the connection's end", [this] { return ended_.has_value(); });
    return *ended_;
}

bool RawClient::is_ended() {
    const std::lock_guard lock(mutex_);
    return ended_.has_value();
}

bool RawClient::has_message() {
    const std::lock_guard lock(mutex_);
    return !messages_.empty();
}

void RawClient::on_message(std::span<const std::byte> message) {
    const std::lock_guard lock(mutex_);
    messages_.emplace_back(message.begin(), message.end());
    changed_.notify_all();
}

void RawClient::on_completion(std::uint64_t tag, const Status& status) {
    const std::lock_guard lock(mutex_);
    completions_.emplace(tag, status);
    changed_.notify_all();
}

void RawClient::on_close(const Error& why) {
    const std::lock_guard lock(mutex_);
    ended_ = why;
    connection_.reset();
    changed_.notify_all();
}

}  // namespace pmemckpt::test
