#include "lib/client/session.hh"

#include <algorithm>
#include <cerrno>

#include "lib/base/units.hh"
#include "lib/wire/client_handshake.hh"

namespace pmemckpt::client {

namespace {

constexpr unsigned kEngineThreads = 1;  // one connection is served by one thread at a time

Status check_option(const char* what, const std::string& value) {
    if (value.size() > kMaximumName)
        return fail(ENAMETOOLONG, "the {} has {} bytes; at most {} are allowed", what, value.size(),
                    kMaximumName);
    return {};
}

constexpr std::uint64_t kLargestPage = kGiB;

Status check_page_size(std::uint64_t page_size) {
    if (page_size == 0 || page_size > kLargestPage || (page_size & (page_size - 1)) != 0)
        return fail(EPROTO, "it says that the pool has pages of {} bytes", page_size);
    return {};
}

Result<wire::Welcome> check(wire::ClientHandshake& handshake, std::span<const std::byte> answer) {
    auto welcome = TRY(handshake.check(answer));
    TRY(check_page_size(welcome.page_size));
    return welcome;
}

Result<Address> server_address(const Options& options) {
    auto address = TRY(parse_address(options.server));
    if (address.port == 0)
        return fail(EINVAL, "\"{}\" has port 0: a manager can't be reached there", options.server);
    return address;
}

}  // namespace

Result<std::shared_ptr<Session>> Session::connect(const Options& options) {
    TRY(check_option("pool's name", options.pool));
    if (options.principal.empty())
        return fail(EINVAL, "who this is is not known: set PMEMCKPT_PRINCIPAL, or name the principal");
    const auto key = TRY(load_key(options.key_dir, options.principal));
    std::shared_ptr<Session> session(new Session(options));
    TRY(session->open_connection());
    TRY(session->authenticate(key));
    return session;
}

Status Session::open_connection() {
    const auto address = TRY(server_address(options_));
    rdma::EngineOptions engine_options;
    engine_options.threads = kEngineThreads;
    engine_options.start_up_timeout_ms = options_.timeout_ms;
    engine_ = TRY(rdma::make_engine(options_.transport, engine_options));
    exchange_ = std::make_shared<Exchange>(format_address(address));
    const auto connection = TRY(engine_->connect(address, exchange_, options_.timeout_ms));
    engine_name_ = connection->peer().engine;
    exchange_->start(connection);
    return {};
}

Status Session::authenticate(const Key& key) {
    const Milliseconds limit(options_.timeout_ms);
    wire::ClientHandshake handshake(wire::kPoolService, {options_.principal, options_.pool, options_.key_dir},
                                    key);

    const auto hello_id = exchange_->next_id();
    const auto hello = handshake.hello(hello_id);
    const auto challenge =
        TRY(exchange_->ask(hello_id, wire::Type::hello, hello, limit, WhenLate::end_connection));

    const auto proof_id = exchange_->next_id();
    auto proof = handshake.prove(proof_id, challenge);
    if (!proof)
        return tl::unexpected(distrust(proof.error()));
    const auto answer =
        TRY(exchange_->ask(proof_id, wire::Type::proof, *proof, limit, WhenLate::end_connection));

    auto welcome = check(handshake, answer);
    if (!welcome)
        return tl::unexpected(distrust(welcome.error()));
    welcome_ = std::move(*welcome);
    pool_uuid_ = handshake.uuid();
    welcomed_ = true;
    return {};
}

Error Session::distrust(const Error& what) {
    Error error{what.code,
                fmt::format("the connection to {} was closed: {}", exchange_->server(), what.message)};
    exchange_->end(error);
    return error;
}

void Session::end_log(const std::string& region) {
    const std::lock_guard lock(ended_mutex_);
    ++ended_logs_[region];
}

std::uint64_t Session::logs_ended(const std::string& region) const {
    const std::lock_guard lock(ended_mutex_);
    const auto found = ended_logs_.find(region);
    return found == ended_logs_.end() ? 0 : found->second;
}

/// The manager then knows that the end which follows is meant, and tells the watchers so.
void Session::say_goodbye() {
    if (welcomed_ && exchange_->state())
        static_cast<void>(call<wire::Empty>(wire::Goodbye{}, kFarewellLimit, WhenLate::forget));
}

void Session::shut_down() {
    say_goodbye();
    exchange_->end(
        {ESHUTDOWN, fmt::format("the connection to {} was closed by this program", exchange_->server())});
}

Session::~Session() {
    if (exchange_)
        shut_down();
}

}  // namespace pmemckpt::client
