// What the verbs engine costs over raw verbs, on one device, in one run: durable_write HOST bandwidth|latency
//
//     bandwidth   1 MiB writes, 16 in flight, MB/s (perftest's ib_write_bw is its measure; see verbs.sh)
//     latency     an 8-byte write and an 8-byte read of the same place behind it, one after the other, with
//                 completion events, median in µs: of the engine, and of librdmacm and libibverbs alone, in
//                 turns, a block of each, so that both see the same of a machine that is now quick, now slow
#include <fmt/core.h>
#include <rdma/rdma_verbs.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <future>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "lib/rdma/engine.hh"

using namespace pmemckpt;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t kPiece = 1 << 20, kInFlight = 16;
constexpr std::size_t kBlocks = 20, kWarmUp = 20, kRoundsOfBlock = 300;
constexpr auto kBandwidthWarmUp = std::chrono::seconds(1), kBandwidthTime = std::chrono::seconds(4);

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

/// Appends the µs of each step.
template <class Step>
Status time_block(std::vector<double>& times, Step&& step) {
    for (std::size_t round = 0; round < kWarmUp + kRoundsOfBlock; ++round) {
        const auto start = Clock::now();
        TRY(step());
        if (round >= kWarmUp)
            times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    return {};
}

/// Counts completions for a thread that waits for them.
class Counter final : public rdma::Handler {
public:
    void on_message(std::span<const std::byte>) override { count(); }
    void on_completion(std::uint64_t, const Status& status) override {
        status ? count() : fail_with(status.error());
    }
    void on_close(const Error& why) override { fail_with(why); }
    /// As a client of the engine waits: it serves its connection.
    Status wait(rdma::Connection& connection, std::uint64_t wanted) {
        const auto reached = [&] { return done_ >= wanted || has_failed_; };
        if (!connection.serve(reached, Clock::now() + std::chrono::seconds(1))) {
            std::unique_lock lock(mutex_);
            is_awaited_ = true;
            changed_.wait(lock, reached);
            is_awaited_ = false;
        }
        const std::lock_guard lock(mutex_);
        return failed_ ? Status(tl::unexpected(*failed_)) : Status();
    }

private:
    void count() {
        ++done_;
        if (is_awaited_)
            wake();
    }
    void fail_with(const Error& why) {
        {
            const std::lock_guard lock(mutex_);
            failed_ = why;
            has_failed_ = true;
        }
        wake();
    }
    void wake() {
        const std::lock_guard lock(mutex_);
        changed_.notify_all();
    }

    std::atomic<std::uint64_t> done_{0};
    std::atomic<bool> has_failed_{false}, is_awaited_{false};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Error> failed_;
};

/// Two engines of this process, connected, and a window of one in memory of the test's.
struct EngineEnds {
    std::vector<std::byte> target = std::vector<std::byte>(kPiece);
    std::vector<std::byte> source = std::vector<std::byte>(kPiece, std::byte{7});
    std::vector<std::byte> word = std::vector<std::byte>(8);
    std::unique_ptr<rdma::Engine> server, client;
    std::unique_ptr<rdma::Listener> listener;
    std::shared_ptr<rdma::Connection> accepted, connection;
    std::shared_ptr<Counter> counter = std::make_shared<Counter>();
    std::shared_ptr<rdma::Registration> from, into;
    rdma::Grant grant;
    std::uint64_t posted = 0;  // and one message that came

    Status connect(const std::string& host) {
        server = TRY(rdma::make_engine("verbs", {}));
        client = TRY(rdma::make_engine("verbs", {}));
        std::promise<std::shared_ptr<rdma::Connection>> promise;
        listener = TRY(server->listen({host, 0}, [&](std::shared_ptr<rdma::Connection> made) {
            promise.set_value(std::move(made));
            return std::make_shared<Counter>();
        }));
        connection = TRY(client->connect(listener->address(), counter, 10'000));
        accepted = promise.get_future().get();
        rdma::Translation translation;
        translation.medium = target;
        translation.page_size = translation.size = target.size();
        translation.pages = {0};
        grant = TRY(accepted->grant(translation, rdma::Access::both));
        from = TRY(connection->register_memory(source));
        into = TRY(connection->register_memory(word));
        // Its window may be used by who has a message that was sent behind it.
        TRY(accepted->send({}));
        return counter->wait(*connection, ++posted);
    }
    Status durable_write() {
        using Kind = rdma::OneSided::Kind;
        const std::array both{rdma::OneSided{Kind::write, from, {{0}, {8}}, grant, {0}, ++posted},
                              rdma::OneSided{Kind::read, into, {{0}, {8}}, grant, {0}, ++posted}};
        const rdma::Attending attending(connection);
        TRY(connection->post(both));
        return counter->wait(*connection, posted);
    }
    /// Keeps kInFlight of them under way.
    Status write_till(Clock::time_point end) {
        while (Clock::now() < end) {
            TRY(counter->wait(*connection, posted < kInFlight ? 0 : posted + 1 - kInFlight));
            TRY(connection->write(from, {{0}, {kPiece}}, grant, {0}, ++posted));
        }
        return {};
    }
    Result<double> bandwidth() {
        const rdma::Attending attending(connection);
        TRY(write_till(Clock::now() + kBandwidthWarmUp));
        const auto start = Clock::now();
        const auto before = posted;
        TRY(write_till(start + kBandwidthTime));
        const auto seconds = std::chrono::duration<double>(Clock::now() - start).count();
        return static_cast<double>(posted - before) * kPiece / seconds / 1e6;
    }
};

Status check(int result, const char* what) {
    return result == 0 ? Status() : fail_errno(errno, "{}", what);
}

/// What the server tells first: where the window is.
struct Place {
    std::uint64_t address;
    std::uint32_t key;
};

Result<rdma_cm_id*> make_end(const std::string& host, const std::string& port, bool passive) {
    rdma_addrinfo hints{}, *found = nullptr;
    hints.ai_port_space = RDMA_PS_TCP;
    hints.ai_flags = passive ? RAI_PASSIVE : 0;
    TRY(check(rdma_getaddrinfo(host.c_str(), port.c_str(), &hints, &found), "rdma_getaddrinfo"));
    ibv_qp_init_attr attributes{};
    attributes.cap = {16, 16, 1, 1, 16};
    attributes.sq_sig_all = 0;
    rdma_cm_id* id = nullptr;
    const int made = rdma_create_ep(&id, found, nullptr, &attributes);
    rdma_freeaddrinfo(found);
    TRY(check(made, "rdma_create_ep"));
    return id;
}

Status serve_raw(rdma_cm_id* listening, std::vector<std::byte>& target) {
    rdma_cm_id* id = nullptr;
    TRY(check(rdma_get_request(listening, &id), "rdma_get_request"));
    ibv_mr* const region =
        ibv_reg_mr(id->pd, target.data(), target.size(),
                   IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
    Place place{reinterpret_cast<std::uintptr_t>(target.data()), region->rkey};
    rdma_conn_param answer{};
    answer.private_data = &place;
    answer.private_data_len = sizeof place;
    answer.responder_resources = answer.initiator_depth = 16;
    TRY(check(rdma_accept(id, &answer), "rdma_accept"));
    rdma_cm_event* event = nullptr;  // the disconnection
    rdma_get_cm_event(id->channel, &event);
    return {};
}

/// The same with librdmacm and libibverbs alone. What it holds is held till the process ends.
struct RawEnds {
    std::vector<std::byte> target = std::vector<std::byte>(4096);
    std::vector<std::byte> memory = std::vector<std::byte>(16);
    rdma_cm_id* id = nullptr;
    ibv_mr* region = nullptr;
    Place place{};

    Status connect(const std::string& host) {
        auto* const listening = TRY(make_end(host, "18515", true));
        TRY(check(rdma_listen(listening, 1), "rdma_listen"));
        std::thread server([this, listening] { static_cast<void>(serve_raw(listening, target)); });
        server.detach();  // it waits for a disconnection that the end of the process brings
        id = TRY(make_end(host, "18515", false));
        region = ibv_reg_mr(id->pd, memory.data(), memory.size(), IBV_ACCESS_LOCAL_WRITE);
        rdma_conn_param wish{};
        wish.responder_resources = wish.initiator_depth = 16;
        wish.retry_count = wish.rnr_retry_count = 7;
        TRY(check(rdma_connect(id, &wish), "rdma_connect"));
        std::memcpy(&place, id->event->param.conn.private_data, sizeof place);
        return {};
    }
    Status durable_write() {
        TRY(check(rdma_post_write(id, nullptr, memory.data(), 8, region, 0, place.address, place.key),
                  "write"));
        TRY(check(rdma_post_read(id, nullptr, memory.data() + 8, 8, region, IBV_SEND_SIGNALED, place.address,
                                 place.key),
                  "read"));
        ibv_wc completion{};
        if (rdma_get_send_comp(id, &completion) != 1 || completion.status != IBV_WC_SUCCESS)
            return fail(EIO, "the raw read failed");
        return {};
    }
};

Status measure_bandwidth(const std::string& host) {
    EngineEnds ends;
    TRY(ends.connect(host));
    fmt::print("{:.1f}\n", TRY(ends.bandwidth()));
    return {};
}

Status measure_latency(const std::string& host) {
    EngineEnds ends;
    RawEnds raw_ends;
    TRY(ends.connect(host));
    TRY(raw_ends.connect(host));
    std::vector<double> engine, raw;
    for (std::size_t block = 0; block < kBlocks; ++block) {
        TRY(time_block(engine, [&] { return ends.durable_write(); }));
        TRY(time_block(raw, [&] { return raw_ends.durable_write(); }));
    }
    fmt::print("engine_us {:.1f}\nraw_us {:.1f}\n", median(std::move(engine)), median(std::move(raw)));
    return {};
}

Status measure(const std::string& host, std::string_view what) {
    if (what == "bandwidth")
        return measure_bandwidth(host);
    if (what == "latency")
        return measure_latency(host);
    return fail(EINVAL, "usage: durable_write HOST bandwidth|latency");
}

}  // namespace

int main(int argc, char** argv) {
    const auto measured = measure(argc == 3 ? argv[1] : "", argc == 3 ? argv[2] : "");
    if (!measured)
        fmt::print(stderr, "durable_write: {}\n", measured.error().message);
    std::fflush(stdout);
    std::_Exit(measured ? 0 : 1);
}
