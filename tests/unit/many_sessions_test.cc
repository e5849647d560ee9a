// 64 sessions at once, of eight principals who save, restore, append, take regions over, give and take
// rights; and an admin who revokes keys and makes them anew. Nobody is ever shown anything that was not
// sealed, and all is answered. Under ThreadSanitizer it is the manager's races that are looked for:
// SANITIZE=thread. time-limit: 300 not over devices: their sessions are tested alone
#include <atomic>
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>

#include "lib/client/client.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using test::ManagerFixture;

namespace {

constexpr unsigned kSessions = 64, kPrincipals = 8, kRegions = 6;
constexpr std::uint64_t kLargest = 300'000;
constexpr std::chrono::seconds kTime{8};

/// What a generation or a record holds: a number, and bytes that follow from it.
std::vector<std::byte> content(std::uint64_t number, std::size_t size) {
    std::vector<std::byte> bytes(std::max(size, sizeof number));
    std::memcpy(bytes.data(), &number, sizeof number);
    std::mt19937_64 generator(number);
    for (std::size_t at = sizeof number; at + sizeof number <= bytes.size(); at += sizeof number) {
        const auto word = generator();
        std::memcpy(bytes.data() + at, &word, sizeof word);
    }
    return bytes;
}
bool is_content(const std::vector<std::byte>& bytes) {
    std::uint64_t number = 0;
    if (bytes.size() < sizeof number)
        return false;
    std::memcpy(&number, bytes.data(), sizeof number);
    return content(number, bytes.size()) == bytes;
}

/// What may be answered to one who is not alone: others took the region, the right, the key or the place.
bool is_expected(const Error& error) {
    switch (error.code) {
        case ENOENT:
        case ENODATA:
        case EEXIST:
        case EACCES:
        case ESTALE:
        case EBUSY:
        case EMFILE:
        case EKEYREJECTED:
        case ETIMEDOUT:
        case ECONNRESET:
        case ECONNABORTED:
        case ENOTCONN:
        case EPIPE:
        case ESHUTDOWN:
        case ENOSPC: return true;
        default: return false;
    }
}

class Crowd {
public:
    Crowd() {
        fixture_.config.access = {};
        fixture_.config.limits.sessions_per_principal = 2 * kSessions / kPrincipals;
        for (unsigned number = 0; number < kPrincipals; ++number)
            make_key(number);
        fixture_.start();
    }

    void run() {
        std::vector<std::jthread> all;
        for (unsigned session = 0; session < kSessions; ++session)
            all.emplace_back([this, session] { guarded([&] { live(session); }); });
        guarded([&] { withdraw_keys(); });
        all.clear();
        test::equal(first_failure_, std::string());
        fmt::print(
            "done: {} saves, {} restores, {} records, {} takeovers, {} changes of rights, {} keys revoked\n",
            saves_.load(), restores_.load(), records_.load(), takeovers_.load(), changes_.load(),
            revoked_.load());
        CHECK(saves_ > 0 && restores_ > 0 && records_ > 0 && takeovers_ > 0 && changes_ > 0 && revoked_ > 0);
    }

private:
    static std::string principal(unsigned number) { return "p" + std::to_string(number); }
    static std::string region(std::uint64_t number) { return "r/" + std::to_string(number % kRegions); }
    void make_key(unsigned number) {
        test::ok(store_key(fixture_.config.key_dir, principal(number), Key::random(), true));
    }

    template <class Does>
    void guarded(Does&& does) {
        try {
            does();
        } catch (const test::Failure& failure) {
            const std::lock_guard lock(mutex_);
            if (first_failure_.empty())
                first_failure_ = failure.what();
            over_ = true;
        }
    }
    bool is_over() const { return over_ || std::chrono::steady_clock::now() > end_; }

    /// Whether it was done.
    template <class T>
    bool done(const Result<T>& result) {
        if (!result && !is_expected(result.error()))
            throw test::Failure(fmt::format("errno {}: {}", result.error().code, result.error().message));
        return bool(result);
    }

