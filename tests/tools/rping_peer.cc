// The other end of rdmacm-utils' rping, on one of our engines: rping_peer client|server TRANSPORT HOST:PORT
// ROUNDS
//
// A round: the client names a window on its data; the server reads it, and says so; the client names a window
// on as much empty memory; the server writes there what it has read, and says so; the client compares. A
// message is 16 bytes, all big-endian: address 8, key 4, size 4.
#include <arpa/inet.h>
#include <endian.h>
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <future>
#include <mutex>
#include <optional>

#include "lib/rdma/engine.hh"

using namespace pmemckpt;

namespace {

constexpr unsigned kTimeout_ms = 20'000;
constexpr std::size_t kSize = 64;  // rping's own, unless told
constexpr std::size_t kLargest = 1 << 20;

struct Info {
    std::uint64_t address = 0;
    std::uint32_t key = 0, size = 0;
};
static_assert(sizeof(Info) == 16);

Info decode(std::span<const std::byte> message) {
    Info info;
    std::memcpy(&info, message.data(), sizeof info);
    return {be64toh(info.address), ntohl(info.key), ntohl(info.size)};
}

std::vector<std::byte> encode(const Info& info) {
    const Info wire{htobe64(info.address), htonl(info.key), htonl(info.size)};
    std::vector<std::byte> bytes(sizeof wire);
    std::memcpy(bytes.data(), &wire, sizeof wire);
    return bytes;
}

/// What the engine tells, for a thread that waits for it.
class Ear final : public rdma::Handler {
public:
    void on_message(std::span<const std::byte> message) override {
        if (message.size() != sizeof(Info))
            return on_close({EPROTO, fmt::format("a message of {} bytes came", message.size())});
        const std::lock_guard lock(mutex_);
        messages_.push_back(decode(message));
        changed_.notify_all();
    }
    void on_completion(std::uint64_t, const Status& status) override {
        const std::lock_guard lock(mutex_);
        completions_.push_back(status);
        changed_.notify_all();
    }
    void on_close(const Error& why) override {
        const std::lock_guard lock(mutex_);
        if (!closed_)
            closed_ = why;
        changed_.notify_all();
    }
    Result<Info> message() { return next(messages_, "a message"); }
    Status completion() { return TRY(next(completions_, "the end of an operation")); }

private:
    template <class T>
    Result<T> next(std::deque<T>& queue, const char* what) {
        std::unique_lock lock(mutex_);
        const auto came = changed_.wait_for(lock, std::chrono::milliseconds(kTimeout_ms),
                                            [&] { return !queue.empty() || closed_; });
        if (queue.empty())
            return came ? fail(closed_->code, "{}", closed_->message)
                        : fail(ETIMEDOUT, "{} did not come", what);
        T first = std::move(queue.front());
        queue.pop_front();
        return first;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Info> messages_;
    std::deque<Status> completions_;
    std::optional<Error> closed_;
};

struct End {
    std::shared_ptr<rdma::Connection> connection;
    std::shared_ptr<Ear> ear;
};

Status serve_round(End& end, std::vector<std::byte>& memory,
                   const std::shared_ptr<rdma::Registration>& registration) {
    for (const bool writes : {false, true}) {
        const auto info = TRY(end.ear->message());
        if (info.size > memory.size())
            return fail(EMSGSIZE, "rping names {} bytes", info.size);
        const rdma::Grant remote{info.key, info.address};
        TRY(writes ? end.connection->write(registration, {{0}, {info.size}}, remote, {0}, 1)
                   : end.connection->read(registration, {{0}, {info.size}}, remote, {0}, 1));
        TRY(end.ear->completion());
        TRY(end.connection->send(encode({})));
    }
    return {};
}

Status serve(End& end, unsigned rounds) {
    std::vector<std::byte> memory(kLargest);
    const auto registration = TRY(end.connection->register_memory(memory));
    for (unsigned round = 0; round < rounds; ++round)
        TRY(serve_round(end, memory, registration));
    return {};
}

rdma::Translation whole(std::vector<std::byte>& memory) {
    rdma::Translation translation;
    translation.medium = memory;
    translation.page_size = translation.size = memory.size();
    translation.pages = {0};
    return translation;
}

Status ping(End& end, unsigned rounds) {
    std::vector<std::byte> data(kSize), back(kSize);
    const auto to_read = TRY(end.connection->grant(whole(data), rdma::Access::read));
    const auto to_write = TRY(end.connection->grant(whole(back), rdma::Access::write));
    for (unsigned round = 0; round < rounds; ++round) {
        // Text: rping's server writes back what stands before the first 0.
        for (std::size_t i = 0; i + 1 < kSize; ++i)
            data[i] = static_cast<std::byte>('A' + (round + i) % 58);
        for (const auto& grant : {to_read, to_write}) {
            TRY(end.connection->send(encode({grant.base, grant.key, kSize})));
            TRY(end.ear->message());
        }
        if (data != back)
            return fail(EBADMSG, "round {} brought other bytes back", round);
        std::fill(back.begin(), back.end(), std::byte{});
    }
    return {};
}

Result<End> accept(rdma::Engine& engine, const Address& address, std::unique_ptr<rdma::Listener>& listener) {
    const auto accepted = std::make_shared<std::promise<End>>();
    listener = TRY(engine.listen(address, [accepted](std::shared_ptr<rdma::Connection> connection) {
        const End end{std::move(connection), std::make_shared<Ear>()};
        accepted->set_value(end);
        return end.ear;
    }));
    fmt::print("listening on {}\n", format_address(listener->address()));
    std::fflush(stdout);
    auto coming = accepted->get_future();
    if (coming.wait_for(std::chrono::milliseconds(kTimeout_ms)) != std::future_status::ready)
        return fail(ETIMEDOUT, "nobody came");
    return coming.get();
}

Status play(const std::string& role, const std::string& transport, const Address& address, unsigned rounds) {
    const auto engine = TRY(rdma::make_engine(transport, {}));
    std::unique_ptr<rdma::Listener> listener;
    if (role == "server") {
        auto end = TRY(accept(*engine, address, listener));
        return serve(end, rounds);
    }
    const auto ear = std::make_shared<Ear>();
    End end{TRY(engine->connect(address, ear, kTimeout_ms)), ear};
    return ping(end, rounds);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        fmt::print(stderr, "usage: rping_peer client|server TRANSPORT HOST:PORT ROUNDS\n");
        return 2;
    }
    const auto address = parse_address(argv[3]);
    const auto rounds = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 10));
    const auto played =
        address ? play(argv[1], argv[2], *address, rounds) : Status(tl::unexpected(address.error()));
    if (!played) {
        fmt::print(stderr, "rping_peer: {}\n", played.error().message);
        return 1;
    }
    fmt::print("{} rounds, all bytes equal\n", rounds);
    return 0;
}
