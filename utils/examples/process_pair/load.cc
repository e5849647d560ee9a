// Clients: each does one transfer after the other, and asks until it is answered, whichever server does.
#include "utils/examples/process_pair/load.hh"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "utils/examples/process_pair/protocol.hh"
#include "utils/examples/process_pair/written.hh"

namespace process_pair {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAgain{3};  // before the next server is asked
constexpr std::uint64_t kLargestTransfer = 100;

std::atomic<bool> told_to_end = false;  // by a signal
static_assert(std::atomic<bool>::is_always_lock_free);

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// What all clients share. Threads: any.
class Ledger {
public:
    explicit Ledger(const std::string& path) : path_(path), file_(path, std::ios::trunc) { check(); }
    void answered(const Transfer& transfer, const Answer& answer, const std::string& server) {
        const auto time_ns = now_ns();
        const std::lock_guard lock(mutex_);
        file_ << to_line(Answered{transfer, answer.result, answer.epoch, time_ns}) << '\n';
        check();
        ++answered_;
        if (answer.epoch > epoch_) {
            epoch_ = answer.epoch;
            std::cout << "first answer of epoch " << epoch_ << " at " << time_ns << " by " << server
                      << std::endl;
        }
    }
    void unanswered(const Transfer& transfer) {
        const std::lock_guard lock(mutex_);
        file_ << to_line(Unanswered{transfer}) << '\n';
        check();
        ++unanswered_;
    }
    void failed(const std::string& why) {
        const std::lock_guard lock(mutex_);
        if (failure_.empty())
            failure_ = why;
        told_to_end = true;
    }
    /// The end of it all.
    void close() {
        file_.close();
        check();
        std::cout << answered_ << " transfers answered" << std::endl;
        if (!failure_.empty())
            throw std::runtime_error(failure_);
        if (unanswered_ > 0)
            throw std::runtime_error(std::to_string(unanswered_) + " transfers were never answered");
    }

private:
    void check() const {
        if (!file_)
            throw std::runtime_error("can't write " + path_ + ": " + std::strerror(errno));
    }
    const std::string path_;
    std::mutex mutex_;  // guards all below
    std::ofstream file_;
    std::string failure_;
    std::uint64_t epoch_ = 0, answered_ = 0, unanswered_ = 0;
};

/// One client's connection to whichever server answers. It is made anew for each attempt that failed, so that
/// no late answer of an earlier one is taken for that of a later one.
class Line {
public:
    Line(const Load& load, std::atomic<std::size_t>& server) : load_(load), server_(server) {}

    /// The server's line; nothing when there was none in time.
    std::optional<std::string> ask(const std::string& request) {
        if (!connect() || !send(request + "\n"))
            return give_up();
        auto line = receive();
        return line ? line : give_up();
    }
    /// The other server is asked next, by all clients: the first that has found it out tells the others.
    std::nullopt_t give_up() {
        socket_ = Descriptor();
        auto last = asked_;
        server_.compare_exchange_strong(last, (asked_ + 1) % load_.servers.size());
        return std::nullopt;
    }
    std::string server() const { return load_.servers[asked_].host + ":" + load_.servers[asked_].port; }

private:
    bool connect() {
        if (!socket_) {
            asked_ = server_;
            in_.clear();
            socket_ = connect_to(load_.servers[asked_], load_.timeout);
        }
        return static_cast<bool>(socket_);
    }
    bool send(const std::string& bytes) const {
        return ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
               static_cast<ssize_t>(bytes.size());
    }
    std::optional<std::string> receive() {
        const auto end = Clock::now() + load_.timeout;
        for (;;) {
            if (const auto stop = in_.find('\n'); stop != std::string::npos) {
                auto line = in_.substr(0, stop);
                in_.erase(0, stop + 1);
                return line;
            }
            const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
            pollfd waiting = {socket_.number(), POLLIN, 0};
            if (left <= milliseconds(0) || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0)
                return std::nullopt;
            char bytes[kLongestLine];
            const auto received = ::recv(socket_.number(), bytes, sizeof bytes, 0);
            if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR))
                return std::nullopt;
            in_.append(bytes, static_cast<std::size_t>(std::max<ssize_t>(received, 0)));
            if (in_.size() > kLongestLine)
                throw std::runtime_error(server() + " does not keep to the protocol: its line has no end");
        }
    }

    const Load& load_;
    std::atomic<std::size_t>& server_;  // the one that served last
    std::size_t asked_ = 0;
    Descriptor socket_;
    std::string in_;
};

/// Nothing: not within its patience.
std::optional<Answer> ask_until_answered(const Load& load, Line& line, const Transfer& transfer) {
    const auto end = Clock::now() + load.patience;
    while (Clock::now() < end) {
        const auto got = line.ask(to_line(transfer));
        const auto answer = got ? parse_answer(*got) : std::nullopt;
        if (answer && answer->number == transfer.number)
            return answer;
        if (got && *got != "backup")
            throw std::runtime_error("client " + std::to_string(transfer.client) + " asked " + line.server() +
                                     " \"" + to_line(transfer) + "\" and was told: " + *got);
        if (got)
            line.give_up();
        std::this_thread::sleep_for(kAgain);
    }
    return std::nullopt;
}

Transfer random_transfer(std::mt19937_64& random, const Load& load, std::uint64_t client,
                         std::uint64_t number) {
    Transfer transfer{client, number, 0, 0, 0};
    transfer.from = static_cast<std::uint32_t>(random() % load.accounts);
    transfer.to =
        static_cast<std::uint32_t>((transfer.from + 1 + random() % (load.accounts - 1)) % load.accounts);
    transfer.amount = 1 + random() % kLargestTransfer;
    return transfer;
}

void run_client(const Load& load, std::uint64_t client, std::atomic<std::size_t>& server,
                Ledger& ledger) try {
    std::mt19937_64 random(load.seed * 1'000'003 + client);
    Line line(load, server);
    const auto end = Clock::now() + load.seconds;
    for (std::uint64_t number = 1; number <= load.transfers && !told_to_end && Clock::now() < end; ++number) {
        const auto transfer = random_transfer(random, load, client, number);
        const auto answer = ask_until_answered(load, line, transfer);
        if (!answer)
            return ledger.unanswered(transfer);
        ledger.answered(transfer, *answer, line.server());
        std::this_thread::sleep_for(load.pause);
    }
} catch (const std::exception& error) {
    ledger.failed(error.what());
}

void end_by_signals() {
    struct sigaction action = {};
    action.sa_handler = [](int) { told_to_end = true; };
    ::sigaction(SIGTERM, &action, nullptr);
    ::sigaction(SIGINT, &action, nullptr);
}

}  // namespace

void run_load(const Load& load) {
    end_by_signals();
    Ledger ledger(load.answers);
    std::atomic<std::size_t> server = 0;
    std::vector<std::thread> clients;
    for (std::uint64_t client = 0; client < load.clients; ++client)
        clients.emplace_back([&, client] { run_client(load, load.first_client + client, server, ledger); });
    for (auto& client : clients)
        client.join();
    ledger.close();
}

}  // namespace process_pair
