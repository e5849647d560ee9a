#pragma once
// The one who stands by: it has the state at every moment as the region has it, and sees when there is no
// primary any more.
#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "utils/examples/process_pair/bank.hh"
#include "utils/examples/process_pair/member.hh"

namespace process_pair {

/// What a primary starts with.
struct Inheritance {
    ckpt::Client client;
    ckpt::Appender log;                  // opened, with a record that says so
    std::optional<Bank> bank;            // nothing: the region was empty
    std::uint64_t sealed_transfers = 0;  // those that the newest generation has already
    std::uint64_t epoch = 0;
};

/// Two threads of its own: one follows the region, one hears what becomes of its primary.
class Backup {
public:
    /// `wake` is called, from any thread, when loss() has something new to say.
    Backup(const Member& member, std::function<void()> wake);
    ~Backup();

    /// Why there is no primary; nothing while there is one. To be asked every look_period(): a primary is
    /// taken to hang when nothing came from it for the heartbeat, and of the time between two questions no
    /// more than twice that period counts. So a process that was stopped itself does not blame the primary
    /// for it. Throws what its threads have failed with.
    std::optional<std::string> loss();
    std::chrono::milliseconds look_period() const { return member_.heartbeat / 10; }

    /// Fences the primary, and returns when all that it had done is known here. The backup is none after it.
    Inheritance take_over();

private:
    void follow();
    void watch(std::uint64_t after);
    std::uint64_t hear_what_was();
    void hear(const ckpt::Event& event);
    bool take(const ckpt::Item& item);
    void take_generation(const ckpt::Reader& reader);
    void take_record(const ckpt::Record& record);
    void remember(std::uint64_t generation, std::uint64_t sequence);
    void guarded(const std::function<void()>& act);
    void rethrow_failure();
    void stop();

    const Member member_;
    const std::function<void()> wake_;
    ckpt::Client client_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> own_epoch_ = UINT64_MAX;  // what is read of it, this process wrote
    std::atomic<std::uint64_t> items_ = 0;

    std::mutex mutex_;  // guards the next two
    std::optional<std::string> loss_;
    std::exception_ptr failure_;

    // Of the following thread alone, till it has ended.
    std::optional<Bank> bank_;
    std::uint64_t sealed_transfers_ = 0;
    std::chrono::steady_clock::time_point cursor_due_;

    // Of whoever asks for the loss.
    std::uint64_t items_seen_ = 0;
    std::chrono::milliseconds silence_{0};
    std::chrono::steady_clock::time_point last_look_ = std::chrono::steady_clock::now();

    std::thread following_, watching_;
};

}  // namespace process_pair