    void live(unsigned session) {
        std::mt19937_64 random(test::seed() * kSessions + session);
        std::shared_ptr<client::Client> client;
        while (!is_over()) {
            if (!client || !client->state() || random() % 40 == 0)
                client = connect(session % kPrincipals);
            if (client)
                act(*client, random);
            else
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    std::shared_ptr<client::Client> connect(unsigned number) {
        client::Options options;
        options.server = format_address(fixture_.address());
        options.principal = principal(number);
        options.key_dir = fixture_.config.key_dir;
        options.transport = test::transport();
        auto client = client::Client::connect(options);
        return done(client) ? *client : nullptr;
    }

    void act(client::Client& client, std::mt19937_64& random) {
        const auto where = region(random());
        switch (random() % 10) {
            case 0: done(client.create_region(where, {}, false)); break;
            case 1:
            case 2:
            case 3: save(client, where, random); break;
            case 4:
            case 5: restore(client, where); break;
            case 6: append(client, where, random); break;
            case 7: takeovers_ += done(client.take_over(where)); break;
            case 8: change_rights(client, where, random); break;
            case 9: look(client, where, random); break;
        }
    }

    void save(client::Client& client, const std::string& where, std::mt19937_64& random) {
        const auto bytes = content(random(), 8 * (1 + random() % (kLargest / 8)));
        const auto writer = client.begin(where, bytes.size());
        if (done(writer) && done((*writer)->write(0, bytes)) && random() % 8 != 0)
            saves_ += done((*writer)->seal());
    }
    void restore(client::Client& client, const std::string& where) {
        const auto reader = client.open(where);
        if (!done(reader))
            return;
        std::vector<std::byte> bytes((*reader)->generation().length);
        if (!done((*reader)->read(0, bytes)))
            return;
        CHECK(is_content(bytes));
        ++restores_;
    }
    void append(client::Client& client, const std::string& where, std::mt19937_64& random) {
        const auto appender = client.open_log(where);
        if (!done(appender))
            return;
        for (unsigned record = 0; record < 3; ++record)
            if (!done((*appender)->append(content(random(), 8 + 8 * (random() % 100)))))
                return;
        if (done((*appender)->flush()))
            records_ += 3;
    }
    void change_rights(client::Client& client, const std::string& where, std::mt19937_64& random) {
        const wire::Grant grant{principal(static_cast<unsigned>(random() % kPrincipals)),
                                static_cast<std::uint8_t>(1 + random() % 31)};
        changes_ +=
            random() % 3 != 0 ? done(client.grant(where, grant)) : done(client.withdraw(where, grant));
    }
    void look(client::Client& client, const std::string& where, std::mt19937_64& random) {
        switch (random() % 5) {
            case 0: done(client.regions()); break;
            case 1: done(client.watch(where, 0, 20)); break;
            case 2: done(client.wait_generation(where, 0, 20)); break;
            case 3: read_log(client, where); break;
            case 4:
                if (random() % 8 == 0)
                    done(client.destroy_region(where));
                break;
        }
    }
    void read_log(client::Client& client, const std::string& where) {
        const auto log = client.read_log(where);
        while (done(log)) {
            const auto record = (*log)->next();
            if (!done(record) || !*record)
                return;
            CHECK(is_content((*record)->bytes));
        }
    }

    void withdraw_keys() {
        for (unsigned number = 0; !is_over(); number = (number + 1) % kPrincipals) {
            std::this_thread::sleep_for(std::chrono::milliseconds(150));
            test::ok(remove_key(fixture_.config.key_dir, principal(number)));
            test::contains(fixture_.ask_admin(fmt::format(R"({{"command":"end-sessions","principal":"{}"}})",
                                                          principal(number))),
                           R"("sessions":)");
            test::contains(fixture_.ask_admin(), R"("audit":)");
            make_key(number);
            ++revoked_;
        }
    }

    ManagerFixture fixture_;
    const std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::now() + kTime;
    std::atomic<bool> over_{false};
    std::atomic<unsigned> saves_{0}, restores_{0}, records_{0}, takeovers_{0}, changes_{0}, revoked_{0};
    std::mutex mutex_;
    std::string first_failure_;
};

void all_is_answered_and_whole() {
    Crowd().run();
}

}  // namespace

int main() {
    return test::run("many sessions", {{"all is answered and whole", all_is_answered_and_whole}});
}
