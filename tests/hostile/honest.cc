#include "tests/hostile/honest.hh"

#include <cstring>

#include "tests/support/transport.hh"

namespace pmemckpt::hostile {

namespace {

constexpr const char* kRegion = "honest/app";
constexpr const char* kSealed = "honest/kept";
constexpr const char* kNewcomers = "honest/newcomer";
constexpr std::size_t kSealedBytes = 200'000, kMaximumBytes = 300'000;
constexpr auto kPause = std::chrono::milliseconds(2);  // between rounds: others want the processor, too
constexpr auto kRoundTime = std::chrono::seconds(20);

test::Bytes draw(std::mt19937_64& random, std::size_t size) {
    test::Bytes bytes(size);
    for (std::size_t at = 0; at < size; at += sizeof(std::uint64_t)) {
        const auto word = random();
        std::memcpy(bytes.data() + at, &word, std::min(sizeof word, size - at));
    }
    return bytes;
}

std::uint64_t write_all(api::Client& client, const std::string& region, const test::Bytes& bytes) {
    auto writer = client.begin(region, bytes.size());
    writer.write(0, bytes.data(), bytes.size());
    return writer.seal().number;
}

void compare(api::Client& client, const std::string& region, std::uint64_t number,
             const test::Bytes& wanted) {
    const auto reader = client.open(region, number);
    test::Bytes bytes(wanted.size());
    if (reader.generation().length != bytes.size() ||
        reader.read(0, bytes.data(), bytes.size()) != bytes.size() || bytes != wanted)
        throw test::Failure(fmt::format("{}@{} is not what was saved", region, number));
}

}  // namespace

Honest::Honest(api::Options options) : options_(std::move(options)), client_(options_) {
    seal_first();
    thread_ = std::thread([this] { run(); });
}

Honest::~Honest() {
    {
        const std::lock_guard lock(mutex_);
        stops_ = true;
    }
    thread_.join();
}

void Honest::seal_first() {
    client_.open_region(kRegion, 2);
    client_.open_region(kNewcomers, 1);
    client_.open_region(kSealed, kGenerations);
    for (std::uint64_t i = 0; i < kGenerations; ++i) {
        sealed_.push_back(draw(random_, kSealedBytes));
        write_all(client_, kSealed, sealed_.back());
    }
}

void Honest::save_and_restore(api::Client& client, const std::string& region) {
    const auto bytes = draw(random_, 1 + random_() % kMaximumBytes);
    compare(client, region, write_all(client, region, bytes), bytes);
}

void Honest::read_sealed() {
    for (std::uint64_t number = 1; number <= kGenerations; ++number)
        compare(client_, kSealed, number, sealed_[number - 1]);
}

void Honest::round() {
    read_sealed();
    bool saves = false;
    {
        const std::lock_guard lock(mutex_);
        saves = saves_;
    }
    if (saves)
        save_and_restore(client_, kRegion);
}

void Honest::run() {
    for (;;) {
        std::string failure;
        try {
            round();
        } catch (const std::exception& error) {
            failure = error.what();
        }
        {
            const std::lock_guard lock(mutex_);
            ++rounds_;
            if (!failure.empty())
                failure_ = failure;
            changed_.notify_all();
            if (stops_ || !failure_.empty())
                return;
        }
        std::this_thread::sleep_for(kPause);
    }
}

void Honest::wait_rounds(std::uint64_t count) {
    std::unique_lock lock(mutex_);
    const auto wanted = rounds_ + count;
    const bool in_time = changed_.wait_for(lock, kRoundTime * test::time_limit_factor(),
                                           [&] { return rounds_ >= wanted || !failure_.empty(); });
    if (!failure_.empty())
        throw test::Failure("the honest session: " + failure_);
    if (!in_time)
        throw test::Failure("the honest session does not go on");
}

// The round under way may have begun before: so the one behind it counts.
void Honest::goes_on() {
    wait_rounds(2);
}

void Honest::save() {
    {
        const std::lock_guard lock(mutex_);
        saves_ = true;
    }
    goes_on();
}

void Honest::only_read() {
    {
        const std::lock_guard lock(mutex_);
        saves_ = false;
    }
    goes_on();
}

void Honest::newcomer() {
    std::mt19937_64 random(++newcomers_);
    api::Client client(options_);
    const auto bytes = draw(random, kSealedBytes);
    compare(client, kNewcomers, write_all(client, kNewcomers, bytes), bytes);
}

}  // namespace pmemckpt::hostile
