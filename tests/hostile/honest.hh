#pragma once
// The user beside whom it all happens: programs on the library that save, seal and restore, and compare what
// comes back.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "lib/include/pmemckpt/pmemckpt.hh"
#include "tests/support/talker.hh"

namespace pmemckpt::hostile {

class Honest {
public:
    static constexpr std::uint64_t kGenerations = 3;
    explicit Honest(api::Options options);
    ~Honest();
    Honest(const Honest&) = delete;
    Honest& operator=(const Honest&) = delete;

    /// Saves go on beside what follows, or only reads, which leave the pool as it is. Returns when it is so.
    void save();
    void only_read();
    /// Waits till a round that begins now has come to its end.
    void goes_on();
    /// Another process comes: connects, saves, restores, compares.
    void newcomer();
    std::uint64_t rounds() const { return rounds_; }
    std::uint64_t newcomers() const { return newcomers_; }
    /// Of the generations that were sealed before all attacks.
    const std::vector<test::Bytes>& sealed() const { return sealed_; }

private:
    void seal_first();
    void run();
    void round();
    void wait_rounds(std::uint64_t count);
    void save_and_restore(api::Client& client, const std::string& region);
    void read_sealed();

    const api::Options options_;
    api::Client client_;
    std::vector<test::Bytes> sealed_;
    std::mt19937_64 random_{test::seed() + 1};
    std::atomic<std::uint64_t> rounds_ = 0, newcomers_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    bool saves_ = true;
    bool stops_ = false;
    std::string failure_;  // why it does not go on
    std::thread thread_;   // the last: it uses all the others
};

}  // namespace pmemckpt::hostile
