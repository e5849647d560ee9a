#include "tests/support/raw_client.hh"

#include <chrono>

namespace pmemckpt::test {

namespace {

constexpr std::chrono::seconds kLimit{30};
constexpr unsigned kConnectMs = 30'000;

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

Result<wire::Welcome> RawClient::authenticate(const std::string& principal, const Key& key,
                                              const std::string& pool) {
    wire::Hello hello;
    hello.nonce = wire::random_nonce();
    hello.principal = principal;
    hello.pool = pool;
    const auto first = wire::encode_request(++last_id_, hello);
    send(first);
    const auto second = receive();
    TRY(answer<wire::Challenge>(second, wire::Type::hello, last_id_));
    wire::Transcript transcript;
    transcript.add(first);
    transcript.add(second);
    wire::Proof proof;
    proof.mac = transcript.client_mac(key);
    return ask<wire::Welcome>(proof);
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

Result<Bytes> RawClient::read(const wire::Window& window, std::uint64_t offset, std::size_t size) {
    const auto tag = ++last_tag_;
    Bytes bytes(size);
    const auto to = connection();
    if (!to)
        return tl::unexpected<Error>(ended());
    auto memory = TRY(to->register_memory(bytes));
    TRY(to->read(std::move(memory), {{0}, {size}}, {window.key, window.base}, {offset}, tag));
    TRY(completed(tag));
    return bytes;
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
